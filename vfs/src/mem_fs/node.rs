//! What a node consists of.

use std::collections::BTreeMap;

use bytes::Bytes;
use triomphe::Arc;

use super::{
    data::Data,
    entries::Entries,
    refs::{Opens, Refs},
    tree::ROOT,
};
use crate::{
    Clock, Cred, FileType, Metadata, NodeId, SetAttr, SetTime, Time,
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Extended attributes of one node.
pub(super) type XattrMap = BTreeMap<Box<[u8]>, Bytes>;

/// A node. A clone shares everything: directories, links and special nodes are copied by [`Arc::make_mut`] under the
/// tree's lock; a file is replaced as `fork` describes.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Dir(Arc<Dir>),
    File(Arc<FileNode>),
    Other(Arc<Other>),
}

/// What every node has.
#[derive(Clone, Debug)]
pub(super) struct Attrs {
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) atime: Time,
    pub(super) mtime: Time,
    pub(super) ctime: Time,
    pub(super) btime: Time,
    pub(super) xattrs: Option<Arc<XattrMap>>,
    pub(super) site: Site,
}

/// Where a node can be found, and in which filesystem it was made. So a changed node leads to its path, and a node is
/// told from another one that was given the same number after a fork.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Site {
    /// Where it was named last.
    pub(super) dir: NodeId,
    /// The entry there, unless that name of several has been removed.
    pub(super) seq: u64,
    /// Epoch in which it was made.
    pub(super) born: u64,
}

/// A directory.
#[derive(Clone, Debug)]
pub(super) struct Dir {
    pub(super) attrs: Attrs,
    pub(super) parent: NodeId,
    /// Without a name, and therefore closed to new entries.
    pub(super) removed: bool,
    pub(super) subdirs: u64,
    pub(super) entries: Entries,
}

/// A regular file: its own lock, so that open files need no other.
#[derive(Debug)]
pub(super) struct FileNode {
    /// Epoch of the filesystem when this was made: only while the two are the same may it change.
    pub(super) epoch: u64,
    /// The filesystem that made it, by its device number.
    home: u64,
    /// That filesystem's open files that were opened on this very node.
    opens: Opens,
    /// Changes with the tree locked for writing, and `state`'s write lock: to read it, either will do.
    nlink: AtomicU64,
    /// Whether in some fork something else has taken its place. Changes under `state`'s write lock.
    superseded: AtomicBool,
    pub(super) state: RwLock<FileState>,
}

/// What a [`FileNode`]'s lock protects.
#[derive(Clone, Debug)]
pub(super) struct FileState {
    pub(super) attrs: Attrs,
    pub(super) data: Data,
}

/// A symbolic link or a special node.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub(super) attrs: Attrs,
    pub(super) nlink: u64,
    pub(super) body: Body,
}

/// What there is to an [`Other`].
#[derive(Clone, Debug)]
pub(super) enum Body {
    Symlink(Bytes),
    Special { file_type: FileType, rdev: u64 },
}

impl Attrs {
    pub(super) fn new(cred: &Cred, mode: u16, now: Time) -> Attrs {
        let mode = mode & 0o7777;
        Attrs {
            mode,
            uid: cred.uid,
            gid: cred.gid,
            atime: now,
            mtime: now,
            ctime: now,
            btime: now,
            xattrs: None,
            site: Site::NONE,
        }
    }

    /// The content changed.
    pub(super) fn modified(&mut self, now: Time) {
        (self.mtime, self.ctime) = (now, now);
    }

    /// Whether a read should note itself: if it is the first since the last change (`relatime`, without the rule of
    /// 24 hours, so that a read does not ask the clock). Answers the present `atime` then.
    #[inline]
    pub(super) fn unread(&self) -> Option<Time> {
        (self.atime <= self.mtime || self.atime <= self.ctime).then_some(self.atime)
    }

    /// Applies all of `attr` but the size.
    pub(super) fn apply(&mut self, attr: &SetAttr, clock: &dyn Clock) {
        let now = clock.now();
        let set = |time: &mut Time, to| match to {
            SetTime::Keep => (),
            SetTime::Now => *time = now,
            SetTime::To(at) => *time = at,
        };
        self.mode = attr.mode.map_or(self.mode, |mode| mode & 0o7777);
        self.uid = attr.uid.unwrap_or(self.uid);
        self.gid = attr.gid.unwrap_or(self.gid);
        set(&mut self.atime, attr.atime);
        set(&mut self.mtime, attr.mtime);
        self.ctime = now;
    }

    /// Bytes charged for extended attributes.
    pub(super) fn charged(&self) -> u64 {
        self.xattrs.as_deref().map_or(0, |map| map.iter().map(|(name, value)| xattr_cost(name, value)).sum())
    }

    #[inline]
    fn metadata(&self, dev: u64, ino: NodeId, file_type: FileType) -> Metadata {
        Metadata {
            dev,
            ino,
            file_type,
            mode: self.mode,
            nlink: 0,
            uid: self.uid,
            gid: self.gid,
            size: 0,
            blocks: 0,
            rdev: 0,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            btime: self.btime,
        }
    }
}

/// What one extended attribute costs.
pub(super) fn xattr_cost(name: &[u8], value: &[u8]) -> u64 {
    64 + name.len() as u64 + value.len() as u64
}

impl Site {
    /// Of the root, and of what has no name yet.
    pub(super) const NONE: Site = Site { dir: ROOT, seq: 0, born: 0 };
}

