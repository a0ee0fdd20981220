//! Making and linking. A name that a whiteout hides gets what is new by one rename over the whiteout, so that what lies
//! below never shows in between.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use super::{
    layer::NodeRef,
    node::{Key, Node},
    shared::{Shared, Stop, dir_slot, hold},
    tree::{Child, Slot, Tree},
};
use crate::{Ctx, Entry, Errno, FileType, FsCaps, Name, NewNode, NodeId, Rename, Result};

impl Shared {
    pub(super) fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        let mut tree = self.write();
        let dir = dir_slot(&tree, dir)?;
        let slot = self.create_in(&mut tree, cx, dir, name, new)?;
        hold(&tree, slot)
    }

    pub(super) fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        let mut tree = self.write();
        let dir = dir_slot(&tree, dir)?;
        self.create_in(&mut tree, cx, dir, name, new).map(drop)
    }

    /// With the tree locked; without a reference.
    pub(super) fn create_in(
        &self,
        tree: &mut Tree,
        cx: &Ctx<'_>,
        dir: Slot,
        name: Name<'_>,
        new: &NewNode<'_>,
    ) -> Result<Slot> {
        let whiteout = self.vacant(tree, dir, name)?;
        let upper = self.upper()?;
        // It looks like a whiteout, and must be marked as none before it is seen.
        let marked = matches!(new, NewNode::Special { file_type: FileType::CharDevice, rdev: 0, .. });
        if marked && !self.info.caps.contains(FsCaps::DEVICES) {
            return Err(Errno::NOTSUP);
        }
        self.copy_up_locked(tree, dir, 0)?;
        let parent = tree.node(dir)?.clone();
        let place = parent.real()?.id;
        let is_dir = matches!(new, NewNode::Directory { .. });
        let (made, file_type) = if whiteout || marked {
            let mut temp = self.temp(upper);
            let made = temp.create(cx, new)?;
            if marked {
                self.layers.marks.set_device(&*upper.fs, made.id)?;
            }
            if is_dir {
                self.layers.marks.set_opaque(&*upper.fs, made.id)?;
            }
            // A directory cannot replace a whiteout, but change places with it.
            temp.move_to((place, name), if is_dir { Rename::Exchange } else { Rename::Replace })?;
            (made, type_of(new))
        } else {
            let entry = upper.fs.create(cx, place, name, new)?;
            (NodeRef::adopt(&upper.fs, entry.node), entry.file_type)
        };
        parent.changed();
        let key = Key { layer: 0, ino: made.id.get() };
        let (id, pinned) = tree.free_id(key);
        let node = Arc::new(Node::new(id, key, file_type, Some(made), Vec::new()));
        let slot = tree.insert(node, is_dir.then_some(dir), pinned);
        tree.set_child(dir, name, Child::Node { slot, in_upper: true })?;
        Ok(slot)
    }

    /// That a name can be made; whether there is a whiteout.
    ///
    /// # Errors
    /// `EXIST`; `NOENT` if the directory has been removed.
    fn vacant(&self, tree: &mut Tree, dir: Slot, name: Name<'_>) -> Result<bool> {
        match self.resolve(tree, dir, name)? {
            Child::Node { .. } => Err(Errno::EXIST),
            Child::Nothing { .. } if tree.dir(dir)?.removed => Err(Errno::NOENT),
            Child::Nothing { whiteout } => Ok(whiteout),
        }
    }

    pub(super) fn link(&self, id: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.change(|tree| {
            let dir = dir_slot(tree, dir)?;
            let whiteout = self.vacant(tree, dir, name)?;
            let slot = tree.slot_of(id).map_err(|_| Errno::NOENT)?;
            let node = tree.node(slot)?.clone();
            if node.gone.load(Ordering::Acquire) || tree.known(slot)?.dir.as_ref().is_some_and(|dir| dir.removed) {
                return Err(Errno::NOENT.into());
            }
            if node.is_dir() {
                return Err(Errno::PERM.into());
            }
            let upper = self.upper()?;
            if node.upper.get().is_none() {
                if node.file_type == FileType::Regular {
                    return Err(Stop::copy_up(&node));
                }
                self.copy_up_locked(tree, slot, 0)?;
            }
            if node.metadata(self.info.dev)?.nlink == 0 {
                return Err(Errno::NOENT.into());
            }
            self.copy_up_locked(tree, dir, 0)?;
            let parent = tree.node(dir)?.clone();
            self.make_impure(&parent, &node)?;
            let (copy, place) = (node.real()?.id, parent.real()?.id);
            if whiteout {
                let mut temp = self.temp(upper);
                temp.link(copy)?;
                temp.move_to((place, name), Rename::Replace)?;
            } else {
                upper.fs.link(&super::layer::INTERNAL, copy, place, name)?;
            }
            parent.changed();
            node.changed();
            tree.set_child(dir, name, Child::Node { slot, in_upper: true })?;
            Ok(())
        })
    }

    /// Notes in a directory with which nothing merges that it holds a node with an origin.
    pub(super) fn make_impure(&self, dir: &Node, node: &Node) -> Result<()> {
        if node.key.layer == 0 || !dir.lowers.is_empty() || dir.impure.load(Ordering::Relaxed) {
            return Ok(());
        }
        let place = dir.real()?;
        self.layers.marks.set_impure(&*place.fs, place.id)?;
        dir.impure.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// What will be made.
fn type_of(new: &NewNode<'_>) -> FileType {
    match new {
        NewNode::Regular { .. } => FileType::Regular,
        NewNode::Directory { .. } => FileType::Directory,
        NewNode::Symlink { .. } => FileType::Symlink,
        NewNode::Special { file_type, .. } => *file_type,
    }
}
