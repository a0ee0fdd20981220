//! [`Shared`]: what a filesystem and its open files have in common, and the operations on one node.

use core::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::quality::FixedState;

use super::{
    Atime, MemFsOptions,
    data::{Data, MAX_SIZE},
    info,
    node::{Attrs, Body, FileNode, FileState, Node, Owner},
    quota::Quota,
    refs::{Closed, Refs},
    tree::Tree,
};
use crate::{
    Clock, Cred, Entry, Errno, FsInfo, Metadata, Name, NodeId, Result, SetAttr, Time,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
        process,
    },
};

/// Everything a filesystem consists of.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) info: FsInfo,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) atime: Atime,
    pub(super) hash: FixedState,
    pub(super) tree: RwLock<Tree>,
    pub(super) refs: Refs,
    pub(super) quota: Quota,
    /// Stored with `tree` held for writing. No two filesystems ever had the same.
    pub(super) epoch: AtomicU64,
    /// The first epoch of the filesystem that this one is a fork of, or of a fork of, and so on.
    pub(super) family: u64,
}

impl Shared {
    pub(super) fn new(options: &MemFsOptions) -> Shared {
        let (uid, gid) = options.root_owner;
        let root = Attrs::new(&Cred { uid, gid, umask: 0 }, options.root_mode, options.clock.now());
        let seed = options.hash_seed.unwrap_or_else(|| foldhash::quality::RandomState::default().hash_one(0));
        let quota = Quota::new(options.max_bytes, options.max_nodes.max(1));
        // The root, for which there is room in every quota.
        let _ = quota.reserve_nodes(1);
        let epoch = next_epoch();
        Shared {
            info: info(FsInfo::fresh_dev()),
            clock: options.clock.clone(),
            atime: options.atime,
            hash: FixedState::with_seed(seed),
            tree: RwLock::new(Tree::new(root)),
            refs: Refs::default(),
            quota,
            epoch: AtomicU64::new(epoch),
            family: epoch,
        }
    }

