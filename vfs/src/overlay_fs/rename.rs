//! Renaming: one rename of the upper layer, which leaves a whiteout where something lies below the old name. A directory
//! that merges takes along, as a redirect, where it merges; nothing below is copied.

use std::sync::Arc;

use super::{
    layer::INTERNAL,
    node::Node,
    shared::{Shared, Stop, dir_slot},
    tree::{Child, ROOT, Slot, Tree},
};
use crate::{Errno, FileType, Name, NodeId, Rename, Result};

/// One of the two places that a rename is about.
struct Place<'a> {
    dir: Slot,
    node: Arc<Node>,
    name: Name<'a>,
}

/// What is at a place.
struct Thing {
    slot: Slot,
    node: Arc<Node>,
    in_upper: bool,
}

impl Shared {
    pub(super) fn rename(&self, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.change(|tree| self.rename_in(tree, from, to, how))
    }

    fn rename_in(
        &self,
        tree: &mut Tree,
        from: (NodeId, Name<'_>),
        to: (NodeId, Name<'_>),
        how: Rename,
    ) -> Result<(), Stop> {
        let (old, new) = (dir_slot(tree, from.0), dir_slot(tree, to.0));
        // `NOTDIR` of either comes before `NOENT` of either.
        if matches!((&old, &new), (Err(Errno::NOTDIR), _) | (_, Err(Errno::NOTDIR))) {
            return Err(Errno::NOTDIR.into());
        }
        let from = Place { dir: old?, node: tree.node(old?)?.clone(), name: from.1 };
        let to = Place { dir: new?, node: tree.node(new?)?.clone(), name: to.1 };
        if tree.dir(to.dir)?.removed {
            return Err(Errno::NOENT.into());
        }
        let source = self.thing(tree, &from)?.ok_or(Errno::NOENT)?;
        let target = self.thing(tree, &to)?;
        if source.node.is_dir() && is_within(tree, to.dir, source.slot) {
            return Err(Errno::INVAL.into());
        }
        match (how, target) {
            // Whiteouts are ours to make.
            (Rename::Whiteout, _) => Err(Errno::INVAL.into()),
            (Rename::Exchange, None) => Err(Errno::NOENT.into()),
            (Rename::Exchange, Some(target)) => {
                if target.node.is_dir() && is_within(tree, from.dir, target.slot) {
                    return Err(Errno::INVAL.into());
                }
                if source.slot == target.slot { Ok(()) } else { self.exchange(tree, (from, source), (to, target)) }
            }
            (Rename::NoReplace, Some(_)) => Err(Errno::EXIST.into()),
            (_, Some(target)) if source.slot == target.slot => Ok(()),
            (_, Some(target)) => {
                if target.node.is_dir() && is_within(tree, from.dir, target.slot) {
                    return Err(Errno::NOTEMPTY.into());
                }
                self.is_replaceable(tree, target.slot, source.node.file_type)?;
                self.move_to(tree, (from, source), to, Some(target))
            }
            (_, None) => self.move_to(tree, (from, source), to, None),
        }
    }

    fn thing(&self, tree: &mut Tree, place: &Place<'_>) -> Result<Option<Thing>> {
        Ok(match self.resolve(tree, place.dir, place.name)? {
            Child::Node { slot, in_upper } => Some(Thing { slot, node: tree.node(slot)?.clone(), in_upper }),
            Child::Nothing { .. } => None,
        })
    }

    fn move_to(
        &self,
        tree: &mut Tree,
        (from, source): (Place<'_>, Thing),
        to: Place<'_>,
        target: Option<Thing>,
    ) -> Result<(), Stop> {
        let whiteout_there = matches!(tree.child_of(to.dir, to.name)?, Some(Child::Nothing { whiteout: true }));
        if let Some(target) = &target {
            self.count_below(&target.node)?;
        }
        let upper = self.upper()?;
        self.bring_up(tree, &from, &source)?;
        self.copy_up_locked(tree, to.dir, 0)?;
        let old_hidden = self.is_hidden(&from.node, from.name)?;
        let new_hidden = self.is_hidden(&to.node, to.name)?;
        self.take_along(tree, &source, (&from, &to), new_hidden)?;
        if let Some(target) = target.as_ref().filter(|target| target.in_upper && target.node.is_dir()) {
            self.clear(&to.node, to.name, &target.node)?;
        }
        let (old, new) = ((from.node.real()?.id, from.name), (to.node.real()?.id, to.name));
        let mut whiteout_here = old_hidden;
        if source.node.is_dir() && whiteout_there {
            // A directory cannot replace a whiteout, but change places with it.
            self.mark_for_whiteouts(&from.node)?;
            upper.fs.rename(&INTERNAL, old, new, Rename::Exchange)?;
            // One that hides nothing does no harm, if it cannot be removed.
            whiteout_here =
                old_hidden || upper.fs.remove(&INTERNAL, old.0, old.1, crate::Remove::NonDirectory).is_err();
        } else if old_hidden {
            self.rename_with_whiteout((&from.node, from.name), (&to.node, to.name))?;
        } else {
            upper.fs.rename(&INTERNAL, old, new, Rename::Replace)?;
        }
        [&from.node, &to.node, &source.node].into_iter().for_each(|node| node.changed());
        tree.set_child(from.dir, from.name, Child::Nothing { whiteout: whiteout_here })?;
        tree.set_child(to.dir, to.name, Child::Node { slot: source.slot, in_upper: true })?;
        if let Some(target) = target {
            if !target.in_upper && target.node.upper.get().is_some() {
                self.uncount_name(&target.node);
            }
            self.unnamed(tree, target.slot, &to.node)?;
        }
        Ok(())
    }

    fn exchange(
        &self,
        tree: &mut Tree,
        (from, source): (Place<'_>, Thing),
        (to, target): (Place<'_>, Thing),
    ) -> Result<(), Stop> {
        let upper = self.upper()?;
        self.bring_up(tree, &from, &source)?;
        self.bring_up(tree, &to, &target)?;
        let hidden = (self.is_hidden(&from.node, from.name)?, self.is_hidden(&to.node, to.name)?);
        self.take_along(tree, &source, (&from, &to), hidden.1)?;
        self.take_along(tree, &target, (&to, &from), hidden.0)?;
        let (old, new) = ((from.node.real()?.id, from.name), (to.node.real()?.id, to.name));
        upper.fs.rename(&INTERNAL, old, new, Rename::Exchange)?;
        [&from.node, &to.node, &source.node, &target.node].into_iter().for_each(|node| node.changed());
        tree.set_child(from.dir, from.name, Child::Nothing { whiteout: false })?;
        tree.set_child(to.dir, to.name, Child::Node { slot: source.slot, in_upper: true })?;
        tree.set_child(from.dir, from.name, Child::Node { slot: target.slot, in_upper: true })?;
        Ok(())
    }

    /// Makes sure that the upper layer has what is to be moved, under the name that it is to be moved from.
    fn bring_up(&self, tree: &mut Tree, from: &Place<'_>, source: &Thing) -> Result<(), Stop> {
        if source.node.upper.get().is_none() {
            if source.node.file_type == FileType::Regular {
                return Err(Stop::copy_up(&source.node));
            }
            self.copy_up_locked(tree, source.slot, 0)?;
        }
        Ok(self.place(tree, from.dir, from.name)?)
    }

    /// Marks what is to be moved with all that its new place must know of it.
    fn take_along(&self, tree: &Tree, source: &Thing, (from, to): (&Place<'_>, &Place<'_>), hides: bool) -> Result<()> {
        self.make_impure(&to.node, &source.node)?;
        let place = source.node.real()?;
        let marks = &self.layers.marks;
        if !source.node.is_dir() {
            return Ok(());
        }
        if source.node.lowers.is_empty() {
            // Or it would merge with what lies below its new name.
            return if hides { marks.set_opaque(&*place.fs, place.id) } else { Ok(()) };
        }
        let beside = from.dir == to.dir;
        match marks.redirect_of(&*place.fs, place.id)? {
            Some(redirect) if beside || redirect.starts_with(b"/") => Ok(()),
            None if beside => marks.set_redirect(&*place.fs, place.id, from.name.as_bytes()),
            _ => marks.set_redirect(&*place.fs, place.id, &self.path_below(tree, source.slot)?),
        }
    }

    /// Where a directory is in the layers below: names, and redirects of what is above it, from the root.
    fn path_below(&self, tree: &Tree, slot: Slot) -> Result<Vec<u8>> {
        let (mut parts, mut at) = (Vec::new(), slot);
        while at != ROOT {
            let node = tree.node(at)?;
            let (parent, name) = tree.parent_and_name(at).ok_or(Errno::STALE)?;
            let redirect = match node.upper.get() {
                Some(upper) => self.layers.marks.redirect_of(&*upper.fs, upper.id)?,
                None => None,
            };
            match redirect {
                Some(path) if path.starts_with(b"/") => {
                    parts.push(path[1..].to_vec());
                    break;
                }
                Some(name) => parts.push(name.to_vec()),
                None => parts.push(name.as_bytes().to_vec()),
            }
            at = parent;
        }
        let mut path = Vec::new();
        for part in parts.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        Ok(path)
    }
}

/// Whether `dir` is `ancestor` or lies below it: up the chain of parents, in a loop.
fn is_within(tree: &Tree, mut dir: Slot, ancestor: Slot) -> bool {
    loop {
        if dir == ancestor {
            return true;
        }
        match tree.dir(dir) {
            Ok(d) if dir != ROOT => dir = d.parent,
            _ => return false,
        }
    }
}
