//! [`FileSystem`]: a tree of nodes.
//!
//! An implementation never sees a path. It gets one directory and one valid [`Name`], or, in [`FileSystem::walk`], a
//! run of names to take in one go; `.`, `..`, symbolic links, mounts, trailing slashes and scopes are the resolver's
//! business (`resolve`), written once for all filesystems.
//!
//! # References
//! A [`NodeId`] that a method *returns with a reference* stays valid, though perhaps without a name, until the
//! reference is given back with [`forget`](FileSystem::forget). Methods that take a `NodeId` may count on the caller
//! holding one. The root always has one. Above the trait, [`Place`](crate::Place) does this by `Drop`.
//!
//! # Errors
//! Each method lists its errors in order of precedence: where two apply, the first is answered. Any method may also
//! answer `IO` (the medium failed), `NOMEM`, or, on a host, `ACCES` and `PERM` where the host refuses. The arguments'
//! own validity (length of names, NULs) has been checked by the types.

use core::{any::Any, fmt};
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Component, Components, Ctx, Entry, Errno, FileType, FsInfo, Metadata, Name, NewNode, NodeId, OpenFlags, Remove,
    Rename, Result, SetAttr, StatFs, VirtualFile,
};

/// A tree of nodes.
pub trait FileSystem: Any + fmt::Debug + Send + Sync {
    /// Constants: capabilities, limits, device number.
    fn info(&self) -> &FsInfo;

    /// The root directory, which is always referenced.
    fn root(&self) -> NodeId;

    /// Takes one more reference to `node`, to which the caller has one already.
    fn retain(&self, node: NodeId);

    /// Gives back `n` references to `node`. A node without names goes when its last reference goes. Unknown nodes are
    /// ignored.
    fn forget(&self, node: NodeId, n: u64);