    #[inline]
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// In whose name the tree is changed: it is locked, and so the epoch stays.
    #[inline]
    pub(super) fn owner(&self) -> Owner<'_> {
        Owner { home: self.info.dev, epoch: self.epoch(), refs: &self.refs }
    }

    #[inline]
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    #[inline]
    pub(super) fn hash(&self, name: Name<'_>) -> u32 {
        let mut hasher = self.hash.build_hasher();
        hasher.write(name.as_bytes());
        hasher.finish() as u32
    }

    pub(super) fn lookup(&self, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        let hash = self.hash(name);
        let tree = self.tree.read();
        let found = tree.dir(dir)?.entries.find(hash, name).ok_or(Errno::NOENT)?;
        // With the tree held, so that the node cannot go meanwhile.
        self.refs.add(found.node, 1);
        Ok(Entry { node: found.node, file_type: found.file_type })
    }

    pub(super) fn parent(&self, dir: NodeId) -> Result<NodeId> {
        let tree = self.tree.read();
        let parent = tree.dir(dir)?.parent;
        self.refs.add(parent, 1);
        Ok(parent)
    }

    pub(super) fn getattr(&self, node: NodeId) -> Result<Metadata> {
        Ok(self.tree.read().node(node)?.metadata(self.info.dev, node))
    }

    pub(super) fn setattr(&self, node: NodeId, attr: &SetAttr) -> Result<()> {
        if *attr == SetAttr::default() {
            return Ok(());
        }
        let Some(size) = attr.size else {
            return self.tree.write().change(node, self.owner(), |attrs, _| attrs.apply(attr, &*self.clock));
        };
        match self.tree.read().node(node)? {
            Node::Dir(_) => return Err(Errno::ISDIR),
            Node::Other(_) => return Err(Errno::INVAL),
            Node::File(_) => (),
        }
        self.set_len(node, size, Some(attr))
    }

    /// Cuts or extends a file, and applies the rest of `attr`.
    pub(super) fn set_len(&self, file: NodeId, len: u64, attr: Option<&SetAttr>) -> Result<()> {
        if len > MAX_SIZE {
            return Err(Errno::FBIG);
        }
        let now = self.now();
        self.with_file(file, |state| {
            self.quota.refund_bytes(state.data.set_len(len));
            state.attrs.modified(now);
            if let Some(attr) = attr {
                state.attrs.apply(attr, &*self.clock);
            }
        })
    }

    /// Puts `content` in place of what is there.
    ///
    /// # Errors
    /// `NOSPC`; nothing has changed then.
    pub(super) fn set_content(&self, file: NodeId, content: Data) -> Result<()> {
        let now = self.now();
        let old = self.with_file(file, |state| {
            let (old, new) = (state.data.charged(), content.charged());
            self.quota.reserve_bytes(new.saturating_sub(old))?;
            self.quota.refund_bytes(old.saturating_sub(new));
            state.attrs.modified(now);
            Ok(core::mem::replace(&mut state.data, content))
        })?;
        old.map(drop)
    }

    pub(super) fn readlink(&self, node: NodeId) -> Result<Bytes> {
        let (target, unread) = match self.tree.read().node(node)? {
            Node::Other(other) => match &other.body {
                Body::Symlink(target) => (target.clone(), other.attrs.unread()),
                Body::Special { .. } => return Err(Errno::INVAL),
            },
            _ => return Err(Errno::INVAL),
        };
        if let Some(atime) = unread {
            self.note_read(node, atime);
        }
        Ok(target)
    }

    /// Notes that a node with this `atime` has been read, as the policy demands.
    pub(super) fn note_read(&self, node: NodeId, atime: Time) {
        if self.atime == Atime::Noatime {
            return;
        }
        let now = self.now();
        // Within one tick of the clock, or where it stands still, there is nothing to note.
        if now != atime {
            self.set_atime(node, now);
        }
    }

    #[cold]
    fn set_atime(&self, node: NodeId, now: Time) {
        // A file has its own lock for this; it may be gone, as may be anything that nobody refers to.
        let noted = self.with_file(node, |state| state.attrs.atime = now);
        if noted == Err(Errno::INVAL) {
            let _ = self.tree.write().change(node, self.owner(), |attrs, _| attrs.atime = now);
        }
    }

    /// Runs `f` on the state of a file that is in no fork, with the tree locked, so that what is charged may change.
    ///
    /// # Errors
    /// `STALE`; `INVAL` if it is no file.
    pub(super) fn with_file<R>(&self, file: NodeId, f: impl FnOnce(&mut FileState) -> R) -> Result<R> {
        let tree = self.tree.read();
        let node = tree.file(file)?;
        if node.epoch == self.epoch() {
            return Ok(f(&mut node.state.write()));
        }
        drop(tree);
        let mut tree = self.tree.write();
        // The epoch changes only with the tree held for writing.
        let node = tree.file_of(file, self.owner())?;
        Ok(f(&mut node.state.write()))
    }

    /// The state of a file for reading: of `known`, if it is still the one.
    #[inline]
    pub(super) fn with_file_read<R>(
        &self,
        file: NodeId,
        known: &FileNode,
        f: impl FnOnce(&FileNode, &FileState) -> R,
    ) -> Result<R> {
        let state = known.state.read();
        if !known.is_superseded() {
            return Ok(f(known, &state));
        }
        drop(state);
        self.with_present_file(file, f)
    }

    #[cold]
    fn with_present_file<R>(&self, file: NodeId, f: impl FnOnce(&FileNode, &FileState) -> R) -> Result<R> {
        let tree = self.tree.read();
        let node = tree.file(file)?.clone();
        let state = node.state.read();
        // Nothing can supersede the file while its state is locked, so a long read need not stop the tree.
        drop(tree);
        Ok(f(&node, &state))
    }

    /// Gives `n` references back, and frees what nothing keeps any more.
    #[inline]
    pub(super) fn release(&self, id: NodeId, n: u64) {
        if self.refs.sub(id, n) {
            self.reap(id);
        }
    }

    /// Counts one more open file, which `node` is opened for. To be called with the tree locked, and `node` in it.
    #[inline]
    pub(super) fn opened(&self, id: NodeId, node: &FileNode) {
        match node.opens(self.info.dev) {
            Some(opens) => opens.add(),
            None => self.refs.add(id, 1),
        }
    }

    /// The reverse: `node` is what the file was opened for.
    #[inline]
    pub(super) fn closed(&self, id: NodeId, node: &FileNode) {
        match node.opens(self.info.dev).map_or(Closed::CountedElsewhere, |opens| opens.sub()) {
            Closed::Kept => (),
            Closed::LastOfOrphan => self.reap(id),
            Closed::CountedElsewhere => self.release(id, 1),
        }
    }

    /// Frees a node without names that nobody refers to; then its last parent, if it was the last to refer to that;
    /// and so on, in a loop.
    #[cold]
    fn reap(&self, mut id: NodeId) {
        loop {
            let mut tree = self.tree.write();
            let open = match tree.get(id) {
                Some(Node::File(file)) => file.opens(self.info.dev).is_some_and(|opens| opens.count() > 0),
                _ => false,
            };
            if open || !self.refs.bury(id) {
                return;
            }
            let freed = self.free(&mut tree, id);
            drop(tree);
            match freed {
                Some(Node::Dir(dir)) if self.refs.sub(dir.parent, 1) => id = dir.parent,
                _ => return,
            }
        }
    }

    /// Frees a node, and what it was charged. The caller drops it when it has given the lock back.
    pub(super) fn free(&self, tree: &mut Tree, id: NodeId) -> Option<Node> {
        let mut freed = tree.free(id);
        if let Some(node) = &mut freed {
            let own = if let Node::File(file) = node { triomphe::Arc::get_mut(file) } else { None };
            // Nobody else has it, as a rule, and its lock need not be taken.
            let charged = own.map(|file| file.charged()).unwrap_or_else(|| node.charged());
            self.quota.refund_bytes(charged);
            self.quota.refund_nodes(1);
        }
        freed
    }
}

pub(super) fn next_epoch() -> u64 {
    static NEXT: process::AtomicU64 = process::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem_fs::MemFs;

    /// A guest that makes names cannot choose them so that all have one hash: each filesystem has a seed of its own.
    #[test]
    fn names_are_hashed_with_a_seed_of_their_own() {
        let (one, other) = (MemFs::new(), MemFs::new());
        let names: Vec<[u8; 1]> = (b'a'..=b'z').map(|letter| [letter]).collect();
        let hash = |fs: &MemFs, name: &[u8]| fs.shared.hash(Name::new(name).unwrap());
        let same = names.iter().filter(|name| hash(&one, &name[..]) == hash(&other, &name[..])).count();
        assert!(same < 4, "{same} of 26 names have the same hash in two filesystems");
        // A fork finds what is there by the same hash.
        assert_eq!(hash(&one, b"a"), hash(&one.fork(), b"a"));
    }
}
