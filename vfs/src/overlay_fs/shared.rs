//! [`Shared`]: what an overlay and its open files have in common, and the operations on one node.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    layer::{INTERNAL, Layers, NodeRef},
    node::{Key, Node, ShadowState},
    tree::{ROOT, Slot, Tree},
};
use crate::{
    Ctx, Entry, Errno, FileSystem, FileType, FsInfo, Name, NodeId, Result, SetAttr,
    sync::{
        RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

/// Everything an overlay consists of.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) info: FsInfo,
    pub(super) layers: Arc<Layers>,
    pub(super) upper: Option<Upper>,
    pub(super) tree: RwLock<Tree>,
    pub(super) root: NodeId,
    /// What the root is made of, when somebody asks for it.
    pub(super) seed: Seed,
    /// Numbers the names in the work directory.
    pub(super) next_temp: AtomicU64,
    /// Whether the index may hold anything.
    pub(super) indexed: AtomicBool,
    /// Names in the work directory that are in use.
    pub(super) temps: AtomicUsize,
}

/// A root that nobody has used: a fork costs no more than it must.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) key: Key,
    /// Nothing merges with it.
    pub(super) opaque: bool,
    pub(super) marked: bool,
    pub(super) impure: bool,
    pub(super) shadow: Option<Box<ShadowState>>,
}

/// The layer that takes all changes.
#[derive(Debug)]
pub(super) struct Upper {
    pub(super) fs: Arc<dyn FileSystem>,
    /// The visible tree.
    pub(super) root: NodeRef,
    /// Where things are made before they are renamed into place.
    pub(super) work: NodeRef,
    /// Names, made of their origins, of the copied-up nodes that have several names below.
    pub(super) index: NodeRef,
    /// Whether it makes whiteouts that are devices.
    pub(super) devices: bool,
    /// Whether content must be durable before it gets its name.
    pub(super) sync: bool,
}

/// Why an operation under the tree's lock did not come to its end.
pub(super) enum Stop {
    Failed(Errno),
    /// It needs the content of this node, to which it holds a reference, in the upper layer: that is not to be copied
    /// under the lock.
    CopyUp(Arc<Node>),
}

impl Stop {
    pub(super) fn copy_up(node: &Arc<Node>) -> Stop {
        node.retain(1);
        Stop::CopyUp(node.clone())
    }
}

impl From<Errno> for Stop {
    fn from(e: Errno) -> Stop {
        Stop::Failed(e)
    }
}

impl Shared {
    /// # Errors
    /// `ROFS` without an upper layer.
    pub(super) fn upper(&self) -> Result<&Upper> {
        self.upper.as_ref().ok_or(Errno::ROFS)
    }

    /// The tree, to be read.
    #[inline]
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tree> {
        let tree = self.tree.read();
        if tree.is_rooted() {
            return tree;
        }
        drop(tree);
        drop(self.write());
        self.tree.read()
    }

    #[cold]
    fn plant(&self, tree: &mut Tree) {
        let Seed { key, opaque, marked, impure, shadow } = self.seed.clone();
        let upper = self.upper.as_ref().map(|upper| upper.root.clone());
        let lowers = if opaque { Vec::new() } else { self.layers.lowers.clone() };
        let root = Node::new(self.root, key, FileType::Directory, upper, lowers);
        root.marked.store(marked, Ordering::Relaxed);
        root.impure.store(impure, Ordering::Relaxed);
        root.set_shadow(shadow);
        tree.insert(Arc::new(root), Some(ROOT), false);
    }

