//! A layer of an OCI image as a layer of an overlay: what its `.wh.` files say, an overlay says with marks.

use std::sync::Arc;

use gangplank::{
    seed::copy_tree,
    vfs::{
        Ctx, Errno, FileSystem as _, FileType, MemFs, Name, NewNode, NodeId, SetXattr, Tree, TreeError, tree::WalkEntry,
    },
};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What Linux's overlayfs calls it.
const OPAQUE_MARK: (&[u8], &[u8]) = (b"user.overlay.opaque", b"y");

/// The tree itself if it has no such files; else a copy in memory with marks in their place.
pub(super) fn marked(tree: Tree) -> Result<Tree, TreeError> {
    let mut whiteouts = Vec::new();
    for entry in tree.walk("")? {
        let entry = entry?;
        if entry.name().starts_with(WHITEOUT) {
            whiteouts.push(entry);
        }
    }
    if whiteouts.is_empty() {
        return Ok(tree);
    }
    let memory = Arc::new(MemFs::new());
    let copy = Tree::new(Arc::clone(&memory) as _);
    copy_tree(tree.place(), copy.place())?;
    for entry in &whiteouts {
        copy.remove_all(&entry.path)?;
        let above = entry.path.len() - entry.name().len();
        let dir = copy.dir(&entry.path[..above])?.place().node();
        mark(&memory, dir, entry).map_err(|errno| TreeError { path: entry.path.clone(), what: "mark", errno })?;
    }
    Ok(copy)
}

fn mark(memory: &MemFs, dir: NodeId, entry: &WalkEntry) -> Result<(), Errno> {
    if entry.name() == OPAQUE {
        let (name, value) = OPAQUE_MARK;
        return memory.xattrs().ok_or(Errno::NOTSUP)?.set(dir, name, value, SetXattr::Any);
    }
    let name = Name::new(&entry.name()[WHITEOUT.len()..])?;
    let whiteout = NewNode::Special { file_type: FileType::CharDevice, mode: 0, rdev: 0 };
    match memory.create(&Ctx::ROOT, dir, name, &whiteout) {
        Ok(made) => {
            memory.forget(made.node, 1);
            Ok(())
        }
        // The layer has something of that name, which says more.
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use gangplank::vfs::{MemFsOptions, OverlayFs, dir};

    use super::*;

    #[test]
    fn what_a_layer_says_is_gone_is_gone() {
        let below = dir! { "a": { "x": "1", "y": "2" }, "b": { "x": "1" }, "c": "3", "d": "4" }.tree().unwrap();
        let layer = dir! { "a": { ".wh.x": "", "new": "n" }, "b": { ".wh..wh..opq": "", "z": "5" }, ".wh.c": "" }
            .tree()
            .unwrap();
        let marked = marked(layer).unwrap();
        let view = OverlayFs::builder()
            .lower_at(marked.place().clone())
            .lower_at(below.place().clone())
            .upper_mem(MemFsOptions::new())
            .build()
            .unwrap();
        let seen: Vec<_> =
            Tree::new(Arc::new(view)).walk("").unwrap().map(|entry| entry.unwrap().display().to_string()).collect();
        assert_eq!(seen, ["a", "a/new", "a/y", "b", "b/z", "d"]);
        // One without marks is not copied.
        assert!(Arc::ptr_eq(super::marked(below.clone()).unwrap().fs(), below.fs()));
    }
}