    /// Looks up one name. Returns with a reference.
    ///
    /// # Errors
    /// `NOTDIR` if `dir` is no directory; `NOENT` if it has been removed or has no such name.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/fstatat.html>
    fn lookup(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry>;

    /// The directory that holds directory `dir`; the root is its own parent. Works for removed directories too, whose
    /// last parent it is. Returns with a reference.
    ///
    /// # Errors
    /// `NOTDIR` if `dir` is no directory; `NOENT` if it has been moved out of the filesystem by somebody else.
    fn parent(&self, dir: NodeId) -> Result<NodeId>;

    /// Walks from `dir` along as many names as it can, in one critical section, and does at the end what `goal` asks.
    /// The resolver has dealt with a trailing slash (it sets `follow` and `DIRECTORY` as that demands). Advances `path`
    /// past what it consumed. Never consumes `..`, never follows a symbolic link, never enters a node on which
    /// something is mounted.
    ///
    /// To report a symbolic link is best not noted as reading it, which [`readlink`](FileSystem::readlink) may do.
    ///
    /// A filesystem without a better idea calls [`walk_by_lookup`].
    ///
    /// # Errors
    /// * `NOTDIR`: a name follows something that is neither a directory nor a symbolic link.
    /// * `NAMETOOLONG`: a name is longer than [`FsInfo::name_max`].
    /// * The errors of the goal, of [`open`](FileSystem::open) for example, once the last name is reached.
    ///
    /// A missing name is no error, but [`Walked::Missing`].
    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked>;

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// `INVAL` if `node` is no symbolic link.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/readlink.html>
    fn readlink(&self, node: NodeId) -> Result<Bytes>;

    /// Metadata of a node.
    ///
    /// # Errors
    /// None of its own.
    fn getattr(&self, node: NodeId) -> Result<Metadata>;

    /// Changes metadata, all of it or nothing, never following a symbolic link. `ctime` becomes now if anything was
    /// asked for.
    ///
    /// # Errors
    /// `ISDIR` for the size of a directory, `INVAL` for that of anything else that is not a regular file; `FBIG` over
    /// [`FsInfo::max_file_size`]; `NOTSUP` for an attribute that this kind of node cannot hold here.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/futimens.html>
    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()>;

    /// Makes a node. Returns with a reference.
    ///
    /// # Errors
    /// `NOTDIR` if `dir` is no directory; `EXIST` if the name is taken, by a dangling symbolic link too; `NOENT` if
    /// `dir` has been removed; `NAMETOOLONG`; `NOTSUP` for a kind of node that the capabilities exclude; `INVAL` for
    /// an empty target of a symbolic link or one with a NUL, `NAMETOOLONG` for one over 4095 bytes; `MLINK`; `NOSPC`,
    /// `DQUOT`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/mkdir.html>
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/symlink.html>
    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry>;

    /// As [`create`](FileSystem::create), for those who do not want the node: `mkdir`, `symlink`. It returns without a
    /// reference, for which a host would need several system calls.
    ///
    /// # Errors
    /// As `create`.
    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()>;

    /// Gives `node` a further name. A symbolic link is linked itself.
    ///
    /// # Errors
    /// `NOTDIR` if `dir` is no directory; `EXIST` if the name is taken; `NOENT` if `dir` or the last name of `node` has
    /// been removed; `PERM` if `node` is a directory; `NAMETOOLONG`; `MLINK`; `NOTSUP` without
    /// [`FsCaps::HARD_LINKS`](crate::FsCaps::HARD_LINKS); `NOSPC`, `DQUOT`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/link.html>
    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()>;

    /// Removes a name. Open files, and references, keep the node alive.
    ///
    /// # Errors
    /// `NOTDIR` if `dir` is no directory; `NOENT` if it has been removed or has no such name; then as [`Remove`] says:
    /// `ISDIR`, or `NOTDIR`, `NOTEMPTY`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html>
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rmdir.html>
    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()>;

    /// Gives a node another name, atomically: every observer sees the old or the new state. Two names of one node:
    /// nothing happens, successfully.
    ///
    /// # Errors
    /// `NOTDIR` if one of the two is no directory; `NOENT` if one has been removed or the old name does not exist;
    /// `NAMETOOLONG`; `INVAL` if a directory would become its own descendant (under `Exchange` for both ways); under
    /// `NoReplace` `EXIST`; under `Exchange` `NOENT` if the new name does not exist; `NOTEMPTY` if the new name is an
    /// ancestor of the old one; `NOTDIR` if a directory would replace something else, `ISDIR` the other way round;
    /// `NOTEMPTY` if it would replace a directory with entries; `INVAL` for a way that the capabilities exclude;
    /// `MLINK`; `NOSPC`, `DQUOT`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html>
    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()>;

    /// Opens a node that is already known. The file keeps the node alive by itself.
    ///
    /// # Errors
    /// `LOOP` if `node` is a symbolic link; `NOTDIR` if it is no directory and `DIRECTORY` is asked for; `ISDIR` if it
    /// is one and `WRITE` or `TRUNC` is asked for; `NXIO` for the writing end of a FIFO that nobody reads, for a
    /// socket, and for a FIFO or device that the filesystem keeps and does not open. Never waits.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>
    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>>;

    /// Space and nodes, used and free.
    ///
    /// # Errors
    /// None of its own.
    fn statfs(&self) -> Result<StatFs>;

    /// Makes everything durable (`syncfs(2)`). Where nothing can be (no [`FsCaps::DURABLE`](crate::FsCaps::DURABLE)),
    /// success is the whole truth: what has been written is as safe as it will ever be.
    ///
    /// # Errors
    /// None of its own.
    fn sync(&self) -> Result<()>;

    /// Extended attributes; `Some` exactly with [`FsCaps::XATTR`](crate::FsCaps::XATTR).
    fn xattrs(&self) -> Option<&dyn Xattrs>;

    /// Snapshots; `Some` exactly with [`FsCaps::SNAPSHOT`](crate::FsCaps::SNAPSHOT).
    fn snapshots(&self) -> Option<&dyn Snapshots>;
}

/// What a walk wants of the last name: the decision procedure of every syscall that takes a path.
///
/// * Does it need metadata alone? `Stat`.
/// * Does it open, and perhaps create? `Open`.
/// * Else it needs the node: `Node`. That holds for the syscalls that make, remove or move a name too: the resolver
///   splits the last name off and walks to the directory that holds it.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// The node that the last name leads to. A symbolic link at the end is answered as [`Walked::Symlink`] if
    /// `follow`, else as the node itself.
    Node {
        /// Whether a final symbolic link is to be followed.
        follow: bool,
    },
    /// Its metadata, without a reference.
    Stat {
        /// Whether a final symbolic link is to be followed.
        follow: bool,
    },
    /// An open file.
    Open(&'a OpenHow<'a>),
}

impl Goal<'_> {
    /// Whether a symbolic link as the last name is to be reported, so that the resolver can follow it.
    pub const fn follows(&self) -> bool {
        match self {
            Goal::Node { follow } | Goal::Stat { follow } => *follow,
            Goal::Open(how) => how.follow && !(how.create.is_some() && how.exclusive),
        }
    }
}