    /// The tree, to be changed. Nobody else is under way in it.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Tree> {
        let mut tree = self.tree.write();
        if !tree.is_rooted() {
            self.plant(&mut tree);
        }
        if tree.is_over() {
            tree.trim();
        }
        tree
    }

    /// Runs an operation on the tree, copying up first what it asks for.
    pub(super) fn change<R>(&self, mut f: impl FnMut(&mut Tree) -> Result<R, Stop>) -> Result<R> {
        loop {
            let done = f(&mut self.write());
            match done {
                Ok(done) => return Ok(done),
                Err(Stop::Failed(e)) => return Err(e),
                Err(Stop::CopyUp(node)) => {
                    let copied = self.copy_up(&node, u64::MAX);
                    self.forget(node.id, 1);
                    copied?;
                }
            }
        }
    }

    pub(super) fn get(&self, id: NodeId) -> Result<Arc<Node>> {
        self.read().by_id(id).cloned()
    }

    pub(super) fn lookup(&self, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        {
            let tree = self.read();
            let dir = tree.dir(dir_slot(&tree, dir)?)?;
            if dir.removed {
                return Err(Errno::NOENT);
            }
            match tree.child(dir, name) {
                Some(super::tree::Child::Node { slot, .. }) => return hold(&tree, slot),
                Some(super::tree::Child::Nothing { .. }) => return Err(Errno::NOENT),
                None => {}
            }
        }
        let mut tree = self.write();
        let dir = dir_slot(&tree, dir)?;
        match self.resolve(&mut tree, dir, name)? {
            super::tree::Child::Node { slot, .. } => hold(&tree, slot),
            super::tree::Child::Nothing { .. } => Err(Errno::NOENT),
        }
    }

    pub(super) fn parent(&self, dir: NodeId) -> Result<NodeId> {
        let tree = self.read();
        let parent = tree.node(tree.dir(tree.slot_of(dir)?)?.parent)?;
        parent.retain(1);
        Ok(parent.id)
    }

    pub(super) fn retain(&self, id: NodeId) {
        if let Ok(node) = self.read().by_id(id) {
            node.retain(1);
        }
    }

    /// Gives references back, and forgets what has no name and nobody holds.
    pub(super) fn forget(&self, id: NodeId, n: u64) {
        if id == self.root {
            return;
        }
        {
            let tree = self.read();
            let Ok(known) = tree.slot_of(id).and_then(|slot| tree.known(slot)) else { return };
            if !known.node.release(n) || !known.names.is_empty() {
                return;
            }
        }
        let mut tree = self.tree.write();
        if let Ok(slot) = tree.slot_of(id) {
            tree.reap(slot);
        }
    }

    pub(super) fn readlink(&self, node: &Node) -> Result<Bytes> {
        if node.file_type != FileType::Symlink {
            return Err(Errno::INVAL);
        }
        if let Some(target) = node.target.get() {
            return Ok(target.clone());
        }
        let real = node.real()?;
        let target = real.fs.readlink(real.id)?;
        Ok(node.target.get_or_init(|| target).clone())
    }

    pub(super) fn setattr(&self, cx: &Ctx<'_>, id: NodeId, attr: &SetAttr) -> Result<()> {
        if *attr == SetAttr::default() {
            return Ok(());
        }
        let node = self.get(id)?;
        match (attr.size, node.file_type) {
            (Some(_), FileType::Directory) => return Err(Errno::ISDIR),
            (Some(size), FileType::Regular) if size > self.info.max_file_size => return Err(Errno::FBIG),
            (None, _) | (Some(_), FileType::Regular) => {}
            (Some(_), _) => return Err(Errno::INVAL),
        }
        let set = |file: &NodeRef| file.fs.setattr(cx, file.id, attr);
        let done = match attr.size {
            Some(size) if node.upper.get().is_none() => self.copy_up_changed(&node, size, set)?,
            _ => None,
        };
        if done.is_none() {
            self.copy_up(&node, u64::MAX)?;
            set(node.real()?)?;
        }
        node.changed();
        Ok(())
    }

    /// Whether layers below hold something under a name that the upper one would have to hide.
    pub(super) fn is_hidden(&self, dir: &Node, name: Name<'_>) -> Result<bool> {
        if dir.lowers.is_empty() {
            return Ok(false);
        }
        Ok(!matches!(self.layers.below(&dir.lowers, name)?, super::layer::Below::Nothing))
    }

    /// Gives a directory of the upper layer the times back that it had before we worked in it, and hides that we did.
    pub(super) fn restore_times(&self, dir: &Node, before: &crate::Metadata) {
        let Some(upper) = dir.upper.get() else { return };
        let (atime, mtime) = (crate::SetTime::To(before.atime), crate::SetTime::To(before.mtime));
        // Best effort, as in Linux: what counts is done.
        let _ = upper.fs.setattr(&INTERNAL, upper.id, &SetAttr { atime, mtime, ..SetAttr::default() });
        if let Ok(after) = upper.getattr() {
            dir.set_ctime(after.ctime, before.ctime);
        }
    }
}

/// # Errors
/// `NOTDIR`; `NOENT` for a node that is not known.
pub(super) fn dir_slot(tree: &Tree, dir: NodeId) -> Result<Slot> {
    let slot = tree.slot_of(dir).map_err(|_| Errno::NOENT)?;
    tree.dir(slot)?;
    Ok(slot)
}

/// The node, with a reference. The tree is locked.
pub(super) fn hold(tree: &Tree, slot: Slot) -> Result<Entry> {
    let node = tree.node(slot)?;
    node.retain(1);
    Ok(Entry { node: node.id, file_type: node.file_type })
}
