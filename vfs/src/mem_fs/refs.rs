//! [`Refs`]: who still refers to which node.
//!
//! Open files are counted in the [`FileNode`](super::node::FileNode) they were opened on ([`Opens`]), if that belongs to
//! the filesystem that opened it: opening and closing is the most frequent reason to count, and one atomic operation
//! each. All else is counted here, beside the table, because most nodes have no references and because a fork starts
//! without any.

use std::fmt;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::tree::ROOT;
use crate::{
    NodeId,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// References to nodes: callers' ([`FileSystem`](crate::FileSystem)), one for each open directory, one for each open
/// file that is not counted in its node, and one to its last parent for each removed directory that is still
/// referenced. The root is always referenced and not counted.
#[derive(Default)]
pub(super) struct Refs {
    counts: Mutex<Counts>,
    /// Whether there is anything in `counts`. Exact for whoever holds the tree locked for writing, where that is
    /// false: new references are made with the tree locked, or from present ones.
    any: AtomicBool,
}

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
            let mut lock = self.counts.lock();
            *lock.counts.entry(id).or_insert(0) += n;
            self.any.store(true, Ordering::Release);
        }
    }

    /// Takes `n` references away; answers whether they were the last here of a node without names, which the caller
    /// now has to [`reap`](super::Shared::reap).
    pub(super) fn sub(&self, id: NodeId, n: u64) -> bool {
        if id == ROOT || n == 0 {
            return false;
        }
        let mut lock = self.counts.lock();
        let hashbrown::hash_map::Entry::Occupied(mut entry) = lock.counts.entry(id) else { return false };
        if *entry.get() > n {
            *entry.get_mut() -= n;
            return false;
        }
        entry.remove();
        self.any.store(!lock.counts.is_empty() || !lock.orphans.is_empty(), Ordering::Release);
        !lock.orphans.is_empty() && lock.orphans.contains(&id)
    }

    /// Moves the references counted in `opens` here, because the node that has it is superseded.
    pub(super) fn take_over(&self, id: NodeId, opens: &Opens) {
        if opens.count() == 0 {
            // Nobody can have opened it meanwhile: the tree is locked for writing.
            return;
        }
        // With the lock held, so that whoever closes meanwhile, and learns that he is counted here, is.
        let mut lock = self.counts.lock();
        let n = opens.0.fetch_or(Opens::MOVED, Ordering::AcqRel) & Opens::COUNT;
        if n > 0 {
            *lock.counts.entry(id).or_insert(0) += n;
            self.any.store(true, Ordering::Release);
        }
    }

    /// Whether `id`, which `opens` does not keep, is to be freed now, by whoever is told so. Until then it counts as
    /// an orphan, so that a fork knows of it.
    pub(super) fn bury(&self, id: NodeId) -> bool {
        let mut lock = self.counts.lock();
        let buried = !lock.counts.contains_key(&id) && lock.orphans.remove(&id);
        self.any.store(!lock.counts.is_empty() || !lock.orphans.is_empty(), Ordering::Release);
        buried
    }

    /// Whether references to `id` are counted here. That none are stays so while the tree is locked for writing.
    pub(super) fn holds(&self, id: NodeId) -> bool {
        self.any() && self.counts.lock().counts.contains_key(&id)
    }

    fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The last name of `id` is gone. Answers whether references keep it. To be called with the tree locked for
    /// writing, `opens` being those of its node, if they are this filesystem's.
    pub(super) fn orphan(&self, id: NodeId, opens: Option<&Opens>) -> bool {
        let open = opens.is_some_and(|opens| opens.count() > 0 && opens.orphan());
        if !open && !self.any() {
            return false;
        }
        let mut lock = self.counts.lock();
        let kept = open || lock.counts.contains_key(&id);
        if kept {
            lock.orphans.insert(id);
            // Who opens it through a reference, and closes it last, must learn of it too.
            opens.map(Opens::orphan);
            self.any.store(true, Ordering::Release);
        }
        kept
    }

    /// All nodes that only references keep.
    pub(super) fn orphans(&self) -> Vec<NodeId> {
        if !self.any() {
            return Vec::new();
        }
        self.counts.lock().orphans.iter().copied().collect()
    }

    /// Number of nodes with references that are counted here.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.counts.lock().counts.len()
    }
}

impl fmt::Debug for Refs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock = self.counts.lock();
        write!(f, "Refs({} nodes, {} orphans)", lock.counts.len(), lock.orphans.len())
    }
}

/// How many open files of one filesystem were opened on a node that belongs to it.
#[derive(Debug, Default)]
pub(super) struct Opens(AtomicU64);

