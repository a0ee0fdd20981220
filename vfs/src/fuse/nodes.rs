//! [`Nodes`]: which nodes the kernel knows, and how often it has been told of each.

use std::sync::Arc;

use fuser::INodeNo;
use hashbrown::{HashMap, hash_map::Entry};
use parking_lot::Mutex;

use crate::{Errno, FileSystem, NodeId, Result};

/// The nodes that the kernel knows. Each time it is told of one is one reference, held until the kernel gives it back or
/// this is dropped.
#[derive(Debug)]
pub(super) struct Nodes {
    fs: Arc<dyn FileSystem>,
    root: NodeId,
    counts: Mutex<HashMap<NodeId, u64, foldhash::fast::RandomState>>,
}

impl Nodes {
    pub(super) fn new(fs: Arc<dyn FileSystem>, root: NodeId) -> Nodes {
        Nodes { fs, root, counts: Mutex::default() }
    }

    /// Our number of the kernel's.
    ///
    /// # Errors
    /// `STALE` for a number that it does not have from us.
    pub(super) fn ours(&self, ino: INodeNo) -> Result<NodeId> {
        let node = self.swap(NodeId::new(ino.0).ok_or(Errno::STALE)?);
        if node == self.root || self.counts.lock().contains_key(&node) { Ok(node) } else { Err(Errno::STALE) }
    }

    /// The kernel's number of ours.
    pub(super) fn theirs(&self, node: NodeId) -> INodeNo {
        INodeNo(self.swap(node).get())
    }

    /// Notes that the kernel is about to be told of a node, to which the caller has a reference that is not the
    /// caller's any more.
    pub(super) fn told(&self, node: NodeId) {
        *self.counts.lock().entry(node).or_insert(0) += 1;
    }

    /// Gives `n` of them back.
    pub(super) fn forgotten(&self, ino: INodeNo, n: u64) {
        let Some(node) = NodeId::new(ino.0) else { return };
        let node = self.swap(node);
        let given_back = match self.counts.lock().entry(node) {
            Entry::Occupied(mut count) if *count.get() > n => {
                *count.get_mut() -= n;
                n
            }
            Entry::Occupied(count) => count.remove(),
            // The root, which the kernel knows without having been told.
            Entry::Vacant(_) => 0,
        };
        if given_back > 0 {
            self.fs.forget(node, given_back);
        }
    }

    /// The kernel's root is 1; whatever that is with us gets the number of our root. So every node has one number there,
    /// and no two have the same.
    fn swap(&self, node: NodeId) -> NodeId {
        const THEIR_ROOT: NodeId = NodeId(core::num::NonZeroU64::MIN);
        match node {
            _ if node == self.root => THEIR_ROOT,
            THEIR_ROOT => self.root,
            other => other,
        }
    }
}

impl Drop for Nodes {
    /// The kernel need not give back anything when the mount ends.
    fn drop(&mut self) {
        for (node, count) in self.counts.get_mut().drain() {
            self.fs.forget(node, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ctx, MemFs, Name, NewNode, Remove};

    /// Makes a file without a name, of which the kernel has been told `n` times.
    fn orphan(nodes: &Nodes, n: u64) -> NodeId {
        let (fs, cx, name) = (&nodes.fs, Ctx::ROOT, Name::new(b"f").unwrap());
        let node = fs.create(&cx, fs.root(), name, &NewNode::Regular { mode: 0o600 }).unwrap().node;
        for _ in 1..n {
            fs.retain(node);
        }
        (0..n).for_each(|_| nodes.told(node));
        fs.remove(&cx, fs.root(), name, Remove::NonDirectory).unwrap();
        node
    }

    #[test]
    fn a_node_lives_until_the_kernel_has_given_all_back() {
        let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
        let nodes = Nodes::new(Arc::clone(&fs), fs.root());
        let node = orphan(&nodes, 3);
        let ino = nodes.theirs(node);
        nodes.forgotten(ino, 2);
        assert_eq!(nodes.ours(ino), Ok(node));
        assert!(fs.getattr(node).is_ok());
        nodes.forgotten(ino, 1);
        assert_eq!(nodes.ours(ino), Err(Errno::STALE));
        assert!(fs.getattr(node).is_err());
        // More than there is, and what never was.
        nodes.forgotten(ino, u64::MAX);
        nodes.forgotten(INodeNo(1), 1);
        nodes.forgotten(INodeNo(0), 1);
        assert!(fs.getattr(fs.root()).is_ok());
    }

    #[test]
    fn what_the_kernel_kept_is_given_back_in_the_end() {
        let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
        let nodes = Nodes::new(Arc::clone(&fs), fs.root());
        let node = orphan(&nodes, 5);
        drop(nodes);
        assert!(fs.getattr(node).is_err());
    }

    #[test]
    fn the_root_is_one_whatever_its_number() {
        let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
        let cx = Ctx::ROOT;
        let new = NewNode::Directory { mode: 0o700 };
        let dir = fs.create(&cx, fs.root(), Name::new(b"d").unwrap(), &new).unwrap().node;
        let nodes = Nodes::new(Arc::clone(&fs), dir);
        assert_eq!(nodes.theirs(dir), INodeNo(1));
        assert_eq!(nodes.ours(INodeNo(1)), Ok(dir));
        for n in 1..10 {
            let node = NodeId::new(n).unwrap();
            assert_eq!(nodes.swap(nodes.swap(node)), node);
        }
        fs.forget(dir, 1);
    }
}
