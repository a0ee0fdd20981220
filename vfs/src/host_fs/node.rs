//! The node table: which nodes somebody holds, and the descriptors that pin them.
//!
//! A node is in the table as long as it is referenced, and its descriptor is open as long, so that nothing on the host
//! can take its identity meanwhile. There is no cache beyond that: the descriptors in use are bounded by what the
//! layers above hold (open directories, working directories, mounts), which have limits of their own.

use core::mem;
use std::{fs::File, sync::Arc};

use hashbrown::{HashMap, hash_map};

use super::meta::{Attr, Identity, Key, TOP, mix};
use crate::{Errno, FileType, Name, NodeId, Result, sync::Mutex};

/// A node of the host, and how we hold it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: Key,
    pub(super) file_type: FileType,
    /// On Linux an `O_PATH` descriptor or better; without `O_PATH` whatever the kind of node allows, perhaps nothing.
    pub(super) pin: Option<Arc<File>>,
    /// Where it was found, for hosts that cannot pin everything; the latest last.
    pub(super) places: Mutex<Vec<PlaceOf>>,
    /// Of a directory: the one it was found in, if the walk passed through it. May be out of date; `parent` checks.
    pub(super) parent: Mutex<Option<Arc<Node>>>,
}

/// A directory we opened and one name in it: good for nothing until the name has been seen to lead to the node still.
pub(super) type PlaceOf = (Arc<File>, Box<[u8]>);

/// Hard links that a node remembers.
const MAX_PLACES: usize = 4;

impl Node {
    pub(super) fn new(id: Identity, pin: Option<Arc<File>>, parent: Option<Arc<Node>>) -> Node {
        Node { key: id.key, file_type: id.file_type, pin, places: Mutex::default(), parent: Mutex::new(parent) }
    }

    /// Its descriptor as a directory.
    pub(super) fn dir(&self) -> Result<&Arc<File>> {
        match (self.file_type, &self.pin) {
            (FileType::Directory, Some(pin)) => Ok(pin),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// Remembers a further place, the oldest giving way.
    pub(super) fn add_place(&self, dir: &Arc<File>, name: &[u8]) {
        let mut places = self.places.lock();
        places.retain(|(known, old)| !(Arc::ptr_eq(known, dir) && **old == *name));
        if places.len() >= MAX_PLACES {
            places.remove(0);
        }
        places.push((dir.clone(), name.into()));
    }

    /// Calls `act` with a place where it is to be found still.
    pub(super) fn at_place<T>(&self, act: impl FnOnce(&Arc<File>, Name<'_>) -> Result<T>) -> Result<T> {
        let places = self.places.lock().clone();
        for (dir, name) in places.iter().rev() {
            let name = Name::new(name)?;
            if Attr::at(dir, name).is_ok_and(|attr| attr.key == self.key) {
                return act(dir, name);
            }
        }
        Err(Errno::NOENT)
    }

    pub(super) fn attr(&self) -> Result<Attr> {
        match &self.pin {
            Some(pin) => Attr::of(pin),
            None => self.at_place(|dir, name| Attr::at(dir, name)),
        }
    }
}

/// The nodes that are referenced.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: HashMap<NodeId, Slot, foldhash::fast::RandomState>,
    /// The nodes whose number was taken by another node when they came: only a collision of hashes brings one here.
    displaced: HashMap<Key, NodeId, foldhash::fast::RandomState>,
}

#[derive(Debug)]
struct Slot {
    node: Arc<Node>,
    refs: u64,
}

impl Table {
    pub(super) fn get(&self, id: NodeId) -> Result<Arc<Node>> {
        self.slots.get(&id).map(|slot| slot.node.clone()).ok_or(Errno::STALE)
    }

    /// Takes one reference to `node`, which joins what is known under its key already.
    pub(super) fn intern(&mut self, node: Arc<Node>, root_dev: u64) -> NodeId {
        let key = node.key;
        let mut id = key.id(root_dev);
        if !self.displaced.is_empty() {
            id = self.displaced.get(&key).copied().unwrap_or(id);
        }
        loop {
            match self.slots.entry(id) {
                hash_map::Entry::Vacant(slot) => {
                    slot.insert(Slot { node, refs: 1 });
                    if id != key.id(root_dev) {
                        self.displaced.insert(key, id);
                    }
                    return id;
                }
                hash_map::Entry::Occupied(mut slot) if slot.get().node.key == key => {
                    let slot = slot.get_mut();
                    slot.refs = slot.refs.saturating_add(1);
                    if !Arc::ptr_eq(&slot.node, &node) {
                        let parent = mem::take(&mut *node.parent.lock());
                        if parent.is_some() {
                            *slot.node.parent.lock() = parent;
                        }
                        // Where it was seen last is where it can be found.
                        for (dir, name) in mem::take(&mut *node.places.lock()) {
                            slot.node.add_place(&dir, &name);
                        }
                    }
                    return id;
                }
                hash_map::Entry::Occupied(_) => {
                    id = NodeId::new(mix(id.get()) | TOP).unwrap_or(id);
                }
            }
        }
    }

    pub(super) fn retain(&mut self, id: NodeId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.refs = slot.refs.saturating_add(1);
        }
    }

    /// Gives references back. The node answered, if it was the last, closes its descriptor when dropped: outside the
    /// lock.
    pub(super) fn forget(&mut self, id: NodeId, n: u64) -> Option<Arc<Node>> {
        let slot = self.slots.get_mut(&id)?;
        slot.refs = slot.refs.saturating_sub(n);
        if slot.refs > 0 {
            return None;
        }
        let slot = self.slots.remove(&id)?;
        if !self.displaced.is_empty() {
            self.displaced.remove(&slot.node.key);
        }
        Some(slot.node)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The node with this key, if it is here.
    pub(super) fn by_key(&self, key: Key, root_dev: u64) -> Option<Arc<Node>> {
        let id = self.displaced.get(&key).copied().unwrap_or_else(|| key.id(root_dev));
        self.slots.get(&id).filter(|slot| slot.node.key == key).map(|slot| slot.node.clone())
    }
}
