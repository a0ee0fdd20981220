//! Whiteouts: character devices with number 0, by which an overlay hides what lies below
//! (<https://man7.org/linux/man-pages/man2/rename.2.html>, `RENAME_WHITEOUT`). Underneath an overlay they are nodes like
//! any other.

use gangplank_vfs::{FileType, FsCaps, NewNode, OpenFlags, Rename};

use crate::World;

const WHITEOUT: NewNode<'static> = NewNode::Special { file_type: FileType::CharDevice, mode: 0, rdev: 0 };

#[track_caller]
fn is_whiteout(w: &World, path: &str) {
    let m = w.stat(path).unwrap();
    assert_eq!((m.file_type, m.rdev, m.nlink), (FileType::CharDevice, 0, 1), "{path}");
}

cases! { whiteout, __cases_whiteout, "rename(2), RENAME_WHITEOUT";

/// They can be made, listed, moved, replaced and removed; not opened.
fn they_are_nodes(w) {
    if !w.has(FsCaps::WHITEOUT) {
        return;
    }
    w.create("a", WHITEOUT).unwrap();
    is_whiteout(w, "a");
    refused!(w.create("a", WHITEOUT), EXIST);
    refused!(w.open("a", OpenFlags::READ), NXIO);
    assert_eq!(w.names("").unwrap(), ["a"]);
    w.mv("a", "b").unwrap();
    is_whiteout(w, "b");
    w.put("c", "c");
    w.mv("c", "b").unwrap();
    assert_eq!(w.read("b").unwrap(), b"c");
    w.create("a", WHITEOUT).unwrap();
    w.unlink("a").unwrap();
    refused!(w.node("a"), NOENT);
}

/// The old name becomes a whiteout, whatever was moved and wherever to.
fn a_rename_can_leave_one(w) {
    if !w.has(FsCaps::WHITEOUT) {
        return;
    }
    w.mkdir("d").unwrap();
    let a = w.put("a", "a");
    w.rename("a", "b", Rename::Whiteout).unwrap();
    is_whiteout(w, "a");
    assert_eq!((w.node("b").unwrap().id, w.read("b").unwrap()), (a.id, b"a".to_vec()));
    w.put("old", "old");
    w.rename("b", "old", Rename::Whiteout).unwrap();
    is_whiteout(w, "b");
    assert_eq!(w.read("old").unwrap(), b"a");
    w.mkdir("e").unwrap();
    w.put("e/x", "x");
    w.rename("e", "d/e", Rename::Whiteout).unwrap();
    is_whiteout(w, "e");
    assert_eq!(w.read("d/e/x").unwrap(), b"x");
    w.mkdir("d/empty").unwrap();
    w.rename("d/e", "d/empty", Rename::Whiteout).unwrap();
    is_whiteout(w, "d/e");
    assert_eq!(w.names("d").unwrap(), ["e", "empty"]);
    if w.has(FsCaps::DIR_NLINK) {
        assert_eq!((w.stat("d").unwrap().nlink, w.stat("").unwrap().nlink), (3, 3));
    }
}

/// A whiteout is a name like any other: what a rename refuses it refuses here, and nothing is left.
fn a_refused_rename_leaves_none(w) {
    if !w.has(FsCaps::WHITEOUT) {
        return;
    }
    w.put("a", "a");
    w.mkdir("d").unwrap();
    w.mkdir("d/e").unwrap();
    refused!(w.rename("a", "d", Rename::Whiteout), ISDIR);
    refused!(w.rename("d", "a", Rename::Whiteout), NOTDIR);
    refused!(w.rename("d", "d/e/f", Rename::Whiteout), INVAL);
    refused!(w.rename("none", "x", Rename::Whiteout), NOENT);
    assert_eq!(w.tree(), "a = \"a\" (1 links)\nd/\nd/e/\n");
}

/// Two names of one node: nothing happens.
fn between_two_names_of_one_node(w) {
    if !w.has(FsCaps::WHITEOUT | FsCaps::HARD_LINKS) {
        return;
    }
    w.put("a", "a");
    w.link("a", "b").unwrap();
    w.rename("a", "b", Rename::Whiteout).unwrap();
    assert_eq!((w.read("a").unwrap(), w.read("b").unwrap()), (b"a".to_vec(), b"a".to_vec()));
}
}
