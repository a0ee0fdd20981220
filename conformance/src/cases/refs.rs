//! References: `retain`, `forget`, and numbers that are never used twice.

use std::collections::HashSet;

use gangplank_vfs::{FsCaps, NodeId, OpenFlags};

cases! { refs, __cases_refs, "FileSystem, References";

/// References are counted: as many `forget`s as `retain`s, in any batches.
fn references_are_counted(w) {
    let a = w.put("a", "hello");
    for _ in 0..10 {
        w.fs().retain(a.id);
    }
    w.fs().forget(a.id, 4);
    if w.holds_removed() {
        w.unlink("a").unwrap();
    }
    w.fs().forget(a.id, 6);
    assert_eq!(a.open(OpenFlags::READ).unwrap().read(0, 9).unwrap(), b"hello");
}

/// `lookup` and `create` each give one; what has a name needs none to stay.
fn what_has_a_name_needs_no_reference(w) {
    drop(w.put("a", "hello"));
    drop(w.mkdir("d").unwrap());
    drop(w.put("d/x", "x"));
    for _ in 0..3 {
        drop(w.node("d/x").unwrap());
    }
    assert_eq!(w.read("a").unwrap(), b"hello");
    assert_eq!(w.read("d/x").unwrap(), b"x");
}

/// The root is always referenced, however often it is forgotten.
fn the_root_cannot_be_forgotten(w) {
    w.fs().forget(w.fs().root(), 1000);
    w.put("a", "");
    assert_eq!(w.names("").unwrap(), ["a"]);
}

/// Unknown numbers are ignored, and too many as well.
fn unknown_nodes_are_ignored(w) {
    for raw in [1, 2, 3, 99, u64::from(u32::MAX), 1 << 32, i64::MAX as u64, u64::MAX] {
        let id = NodeId::new(raw).unwrap();
        if id != w.fs().root() {
            w.fs().forget(id, 1);
            w.fs().forget(id, u64::MAX);
        }
    }
    let a = w.put("a", "");
    let id = a.id;
    w.unlink("a").unwrap();
    drop(a);
    w.fs().forget(id, 1);
    w.put("b", "x");
    assert_eq!(w.read("b").unwrap(), b"x");
}

/// A number is never used twice while the filesystem lives (a host promises it only for what is held).
fn numbers_are_never_used_twice(w) {
    let (mut seen, mut held) = (HashSet::new(), vec![]);
    for _ in 0..200 {
        let a = w.mkfile("a").unwrap();
        assert!(seen.insert(a.id), "{:?} was used before", a.id);
        w.unlink("a").unwrap();
        if !w.has(FsCaps::LOCAL) {
            held.push(a);
        }
    }
}

/// A node keeps its number through rename, and every way to learn it agrees.
fn a_number_survives_rename(w) {
    w.mkdir("d").unwrap();
    let (a, d) = (w.put("a", ""), w.mkdir("e").unwrap());
    w.mv("a", "d/b").unwrap();
    w.mv("e", "d/f").unwrap();
    assert_eq!((w.node("d/b").unwrap().id, w.node("d/f").unwrap().id), (a.id, d.id));
}

/// Ten thousand nodes looked up and forgotten leave nothing open or held: the host's descriptors suffice.
fn ten_thousand_lookups(w) {
    for i in 0..100 {
        w.put(&format!("{i}"), "");
    }
    for round in 0..100 {
        for i in 0..100 {
            let node = w.node(format!("{i}")).unwrap();
            if round % 10 == 0 {
                drop(node.open(OpenFlags::READ).unwrap());
            }
        }
    }
}

/// Many nodes may be held at once. A host filesystem may need a descriptor for each, of the 1024 that a process has.
fn many_nodes_held_at_once(w) {
    let n = if w.has(FsCaps::LOCAL) { 5000 } else { 250 };
    let held: Vec<_> = (0..n).map(|i| w.mkfile(&format!("{i}")).unwrap()).collect();
    for (i, node) in held.iter().enumerate() {
        assert_eq!(w.node(format!("{i}")).unwrap().id, node.id);
        assert_eq!(node.stat().unwrap().ino, node.id);
    }
}
}