/// How to open (`open(2)`).
#[derive(Clone, Copy, Debug)]
pub struct OpenHow<'a> {
    /// Access and status flags.
    pub flags: OpenFlags,
    /// What to make if the name is missing: always a `Regular`.
    pub create: Option<NewNode<'a>>,
    /// With `create`: fail with `EXIST` if there is anything (`O_EXCL`).
    pub exclusive: bool,
    /// Whether a final symbolic link is to be followed; if not, it is `LOOP` (`O_NOFOLLOW`).
    pub follow: bool,
}

/// How a walk ended.
#[derive(Debug)]
pub enum Walked {
    /// All names consumed, or the next component is `..`: the node reached, with a reference. Under [`Goal::Stat`] and
    /// [`Goal::Open`] only before `..`, or if there was no name at all.
    Node(Entry),
    /// The last name consumed, under [`Goal::Stat`].
    Stat(Metadata),
    /// The last name consumed, under [`Goal::Open`].
    Opened(Opened),
    /// The name just consumed is a symbolic link that must be followed: it is not the last, or the goal follows.
    Symlink {
        /// The directory that holds it, with a reference.
        dir: NodeId,
        /// Its target.
        target: Bytes,
    },
    /// Something is mounted on the node just consumed. With a reference.
    MountPoint(NodeId),
    /// The next name, not consumed, does not exist, nor has the goal created it. Which directory was reached nobody
    /// needs to know, and to hold it would cost a host system calls. Under [`Goal::Stat`] nobody needs to know the name
    /// either: the path may stand anywhere before it.
    Missing,
}

/// A file that a walk opened.
#[derive(Debug)]
pub struct Opened {
    /// The open file.
    pub file: Arc<dyn VirtualFile>,
    /// Its node; for a directory with a reference, so that names can be looked up in it, else without.
    pub node: NodeId,
    /// Its type.
    pub file_type: FileType,
}

/// The nodes of one filesystem on which something is mounted.
pub trait MountPoints {
    /// Whether there is none: the usual case, and one load.
    fn is_empty(&self) -> bool;
    /// Whether something is mounted on `node`.
    fn contains(&self, node: NodeId) -> bool;
}

/// Nothing is mounted anywhere.
#[derive(Clone, Copy, Debug)]
pub struct NoMounts;

impl MountPoints for NoMounts {
    fn is_empty(&self) -> bool {
        true
    }
    fn contains(&self, _node: NodeId) -> bool {
        false
    }
}

/// Extended attributes (`xattr(7)`). Names are whole (`user.mime_type`), 1 to 255 bytes; values at most 64 KiB.
pub trait Xattrs: Send + Sync {
    /// # Errors
    /// `NODATA` if there is none of that name; `NOTSUP` for a name space that cannot be had.
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes>;
    /// # Errors
    /// `RANGE` for a name over 255 bytes or an empty one; `TOOBIG` for a value over 64 KiB; `EXIST` or `NODATA` as
    /// `how` demands; `NOTSUP`; `NOSPC`, `DQUOT`.
    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()>;
    /// # Errors
    /// `NODATA` if there is none of that name; `NOTSUP`.
    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()>;
    /// Calls `sink` with each name.
    ///
    /// # Errors
    /// `NOTSUP`.
    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()>;
}

/// What [`Xattrs::set`] demands of the present state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetXattr {
    /// Create or replace.
    Any,
    /// `EXIST` if there is one.
    Create,
    /// `NODATA` if there is none.
    Replace,
}

/// Copies of a whole filesystem.
pub trait Snapshots: Send + Sync {
    /// A copy that shares everything until one of the two writes. Nodes keep their identities; open files and
    /// references stay with the original.
    ///
    /// # Errors
    /// None of its own.
    fn fork(&self) -> Result<Arc<dyn FileSystem>>;

    /// A copy to be read: as [`fork`](Self::fork), but reading does not change it, not even an `atime`. What an overlay
    /// takes of its lower layers, so that nothing that happens to them later, by whomever, shows through it.
    ///
    /// # Errors
    /// None of its own.
    fn freeze(&self) -> Result<Arc<dyn FileSystem>>;
}

