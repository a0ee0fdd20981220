//! Removing. Where something lies below, a whiteout takes the place of what is removed, in one step.

use core::{ops::ControlFlow, sync::atomic::Ordering};

use super::{
    layer::INTERNAL,
    node::Node,
    shared::{Shared, Stop, dir_slot},
    tree::{Child, Slot, Tree},
};
use crate::{Errno, FileType, Name, NodeId, Remove, Result};

impl Shared {
    pub(super) fn remove(&self, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.change(|tree| {
            let dir = dir_slot(tree, dir)?;
            let Child::Node { slot, in_upper } = self.resolve(tree, dir, name)? else {
                return Err(Errno::NOENT.into());
            };
            let node = tree.node(slot)?.clone();
            match what {
                Remove::NonDirectory if node.is_dir() => return Err(Errno::ISDIR.into()),
                Remove::Directory if !node.is_dir() => return Err(Errno::NOTDIR.into()),
                Remove::Directory if !self.is_empty(tree, slot)? => return Err(Errno::NOTEMPTY.into()),
                _ => {}
            }
            self.upper()?;
            self.count_below(&node)?;
            self.copy_up_locked(tree, dir, 0)?;
            self.take_away(tree, (dir, name), slot, in_upper)?;
            Ok(())
        })
    }

    /// Takes a name away from a node, in a directory that the upper layer has.
    fn take_away(&self, tree: &mut Tree, (dir, name): (Slot, Name<'_>), slot: Slot, in_upper: bool) -> Result<()> {
        let (node, parent) = (tree.node(slot)?.clone(), tree.node(dir)?.clone());
        let hidden = self.is_hidden(&parent, name)?;
        if hidden {
            self.whiteout(&parent, name, in_upper.then_some(node.file_type))?;
            if !in_upper && node.upper.get().is_some() {
                self.uncount_name(&node);
            }
        } else if node.is_dir() {
            self.remove_dir(&parent, name)?;
        } else {
            self.upper()?.fs.remove(&INTERNAL, parent.real()?.id, name, Remove::NonDirectory)?;
        }
        parent.changed();
        tree.set_child(dir, name, Child::Nothing { whiteout: hidden })?;
        self.unnamed(tree, slot, &parent)
    }

    /// Takes back a file that has just been made and could not be opened: an `open` that fails creates nothing (POSIX).
    /// If that fails, too, there is nothing more to be done.
    pub(super) fn unmake(&self, tree: &mut Tree, dir: Slot, name: Name<'_>, made: Slot) {
        let _ = self.take_away(tree, (dir, name), made, true);
    }

    /// A node that is not copied up and has several names is copied up before it loses one: else nobody could tell how
    /// many it has left.
    pub(super) fn count_below(&self, node: &std::sync::Arc<Node>) -> Result<(), Stop> {
        if node.is_dir() || node.upper.get().is_some() || node.real()?.getattr()?.nlink <= 1 {
            return Ok(());
        }
        Err(Stop::copy_up(node))
    }

    /// A name of a node has been taken away: notes what that means for it. It is too late for a layer to fail: what cannot
    /// be learnt from it is left as it was.
    pub(super) fn unnamed(&self, tree: &mut Tree, slot: Slot, parent: &Node) -> Result<()> {
        let node = tree.node(slot)?.clone();
        node.changed();
        if node.is_dir() {
            tree.close(slot)?;
            node.gone.store(true, Ordering::Release);
        } else if node.upper.get().is_none() {
            // It had this one name.
            node.gone.store(true, Ordering::Release);
            if node.is_held()
                && let (Ok(parent), Ok(own)) = (parent.real()?.getattr(), node.real()?.getattr())
            {
                node.set_ctime(own.ctime, parent.mtime);
            }
        } else if node.extra_names() < 0 && node.metadata(self.info.dev).is_ok_and(|m| m.nlink == 0) {
            // The name in the index was the last. (If nobody can tell, it goes when the layer is opened again.)
            self.drop_from_index(&node);
        }
        if !tree.origins.is_empty()
            && let Some(upper) = node.upper.get()
            && upper.getattr().is_ok_and(|m| m.nlink == 0)
        {
            // A host gives the number to another node when this one is gone.
            tree.origins.remove(&upper.id.get());
        }
        tree.reap(slot);
        Ok(())
    }

    /// Whether a directory shows nothing.
    pub(super) fn is_empty(&self, tree: &Tree, slot: Slot) -> Result<bool> {
        if tree.has_known_nodes(slot)? {
            return Ok(false);
        }
        let mut empty = true;
        let node = tree.node(slot)?;
        if let Some(upper) = node.upper.get() {
            self.each_upper(upper, node.marked.load(Ordering::Relaxed), &mut |_, _, file_type| {
                empty = file_type.is_none();
                if empty { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        if !empty || node.lowers.is_empty() {
            return Ok(empty);
        }
        let below = self.lower_names(node)?;
        for entry in &below.entries {
            let name = below.name(entry);
            match tree.child_of(slot, name)? {
                Some(Child::Node { .. }) => return Ok(false),
                Some(Child::Nothing { .. }) => continue,
                None => {}
            }
            let said = match node.upper.get() {
                Some(upper) => self.layers.ask(upper, node.marked.load(Ordering::Relaxed), name)?,
                None => super::layer::Said::Nothing,
            };
            if !matches!(said, super::layer::Said::Whiteout) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a directory must be before a rename may replace it.
    pub(super) fn is_replaceable(&self, tree: &Tree, slot: Slot, by: FileType) -> Result<()> {
        let target = tree.node(slot)?;
        match (by == FileType::Directory, target.is_dir()) {
            (true, false) => Err(Errno::NOTDIR),
            (false, true) => Err(Errno::ISDIR),
            (true, true) if !self.is_empty(tree, slot)? => Err(Errno::NOTEMPTY),
            _ => Ok(()),
        }
    }
}
