//! [`Tree`]: which names are known to lead to which nodes. A cache: all of it can be found again in the layers, but for
//! what callers hold.
//!
//! A node that is referenced, or that has known children, stays; so every known node has its known ancestors above it.

use core::hash::{BuildHasher, Hasher};
use std::sync::{Arc, atomic::Ordering};

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};
use smallvec::SmallVec;

use super::node::{Key, Node, another};
use crate::{Errno, Name, NodeId, Result};

/// Where a node is in the table.
pub(super) type Slot = u32;

pub(super) const ROOT: Slot = 0;

/// A name. Most are short.
type NameBuf = SmallVec<[u8; 24]>;

/// All that is known.
#[derive(Debug)]
pub(super) struct Tree {
    slots: Vec<Option<Known>>,
    free: Vec<Slot>,
    by_id: HashMap<NodeId, Slot, FixedState>,
    hash: FixedState,
    /// Where nodes of the upper layer come from that could not be marked with it.
    pub(super) origins: HashMap<u64, Key, FixedState>,
    /// Names, of nodes and of nothing.
    names: usize,
    /// Over so many names, what nobody holds is forgotten.
    limit: usize,
    /// When to do that next.
    trim_at: usize,
}

/// A node that is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) node: Arc<Node>,
    /// The names it is known by; of a directory at most one, of the root none.
    pub(super) names: SmallVec<[(Slot, NameBuf); 1]>,
    pub(super) dir: Option<Box<Dir>>,
    /// Its number is not the one that its origin gives it, and must not be forgotten.
    pinned: bool,
}

/// What is known of a directory.
#[derive(Debug)]
pub(super) struct Dir {
    /// The one that holds it, or held it last.
    pub(super) parent: Slot,
    /// Closed: it has no name, and nothing is in it.
    pub(super) removed: bool,
    children: HashTable<Dentry>,
    /// How many of them are nodes.
    nodes: u32,
}

#[derive(Debug)]
struct Dentry {
    name: NameBuf,
    child: Child,
}

/// What a name is known to lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Child {
    Node {
        slot: Slot,
        /// Whether the upper layer has this name.
        in_upper: bool,
    },
    Nothing {
        /// Whether that is because the upper layer says so.
        whiteout: bool,
    },
}

impl Tree {
    /// A tree that has no root yet: it is the first node to be inserted.
    pub(super) fn new(hash: FixedState, limit: usize) -> Tree {
        Tree {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::with_hasher(FixedState::default()),
            hash,
            origins: HashMap::with_hasher(FixedState::default()),
            names: 0,
            limit,
            trim_at: limit,
        }
    }

