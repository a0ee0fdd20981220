//! `lookup` and `parent`.

use gangplank_vfs::{FileType, FsCaps};

cases! { lookup, __cases_lookup, "FileSystem::lookup, FileSystem::parent; path_resolution(7)";

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/fstatat.html>: ENOENT.
fn a_missing_name_is_noent(w) {
    refused!(w.lookup(&w.root(), "a"), NOENT);
    w.mkdir("d").unwrap();
    refused!(w.node("d/a"), NOENT);
}

/// Same page: ENOTDIR, a component of the prefix is no directory.
fn a_name_in_a_file_is_notdir(w) {
    let file = w.put("a", "");
    refused!(w.lookup(&file, "b"), NOTDIR);
}

/// A symbolic link is no directory for the filesystem, wherever it points.
fn a_name_in_a_symlink_is_notdir(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.mkdir("d").unwrap();
    w.put("d/x", "");
    let link = w.symlink("d", "l").unwrap();
    refused!(w.lookup(&link, "x"), NOTDIR);
}

/// Lookup does not follow.
fn a_symlink_is_found_itself(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.symlink("nowhere", "l").unwrap();
    assert_eq!(w.node("l").unwrap().file_type, FileType::Symlink);
}

/// Names are bytes: no case folding, no normalisation, no UTF-8.
fn names_are_bytes(w) {
    let (one, two) = ("\u{e9}".as_bytes(), "e\u{301}".as_bytes());
    let names: [&[u8]; 9] = [b"a", b"A", b" ", b"...", b"a b\n", one, two, b"\\", b"*?:|\"<>"];
    for (i, name) in names.iter().enumerate() {
        w.put(name, [i as u8]);
    }
    for (i, name) in names.iter().enumerate() {
        assert_eq!(w.read(name).unwrap(), [i as u8], "{}", name.escape_ascii());
    }
    assert_eq!(w.names("").unwrap().len(), names.len());
}

/// On Linux a name need not be UTF-8.
fn names_need_not_be_utf8(w) {
    w.put(&b"\xff\xfe"[..], "x");
    assert_eq!(w.read(&b"\xff\xfe"[..]).unwrap(), b"x");
    assert_eq!(w.names("").unwrap(), ["\\xff\\xfe"]);
}

/// A name of `name_max` bytes works; <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/limits.h.html>.
fn the_longest_name_works(w) {
    let longest = vec![b'n'; w.fs().info().name_max.into()];
    w.put(&longest, "x");
    assert_eq!(w.read(&longest).unwrap(), b"x");
    w.mv(&longest, "a").unwrap();
    w.mv("a", &longest).unwrap();
    w.unlink(&longest).unwrap();
}

/// Every name of one letter less is another name.
fn prefixes_are_other_names(w) {
    let name = [b'x'; 64];
    for len in 1..=64 {
        w.put(&name[..len], [len as u8]);
    }
    for len in 1..=64 {
        assert_eq!(w.read(&name[..len]).unwrap(), [len as u8]);
    }
    assert_eq!(w.names("").unwrap().len(), 64);
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/fstatat.html>: in a removed directory there is nothing.
fn a_removed_directory_holds_no_names(w) {
    let dir = w.mkdir("d").unwrap();
    w.rmdir("d").unwrap();
    refused!(w.lookup(&dir, "a"), NOENT);
}

/// A directory that is held is found under its new name, and its names in it.
fn a_held_directory_survives_its_rename(w) {
    let dir = w.mkdir("d").unwrap();
    w.put("d/x", "1");
    w.mkdir("e").unwrap();
    w.mv("d", "e/f").unwrap();
    assert_eq!(w.lookup(&dir, "x").unwrap().id, w.node("e/f/x").unwrap().id);
    assert_eq!(dir.parent().unwrap().id, w.node("e").unwrap().id);
    assert_eq!(dir.stat().unwrap().ino, dir.id);
}

/// `parent` of anything but a directory is NOTDIR.
fn the_parent_of_a_file_is_notdir(w) {
    let file = w.put("a", "");
    refused!(file.parent(), NOTDIR);
}

/// The parent of a removed directory is its last parent, so that `..` still leads out of it.
fn the_parent_of_a_removed_directory_is_its_last(w) {
    let d = w.mkdir("d").unwrap();
    let e = w.mkdir("d/e").unwrap();
    w.rmdir("d/e").unwrap();
    assert_eq!(e.parent().unwrap().id, d.id);
    w.rmdir("d").unwrap();
    assert_eq!(e.parent().unwrap().id, d.id);
    assert_eq!(d.parent().unwrap().id, w.root().id);
}

/// Depth is limited by the caller's path alone.
fn deep_trees_work(w) {
    let mut at = w.root();
    for _ in 0..200 {
        at = w.create_in(&at, "d", gangplank_vfs::NewNode::Directory { mode: 0o755 }).unwrap();
    }
    w.create_in(&at, "leaf", gangplank_vfs::NewNode::Regular { mode: 0o644 }).unwrap();
    let mut up = 0;
    while at.id != w.root().id {
        at = at.parent().unwrap();
        up += 1;
    }
    assert_eq!(up, 200);
    let mut at = w.root();
    for _ in 0..200 {
        at = w.lookup(&at, "d").unwrap();
    }
    assert_eq!(w.lookup(&at, "leaf").unwrap().file_type, FileType::Regular);
}
}
