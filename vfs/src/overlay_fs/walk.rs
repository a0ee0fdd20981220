//! Walking: a run of known names under one read lock; what is not known yet, or has to be made, under the write lock.

use std::sync::Arc;

use super::{
    file::OverlayFile,
    readdir::OverlayDir,
    shared::{Shared, dir_slot, hold},
    tree::{Child, Slot, Tree},
};
use crate::{
    Component, Components, Ctx, Errno, FileType, Goal, MountPoints, NodeId, OpenFlags, OpenHow, Opened, Result,
    VirtualFile, Walked,
    sync::{RwLockReadGuard, RwLockWriteGuard},
};

/// The tree, locked one way or the other.
enum Locked<'a> {
    Read(RwLockReadGuard<'a, Tree>),
    Write(RwLockWriteGuard<'a, Tree>),
}

/// Walks with the tree locked for reading, and, if it comes to something that is not known or has to be changed, once
/// more with it locked for writing. Nothing is done in between, so there is nothing to check again.
pub(super) fn walk(
    shared: &Arc<Shared>,
    cx: &Ctx<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Walked> {
    let start = *path;
    // Here the name is most likely missing.
    let creates = matches!(goal, Goal::Open(OpenHow { create: Some(_), exclusive: true, .. }));
    if !creates && let Some(end) = step(shared, cx, &mut Locked::Read(shared.read()), dir, path, mounts, goal)? {
        return Ok(end);
    }
    *path = start;
    let end = step(shared, cx, &mut Locked::Write(shared.write()), dir, path, mounts, goal)?;
    end.ok_or(Errno::IO)
}

/// Opens a node that is known.
pub(super) fn open(shared: &Arc<Shared>, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
    let lock = shared.read();
    let slot = lock.slot_of(node)?;
    if let Some(file) = open_node(shared, cx, &mut Locked::Read(lock), slot, flags)? {
        return Ok(file);
    }
    let lock = shared.write();
    let slot = lock.slot_of(node)?;
    open_node(shared, cx, &mut Locked::Write(lock), slot, flags)?.ok_or(Errno::IO)
}

/// `None` if the tree must be locked for writing.
fn step(
    shared: &Arc<Shared>,
    cx: &Ctx<'_>,
    lock: &mut Locked<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Option<Walked>> {
    let mounts = (!mounts.is_empty()).then_some(mounts);
    let reached = |tree: &Tree, slot| Ok(Some(Walked::Node(hold(tree, slot)?)));
    if !matches!(path.peek()?, Component::Name(_)) {
        return reached(lock.tree(), lock.tree().slot_of(dir)?);
    }
    let mut at = dir_slot(lock.tree(), dir)?;
    loop {
        let (Component::Name(name), rest) = path.split_first()? else { return reached(lock.tree(), at) };
        let last = rest.is_empty();
        let here = lock.tree().dir(at)?;
        let child = match lock.tree().child(here, name) {
            Some(child) => child,
            None if here.removed => Child::Nothing { whiteout: false },
            None => match lock {
                Locked::Read(_) => return Ok(None),
                Locked::Write(tree) => shared.resolve(tree, at, name)?,
            },
        };
        let Child::Node { slot, .. } = child else {
            if let (true, Goal::Open(how @ OpenHow { create: Some(new), .. })) = (last, goal) {
                if lock.tree().dir(at)?.removed {
                    return Err(Errno::NOENT);
                }
                if how.flags.contains(OpenFlags::DIRECTORY) {
                    return Err(Errno::NOTDIR);
                }
                let Locked::Write(tree) = lock else { return Ok(None) };
                let made = shared.create_in(tree, cx, at, name, new)?;
                *path = rest;
                let opened = opened(shared, cx, lock, made, how.flags - OpenFlags::TRUNC);
                if let (Err(_), Locked::Write(tree)) = (&opened, lock) {
                    shared.unmake(tree, at, name, made);
                }
                return opened;
            }
            return Ok(Some(Walked::Missing));
        };
        let node = lock.tree().node(slot)?;
        *path = rest;
        if mounts.is_some_and(|mounts| mounts.contains(node.id)) {
            node.retain(1);
            return Ok(Some(Walked::MountPoint(node.id)));
        }
        if node.file_type == FileType::Symlink && (!last || goal.follows()) {
            let target = shared.readlink(node)?;
            let dir = hold(lock.tree(), at)?.node;
            return Ok(Some(Walked::Symlink { dir, target }));
        }
        if !last {
            if !node.is_dir() {
                return Err(Errno::NOTDIR);
            }
            at = slot;
            continue;
        }
        return match goal {
            Goal::Node { .. } => reached(lock.tree(), slot),
            Goal::Stat { .. } => Ok(Some(Walked::Stat(node.metadata(shared.info.dev)?))),
            Goal::Open(OpenHow { create: Some(_), exclusive: true, .. }) => Err(Errno::EXIST),
            Goal::Open(OpenHow { create: Some(_), .. }) if node.is_dir() => Err(Errno::ISDIR),
            Goal::Open(how) => opened(shared, cx, lock, slot, how.flags),
        };
    }
}

fn opened(
    shared: &Arc<Shared>,
    cx: &Ctx<'_>,
    lock: &mut Locked<'_>,
    slot: Slot,
    flags: OpenFlags,
) -> Result<Option<Walked>> {
    let Some(file) = open_node(shared, cx, lock, slot, flags)? else { return Ok(None) };
    let node = lock.tree().node(slot)?;
    if node.is_dir() {
        node.retain(1);
    }
    Ok(Some(Walked::Opened(Opened { file, node: node.id, file_type: node.file_type })))
}

/// `None` if the tree must be locked for writing.
fn open_node(
    shared: &Arc<Shared>,
    cx: &Ctx<'_>,
    lock: &mut Locked<'_>,
    slot: Slot,
    flags: OpenFlags,
) -> Result<Option<Arc<dyn VirtualFile>>> {
    let changes = OpenFlags::WRITE | OpenFlags::TRUNC;
    let node = lock.tree().node(slot)?;
    match node.file_type {
        FileType::Symlink => return Err(Errno::LOOP),
        FileType::Directory if flags.intersects(changes) => return Err(Errno::ISDIR),
        FileType::Directory => return Ok(Some(Arc::new(OverlayDir::new(shared.clone(), node.clone(), flags)))),
        _ if flags.contains(OpenFlags::DIRECTORY) => return Err(Errno::NOTDIR),
        FileType::Regular if flags.intersects(changes) => drop(shared.upper()?),
        _ => {}
    }
    if node.upper.get().is_none() && node.file_type == FileType::Regular {
        if !flags.contains(changes) {
            let lower = node.real()?;
            let quiet = (flags - changes) | OpenFlags::READ | OpenFlags::NOATIME;
            let file = lower.fs.open(cx, lower.id, quiet)?;
            return Ok(Some(Arc::new(OverlayFile::new(shared.clone(), node.clone(), flags, Some(file)))));
        }
        // What is to be cut off need not be copied.
        let node = node.clone();
        let Locked::Write(tree) = lock else { return Ok(None) };
        let file = shared.copy_up_opened(tree, slot, |copy| copy.fs.open(cx, copy.id, flags))?;
        node.changed();
        return Ok(Some(Arc::new(OverlayFile::in_upper(shared.clone(), node, flags, file))));
    }
    let node = lock.tree().node(slot)?;
    let real = node.real()?;
    let file = real.fs.open(cx, real.id, flags)?;
    if flags.contains(changes) {
        node.changed();
    }
    if node.upper.get().is_some() {
        return Ok(Some(Arc::new(OverlayFile::in_upper(shared.clone(), node.clone(), flags, file))));
    }
    Ok(Some(Arc::new(OverlayFile::new(shared.clone(), node.clone(), flags, Some(file)))))
}

impl Locked<'_> {
    #[inline]
    fn tree(&self) -> &Tree {
        match self {
            Locked::Read(tree) => tree,
            Locked::Write(tree) => tree,
        }
    }
}
