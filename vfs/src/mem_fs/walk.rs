//! Walking: a whole run of names, and what is wanted at its end, under one lock.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    dirfile::MemDir,
    file::MemFile,
    node::{Body, Dir, Node},
    shared::Shared,
    tree::Tree,
};
use crate::{
    Component, Components, Ctx, Entry, Errno, FileType, Goal, MountPoints, Name, NodeId, OpenFlags, OpenHow, Opened,
    Result, VirtualFile, Walked,
    sync::{RwLockReadGuard, RwLockWriteGuard},
};

/// Walks with the tree locked for reading; only if it comes to changing something, once more with it locked for
/// writing. Nothing is done in between, so there is nothing to check again.
pub(super) fn walk(
    fs: &Arc<Shared>,
    cx: &Ctx<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Walked> {
    let mounts = (!mounts.is_empty()).then_some(mounts);
    if let Goal::Open(how) = goal {
        return walk_to_open(fs, cx, dir, path, mounts, how);
    }
    let tree = fs.tree.read();
    match (descend(fs, &tree, dir, path, mounts, goal.follows())?, goal) {
        (Met::Last(entry, slot), Goal::Stat { .. }) => {
            let node = tree.get_in(slot, entry.node).ok_or(Errno::STALE)?;
            Ok(Walked::Stat(node.metadata(fs.info.dev, entry.node)))
        }
        (met, _) => met.halt(fs),
    }
}

/// Opens a node that is known.
pub(super) fn open(fs: &Arc<Shared>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
    if let Some(file) = open_node(fs, &mut Locked::Read(fs.tree.read()), node, flags)? {
        return Ok(file);
    }
    open_node(fs, &mut Locked::Write(fs.tree.write()), node, flags)?.ok_or(Errno::IO)
}

fn walk_to_open(
    fs: &Arc<Shared>,
    cx: &Ctx<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: Option<&dyn MountPoints>,
    how: &OpenHow<'_>,
) -> Result<Walked> {
    let start = *path;
    // Where the name must not be there, it most likely is not.
    if !(how.create.is_some() && how.exclusive)
        && let Some(end) = step_to_open(fs, cx, &mut Locked::Read(fs.tree.read()), dir, path, mounts, how)?
    {
        return Ok(end);
    }
    *path = start;
    let end = step_to_open(fs, cx, &mut Locked::Write(fs.tree.write()), dir, path, mounts, how)?;
    end.ok_or(Errno::IO)
}

/// The tree, locked one way or the other.
enum Locked<'a> {
    Read(RwLockReadGuard<'a, Tree>),
    Write(RwLockWriteGuard<'a, Tree>),
}

/// Where a descent ended.
enum Met<'t, 'p> {
    /// The last name, and where its node is in the table.
    Last(Entry, u32),
    /// A name that is not there, and the components after it.
    Missing { dir: NodeId, here: &'t Dir, name: Name<'p>, rest: Components<'p> },
    /// There is no further name: the path is used up, or goes on with `..`.
    Node(Entry),
    /// A link that must be followed.
    Symlink { dir: NodeId, target: &'t Bytes },
    /// Something is mounted there.
    MountPoint(NodeId),
}

/// Takes names as long as they lead down; `follows` says whether a symbolic link in the last place is to be followed.
#[inline]
fn descend<'t, 'p>(
    fs: &Shared,
    tree: &'t Tree,
    dir: NodeId,
    path: &mut Components<'p>,
    mounts: Option<&dyn MountPoints>,
    follows: bool,
) -> Result<Met<'t, 'p>> {
    let (Component::Name(mut name), mut rest) = path.split_first()? else {
        return Ok(Met::Node(Entry { node: dir, file_type: tree.node(dir)?.file_type() }));
    };
    let (mut at, mut here) = (dir, tree.dir(dir)?);
    loop {
        let Some((found, slot)) = here.entries.find_with_slot(fs.hash(name), name) else {
            return Ok(Met::Missing { dir: at, here, name, rest });
        };
        let entry = Entry { node: found.node, file_type: found.file_type };
        let last = rest.is_empty();
        *path = rest;
        if mounts.is_some_and(|mounts| mounts.contains(entry.node)) {
            return Ok(Met::MountPoint(entry.node));
        }
        if entry.file_type == FileType::Symlink && (!last || follows) {
            let Node::Other(other) = tree.node(entry.node)? else { return Err(Errno::IO) };
            let Body::Symlink(target) = &other.body else { return Err(Errno::IO) };
            return Ok(Met::Symlink { dir: at, target });
        }
        if last {
            return Ok(Met::Last(entry, slot));
        }
        if entry.file_type != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        (at, here) = (entry.node, tree.dir(entry.node)?);
        (name, rest) = match path.split_first()? {
            (Component::Name(name), rest) => (name, rest),
            _ => return Ok(Met::Node(Entry { node: at, file_type: FileType::Directory })),
        };
    }
}

impl Met<'_, '_> {
    /// The walk ends here, whatever it wanted. To be called with the tree locked, so that what is referred to cannot go
    /// before.
    fn halt(self, fs: &Shared) -> Result<Walked> {
        Ok(match self {
            Met::Missing { .. } => Walked::Missing,
            Met::Last(entry, _) | Met::Node(entry) => {
                fs.refs.add(entry.node, 1);
                Walked::Node(entry)
            }
            Met::Symlink { dir, target } => {
                fs.refs.add(dir, 1);
                Walked::Symlink { dir, target: target.clone() }
            }
            Met::MountPoint(node) => {
                fs.refs.add(node, 1);
                Walked::MountPoint(node)
            }
        })
    }
}

/// `None` if the tree must be locked for writing.
fn step_to_open(
    fs: &Arc<Shared>,
    cx: &Ctx<'_>,
    lock: &mut Locked<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: Option<&dyn MountPoints>,
    how: &OpenHow<'_>,
) -> Result<Option<Walked>> {
    let (entry, flags) = match descend(fs, lock.tree(), dir, path, mounts, Goal::Open(how).follows())? {
        Met::Last(..) if how.create.is_some() && how.exclusive => return Err(Errno::EXIST),
        Met::Last(entry, _) if how.create.is_some() && entry.file_type == FileType::Directory => {
            return Err(Errno::ISDIR);
        }
        Met::Last(entry, _) => (entry, how.flags),
        Met::Missing { dir, here, name, rest } if rest.is_empty() && how.create.is_some() => {
            if here.removed {
                return Err(Errno::NOENT);
            }
            if how.flags.contains(OpenFlags::DIRECTORY) {
                return Err(Errno::NOTDIR);
            }
            let (Locked::Write(tree), Some(new)) = (&mut *lock, &how.create) else { return Ok(None) };
            let made = fs.create_in(tree, cx.cred, dir, name, new)?;
            *path = rest;
            (made, how.flags - OpenFlags::TRUNC)
        }
        met => return met.halt(fs).map(Some),
    };
    let Some(file) = open_node(fs, lock, entry.node, flags)? else { return Ok(None) };
    let Entry { node, file_type } = entry;
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