    /// Whether there is a root.
    #[inline]
    pub(super) fn is_rooted(&self) -> bool {
        !self.slots.is_empty()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn hasher(&self) -> FixedState {
        self.hash.clone()
    }

    /// # Errors
    /// `STALE` for a node that is not known, which is a mistake of the caller's: it holds no reference.
    #[inline]
    pub(super) fn slot_of(&self, id: NodeId) -> Result<Slot> {
        self.by_id.get(&id).copied().ok_or(Errno::STALE)
    }

    #[inline]
    pub(super) fn known(&self, slot: Slot) -> Result<&Known> {
        self.slots.get(slot as usize).and_then(|known| known.as_ref()).ok_or(Errno::STALE)
    }

    #[inline]
    pub(super) fn node(&self, slot: Slot) -> Result<&Arc<Node>> {
        Ok(&self.known(slot)?.node)
    }

    pub(super) fn by_id(&self, id: NodeId) -> Result<&Arc<Node>> {
        self.node(self.slot_of(id)?)
    }

    /// # Errors
    /// `NOTDIR`.
    #[inline]
    pub(super) fn dir(&self, slot: Slot) -> Result<&Dir> {
        self.known(slot)?.dir.as_deref().ok_or(Errno::NOTDIR)
    }

    pub(super) fn dir_mut(&mut self, slot: Slot) -> Result<&mut Dir> {
        let known = self.slots.get_mut(slot as usize).and_then(|known| known.as_mut()).ok_or(Errno::STALE)?;
        known.dir.as_deref_mut().ok_or(Errno::NOTDIR)
    }

    #[inline]
    fn hash(&self, name: &[u8]) -> u64 {
        hash_of(&self.hash, name)
    }

    /// What is known of a name.
    #[inline]
    pub(super) fn child(&self, dir: &Dir, name: Name<'_>) -> Option<Child> {
        let name = name.as_bytes();
        dir.children.find(self.hash(name), |dentry| dentry.name[..] == *name).map(|dentry| dentry.child)
    }

    /// The same, by the slot of the directory.
    pub(super) fn child_of(&self, dir: Slot, name: Name<'_>) -> Result<Option<Child>> {
        Ok(self.child(self.dir(dir)?, name))
    }

    /// Whether a directory is known to hold a node.
    pub(super) fn has_known_nodes(&self, dir: Slot) -> Result<bool> {
        Ok(self.dir(dir)?.nodes > 0)
    }

    /// The path of names from the root; of a removed directory whatever it was.
    pub(super) fn parent_and_name(&self, slot: Slot) -> Option<(Slot, Name<'_>)> {
        let (parent, name) = self.known(slot).ok()?.names.first()?;
        Some((*parent, Name::from_checked(name)))
    }

    /// Puts a node into the table, without a name. `parent` for a directory.
    pub(super) fn insert(&mut self, node: Arc<Node>, parent: Option<Slot>, pinned: bool) -> Slot {
        let id = node.id;
        let dir = parent.map(|parent| Box::new(Dir { parent, removed: false, children: HashTable::new(), nodes: 0 }));
        let known = Some(Known { node, names: SmallVec::new(), dir, pinned });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = known;
                slot
            }
            None => {
                self.slots.push(known);
                (self.slots.len() - 1) as Slot
            }
        };
        self.by_id.insert(id, slot);
        slot
    }

    /// The number for a node with this key, and whether it is another than its own because that is taken.
    pub(super) fn free_id(&self, key: Key) -> (NodeId, bool) {
        let mut id = key.id();
        while self.by_id.contains_key(&id) {
            id = another(id);
        }
        (id, id != key.id())
    }

    /// Notes what a name leads to, in place of what was known of it.
    pub(super) fn set_child(&mut self, dir: Slot, name: Name<'_>, child: Child) -> Result<()> {
        self.drop_name(dir, name)?;
        let hash = self.hash(name.as_bytes());
        let hasher = self.hash.clone();
        let entry = self.dir_mut(dir)?;
        entry.nodes += u32::from(matches!(child, Child::Node { .. }));
        match entry.children.find_mut(hash, |dentry| dentry.name[..] == *name.as_bytes()) {
            Some(dentry) => dentry.child = child,
            None => {
                let dentry = Dentry { name: NameBuf::from_slice(name.as_bytes()), child };
                entry.children.insert_unique(hash, dentry, |dentry| hash_of(&hasher, &dentry.name));
                self.names += 1;
            }
        }
        if let Child::Node { slot, .. } = child
            && let Some(Some(known)) = self.slots.get_mut(slot as usize)
        {
            known.names.push((dir, NameBuf::from_slice(name.as_bytes())));
            if let Some(moved) = &mut known.dir {
                moved.parent = dir;
            }
        }
        Ok(())
    }

    /// Notes that the upper layer has a name now that leads to a known node.
    pub(super) fn set_in_upper(&mut self, dir: Slot, name: Name<'_>) -> Result<()> {
        let hash = self.hash(name.as_bytes());
        let found = self.dir_mut(dir)?.children.find_mut(hash, |dentry| dentry.name[..] == *name.as_bytes());
        if let Some(Dentry { child: Child::Node { in_upper, .. }, .. }) = found {
            *in_upper = true;
        }
        Ok(())
    }

    /// Takes a name away from the node it is known to lead to.
    fn drop_name(&mut self, dir: Slot, name: Name<'_>) -> Result<()> {
        let Some(Child::Node { slot, .. }) = self.child_of(dir, name)? else { return Ok(()) };
        self.dir_mut(dir)?.nodes -= 1;
        if let Some(Some(known)) = self.slots.get_mut(slot as usize) {
            known.names.retain(|(parent, n)| *parent != dir || n[..] != *name.as_bytes());
        }
        Ok(())
    }

    /// Closes a directory that has been removed. Its last parent stays as long as it does.
    pub(super) fn close(&mut self, slot: Slot) -> Result<()> {
        let dir = self.dir_mut(slot)?;
        dir.removed = true;
        let gone = dir.children.len();
        dir.children.clear();
        let parent = dir.parent;
        self.names -= gone;
        self.node(parent)?.retain(1);
        Ok(())
    }

    /// Forgets a node that nobody holds, that has no name and no known children; and then its last parent, if that was
    /// all that kept it; and so on.
    pub(super) fn reap(&mut self, mut slot: Slot) {
        loop {
            let Ok(known) = self.known(slot) else { return };
            let closed = match &known.dir {
                Some(dir) if dir.nodes > 0 => return,
                Some(dir) => dir.removed.then_some(dir.parent),
                None => None,
            };
            if slot == ROOT || known.node.is_held() || !known.names.is_empty() {
                return;
            }
            self.take(slot);
            let Some(parent) = closed else { return };
            match self.node(parent) {
                Ok(node) if node.release(1) => slot = parent,
                _ => return,
            }
        }
    }

    fn take(&mut self, slot: Slot) {
        let Some(known) = self.slots.get_mut(slot as usize).and_then(|known| known.take()) else { return };
        self.names -= known.dir.map_or(0, |dir| dir.children.len());
        self.by_id.remove(&known.node.id);
        self.free.push(slot);
    }

    /// Whether [`trim`](Self::trim) would do something.
    pub(super) fn is_over(&self) -> bool {
        self.names > self.trim_at
    }

    /// Forgets what nobody holds. To be called when no slot is in anybody's hands.
    pub(super) fn trim(&mut self) {
        // From the leaves up: what was found later lies below, or beside.
        for slot in (0..self.slots.len() as Slot).rev() {
            self.forget(slot);
        }
        self.trim_at = self.limit.max(2 * self.names);
    }

    fn forget(&mut self, slot: Slot) {
        let Some(Some(known)) = self.slots.get_mut(slot as usize) else { return };
        if let Some(dir) = &mut known.dir {
            let before = dir.children.len();
            dir.children.retain(|dentry| matches!(dentry.child, Child::Node { .. }));
            self.names -= before - dir.children.len();
            if dir.nodes > 0 || dir.removed {
                return;
            }
        }
        if slot == ROOT || known.pinned || known.node.is_held() || known.node.gone.load(Ordering::Relaxed) {
            return;
        }
        let names = core::mem::take(&mut known.names);
        for (dir, name) in names {
            let hash = self.hash(&name);
            let Ok(dir) = self.dir_mut(dir) else { continue };
            if let Ok(entry) = dir.children.find_entry(hash, |dentry| dentry.name == name) {
                entry.remove();
                dir.nodes -= 1;
                self.names -= 1;
            }
        }
        self.take(slot);
    }
}

#[inline]
fn hash_of(state: &FixedState, name: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(name);
    hasher.finish()
}
