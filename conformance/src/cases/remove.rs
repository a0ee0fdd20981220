//! `remove`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html>,
//! <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rmdir.html>.

use gangplank_vfs::{Ctx, FileType, FsCaps, Name, NewNode, OpenFlags, Remove};

cases! { remove, __cases_remove, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/rmdir.html";

/// Anything but a directory, by `unlink`.
fn unlink_removes_anything_but_a_directory(w) {
    w.put("file", "x");
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("file", "link").unwrap();
        w.symlink("nowhere", "dangling").unwrap();
        w.unlink("link").unwrap();
        w.unlink("dangling").unwrap();
        assert_eq!(w.read("file").unwrap(), b"x");
    }
    if w.has(FsCaps::FIFOS) {
        w.create("fifo", NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 }).unwrap();
        w.unlink("fifo").unwrap();
    }
    if w.has(FsCaps::SOCKETS) {
        w.create("socket", NewNode::Special { file_type: FileType::Socket, mode: 0o600, rdev: 0 }).unwrap();
        w.unlink("socket").unwrap();
    }
    w.unlink("file").unwrap();
    assert_eq!(w.names("").unwrap(), [""; 0]);
    refused!(w.node("file"), NOENT);
}

/// EISDIR, as Linux says (POSIX allows EPERM), whether the directory is empty or not.
fn unlinking_a_directory_is_isdir(w) {
    w.mkdir("d").unwrap();
    refused!(w.unlink("d"), ISDIR);
    w.put("d/x", "");
    refused!(w.unlink("d"), ISDIR);
    assert_eq!(w.read("d/x").unwrap(), b"");
}

/// ENOTDIR, of a symbolic link to a directory too.
fn rmdir_of_what_is_no_directory_is_notdir(w) {
    w.put("a", "");
    refused!(w.rmdir("a"), NOTDIR);
    if w.has(FsCaps::SYMLINKS) {
        w.mkdir("d").unwrap();
        w.symlink("d", "l").unwrap();
        refused!(w.rmdir("l"), NOTDIR);
        assert!(w.node("d").is_ok() && w.node("l").is_ok());
    }
}

/// ENOTEMPTY, as Linux says (POSIX allows EEXIST), whatever the entry is.
fn rmdir_of_what_holds_something_is_notempty(w) {
    w.mkdir("d").unwrap();
    w.put("d/a", "");
    refused!(w.rmdir("d"), NOTEMPTY);
    w.unlink("d/a").unwrap();
    w.mkdir("d/e").unwrap();
    refused!(w.rmdir("d"), NOTEMPTY);
    w.rmdir("d/e").unwrap();
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("x", "d/l").unwrap();
        refused!(w.rmdir("d"), NOTEMPTY);
        w.unlink("d/l").unwrap();
    }
    w.rmdir("d").unwrap();
    refused!(w.node("d"), NOENT);
}

/// ENOENT.
fn of_what_is_not_there_is_noent(w) {
    refused!(w.unlink("a"), NOENT);
    refused!(w.rmdir("a"), NOENT);
    w.put("a", "");
    w.unlink("a").unwrap();
    refused!(w.unlink("a"), NOENT);
}

/// ENOTDIR before anything is looked for.
fn in_a_file_is_notdir(w) {
    w.put("a", "");
    refused!(w.unlink("a/b"), NOTDIR);
    refused!(w.rmdir("a/b"), NOTDIR);
}

/// ENOENT in a directory that is held but removed.
fn in_a_removed_directory_is_noent(w) {
    let dir = w.mkdir("d").unwrap();
    w.rmdir("d").unwrap();
    for what in [Remove::NonDirectory, Remove::Directory] {
        refused!(w.fs().remove(&Ctx::ROOT, dir.id, Name::new(b"x").unwrap(), what), NOENT);
    }
}

/// One name goes, the others stay.
fn one_name_of_many(w) {
    for i in 0..50 {
        w.put(&format!("{i}"), format!("{i}"));
    }
    for i in (0..50).step_by(3) {
        w.unlink(&format!("{i}")).unwrap();
    }
    for i in 0..50 {
        let got = w.read(format!("{i}"));
        if i % 3 == 0 {
            refused!(got, NOENT);
        } else {
            assert_eq!(got.unwrap(), i.to_string().as_bytes());
        }
    }
}

/// A tree of fifty levels goes, from its leaves.
fn a_deep_tree_goes_from_its_leaves(w) {
    let path: Vec<String> = (1..=50).map(|n| vec!["d"; n].join("/")).collect();
    for p in &path {
        w.mkdir(p).unwrap();
    }
    refused!(w.rmdir(&path[0]), NOTEMPTY);
    for p in path.iter().rev() {
        w.rmdir(p).unwrap();
    }
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// A directory that is open and removed is no longer in the tree, and what is made of its name is another.
fn an_open_directory_can_be_removed(w) {
    let d = w.mkdir("d").unwrap().open(OpenFlags::READ).unwrap();
    w.rmdir("d").unwrap();
    let again = w.mkdir("d").unwrap();
    assert_ne!(d.getattr().unwrap().ino, again.id);
    w.put("d/x", "");
    assert_eq!(d.list().unwrap(), []);
}
}
