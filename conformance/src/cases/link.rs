//! `link`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/link.html>; and exact link counts.

use gangplank_vfs::{Ctx, FileType, FsCaps, Name, NewNode, OpenFlags};

use crate::World;

/// Whether links can be made; if not, that they are refused as documented.
fn claimed(w: &World) -> bool {
    if w.has(FsCaps::HARD_LINKS) {
        return true;
    }
    w.put("a", "x");
    refused!(w.link("a", "b"), NOTSUP);
    refused!(w.node("b"), NOENT);
    assert_eq!(w.stat("a").unwrap().nlink, 1);
    false
}

cases! { link, __cases_link, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/link.html";

/// Two names, one node.
fn two_names_one_node(w) {
    if !claimed(w) {
        return;
    }
    w.mkdir("d").unwrap();
    let a = w.put("a", "hello");
    w.link("a", "d/b").unwrap();
    assert_eq!(w.node("d/b").unwrap().id, a.id);
    w.open("d/b", OpenFlags::WRITE).unwrap().write(0, b"HE").unwrap();
    assert_eq!(w.read("a").unwrap(), b"HEllo");
    assert_eq!((w.stat("a").unwrap(), w.stat("d/b").unwrap().nlink), (w.stat("d/b").unwrap(), 2));
    w.unlink("a").unwrap();
    assert_eq!((w.read("d/b").unwrap(), w.stat("d/b").unwrap().nlink), (b"HEllo".to_vec(), 1));
}

/// EEXIST, whatever is there; ENOTDIR; ENOENT of a removed directory.
fn refusals(w) {
    if !claimed(w) {
        return;
    }
    let a = w.put("a", "");
    w.put("b", "b");
    w.mkdir("d").unwrap();
    refused!(w.link("a", "b"), EXIST);
    refused!(w.link("a", "a"), EXIST);
    refused!(w.link("a", "d"), EXIST);
    refused!(w.link("a", "b/x"), NOTDIR);
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("nowhere", "l").unwrap();
        refused!(w.link("a", "l"), EXIST);
    }
    let gone = w.mkdir("gone").unwrap();
    w.rmdir("gone").unwrap();
    refused!(w.fs().link(&Ctx::ROOT, a.id, gone.id, Name::new(b"x").unwrap()), NOENT);
    assert_eq!(w.stat("a").unwrap().nlink, 1);
}

/// EPERM of a directory.
fn a_directory_is_perm(w) {
    if !claimed(w) {
        return;
    }
    w.mkdir("d").unwrap();
    w.mkdir("e").unwrap();
    refused!(w.link("d", "x"), PERM);
    refused!(w.link("d", "d/x"), PERM);
    refused!(w.link("", "x"), PERM);
    refused!(w.link("d", "e"), EXIST | PERM);
}

/// ENOENT of a file whose last name has gone: no resurrection.
fn a_removed_file_is_noent(w) {
    if !claimed(w) {
        return;
    }
    let a = w.put("a", "");
    let open = a.open(OpenFlags::READ).unwrap();
    w.unlink("a").unwrap();
    refused!(w.fs().link(&Ctx::ROOT, a.id, w.fs().root(), Name::new(b"b").unwrap()), NOENT);
    assert_eq!(w.names("").unwrap(), [""; 0]);
    drop(open);
}

/// A symbolic link is linked itself; a FIFO too.
fn what_is_no_file_is_linked_itself(w) {
    if !claimed(w) {
        return;
    }
    if w.has(FsCaps::SYMLINKS) {
        w.put("t", "");
        w.symlink("t", "l").unwrap();
        w.link("l", "m").unwrap();
        assert_eq!(w.node("m").unwrap().file_type, FileType::Symlink);
        assert_eq!(w.readlink("m").unwrap(), b"t");
        assert_eq!((w.stat("l").unwrap().nlink, w.stat("t").unwrap().nlink), (2, 1));
    }
    if w.has(FsCaps::FIFOS) {
        w.create("p", NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 }).unwrap();
        w.link("p", "q").unwrap();
        assert_eq!(w.stat("p").unwrap().nlink, 2);
    }
}

/// The count follows every name that comes and goes, by whatever operation.
fn the_count_is_exact(w) {
    if !claimed(w) {
        return;
    }
    let a = w.put("a", "");
    let count = || a.stat().unwrap().nlink;
    for i in 0..20 {
        w.link("a", &format!("l{i}")).unwrap();
        assert_eq!(count(), i + 2);
    }
    w.unlink("l0").unwrap();
    assert_eq!(count(), 20);
    w.mv("l1", "l2").unwrap();
    assert_eq!(count(), 20, "two names of one file: rename does nothing");
    w.put("other", "");
    w.mv("other", "l2").unwrap();
    assert_eq!(count(), 19, "one was replaced");
    w.mv("l3", "elsewhere").unwrap();
    assert_eq!(count(), 19, "one was renamed");
    w.link("l2", "other2").unwrap();
    w.mv("l4", "other2").unwrap();
    assert_eq!((count(), w.stat("l2").unwrap().nlink), (19, 1));
    for name in w.names("").unwrap() {
        if w.node(&name).unwrap().id == a.id {
            w.unlink(&name).unwrap();
        }
    }
    assert_eq!(count(), 0);
}

/// A directory: 2, and one more for each subdirectory, where that is claimed.
fn a_directorys_count(w) {
    if !w.has(FsCaps::DIR_NLINK) {
        return;
    }
    let d = w.mkdir("d").unwrap();
    let root = || w.root().stat().unwrap().nlink;
    let base = root();
    let count = || d.stat().unwrap().nlink;
    assert_eq!(count(), 2);
    w.mkdir("d/e").unwrap();
    w.mkdir("d/f").unwrap();
    w.put("d/file", "");
    assert_eq!(count(), 4);
    w.mv("d/e", "e").unwrap();
    assert_eq!((count(), root()), (3, base + 1));
    w.mv("e", "d/f").unwrap();
    assert_eq!((count(), root()), (3, base), "one was replaced by one");
    if w.has(FsCaps::EXCHANGE) {
        w.mkdir("g").unwrap();
        w.rename("g", "d/file", gangplank_vfs::Rename::Exchange).unwrap();
        assert_eq!((count(), root()), (4, base), "a directory for a file");
        w.rename("g", "d/file", gangplank_vfs::Rename::Exchange).unwrap();
        assert_eq!((count(), root()), (3, base + 1), "and back");
        w.rmdir("g").unwrap();
    }
    w.rmdir("d/f").unwrap();
    assert_eq!(count(), 2);
    refused!(w.rmdir("d"), NOTEMPTY);
    w.unlink("d/file").unwrap();
    w.rmdir("d").unwrap();
    assert_eq!((count(), root()), (0, base - 1), "removed");
}
}
