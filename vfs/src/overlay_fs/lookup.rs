//! Finding what is behind a name that the tree does not know yet. All of it with the tree locked for writing.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use super::{
    layer::{Below, Lower, NodeRef, Said},
    marks::{Opacity, Origin, Read},
    node::{Key, Node},
    shared::Shared,
    tree::{Child, Slot, Tree},
};
use crate::{FileType, Name, Result, Time};

/// The birth of a node whose copy could not be marked.
const UNKNOWN: Time = Time(i128::MIN);

/// What the layers hold under a name.
enum Found {
    Nothing { whiteout: bool },
    Node(Box<Parts>),
}

/// A node that the tree may not know yet.
struct Parts {
    file_type: FileType,
    upper: Option<NodeRef>,
    /// Whether the upper layer has it under this name.
    in_upper: bool,
    lowers: Vec<Lower>,
    /// Of the upper node, with the names that the upper layer does not count.
    origin: Option<(Origin, i64)>,
    marked: bool,
    impure: bool,
}

impl Shared {
    /// What `name` leads to.
    ///
    /// # Errors
    /// `NOTDIR`; `NAMETOOLONG`, and whatever else a layer answers.
    pub(super) fn resolve(&self, tree: &mut Tree, dir: Slot, name: Name<'_>) -> Result<Child> {
        let entry = tree.dir(dir)?;
        if entry.removed {
            return Ok(Child::Nothing { whiteout: false });
        }
        if let Some(child) = tree.child(entry, name) {
            return Ok(child);
        }
        let node = tree.node(dir)?.clone();
        let child = match self.find(tree, &node, name)? {
            Found::Nothing { whiteout } => Child::Nothing { whiteout },
            Found::Node(parts) => {
                let in_upper = parts.in_upper;
                Child::Node { slot: self.intern(tree, dir, *parts)?, in_upper }
            }
        };
        tree.set_child(dir, name, child)?;
        Ok(child)
    }

    fn find(&self, tree: &Tree, dir: &Node, name: Name<'_>) -> Result<Found> {
        let mut top = None;
        if let Some(upper) = dir.upper.get() {
            match self.layers.ask(upper, dir.marked.load(Ordering::Relaxed), name)? {
                Said::Nothing => {}
                Said::Whiteout => return Ok(Found::Nothing { whiteout: true }),
                Said::Node(node, FileType::Directory) => top = Some(node),
                Said::Node(node, file_type) => {
                    let origin = self.marks_in(tree, dir, &node)?;
                    return Ok(Found::Node(Box::new(Parts::of_upper(file_type, node, origin))));
                }
            }
        }
        let Some(upper) = top else {
            return Ok(match self.layers.below(&dir.lowers, name)? {
                Below::Nothing => Found::Nothing { whiteout: false },
                Below::Dirs(lowers) => Found::Node(Box::new(Parts::of_lowers(FileType::Directory, lowers))),
                Below::Node(lower, file_type) => {
                    let mut parts = Parts::of_lowers(file_type, Vec::new());
                    if let Some(upper) = self.indexed(&lower)? {
                        parts.origin = self.valid(self.layers.marks.read(&*upper.fs, upper.id)?);
                        parts.upper = Some(upper);
                    }
                    parts.lowers.push(lower);
                    Found::Node(Box::new(parts))
                }
            });
        };
        let marks = self.layers.marks.read(&*upper.fs, upper.id)?;
        let (marked, impure) = (marks.opacity == Opacity::Marked, marks.impure);
        let below = match &marks.redirect {
            _ if marks.opacity == Opacity::Opaque => Below::Nothing,
            Some(redirect) => self.layers.follow(&dir.lowers, u32::MAX, redirect)?,
            None => self.layers.below(&dir.lowers, name)?,
        };
        let mut parts = Parts::of_upper(FileType::Directory, upper, self.valid(marks));
        (parts.marked, parts.impure) = (marked, impure);
        if let Below::Dirs(lowers) = below {
            parts.lowers = lowers;
        }
        Ok(Found::Node(Box::new(parts)))
    }

