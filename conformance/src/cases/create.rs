//! `create`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/mkdir.html>, `mknod`, `symlink`.

use gangplank_vfs::{Cred, Ctx, FileType, FsCaps, Name, NewNode, OpenFlags, Rename, SetAttr};

use crate::{Made, World};

fn device(file_type: FileType, rdev: u64) -> NewNode<'static> {
    NewNode::Special { file_type, mode: 0o644, rdev }
}

/// Every kind of node that the filesystem claims.
fn kinds(w: &World) -> Vec<(&'static str, NewNode<'static>, FileType)> {
    let mut kinds = vec![
        ("file", NewNode::Regular { mode: 0o644 }, FileType::Regular),
        ("directory", NewNode::Directory { mode: 0o755 }, FileType::Directory),
    ];
    if w.has(FsCaps::SYMLINKS) {
        kinds.push(("symlink", NewNode::Symlink { target: b"t" }, FileType::Symlink));
    }
    if w.has(FsCaps::FIFOS) {
        let new = NewNode::Special { file_type: FileType::Fifo, mode: 0o644, rdev: 0 };
        kinds.push(("fifo", new, FileType::Fifo));
    }
    if w.has(FsCaps::SOCKETS) {
        let new = NewNode::Special { file_type: FileType::Socket, mode: 0o644, rdev: 0 };
        kinds.push(("socket", new, FileType::Socket));
    }
    if w.has(FsCaps::DEVICES) {
        kinds.push(("char", device(FileType::CharDevice, 0x103), FileType::CharDevice));
        kinds.push(("zero", device(FileType::CharDevice, 0), FileType::CharDevice));
        kinds.push(("block", device(FileType::BlockDevice, 0x801), FileType::BlockDevice));
    }
    kinds
}

cases! { create, __cases_create, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/mkdir.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/symlink.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/mknod.html";

/// A new node is of the type asked for, empty, and has one name.
fn makes_what_is_asked(w) {
    for (name, new, file_type) in kinds(w) {
        let node = w.create(name, new).unwrap();
        let m = node.stat().unwrap();
        assert_eq!((node.file_type, m.file_type), (file_type, file_type));
        match file_type {
            FileType::Directory => assert_eq!(w.names(name).unwrap(), [""; 0]),
            FileType::Symlink => assert_eq!((m.nlink, m.size), (1, 1)),
            _ => assert_eq!((m.nlink, m.size, m.blocks), (1, 0, 0)),
        }
    }
    assert_eq!(w.names("").unwrap().len(), kinds(w).len());
}

/// EEXIST, whatever is there, a dangling symbolic link too; nothing changes.
fn over_anything_is_exist(w) {
    for (name, new, _) in kinds(w) {
        w.create(name, new).unwrap();
    }
    let before = w.tree();
    for (name, _, _) in kinds(w) {
        for (kind, new, _) in kinds(w) {
            refused!(w.create(name, new), EXIST, "{kind} over {name}");
        }
    }
    assert_eq!(w.tree(), before);
}

/// ENOTDIR if the directory is none.
fn in_a_file_is_notdir(w) {
    let file = w.put("a", "");
    for (kind, new, _) in kinds(w) {
        refused!(w.create_in(&file, "x", new), NOTDIR, "{kind}");
    }
}

/// ENOENT in a directory that has been removed, though it is still held
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/mkdir.html>).
fn in_a_removed_directory_is_noent(w) {
    let dir = w.mkdir("d").unwrap();
    let file = dir.open(OpenFlags::READ).unwrap();
    w.rmdir("d").unwrap();
    for (kind, new, _) in kinds(w) {
        refused!(w.create_in(&dir, "x", new), NOENT, "{kind}");
    }
    assert_eq!(file.list().unwrap(), []);
    // Nor does it come back to life with a new directory of its name.
    w.mkdir("d").unwrap();
    refused!(w.create_in(&dir, "x", NewNode::Regular { mode: 0o644 }), NOENT);
    assert_eq!(w.names("d").unwrap(), [""; 0]);
}

