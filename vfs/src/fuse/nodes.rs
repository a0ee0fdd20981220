//! [`Nodes`]: which nodes the kernel knows, and how often it has been told of each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fuser::INodeNo;
use hashbrown::{HashMap, hash_map::Entry};
use parking_lot::{Condvar, Mutex};

use crate::{Errno, FileSystem, NodeId, Result};

/// The nodes that the kernel knows. Each time it is told of one is one reference, held until the kernel gives it back or
/// this is dropped.
#[derive(Debug)]
pub(super) struct Nodes {
    fs: Arc<dyn FileSystem>,
    root: NodeId,
    /// How many the kernel should know at most; `None` if that does not matter.
    bound: Option<usize>,
    known: Mutex<Known>,
    /// There are too many, or fewer than there were, or it is the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    nodes: HashMap<NodeId, Told, foldhash::fast::RandomState>,
    /// With a bound: by the time at which the kernel was told last, or asked to forget.
    order: BTreeMap<u64, NodeId>,
    /// The time, which counts both.
    now: u64,
    /// How many nodes it has given back altogether.
    forgotten: u64,
    ended: bool,
}

/// What the kernel knows of a node.
#[derive(Clone, Copy, Debug)]
struct Told {
    times: u64,
    last: u64,
}

/// Nodes that the kernel might forget.
#[derive(Debug)]
pub(super) struct Oldest {
    pub(super) nodes: Vec<INodeNo>,
    /// How many it had given back before.
    forgotten: u64,
}

impl Known {
    /// Makes a node the last to be forgotten.
    fn touch(&mut self, node: NodeId) {
        let Some(told) = self.nodes.get_mut(&node) else { return };
        self.order.remove(&told.last);
        self.now += 1;
        told.last = self.now;
        self.order.insert(self.now, node);
    }
}

impl Nodes {
    pub(super) fn new(fs: Arc<dyn FileSystem>, root: NodeId, bound: Option<usize>) -> Nodes {
        Nodes { fs, root, bound, known: Mutex::default(), changed: Condvar::new() }
    }

    /// Our number of the kernel's.
    ///
    /// # Errors
    /// `STALE` for a number that it does not have from us.
    pub(super) fn ours(&self, ino: INodeNo) -> Result<NodeId> {
        let node = self.swap(NodeId::new(ino.0).ok_or(Errno::STALE)?);
        if node == self.root || self.known.lock().nodes.contains_key(&node) { Ok(node) } else { Err(Errno::STALE) }
    }

    /// The kernel's number of ours.
    pub(super) fn theirs(&self, node: NodeId) -> INodeNo {
        INodeNo(self.swap(node).get())
    }

    /// Notes that the kernel is about to be told of a node, to which the caller has a reference that is not the
    /// caller's any more.
    pub(super) fn told(&self, node: NodeId) {
        let mut known = self.known.lock();
        known.nodes.entry(node).or_insert(Told { times: 0, last: 0 }).times += 1;
        let Some(bound) = self.bound else { return };
        known.touch(node);
        if known.nodes.len() > bound {
            self.changed.notify_one();
        }
    }

    /// Gives `n` of them back.
    pub(super) fn forgotten(&self, ino: INodeNo, n: u64) {
        let Some(node) = NodeId::new(ino.0) else { return };
        let node = self.swap(node);
        let mut known = self.known.lock();
        let given_back = match known.nodes.entry(node) {
            Entry::Occupied(mut told) if told.get().times > n => {
                told.get_mut().times -= n;
                n
            }
            Entry::Occupied(told) => {
                let Told { times, last } = told.remove();
                if self.bound.is_some() {
                    known.order.remove(&last);
                    known.forgotten += 1;
                    self.changed.notify_one();
                }
                times
            }
            // The root, which the kernel knows without having been told.
            Entry::Vacant(_) => 0,
        };
        drop(known);
        if given_back > 0 {
            self.fs.forget(node, given_back);
        }
    }