    /// What is marked on a node of the upper directory `dir` that is none. Only directories that merge, or are marked,
    /// hold nodes that come from below.
    fn marks_in(&self, tree: &Tree, dir: &Node, node: &NodeRef) -> Result<Option<(Origin, i64)>> {
        if let Some(key) = tree.origins.get(&node.id.get()) {
            return Ok(Some((Origin { layer: key.layer, ino: key.ino, born: UNKNOWN }, 0)));
        }
        if self.layers.lowers.is_empty() || (dir.lowers.is_empty() && !dir.impure.load(Ordering::Relaxed)) {
            return Ok(None);
        }
        Ok(self.valid(self.layers.marks.read(&*node.fs, node.id)?))
    }

    /// The origin, and the names that the upper layer does not count.
    fn valid(&self, marks: Read) -> Option<(Origin, i64)> {
        // Of fewer layers than there were: then it means nothing.
        let origin = marks.origin.filter(|origin| (1..=self.layers.lowers.len() as u32).contains(&origin.layer))?;
        Some((origin, marks.names))
    }

    /// Where a node of the upper layer was copied from.
    pub(super) fn origin_of(&self, node: &NodeRef) -> Result<Option<Origin>> {
        let origin = self.layers.marks.origin_of(&*node.fs, node.id)?;
        Ok(self.valid(Read { origin, ..Read::default() }).map(|(origin, _)| origin))
    }

    /// The copy of a lower node that was copied up under another of its names.
    fn indexed(&self, lower: &Lower) -> Result<Option<NodeRef>> {
        let (true, Some(upper)) = (self.indexed.load(Ordering::Relaxed), &self.upper) else { return Ok(None) };
        let name = index_name(Key { layer: lower.layer, ino: lower.node.id.get() });
        Ok(upper.index.lookup(Name::from_checked(name.as_bytes()))?.map(|(node, _)| node))
    }

    /// The slot of a node, which is new to the tree or has got one more name. The caller sets the name.
    fn intern(&self, tree: &mut Tree, parent: Slot, parts: Parts) -> Result<Slot> {
        let own = parts.upper.as_ref().map(|upper| Key { layer: 0, ino: upper.id.get() });
        let below = parts.lowers.first().map(|lower| Key { layer: lower.layer, ino: lower.node.id.get() });
        let marked = parts.origin.map(|(origin, _)| Key { layer: origin.layer, ino: origin.ino });
        let mut key = match (marked, own, parts.in_upper) {
            (Some(key), _, _) => key,
            (None, Some(own), true) => own,
            _ => below.or(own).ok_or(crate::Errno::IO)?,
        };
        if let Ok(slot) = tree.slot_of(key.id()) {
            let known = tree.node(slot)?;
            let upper = |node: &Node| node.upper.get().map(|upper| upper.id);
            let same = !known.is_dir()
                && match &parts.upper {
                    Some(found) => upper(known) == Some(found.id),
                    None => known.key == key,
                };
            if same {
                return Ok(slot);
            }
            // Two nodes that say they come from one: each is itself.
            key = own.unwrap_or(key);
            if let Ok(slot) = tree.slot_of(key.id())
                && own.is_some()
                && upper(tree.node(slot)?) == parts.upper.as_ref().map(|found| found.id)
            {
                return Ok(slot);
            }
        }
        let (id, pinned) = tree.free_id(key);
        let is_dir = parts.file_type == FileType::Directory;
        let node = Node::new(id, key, parts.file_type, parts.upper, parts.lowers);
        node.marked.store(parts.marked, Ordering::Relaxed);
        node.impure.store(parts.impure, Ordering::Relaxed);
        if let Some((origin, names)) = parts.origin {
            if names != 0 && !is_dir {
                node.set_extra_names(names);
            }
            if origin.born != UNKNOWN {
                node.set_born(origin.born);
            }
        }
        Ok(tree.insert(Arc::new(node), is_dir.then_some(parent), pinned))
    }
}

impl Parts {
    fn of_upper(file_type: FileType, upper: NodeRef, origin: Option<(Origin, i64)>) -> Parts {
        let (lowers, marked, impure) = (Vec::new(), false, false);
        Parts { file_type, upper: Some(upper), in_upper: true, lowers, origin, marked, impure }
    }

    fn of_lowers(file_type: FileType, lowers: Vec<Lower>) -> Parts {
        Parts { file_type, upper: None, in_upper: false, lowers, origin: None, marked: false, impure: false }
    }
}

/// The name in the index of a node that has several names below.
pub(super) fn index_name(key: Key) -> String {
    format!("{:x}-{:x}", key.layer, key.ino)
}