impl Node {
    /// Notes the site of a new node, which nobody else sees yet.
    pub(super) fn settle(&mut self, site: Site) {
        let attrs = match self {
            Node::Dir(dir) => Arc::get_mut(dir).map(|dir| &mut dir.attrs),
            Node::File(file) => Arc::get_mut(file).map(|file| &mut file.state.get_mut().attrs),
            Node::Other(other) => Arc::get_mut(other).map(|other| &mut other.attrs),
        };
        if let Some(attrs) = attrs {
            attrs.site = site;
        }
    }

    /// Whether the two are one in memory.
    pub(super) fn is_shared(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::Dir(a), Node::Dir(b)) => Arc::ptr_eq(a, b),
            (Node::File(a), Node::File(b)) => Arc::ptr_eq(a, b),
            (Node::Other(a), Node::Other(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    pub(super) fn site(&self) -> Site {
        match self {
            Node::Dir(dir) => dir.attrs.site,
            Node::File(file) => file.state.read().attrs.site,
            Node::Other(other) => other.attrs.site,
        }
    }

    pub(super) fn file_type(&self) -> FileType {
        match self {
            Node::Dir(_) => FileType::Directory,
            Node::File(_) => FileType::Regular,
            Node::Other(other) => other.file_type(),
        }
    }

    #[inline]
    pub(super) fn metadata(&self, dev: u64, ino: NodeId) -> Metadata {
        match self {
            Node::Dir(dir) => dir.metadata(dev, ino),
            Node::File(file) => file.metadata(&file.state.read(), dev, ino),
            Node::Other(other) => other.metadata(dev, ino),
        }
    }

    /// Bytes charged for it.
    pub(super) fn charged(&self) -> u64 {
        match self {
            Node::Dir(dir) => dir.attrs.charged(),
            Node::File(file) => file.state.read().charged(),
            Node::Other(other) => {
                let target = if let Body::Symlink(target) = &other.body { target.len() } else { 0 };
                other.attrs.charged() + target as u64
            }
        }
    }
}

impl Dir {
    pub(super) fn new(attrs: Attrs, parent: NodeId) -> Dir {
        Dir { attrs, parent, removed: false, subdirs: 0, entries: Entries::new() }
    }

    fn metadata(&self, dev: u64, ino: NodeId) -> Metadata {
        Metadata {
            nlink: if self.removed { 0 } else { 2 + self.subdirs },
            size: self.entries.len(),
            ..self.attrs.metadata(dev, ino, FileType::Directory)
        }
    }
}

/// In whose name a tree is changed.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    /// The filesystem's device number.
    pub(super) home: u64,
    /// Its present epoch.
    pub(super) epoch: u64,
    /// Its references.
    pub(super) refs: &'a Refs,
}

impl FileNode {
    /// With one name.
    pub(super) fn new(owner: Owner<'_>, state: FileState) -> FileNode {
        FileNode {
            epoch: owner.epoch,
            home: owner.home,
            opens: Opens::default(),
            nlink: AtomicU64::new(1),
            superseded: AtomicBool::new(false),
            state: RwLock::new(state),
        }
    }

    /// Where the filesystem `home` counts its open files, if it counts them here.
    #[inline]
    pub(super) fn opens(&self, home: u64) -> Option<&Opens> {
        (self.home == home).then_some(&self.opens)
    }

    /// How many names it has.
    #[inline]
    pub(super) fn nlink(&self) -> u64 {
        self.nlink.load(Ordering::Relaxed)
    }

    /// Calls `f` with the attributes and the number of names, to change them. With the tree locked for writing if the
    /// number is to change.
    pub(super) fn change<R>(&self, f: impl FnOnce(&mut Attrs, Option<&mut u64>) -> R) -> R {
        let mut state = self.state.write();
        let mut nlink = self.nlink();
        let result = f(&mut state.attrs, Some(&mut nlink));
        self.nlink.store(nlink, Ordering::Relaxed);
        result
    }

    /// Bytes charged for it.
    pub(super) fn charged(&mut self) -> u64 {
        self.state.get_mut().charged()
    }

    /// Exact while `state` is locked, in whatever way.
    #[inline]
    pub(super) fn is_superseded(&self) -> bool {
        self.superseded.load(Ordering::Acquire)
    }

    /// A copy to be changed by `owner`, and this one is marked as superseded. Content is shared.
    pub(super) fn supersede(&self, id: NodeId, owner: Owner<'_>) -> FileNode {
        if let Some(opens) = self.opens(owner.home) {
            owner.refs.take_over(id, opens);
        }
        // The write lock waits for a write that began before the fork and still belongs to both sides.
        let state = self.state.write();
        let copy = FileNode { nlink: AtomicU64::new(self.nlink()), ..FileNode::new(owner, state.clone()) };
        if copy.nlink() == 0 {
            copy.opens.orphan();
        }
        self.superseded.store(true, Ordering::Release);
        copy
    }

    /// `state` is this file's.
    #[inline]
    pub(super) fn metadata(&self, state: &FileState, dev: u64, ino: NodeId) -> Metadata {
        Metadata {
            nlink: self.nlink(),
            size: state.data.len(),
            blocks: state.data.blocks(),
            ..state.attrs.metadata(dev, ino, FileType::Regular)
        }
    }
}

impl FileState {
    fn charged(&self) -> u64 {
        self.attrs.charged() + self.data.charged()
    }
}

impl Other {
    pub(super) fn file_type(&self) -> FileType {
        match self.body {
            Body::Symlink(_) => FileType::Symlink,
            Body::Special { file_type, .. } => file_type,
        }
    }

    fn metadata(&self, dev: u64, ino: NodeId) -> Metadata {
        let (size, rdev) = match &self.body {
            Body::Symlink(target) => (target.len() as u64, 0),
            Body::Special { rdev, .. } => (0, *rdev),
        };
        Metadata { nlink: self.nlink, size, rdev, ..self.attrs.metadata(dev, ino, self.file_type()) }
    }
}