    /// Waits until the kernel knows too many nodes, and answers those, at most `limit`, of which it has heard least
    /// recently. They count as just heard of then: those that it does not give back, because a program uses them, are not
    /// asked for again before all others. `None` when it is the end.
    pub(super) fn oldest(&self, limit: usize) -> Option<Oldest> {
        let bound = self.bound?;
        let mut known = self.known.lock();
        self.changed.wait_while(&mut known, |known| !known.ended && known.nodes.len() <= bound);
        if known.ended {
            return None;
        }
        let nodes: Vec<NodeId> = known.order.values().copied().take(limit).collect();
        nodes.iter().for_each(|&node| known.touch(node));
        let nodes = nodes.into_iter().map(|node| self.theirs(node)).collect();
        Some(Oldest { nodes, forgotten: known.forgotten })
    }

    /// Waits until the kernel has given back as many nodes as these, or does not know too many any more, but no longer
    /// than `patience`. Answers whether it has given back any.
    pub(super) fn fewer(&self, asked: &Oldest, patience: Duration) -> bool {
        let bound = self.bound.unwrap_or(usize::MAX);
        let wanted = asked.forgotten + asked.nodes.len() as u64;
        let too_many = |known: &mut Known| !known.ended && known.nodes.len() > bound && known.forgotten < wanted;
        let mut known = self.known.lock();
        self.changed.wait_while_for(&mut known, too_many, patience);
        known.forgotten > asked.forgotten
    }

    /// Waits for the end, or until `time` has passed.
    pub(super) fn pause(&self, time: Duration) {
        self.changed.wait_while_for(&mut self.known.lock(), |known| !known.ended, time);
    }

    /// Whether the kernel may know too many.
    pub(super) fn is_bounded(&self) -> bool {
        self.bound.is_some()
    }

    /// Ends all waiting.
    pub(super) fn end(&self) {
        self.known.lock().ended = true;
        self.changed.notify_all();
    }

    /// How many nodes the kernel knows.
    pub(super) fn count(&self) -> usize {
        self.known.lock().nodes.len()
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
        for (node, told) in self.known.get_mut().nodes.drain() {
            self.fs.forget(node, told.times);
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
        let nodes = Nodes::new(Arc::clone(&fs), fs.root(), None);
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
        let nodes = Nodes::new(Arc::clone(&fs), fs.root(), None);
        let node = orphan(&nodes, 5);
        drop(nodes);
        assert!(fs.getattr(node).is_err());
    }

    #[test]
    fn what_the_kernel_heard_of_least_recently_is_asked_for_first() {
        let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
        let nodes = Nodes::new(Arc::clone(&fs), fs.root(), Some(2));
        let [a, b, c, d] = [1, 1, 1, 1].map(|n| orphan(&nodes, n));
        fs.retain(a);
        nodes.told(a);
        let theirs = |list: &[NodeId]| list.iter().map(|&node| nodes.theirs(node)).collect::<Vec<_>>();
        let asked = nodes.oldest(2).unwrap();
        assert_eq!(asked.nodes, theirs(&[b, c]));
        assert!(!nodes.fewer(&asked, Duration::ZERO));
        nodes.forgotten(nodes.theirs(c), 1);
        assert!(nodes.fewer(&asked, Duration::ZERO), "one of the two");
        // What is not given back waits for its turn.
        assert_eq!(nodes.oldest(2).unwrap().nodes, theirs(&[d, a]));
        nodes.forgotten(nodes.theirs(a), 1);
        assert_eq!(nodes.count(), 3, "it has been told twice");
        nodes.forgotten(nodes.theirs(a), 1);
        assert_eq!((nodes.count(), nodes.known.lock().order.len()), (2, 2));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| nodes.oldest(1).is_none());
            nodes.end();
            assert!(waiting.join().unwrap(), "there are not too many");
        });
    }

    #[test]
    fn the_root_is_one_whatever_its_number() {
        let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
        let cx = Ctx::ROOT;
        let new = NewNode::Directory { mode: 0o700 };
        let dir = fs.create(&cx, fs.root(), Name::new(b"d").unwrap(), &new).unwrap().node;
        let nodes = Nodes::new(Arc::clone(&fs), dir, None);
        assert_eq!(nodes.theirs(dir), INodeNo(1));
        assert_eq!(nodes.ours(INodeNo(1)), Ok(dir));
        for n in 1..10 {
            let node = NodeId::new(n).unwrap();
            assert_eq!(nodes.swap(nodes.swap(node)), node);
        }
        fs.forget(dir, 1);
    }
}