/// The mode less the umask; <https://pubs.opengroup.org/onlinepubs/9799919799/functions/umask.html>.
fn the_mask_takes_bits_away(w) {
    let cred = Cred { umask: 0o027, ..Cred::ROOT };
    let cx = Ctx { cred: &cred };
    for (name, new) in [("f", NewNode::Regular { mode: 0o777 }), ("d", NewNode::Directory { mode: 0o777 })] {
        let e = w.fs().create(&cx, w.fs().root(), Name::new(name.as_bytes()).unwrap(), &new).unwrap();
        w.fs().forget(e.node, 1);
        assert_eq!(w.stat(name).unwrap().mode, 0o750, "{name}");
    }
    let cred = Cred { umask: 0, ..Cred::ROOT };
    let cx = Ctx { cred: &cred };
    let new = NewNode::Regular { mode: 0o600 };
    let e = w.fs().create(&cx, w.fs().root(), Name::new(b"g").unwrap(), &new).unwrap();
    w.fs().forget(e.node, 1);
    assert_eq!(w.stat("g").unwrap().mode, 0o600);
}

/// The type bits of a mode are not permission bits.
fn type_bits_in_the_mode_are_ignored(w) {
    w.create("f", NewNode::Regular { mode: 0o100_644 }).unwrap();
    assert_eq!(w.stat("f").unwrap().mode, 0o644);
}

/// What is not claimed is NOTSUP, and leaves nothing.
fn unclaimed_kinds_are_notsup(w) {
    if !w.has(FsCaps::SYMLINKS) {
        refused!(w.symlink("t", "s"), NOTSUP);
    }
    if !w.has(FsCaps::FIFOS) {
        refused!(w.create("p", NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 }), NOTSUP);
    }
    if !w.has(FsCaps::SOCKETS) {
        refused!(w.create("s", NewNode::Special { file_type: FileType::Socket, mode: 0o600, rdev: 0 }), NOTSUP);
    }
    if !w.has(FsCaps::DEVICES) {
        refused!(w.create("c", device(FileType::CharDevice, 0x103)), NOTSUP);
        refused!(w.create("b", device(FileType::BlockDevice, 0)), NOTSUP);
    }
    for file_type in [FileType::Regular, FileType::Directory, FileType::Symlink, FileType::Unknown] {
        let new = NewNode::Special { file_type, mode: 0o600, rdev: 0 };
        refused!(w.create("x", new), NOTSUP | INVAL, "{file_type:?} as special");
    }
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// Major and minor number, in the form of `st_rdev`, are those of mknod(2), whatever happens to the names; nothing else
/// has any.
fn a_device_keeps_its_number(w) {
    if w.has(FsCaps::SOCKETS) {
        let node = w.create("s", NewNode::Special { file_type: FileType::Socket, mode: 0o600, rdev: 0x103 }).unwrap();
        assert_eq!(node.stat().unwrap().rdev, 0);
    }
    if !w.has(FsCaps::DEVICES) {
        return;
    }
    // The last: 12 bits of major number, 20 of minor.
    for (i, rdev) in [0u64, 1, 0x103, 0x801, 0xffff_ffff].into_iter().enumerate() {
        for (kind, file_type) in [("c", FileType::CharDevice), ("b", FileType::BlockDevice)] {
            let (name, moved) = (format!("{kind}{i}"), format!("{kind}{i}-moved"));
            let node = w.create(&name, device(file_type, rdev)).unwrap();
            w.mv(&name, &moved).unwrap();
            let m = w.stat(&moved).unwrap();
            assert_eq!((m.ino, m.file_type, m.rdev, m.mode), (node.id, file_type, rdev, 0o644), "{moved}");
        }
    }
}

