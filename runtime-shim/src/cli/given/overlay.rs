//! Copy-on-write views: what is looked at lies below and is never written; changes go to memory, or to a directory that
//! keeps them in the form of Linux's overlayfs.

use std::{path::Path, sync::Arc};

use gangplank::vfs::{
    FileSystem, MemFs, Mount, MountOptions, OverlayFs, Place, SetAttr, Tree, TreeError, overlay_fs::Builder,
};

use crate::cli::report::Failure;

/// Where changes go.
pub(super) enum Upper<'a> {
    /// Nowhere: there are none.
    None,
    /// To memory, where nothing is yet.
    Memory(&'a Arc<MemFs>),
    /// To a directory of the host; the second is for work on it.
    Host(&'a Path, &'a Path),
}

/// A view of several trees, each over the one before.
pub(super) fn view(lowers: &[Place], upper: Upper<'_>) -> Result<OverlayFs, Failure> {
    let mut builder = lowers.iter().rev().fold(OverlayFs::builder(), |builder, lower| builder.lower_at(lower.clone()));
    builder = match upper {
        Upper::None => builder,
        Upper::Memory(fs) => in_memory(builder, fs, lowers.last()).map_err(Failure::usage)?,
        Upper::Host(upper, work) => builder.upper_host(upper.to_owned(), work.to_owned()),
    };
    builder.build().map_err(Failure::usage)
}

/// The changes lie in a filesystem of ours, so that we can ask it which of its limits have been reached.
fn in_memory(builder: Builder, fs: &Arc<MemFs>, top: Option<&Place>) -> Result<Builder, TreeError> {
    let tree = Tree::of(Mount::detached(Arc::clone(fs) as Arc<dyn FileSystem>, MountOptions::default()));
    tree.create_dir("upper")?;
    tree.create_dir("work")?;
    if let Some(top) = top {
        let found = Tree::of(top.clone()).metadata("")?;
        let look = SetAttr { mode: Some(found.mode), uid: Some(found.uid), gid: Some(found.gid), ..SetAttr::default() };
        tree.set_attr("upper", &look)?;
    }
    Ok(builder.upper_at(tree.dir("upper")?.place().clone(), tree.dir("work")?.place().clone()))
}

/// Nodes in memory that a view has besides its top: what it works with.
pub(super) const OWN_NODES: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_view_needs_for_itself() {
        let lower = Tree::in_memory();
        lower.write("file", "x").unwrap();
        let memory = Arc::new(MemFs::new());
        let view = view(&[lower.place().clone()], Upper::Memory(&memory)).unwrap();
        let used = || memory.statfs().map(|stat| stat.files - stat.ffree).unwrap();
        assert_eq!(used(), OWN_NODES + 1);
        Tree::new(Arc::new(view)).write("new", "y").unwrap();
        assert_eq!(used(), OWN_NODES + 2);
    }
}