/// [`FileSystem::walk`] in terms of `lookup`, `getattr`, `readlink`, `open` and `create`, for filesystems where a run
/// of names is worth nothing. Not one critical section: another thread may act between two names, and the creation
/// loops until it has either opened or made the file. Where what was made cannot be opened, it is removed again.
///
/// # Errors
/// As `walk`.
pub fn walk_by_lookup<F: FileSystem + ?Sized>(
    fs: &F,
    cx: &Ctx<'_>,
    dir: NodeId,
    path: &mut Components<'_>,
    mounts: &dyn MountPoints,
    goal: Goal<'_>,
) -> Result<Walked> {
    // `held`: whether `at` carries a reference that this function must give back or hand on.
    let (mut at, mut held) = (dir, false);
    let release = |node: NodeId, held: bool| {
        if held {
            fs.forget(node, 1);
        }
    };
    // A reference to `at` to hand on: ours if we hold one, else one more than the caller's.
    let keep = |at: NodeId, held: bool| {
        if !held {
            fs.retain(at);
        }
        at
    };
    loop {
        let name = match path.peek() {
            Ok(Component::Name(name)) => name,
            Ok(_) => return Ok(Walked::Node(Entry { node: keep(at, held), file_type: FileType::Directory })),
            Err(e) => {
                release(at, held);
                return Err(e);
            }
        };
        let last = path.is_last();
        let entry = match fs.lookup(cx, at, name) {
            Ok(entry) => entry,
            Err(Errno::NOENT) => {
                if let (true, Goal::Open(how @ OpenHow { create: Some(new), .. })) = (last, goal) {
                    match fs.create(cx, at, name, new) {
                        Ok(made) => {
                            path.advance();
                            let opened = open_made(fs, cx, (at, name), made, how.flags);
                            release(at, held);
                            return opened;
                        }
                        Err(Errno::EXIST) => continue,
                        Err(e) => {
                            release(at, held);
                            return Err(e);
                        }
                    }
                }
                release(at, held);
                return Ok(Walked::Missing);
            }
            Err(e) => {
                release(at, held);
                return Err(e);
            }
        };
        path.advance();
        if !mounts.is_empty() && mounts.contains(entry.node) {
            release(at, held);
            return Ok(Walked::MountPoint(entry.node));
        }
        if entry.file_type == FileType::Symlink && (!last || goal.follows()) {
            let target = fs.readlink(entry.node);
            fs.forget(entry.node, 1);
            return match target {
                Ok(target) => Ok(Walked::Symlink { dir: keep(at, held), target }),
                Err(e) => {
                    release(at, held);
                    Err(e)
                }
            };
        }
        release(at, held);
        if !last {
            if entry.file_type != FileType::Directory {
                fs.forget(entry.node, 1);
                return Err(Errno::NOTDIR);
            }
            (at, held) = (entry.node, true);
            continue;
        }
        return finish(fs, cx, entry, goal);
    }
}

/// Opens a file that has just been made, and whose reference is consumed. An open that fails creates nothing (POSIX,
/// `open`): then the name is removed, unless somebody else has got hold of it meanwhile, as far as can be told.
fn open_made<F: FileSystem + ?Sized>(
    fs: &F,
    cx: &Ctx<'_>,
    (dir, name): (NodeId, Name<'_>),
    made: Entry,
    flags: OpenFlags,
) -> Result<Walked> {
    let opened = fs.open(cx, made.node, flags - OpenFlags::TRUNC);
    if opened.is_err()
        && let Ok(there) = fs.lookup(cx, dir, name)
    {
        if there.node == made.node {
            // If this fails, too, there is nothing more to be done.
            let _ = fs.remove(cx, dir, name, Remove::NonDirectory);
        }
        fs.forget(there.node, 1);
    }
    fs.forget(made.node, 1);
    Ok(Walked::Opened(Opened { file: opened?, node: made.node, file_type: made.file_type }))
}

/// The end of a walk at `entry`, whose reference it consumes or hands on.
fn finish<F: FileSystem + ?Sized>(fs: &F, cx: &Ctx<'_>, entry: Entry, goal: Goal<'_>) -> Result<Walked> {
    match goal {
        Goal::Node { .. } => Ok(Walked::Node(entry)),
        Goal::Stat { .. } => {
            let metadata = fs.getattr(entry.node);
            fs.forget(entry.node, 1);
            metadata.map(Walked::Stat)
        }
        Goal::Open(how) => {
            let opened = if how.create.is_some() && how.exclusive {
                Err(Errno::EXIST)
            } else if how.create.is_some() && entry.file_type == FileType::Directory {
                Err(Errno::ISDIR)
            } else {
                fs.open(cx, entry.node, how.flags)
            };
            if opened.is_err() || entry.file_type != FileType::Directory {
                fs.forget(entry.node, 1);
            }
            Ok(Walked::Opened(Opened { file: opened?, node: entry.node, file_type: entry.file_type }))
        }
    }
}