/// A character device with number 0 is a device, though overlays hide things with such nodes underneath: it is seen,
/// moved, linked and removed, stands in the way, and is there in a fork, and nobody sees how that is done.
fn the_device_of_number_nothing_is_there(w) {
    if !w.has(FsCaps::DEVICES) {
        return;
    }
    let is_there = |path: &str| {
        let m = w.stat(path).unwrap();
        assert_eq!((m.file_type, m.rdev, m.size), (FileType::CharDevice, 0, 0), "{path}");
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let listed = w.open(dir, OpenFlags::READ).unwrap().list().unwrap();
        let entry = listed.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("{path} is not listed"));
        assert!([FileType::CharDevice, FileType::Unknown].contains(&entry.file_type), "{path}");
        assert_eq!(entry.node, m.ino, "{path}");
    };
    let zero = device(FileType::CharDevice, 0);
    let a = w.create("a", zero).unwrap();
    is_there("a");
    refused!(w.create("a", zero), EXIST);
    refused!(w.mkdir("a"), EXIST);
    w.put("file", "f");
    w.mv("a", "file").unwrap();
    is_there("file");
    refused!(w.node("a"), NOENT);
    assert_eq!(w.names("").unwrap(), ["file"]);
    assert_eq!(w.node("file").unwrap().id, a.id);
    if w.has(FsCaps::HARD_LINKS) {
        w.link("file", "other").unwrap();
        is_there("other");
        assert_eq!(a.stat().unwrap().nlink, 2);
        w.unlink("other").unwrap();
    }
    w.mkdir("d").unwrap();
    w.mv("file", "d/x").unwrap();
    refused!(w.rmdir("d"), NOTEMPTY);
    w.mv("d", "e").unwrap();
    is_there("e/x");
    if w.has(FsCaps::EXCHANGE) {
        w.put("y", "y");
        w.rename("y", "e/x", Rename::Exchange).unwrap();
        is_there("y");
        assert_eq!(w.read("e/x").unwrap(), b"y");
        w.rename("y", "e/x", Rename::Exchange).unwrap();
        w.unlink("y").unwrap();
    }
    a.setattr(SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    is_there("e/x");
    if let Some(xattrs) = w.fs().xattrs() {
        let mut names = Vec::new();
        // A host may have none for what is no file.
        let _ = xattrs.list(a.id, &mut |name| names.push(name.to_vec()));
        assert_eq!(names, [b""; 0], "attributes that nobody set");
    }
    if let Some(snapshots) = w.fs().snapshots() {
        let fork = World::new(Made::new(snapshots.fork().unwrap()));
        assert_eq!(fork.stat("e/x").unwrap().file_type, FileType::CharDevice);
        fork.unlink("e/x").unwrap();
        is_there("e/x");
    }
    // What is new can take its place, and is what it is.
    w.put("new", "new");
    w.mv("new", "e/x").unwrap();
    assert_eq!(w.read("e/x").unwrap(), b"new");
    w.unlink("e/x").unwrap();
    w.create("e/x", zero).unwrap();
    w.unlink("e/x").unwrap();
    refused!(w.node("e/x"), NOENT);
    w.rmdir("e").unwrap();
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// ENOENT and EINVAL of <https://pubs.opengroup.org/onlinepubs/9799919799/functions/symlink.html> are one here: INVAL.
fn bad_targets_are_inval(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    refused!(w.symlink("", "l"), INVAL);
    refused!(w.symlink("a\0b", "l"), INVAL);
    refused!(w.symlink(vec![b'x'; 4096], "l"), NAMETOOLONG);
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// A target may be up to 4095 bytes of anything but NUL, and is stored as it is.
fn targets_are_stored_as_they_are(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let long = vec![b'x'; 4095];
    for (name, target) in [("a", &b"/../..//x/."[..]), ("b", b"\xff\n "), ("c", b"."), ("d", b"a/"), ("e", &long)] {
        w.symlink(target, name).unwrap();
        assert!(w.readlink(name).unwrap() == target, "{name}");
    }
}

/// A thousand names in one directory, all there, each itself.
fn a_thousand_names(w) {
    for i in 0..1000u32 {
        w.put(&format!("n{i}"), i.to_le_bytes());
    }
    for i in (0..1000u32).rev() {
        assert_eq!(w.read(format!("n{i}")).unwrap(), i.to_le_bytes());
    }
    assert_eq!(w.names("").unwrap().len(), 1000);
}

/// A name can be used again as another kind, and the new node is not the old one.
fn a_name_can_be_used_again(w) {
    let first = w.put("a", "1");
    w.unlink("a").unwrap();
    let second = w.mkdir("a").unwrap();
    w.rmdir("a").unwrap();
    let third = w.put("a", "3");
    assert!(first.id != second.id && second.id != third.id && first.id != third.id, "numbers of held nodes");
    assert_eq!(w.read("a").unwrap(), b"3");
}
}
