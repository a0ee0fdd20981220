//! [`of_overlay`]: what an overlay changes, by what its upper layer holds.

use std::{collections::HashSet, sync::Arc};

use super::{
    Aspects, Changes, Kind,
    engine::{Engine, Identity, Item, Listed, Side, Sides},
    trees::Trees,
};
use crate::{
    Ctx, Errno, FileSystem, MemFs, Name, NodeId, OverlayFs, Place,
    tree::{Result, Tree, TreeError},
};

/// What is different in an overlay, compared with the layers below its upper one: by what the upper layer holds, so that
/// it costs what was touched. What was deleted with a directory is counted, which costs its size. Renames are
/// recognised.
///
/// An overlay without an upper layer has changed nothing.
///
/// # Errors
/// [`TreeError`] for what cannot be examined or read.
pub fn of_overlay(overlay: &OverlayFs) -> Result<Changes> {
    with_below(overlay, |before, after, below| changes(overlay, before, after, below))
}

/// The changes, with what [`with_below`] gives.
pub(super) fn changes(overlay: &OverlayFs, before: &Tree, after: &Tree, below: Option<&OverlayFs>) -> Result<Changes> {
    let trees = Trees { before, after, related: Some(&|_| true) };
    let mut engine = Engine::new(Layers { trees, below, overlay, linked: HashSet::new() });
    let (was, is) = (Item::top(before.place().node()), Item::top(after.place().node()));
    engine.changed(&was, &is)?;
    engine.pair(was, is);
    engine.run()?;
    tell_other_names(&mut engine, after)?;
    Ok(engine.finish())
}

/// Calls `f` with the tree below an overlay, the tree of the overlay, and the view that the first is of.
pub(super) fn with_below<T>(
    overlay: &OverlayFs,
    f: impl FnOnce(&Tree, &Tree, Option<&OverlayFs>) -> Result<T>,
) -> Result<T> {
    let failed = |_| TreeError::new("open the layers below", b"", Errno::IO);
    let below = overlay.below().map_err(failed)?.map(Arc::new);
    // A view of the same, on the same nodes: an overlay is its own shared part.
    let after = Tree::new(Arc::new(overlay.same()));
    let before: Arc<dyn FileSystem> = match &below {
        Some(below) => below.clone(),
        None => Arc::new(MemFs::new()),
    };
    f(&Tree::new(before), &after, below.as_deref())
}

struct Layers<'t> {
    trees: Trees<'t>,
    /// What `trees.before` shows.
    below: Option<&'t OverlayFs>,
    overlay: &'t OverlayFs,
    /// Files with several names that have been compared.
    linked: HashSet<NodeId>,
}

impl Layers<'_> {
    /// The names that the upper layer says something about, if it is the only difference between the two directories.
    fn said(&self, before: &Place, after: &Place) -> crate::Result<Option<Vec<Box<[u8]>>>> {
        let Some(below) = self.below else { return Ok(None) };
        let (was, is) = (below.parts(before.node())?, self.overlay.parts(after.node())?);
        if was.lowers != is.lowers {
            return Ok(None);
        }
        match is.upper {
            Some(upper) => super::trees::list(&upper).map(|all| Some(all.into_iter().map(|one| one.name).collect())),
            None => Ok(Some(Vec::new())),
        }
    }
}

fn find(dir: &Place, name: &[u8]) -> crate::Result<Option<Listed>> {
    match dir.fs().lookup(&Ctx::ROOT, dir.node(), Name::new(name)?) {
        Ok(found) => {
            dir.fs().forget(found.node, 1);
            Ok(Some(Listed { name: name.into(), node: found.node, file_type: found.file_type }))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e),
    }
}

impl Sides for Layers<'_> {
    fn list(&mut self, side: Side, dir: &Item) -> Result<Vec<Listed>> {
        self.trees.list(side, dir)
    }

    fn entries(&mut self, before: &Item, after: &Item) -> Result<(Vec<Listed>, Vec<Listed>)> {
        let some = || {
            let (was, is) = (self.trees.reach(Side::Before, before)?, self.trees.reach(Side::After, after)?);
            let Some(names) = self.said(&was, &is)? else { return Ok(None) };
            let (mut all_was, mut all_is) = (Vec::new(), Vec::new());
            for name in names {
                all_was.extend(find(&was, &name)?);
                all_is.extend(find(&is, &name)?);
            }
            Ok(Some((all_was, all_is)))
        };
        match some().map_err(|e| TreeError::new("compare", &after.path.to_vec(), e))? {
            Some(entries) => Ok(entries),
            None => self.trees.entries(before, after),
        }
    }

    fn identity(&self, side: Side, node: NodeId) -> Option<Identity> {
        self.trees.identity(side, node)
    }

    fn is_touched(&self, after: &Item) -> bool {
        self.trees.reach(Side::After, after).map_or(true, |place| !self.overlay.is_whole(place.node()))
    }

    fn aspects(&mut self, before: &Item, after: &Item) -> Result<Aspects> {
        if after.file_type != crate::FileType::Directory && self.trees.examine(Side::After, after)?.1.nlink > 1 {
            self.linked.insert(after.node);
        }
        self.trees.aspects(before, after)
    }

    fn size(&mut self, side: Side, item: &Item) -> Result<u64> {
        self.trees.size(side, item)
    }
}

/// A file with several names that was copied up under one of them has changed under the others, too, of which the upper
/// layer says nothing.
fn tell_other_names(engine: &mut Engine<Layers<'_>>, after: &Tree) -> Result<()> {
    let linked = core::mem::take(&mut engine.sides.linked);
    if linked.is_empty() {
        return Ok(());
    }
    let told = engine.paths();
    let mut dirs = vec![Item::top(after.place().node())];
    while let Some(dir) = dirs.pop() {
        for entry in engine.sides.list(Side::After, &dir)? {
            let is = super::engine::item(&dir, &entry);
            if is.file_type == crate::FileType::Directory {
                dirs.push(is);
                continue;
            }
            if !linked.contains(&is.node) || told.contains(&is.path.to_vec()) {
                continue;
            }
            // If it has not been there before, it has come with a directory that was renamed.
            if engine.sides.trees.reach(Side::Before, &is).is_err() {
                continue;
            }
            let aspects = engine.sides.aspects(&is, &is)?;
            if !aspects.is_empty() {
                engine.tell(&is, Kind::Changed(aspects), Some(&is))?;
            }
        }
    }
    Ok(())
}
