//! [`Refs`]: who still refers to which node.

use std::fmt;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use super::tree::ROOT;
use crate::NodeId;

/// References to nodes: callers' ([`FileSystem`](crate::FileSystem)), one for each open file, and one to its last
/// parent for each removed directory that is still referenced. Beside the table, because most nodes have none and
/// because a fork starts without any. The root is always referenced and not counted.
#[derive(Default)]
pub(super) struct Refs(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    counts: HashMap<NodeId, u64, FixedState>,
    /// Nodes without names that are kept only by their references.
    orphans: HashSet<NodeId, FixedState>,
}

impl Refs {
    /// Adds `n` references.
    pub(super) fn add(&self, id: NodeId, n: u64) {
        if id != ROOT {
            *self.0.lock().counts.entry(id).or_insert(0) += n;
        }
    }

    /// Takes `n` references away; answers whether they were the last of a node without names, which the caller now
    /// has to [`reap`](super::Shared::reap).
    pub(super) fn sub(&self, id: NodeId, n: u64) -> bool {
        if id == ROOT || n == 0 {
            return false;
        }
        let mut lock = self.0.lock();
        let hashbrown::hash_map::Entry::Occupied(mut entry) = lock.counts.entry(id) else { return false };
        if *entry.get() > n {
            *entry.get_mut() -= n;
            return false;
        }
        entry.remove();
        !lock.orphans.is_empty() && lock.orphans.contains(&id)
    }

    /// Whether `id` is to be freed now, by whoever is told so. Until then it counts as an orphan, so that a fork
    /// knows of it.
    pub(super) fn bury(&self, id: NodeId) -> bool {
        let mut lock = self.0.lock();
        !lock.counts.contains_key(&id) && lock.orphans.remove(&id)
    }

    /// The last name of `id` is gone. Answers whether references keep it.
    pub(super) fn orphan(&self, id: NodeId) -> bool {
        let mut lock = self.0.lock();
        let kept = lock.counts.contains_key(&id);
        if kept {
            lock.orphans.insert(id);
        }
        kept
    }

    /// All nodes that only references keep.
    pub(super) fn orphans(&self) -> Vec<NodeId> {
        self.0.lock().orphans.iter().copied().collect()
    }

    /// Number of nodes with references.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().counts.len()
    }
}

impl fmt::Debug for Refs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock = self.0.lock();
        write!(f, "Refs({} nodes, {} orphans)", lock.counts.len(), lock.orphans.len())
    }
}
