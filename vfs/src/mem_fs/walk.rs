//! Walking: a whole run of names, and what is wanted at its end, under one lock.

use std::sync::Arc;

use parking_lot::{RwLockReadGuard, RwLockWriteGuard};

use super::{
    dirfile::MemDir,
    file::MemFile,
    node::{Body, Node},
    shared::Shared,
    tree::Tree,
};
use crate::{
    Component, Components, Ctx, Entry, Errno, FileType, Goal, MountPoints, NodeId, OpenFlags, OpenHow, Opened, Result,
    VirtualFile, Walked,
};

/// The tree, locked one way or the other.
enum Locked<'a> {
    Read(RwLockReadGuard<'a, Tree>),
    Write(RwLockWriteGuard<'a, Tree>),
}

/// Walks with the tree locked for reading, and, if it comes to changing something, once more with it locked for
/// writing. Nothing is done in between, so there is nothing to check again.
pub(super) fn walk(
    fs: &Arc<Shared>,
    cx: &Ctx<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Walked> {
    let start = *path;
    // Here the name is most likely missing.
    let creates = matches!(goal, Goal::Open(OpenHow { create: Some(_), exclusive: true, .. }));
    if !creates && let Some(end) = step(fs, cx, &mut Locked::Read(fs.tree.read()), dir, path, mounts, goal)? {
        return Ok(end);
    }
    *path = start;
    let end = step(fs, cx, &mut Locked::Write(fs.tree.write()), dir, path, mounts, goal)?;
    end.ok_or(Errno::IO)
}

/// Opens a node that is known.
pub(super) fn open(fs: &Arc<Shared>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
    if let Some(file) = open_node(fs, &mut Locked::Read(fs.tree.read()), node, flags)? {
        return Ok(file);
    }
    open_node(fs, &mut Locked::Write(fs.tree.write()), node, flags)?.ok_or(Errno::IO)
}

/// `None` if the tree must be locked for writing.
fn step(
    fs: &Arc<Shared>,
    cx: &Ctx<'_>,
    lock: &mut Locked<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Option<Walked>> {
    let tree = lock.tree();
    let mounts = (!mounts.is_empty()).then_some(mounts);
    // References are counted with the tree locked, so that what they are for cannot go before.
    let reached = |node, file_type| {
        fs.refs.add(node, 1);
        Ok(Some(Walked::Node(Entry { node, file_type })))
    };
    if !matches!(path.peek()?, Component::Name(_)) {
        return reached(dir, tree.node(dir)?.file_type());
    }
    let (mut at, mut here) = (dir, tree.dir(dir)?);
    loop {
        let (Component::Name(name), rest) = path.split_first()? else { return reached(at, FileType::Directory) };
        let last = rest.is_empty();
        let Some(found) = here.entries.find(fs.hash(name), name) else {
            if let (true, Goal::Open(how @ OpenHow { create: Some(new), .. })) = (last, goal) {
                if here.removed {
                    return Err(Errno::NOENT);
                }
                if how.flags.contains(OpenFlags::DIRECTORY) {
                    return Err(Errno::NOTDIR);
                }
                let Locked::Write(tree) = lock else { return Ok(None) };
                let made = fs.create_in(tree, cx.cred, at, name, new)?;
                *path = rest;
                return opened(fs, lock, made, how.flags - OpenFlags::TRUNC);
            }
            return Ok(Some(Walked::Missing));
        };
        let entry = Entry { node: found.node, file_type: found.file_type };
        *path = rest;
        if mounts.is_some_and(|mounts| mounts.contains(entry.node)) {
            fs.refs.add(entry.node, 1);
            return Ok(Some(Walked::MountPoint(entry.node)));
        }
        if entry.file_type == FileType::Symlink && (!last || goal.follows()) {
            let Node::Other(other) = tree.node(entry.node)? else { return Err(Errno::IO) };
            let Body::Symlink(target) = &other.body else { return Err(Errno::IO) };
            fs.refs.add(at, 1);
            return Ok(Some(Walked::Symlink { dir: at, target: target.clone() }));
        }
        if !last {
            if entry.file_type != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
            (at, here) = (entry.node, tree.dir(entry.node)?);
            continue;
        }
        return match goal {
            Goal::Node { .. } => reached(entry.node, entry.file_type),
            Goal::Stat { .. } => Ok(Some(Walked::Stat(tree.node(entry.node)?.metadata(fs.info.dev, entry.node)))),
            Goal::Open(OpenHow { create: Some(_), exclusive: true, .. }) => Err(Errno::EXIST),
            Goal::Open(OpenHow { create: Some(_), .. }) if entry.file_type == FileType::Directory => Err(Errno::ISDIR),
            Goal::Open(how) => opened(fs, lock, entry, how.flags),
        };
    }
}

fn opened(
    fs: &Arc<Shared>,
    lock: &mut Locked<'_>,
    Entry { node, file_type }: Entry,
    flags: OpenFlags,
) -> Result<Option<Walked>> {
    let Some(file) = open_node(fs, lock, node, flags)? else { return Ok(None) };
    if file_type == FileType::Directory {
        fs.refs.add(node, 1);
    }
    Ok(Some(Walked::Opened(Opened { file, node, file_type })))
}

/// `None` if the tree must be locked for writing.
fn open_node(
    fs: &Arc<Shared>,
    lock: &mut Locked<'_>,
    id: NodeId,
    flags: OpenFlags,
) -> Result<Option<Arc<dyn VirtualFile>>> {
    let node = lock.tree().node(id)?;
    match node {
        Node::Other(other) if matches!(other.body, Body::Symlink(_)) => Err(Errno::LOOP),
        Node::File(_) | Node::Other(_) if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::NOTDIR),
        Node::Dir(_) if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) => Err(Errno::ISDIR),
        Node::Other(_) => Err(Errno::NXIO),
        Node::Dir(_) => Ok(Some(Arc::new(MemDir::new(fs.clone(), id, flags)))),
        Node::File(file) if !flags.contains(OpenFlags::WRITE | OpenFlags::TRUNC) => {
            Ok(Some(Arc::new(MemFile::new(fs.clone(), file.clone(), id, flags))))
        }
        Node::File(file) => {
            let owner = fs.owner();
            let file = match lock {
                Locked::Read(_) if file.epoch == owner.epoch => file,
                Locked::Read(_) => return Ok(None),
                Locked::Write(tree) => tree.file_of(id, owner)?,
            };
            let now = fs.now();
            let mut state = file.state.write();
            fs.quota.refund_bytes(state.data.set_len(0));
            state.attrs.modified(now);
            drop(state);
            Ok(Some(Arc::new(MemFile::new(fs.clone(), file.clone(), id, flags))))
        }
    }
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
