//! Snapshots: a fork shares everything until one of the two writes, and then nothing that was written.

use std::sync::Arc;

use gangplank_vfs::{FileSystem, FsCaps, OpenFlags, SetAttr};

use crate::{Made, World};

fn fork(w: &World) -> Option<World> {
    let facet = w.fs().snapshots();
    assert_eq!(facet.is_some(), w.has(FsCaps::SNAPSHOT));
    Some(World::new(Made::new(facet?.fork().unwrap())))
}

fn grow(w: &World) {
    w.mkdir("d").unwrap();
    w.mkdir("d/e").unwrap();
    w.put("a", "hello");
    w.put("d/b", [b'x'; 50_000]);
    w.put("d/e/c", "c");
    if w.has(FsCaps::HARD_LINKS) {
        w.link("a", "d/hard").unwrap();
    }
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("d/b", "s").unwrap();
    }
}

/// Changes of every kind.
fn change(w: &World, with: &str) {
    w.open("a", OpenFlags::WRITE).unwrap().write(0, with.as_bytes()).unwrap();
    w.open("d/b", OpenFlags::WRITE).unwrap().write(20_000, with.as_bytes()).unwrap();
    w.open("d/b", OpenFlags::WRITE).unwrap().append(with.as_bytes()).unwrap();
    w.put(&format!("d/e/{with}"), with);
    w.mkdir(with).unwrap();
    w.mv("d/e/c", &format!("{with}/c")).unwrap();
    w.setattr("d", SetAttr { mode: Some(0o700), ..SetAttr::default() }).unwrap();
    if w.has(FsCaps::HARD_LINKS) {
        w.unlink("d/hard").unwrap();
    }
}

cases! { snapshot, __cases_snapshot, "Snapshots";

/// The fork is the same tree, with the same numbers and metadata.
fn a_fork_is_the_same_tree(w) {
    grow(w);
    let Some(f) = fork(w) else { return };
    assert_eq!(f.tree(), w.tree());
    for path in ["", "a", "d", "d/b", "d/e/c"] {
        let (mut a, b) = (w.stat(path).unwrap(), f.stat(path).unwrap());
        a.dev = b.dev;
        assert_eq!(a, b, "{path:?}");
    }
}

/// What the fork writes, the original does not see.
fn the_original_does_not_see_the_forks_writes(w) {
    grow(w);
    let before = w.tree();
    let Some(f) = fork(w) else { return };
    change(&f, "fork");
    assert_eq!(w.tree(), before);
    assert_ne!(f.tree(), before);
    assert_eq!(w.stat("d").unwrap().mode, 0o755);
}

/// What the original writes, the fork does not see; through files that were open before, too.
fn the_fork_does_not_see_the_originals_writes(w) {
    grow(w);
    let before = w.tree();
    let file = w.open("a", OpenFlags::READ | OpenFlags::WRITE).unwrap();
    let Some(f) = fork(w) else { return };
    change(w, "orig");
    file.write(0, b"open").unwrap();
    assert_eq!(w.read("a").unwrap(), b"openo");
    assert_eq!(f.tree(), before);
    assert_eq!(f.stat("d").unwrap().mode, 0o755);
}

/// Both go their own ways, and so do the forks of forks.
fn forks_of_forks(w) {
    grow(w);
    let Some(one) = fork(w) else { return };
    change(&one, "one");
    let two = fork(&one).unwrap();
    let (tree_one, tree_w) = (one.tree(), w.tree());
    change_again(&two);
    change(w, "w");
    assert_eq!(one.tree(), tree_one);
    assert_ne!(w.tree(), tree_w);
    let three = fork(&two).unwrap();
    let tree_two = two.tree();
    drop(one);
    drop(two);
    assert_eq!(three.tree(), tree_two);
}

/// A removed node comes not back, and a fork of a filesystem with removed but open files is whole.
fn removed_nodes_stay_with_who_holds_them(w) {
    grow(w);
    let file = w.open("a", OpenFlags::READ | OpenFlags::WRITE).unwrap();
    w.unlink("a").unwrap();
    if w.has(FsCaps::HARD_LINKS) {
        w.unlink("d/hard").unwrap();
    }
    let Some(f) = fork(w) else { return };
    refused!(f.node("a"), NOENT);
    assert_eq!(file.read(0, 9).unwrap(), b"hello");
    file.write(0, b"J").unwrap();
    drop(file);
    assert_eq!(f.tree(), w.tree());
    f.put("a", "other");
    refused!(w.node("a"), NOENT);
}

/// A node that is removed in one lives in the other, with its content.
fn removing_in_one_leaves_the_other(w) {
    grow(w);
    let Some(f) = fork(w) else { return };
    for path in ["d/b", "a", "d/e/c"] {
        w.unlink(path).unwrap();
    }
    assert_eq!(f.read("d/b").unwrap(), [b'x'; 50_000]);
    assert_eq!(f.read("a").unwrap(), b"hello");
    f.unlink("a").unwrap();
    assert_eq!(f.read("d/e/c").unwrap(), b"c");
}

/// The fork works when the original is gone, and the other way round.
fn either_outlives_the_other(w) {
    grow(w);
    let Some(f) = fork(w) else { return };
    let g = fork(w).unwrap();
    let tree = f.tree();
    change(&g, "g");
    drop(g);
    assert_eq!((w.tree(), f.tree()), (tree.clone(), tree));
    let fs: Arc<dyn FileSystem> = f.fs().clone();
    drop(f);
    assert_eq!(World::new(Made::new(fs)).read("a").unwrap(), b"hello");
}

/// Numbers made after the fork may be equal in the two, but are not mixed up.
fn numbers_after_the_fork(w) {
    grow(w);
    let Some(f) = fork(w) else { return };
    let (a, b) = (w.put("new-in-w", "w"), f.put("new-in-f", "f"));
    assert_eq!(a.open(OpenFlags::READ).unwrap().read(0, 9).unwrap(), b"w");
    assert_eq!(b.open(OpenFlags::READ).unwrap().read(0, 9).unwrap(), b"f");
    refused!(w.node("new-in-f"), NOENT);
    refused!(f.node("new-in-w"), NOENT);
}

/// Listing goes on across a fork.
fn cookies_hold_across_a_fork(w) {
    for i in 0..20 {
        w.put(&format!("{i}"), "");
    }
    let first = w.open("", OpenFlags::READ).unwrap().list_from(gangplank_vfs::Cookie::START, 7).unwrap();
    let Some(f) = fork(w) else { return };
    let rest = f.open("", OpenFlags::READ).unwrap().list_from(first[6].next, usize::MAX).unwrap();
    assert_eq!(first.len() + rest.len(), 20);
    assert!(rest.iter().all(|e| first.iter().all(|f| f.name != e.name)));
}
}

fn change_again(w: &World) {
    w.unlink("d/e/one").unwrap();
    w.open("d/b", OpenFlags::WRITE).unwrap().set_len(10).unwrap();
    w.put("two", "two");
}
