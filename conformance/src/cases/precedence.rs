//! Two faults at once: which of the two errors is answered. The order is that of the documentation of each trait
//! method, which is Linux's where POSIX leaves it open.

use gangplank_vfs::{Ctx, FsCaps, Name, NewNode, OpenFlags, Remove, Rename};

use crate::World;

/// A file `f`, a directory `d` with `d/x` in it, an empty directory `e`, and a removed directory.
fn scene(w: &World) -> crate::Node {
    w.put("f", "f");
    w.mkdir("d").unwrap();
    w.put("d/x", "x");
    w.mkdir("e").unwrap();
    let gone = w.mkdir("gone").unwrap();
    w.rmdir("gone").unwrap();
    gone
}

const NAME: fn(&'static str) -> Name<'static> = |s| Name::new(s.as_bytes()).unwrap();
const FILE: NewNode<'static> = NewNode::Regular { mode: 0o644 };

cases! { precedence, __cases_precedence, "FileSystem: the order in which each method lists its errors; XSH 2.3";

/// `create`: NOTDIR, EXIST, NOENT, then the rest.
fn create(w) {
    let gone = scene(w);
    let f = w.node("f").unwrap();
    if w.has(FsCaps::SYMLINKS) {
        refused!(w.create_in(&f, "x", NewNode::Symlink { target: b"" }), NOTDIR, "no directory, and a bad target");
        refused!(w.symlink("", "f"), EXIST, "taken, and a bad target");
        refused!(w.symlink(vec![b'x'; 5000], "f"), EXIST, "taken, and a long target");
        // A host's kernel cannot be shown such a target.
        refused!(w.create_in(&gone, "x", NewNode::Symlink { target: b"" }), NOENT | INVAL, "removed, and a bad target");
    }
    refused!(w.create_in(&gone, "x", FILE), NOENT);
}

/// `link`: NOTDIR, EXIST, NOENT, PERM.
fn link(w) {
    let gone = scene(w);
    if !w.has(FsCaps::HARD_LINKS) {
        return;
    }
    let link = |node: &crate::Node, dir: &crate::Node, name| w.fs().link(&Ctx::ROOT, node.id, dir.id, NAME(name));
    let (f, d) = (w.node("f").unwrap(), w.node("d").unwrap());
    refused!(link(&d, &f, "x"), NOTDIR | PERM, "no directory, and links a directory");
    refused!(link(&d, &w.root(), "f"), EXIST | PERM, "taken, and links a directory");
    refused!(link(&f, &gone, "x"), NOENT);
    refused!(link(&d, &gone, "x"), NOENT | PERM, "removed, and links a directory");
    let lost = w.put("lost", "");
    w.unlink("lost").unwrap();
    refused!(link(&lost, &w.root(), "f"), EXIST | NOENT, "taken, and the file is removed");
    refused!(link(&lost, &f, "x"), NOTDIR, "no directory, and the file is removed");
}

/// `remove`: NOTDIR, NOENT, then the type, then the entries.
fn remove(w) {
    let gone = scene(w);
    let f = w.node("f").unwrap();
    for what in [Remove::NonDirectory, Remove::Directory] {
        refused!(w.fs().remove(&Ctx::ROOT, f.id, NAME("nothing"), what), NOTDIR, "no directory, no such name");
        refused!(w.fs().remove(&Ctx::ROOT, gone.id, NAME("nothing"), what), NOENT);
    }
    refused!(w.unlink("d"), ISDIR, "a directory, and not empty");
}

/// `rename`: directories, old name, ancestry, EXIST, types, entries.
fn rename(w) {
    let gone = scene(w);
    let (f, root) = (w.node("f").unwrap(), w.fs().root());
    let rename = |from: (gangplank_vfs::NodeId, &'static str), to: (gangplank_vfs::NodeId, &'static str), how| {
        w.fs().rename(&Ctx::ROOT, (from.0, NAME(from.1)), (to.0, NAME(to.1)), how)
    };
    let mut ways = vec![Rename::Replace];
    if w.has(FsCaps::NO_REPLACE) {
        ways.push(Rename::NoReplace);
    }
    if w.has(FsCaps::EXCHANGE) {
        ways.push(Rename::Exchange);
    }
    for how in ways {
        refused!(rename((f.id, "x"), (gone.id, "y"), how), NOTDIR, "{how:?}: from no directory into a removed one");
        refused!(rename((root, "nothing"), (f.id, "y"), how), NOTDIR, "{how:?}: nothing into no directory");
        refused!(rename((root, "nothing"), (root, "d"), how), NOENT, "{how:?}: nothing onto something");
        refused!(rename((root, "d"), (gone.id, "y"), how), NOENT, "{how:?}: into a removed directory");
    }
    refused!(w.mv("d", "d/x"), INVAL, "into itself, and a directory over a file");
    refused!(w.mv("e", "f"), NOTDIR);
    refused!(w.mv("f", "d"), ISDIR, "over a directory, and it is not empty");
    if w.has(FsCaps::NO_REPLACE) {
        refused!(w.rename("f", "d", Rename::NoReplace), EXIST, "taken, and by a directory");
        refused!(w.rename("d", "f", Rename::NoReplace), EXIST, "taken, and by a file");
    }
    if w.has(FsCaps::EXCHANGE) {
        refused!(w.rename("d", "d/nothing", Rename::Exchange), INVAL | NOENT, "into itself, and nothing is there");
    }
}

/// `open`: NOTDIR before ISDIR before all else.
fn open(w) {
    scene(w);
    refused!(w.open("f", OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::DIRECTORY), NOTDIR);
    assert_eq!(w.read("f").unwrap(), b"f", "and nothing was cut");
    refused!(w.open("d", OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::DIRECTORY), ISDIR);
}

/// Reading and writing: BADF before every other.
fn read_and_write(w) {
    scene(w);
    let dir = w.open("d", OpenFlags::empty()).unwrap();
    refused!(dir.read(u64::MAX, 1), BADF | ISDIR, "no access, a directory, a bad offset");
    let f = w.open("f", OpenFlags::READ).unwrap();
    refused!(f.write(w.fs().info().max_file_size, b"x"), BADF, "no access, and too far");
    refused!(f.set_len(u64::MAX), BADF, "no access, and too long");
    let f = w.open("f", OpenFlags::WRITE).unwrap();
    refused!(f.write(u64::MAX, b"x"), INVAL, "a bad offset, and too far");
}
}