impl Opens {
    /// The node has no name any more.
    const ORPHAN: u64 = 1 << 62;
    /// The references are counted in [`Refs`] from now on.
    const MOVED: u64 = 1 << 63;
    const COUNT: u64 = Opens::ORPHAN - 1;

    /// To be called with the tree locked, and the node in it.
    #[inline]
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn sub(&self) -> Closed {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        match before {
            _ if before & Opens::MOVED != 0 => Closed::CountedElsewhere,
            _ if before == Opens::ORPHAN | 1 => Closed::LastOfOrphan,
            _ => Closed::Kept,
        }
    }

    /// Does not grow while the tree is locked for writing.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire) & Opens::COUNT
    }

    /// Notes that the node has no name any more; answers whether it is open.
    pub(super) fn orphan(&self) -> bool {
        self.0.fetch_or(Opens::ORPHAN, Ordering::AcqRel) & Opens::COUNT > 0
    }
}

/// What closing a file means for its node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closed {
    /// Nothing.
    Kept,
    /// Perhaps nothing keeps the node any more.
    LastOfOrphan,
    /// [`Refs::sub`] knows.
    CountedElsewhere,
}

#[cfg(test)]
mod tests {
    use std::{io::IoSlice, sync::Arc};

    use crate::{
        At, Ctx, FileSystem, MemFs, Name, NewNode, OpenFlags, Remove, Rename, VirtualFile,
        mem_fs::{testing::Rng, tree::ROOT},
    };

    const CX: Ctx<'static> = Ctx::ROOT;

    /// Files are opened by name and by reference, unlinked, written after forks, opened again without a name, and
    /// closed in any order: each works until the last has gone, and then nothing is left of it.
    #[test]
    fn what_is_open_stays_and_what_nobody_holds_goes() {
        for seed in 1..60 {
            let mut rng = Rng::new(seed);
            let mut worlds = vec![(MemFs::new(), vec![], Vec::<Arc<dyn VirtualFile>>::new())];
            for step in 0..400u64 {
                if rng.below(40) == 0 && worlds.len() < 5 {
                    let fork = worlds[rng.below(worlds.len() as u64) as usize].0.fork();
                    worlds.push((fork, vec![], vec![]));
                }
                let at = rng.below(worlds.len() as u64) as usize;
                let (fs, held, open) = &mut worlds[at];
                let spell = |n: u64| format!("f{n}");
                let (a, b) = (spell(rng.below(4)), spell(rng.below(4)));
                let (a, b) = (Name::new(a.as_bytes()).unwrap(), Name::new(b.as_bytes()).unwrap());
                match rng.below(9) {
                    0 | 1 => held.extend(fs.create(&CX, ROOT, a, &NewNode::Regular { mode: 0o600 }).map(|e| e.node)),
                    2 => held.extend(fs.lookup(&CX, ROOT, a).map(|e| e.node)),
                    3 if !held.is_empty() => {
                        let node = held[rng.below(held.len() as u64) as usize];
                        open.push(fs.open(&CX, node, OpenFlags::READ | OpenFlags::WRITE).unwrap());
                    }
                    4 if !held.is_empty() => fs.forget(held.swap_remove(rng.below(held.len() as u64) as usize), 1),
                    5 if !open.is_empty() => drop(open.swap_remove(rng.below(open.len() as u64) as usize)),
                    6 => drop(fs.remove(&CX, ROOT, a, Remove::NonDirectory)),
                    7 => drop(fs.rename(&CX, (ROOT, a), (ROOT, b), Rename::Replace)),
                    _ if !open.is_empty() => {
                        let file = &open[rng.below(open.len() as u64) as usize];
                        file.write_at(&[IoSlice::new(&[step as u8; 100])], At::Offset(0)).unwrap();
                    }
                    _ => (),
                }
                open.iter().for_each(|file| assert!(file.getattr().is_ok()));
                held.iter().for_each(|&node| assert!(fs.getattr(node).is_ok()));
            }
            for (fs, held, open) in worlds {
                held.into_iter().for_each(|node| fs.forget(node, 1));
                drop(open);
                for n in 0..4 {
                    let _ = fs.remove(&CX, ROOT, Name::new(format!("f{n}").as_bytes()).unwrap(), Remove::NonDirectory);
                }
                assert_eq!(fs.shared.refs.len(), 0);
                assert!(fs.shared.refs.orphans().is_empty());
                assert_eq!((fs.shared.quota.used_bytes(), fs.shared.quota.used_nodes()), (0, 1), "seed {seed}");
            }
        }
    }
}
