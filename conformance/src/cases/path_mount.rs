//! Mounts: `mount(2)`, `umount(2)`, `mount_namespaces(7)`.

use std::sync::Arc;

use gangplank_vfs::{FileSystem, FsCaps, MountOptions, OpenFlags, OpenHow, Rename, SetAttr, SetTime, mem_fs::MemFs};

use crate::{Paths, World};

const READ_ONLY: MountOptions = MountOptions { read_only: true, noatime: false };

/// Another filesystem, with a file `name` in it.
fn other(name: &str) -> Arc<dyn FileSystem> {
    let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
    let p = Paths::of(fs.clone(), MountOptions::default());
    p.put(name, name);
    p.mkdir("sub").unwrap();
    fs
}

/// `m/` with something below, on which something will be mounted; `f`.
fn scene(w: &World) -> Paths {
    let p = w.beneath();
    p.mkdir("m").unwrap();
    p.put("m/covered", "covered");
    p.put("f", "f");
    p
}

cases! { path_mount, __cases_path_mount, "mount(2), umount(2), mount_namespaces(7)";

/// Down into a mount and up out of it; what is below it is covered, and comes back.
fn across_and_back(w) {
    let p = scene(w);
    let root = p.ino(".").unwrap();
    let mounted = p.mount("m", other("x"), false).unwrap();
    assert_eq!(p.read("m/x").unwrap(), "x");
    refused!(p.stat("m/covered"), NOENT);
    assert_eq!(p.names("m").unwrap(), ["sub", "x"]);
    assert_eq!(p.stat("m").unwrap(), mounted.metadata().unwrap());
    assert_ne!(p.stat("m").unwrap().dev, p.stat(".").unwrap().dev);
    for path in ["m/..", "m/sub/../..", "m/../m/.."] {
        assert_eq!(p.ino(path), Ok(root), "{path}");
    }
    assert_eq!(p.read("m/../f").unwrap(), "f");
    assert_eq!(p.at("m").read("../f").unwrap(), "f");
    assert_eq!(p.at("m/sub").read("../../f").unwrap(), "f");
    refused!(p.stat("m/../.."), PERM);
    p.namespace.unmount(&mounted).unwrap();
    assert_eq!(p.read("m/covered").unwrap(), "covered");
    refused!(p.stat("m/x"), NOENT);
}

/// Everything that opens, makes and removes inside of a mount happens there.
fn operations_happen_inside(w) {
    let p = scene(w);
    let fs = other("x");
    p.mount("m", fs.clone(), false).unwrap();
    p.put("m/new", "new");
    p.mkdir("m/dir").unwrap();
    p.mv("m/new", "m/dir/new").unwrap();
    p.unlink("m/x").unwrap();
    let inside = Paths::of(fs, MountOptions::default());
    assert_eq!(inside.names(".").unwrap(), ["dir", "sub"]);
    assert_eq!(inside.read("dir/new").unwrap(), "new");
    assert_eq!(w.names("m").unwrap(), ["covered"]);
    if w.has(FsCaps::SYMLINKS) {
        p.symlink("../f", "m/out").unwrap();
        assert_eq!(p.read("m/out").unwrap(), "f");
        refused!(inside.stat("out"), PERM);
        p.symlink("m/dir", "in").unwrap();
        assert_eq!(p.read("in/new").unwrap(), "new");
        assert_eq!(p.ino("in/../.."), p.ino("."));
    }
}

/// One mount on another: the last is seen, and unmounting shows the one before.
fn one_on_another(w) {
    let p = scene(w);
    let one = p.mount("m", other("first"), false).unwrap();
    let two = p.mount("m", other("second"), false).unwrap();
    assert_eq!(p.names("m").unwrap(), ["second", "sub"]);
    assert_eq!(p.ino("m/.."), p.ino("."));
    refused!(p.namespace.unmount(&one), BUSY);
    p.namespace.unmount(&two).unwrap();
    assert_eq!(p.names("m").unwrap(), ["first", "sub"]);
    p.namespace.unmount(&one).unwrap();
    refused!(p.namespace.unmount(&one), INVAL);
    assert_eq!(p.read("m/covered").unwrap(), "covered");
}

/// A mount inside of a mount.
fn one_inside_another(w) {
    let p = scene(w);
    let outer = p.mount("m", other("outer"), false).unwrap();
    let inner = p.mount("m/sub", other("inner"), false).unwrap();
    assert_eq!(p.read("m/sub/inner").unwrap(), "inner");
    assert_eq!(p.ino("m/sub/.."), p.ino("m"));
    assert_eq!(p.ino("m/sub/../.."), p.ino("."));
    refused!(p.namespace.unmount(&outer), BUSY);
    p.namespace.unmount(&inner).unwrap();
    p.namespace.unmount(&outer).unwrap();
}

/// ENOTDIR on a file, EBUSY on what is a mount point itself (seen from below), EINVAL for what is none.
fn refusals(w) {
    let p = scene(w);
    refused!(p.mount("f", other("x"), false), NOTDIR);
    let below = p.place("m").unwrap();
    p.mount("m", other("x"), false).unwrap();
    refused!(p.namespace.mount(&below, other("y"), MountOptions::default()), BUSY);
    refused!(p.namespace.unmount(&p.root), INVAL);
    refused!(p.namespace.unmount(&p.place("m/sub").unwrap()), INVAL);
    refused!(p.namespace.bind(&p.place("m/sub").unwrap(), &p.place("f").unwrap(), MountOptions::default()), NOTDIR);
}

/// EBUSY for removing or renaming a mount point, and renaming over one.
fn a_mount_point_is_busy(w) {
    let p = scene(w);
    w.unlink("m/covered").unwrap();
    p.mkdir("d").unwrap();
    p.mount("m", other("x"), false).unwrap();
    refused!(p.rmdir("m"), BUSY);
    refused!(p.rmdir("m/"), BUSY);
    refused!(p.unlink("m"), BUSY | ISDIR);
    refused!(p.mv("m", "n"), BUSY);
    refused!(p.mv("d", "m"), BUSY);
    // Nothing happens, as in Linux.
    p.mv("m", "m").unwrap();
    if w.has(FsCaps::EXCHANGE) {
        refused!(p.rename("d", "m", Rename::Exchange), BUSY);
        refused!(p.rename("m", "d", Rename::Exchange), BUSY);
    }
    refused!(p.mkdir("m"), EXIST);
    refused!(p.creat("m", false), ISDIR);
    assert_eq!(p.read("m/x").unwrap(), "x");
    // The directory above it can move, and takes the mount along.
    p.mkdir("above").unwrap();
    p.mkdir("above/point").unwrap();
    p.mount("above/point", other("y"), false).unwrap();
    p.mv("above", "moved").unwrap();
    assert_eq!(p.read("moved/point/y").unwrap(), "y");
    assert_eq!(p.ino("moved/point/.."), p.ino("moved"));
}

/// EXDEV between mounts, of the same filesystem too.
fn across_mounts_is_xdev(w) {
    let p = scene(w);
    p.mkdir("d").unwrap();
    p.mkdir("b").unwrap();
    p.mount("m", other("x"), false).unwrap();
    p.namespace.bind(&p.place("b").unwrap(), &p.place("d").unwrap(), MountOptions::default()).unwrap();
    refused!(p.mv("f", "m/f"), XDEV);
    refused!(p.mv("m/x", "x"), XDEV);
    refused!(p.mv("f", "b/f"), XDEV);
    refused!(p.mv("f", "m/x"), XDEV);
    // Before it matters which names they are, as in Linux.
    refused!(p.mv("f", "m/."), XDEV);
    refused!(p.mv("m/..", "f"), XDEV);
    if w.has(FsCaps::HARD_LINKS) {
        refused!(p.link("f", "m/f"), XDEV);
        refused!(p.link("f", "b/f"), XDEV);
        refused!(p.link("f", "m/x"), EXIST);
    }
    assert_eq!((p.read("f").unwrap(), p.read("m/x").unwrap()), ("f".into(), "x".into()));
    assert_eq!(p.names("b").unwrap(), [""; 0]);
}

/// A bind shows the same directory at another place, with the parent of that place.
fn a_bind_shows_the_same(w) {
    let p = scene(w);
    p.mkdir("d").unwrap();
    p.mkdir("d/e").unwrap();
    p.mkdir("b").unwrap();
    p.namespace.bind(&p.place("b").unwrap(), &p.place("d/e").unwrap(), MountOptions::default()).unwrap();
    p.put("b/x", "x");
    assert_eq!(p.read("d/e/x").unwrap(), "x");
    assert_eq!(p.ino("b"), p.ino("d/e"));
    assert_eq!(p.ino("b/.."), p.ino("."));
    assert_eq!(p.ino("d/e/.."), p.ino("d"));
    refused!(p.stat("b/../.."), PERM);
    p.mkdir("b/sub").unwrap();
    assert_eq!(p.ino("b/sub/../.."), p.ino("."));
}

/// A read-only mount refuses every change with EROFS, and whatever is wrong otherwise as usual.
fn a_read_only_mount_refuses_every_change(w) {
    let rw = scene(w);
    rw.mkdir("d").unwrap();
    let p = w.read_only();
    let before = w.tree();
    let create = Some(gangplank_vfs::NewNode::Regular { mode: 0o644 });
    refused!(p.creat("new", false), ROFS);
    refused!(p.creat("new", true), ROFS);
    refused!(p.creat("f", true), EXIST);
    refused!(p.creat("f", false), ROFS);
    refused!(p.open("f", OpenFlags::WRITE), ROFS);
    refused!(p.open("f", OpenFlags::READ | OpenFlags::TRUNC), ROFS);
    refused!(p.open("f", OpenFlags::WRITE | OpenFlags::APPEND), ROFS);
    refused!(p.open("d", OpenFlags::WRITE), ISDIR);
    let how = OpenHow { flags: OpenFlags::READ, create, exclusive: false, follow: true };
    assert!(p.open_how("f", how).is_ok(), "O_CREAT of what is there, for reading");
    refused!(p.open_how("new", how), ROFS);
    refused!(p.open_how("nothing/new", how), NOENT);
    refused!(p.mkdir("new"), ROFS);
    refused!(p.mkdir("d"), EXIST);
    refused!(p.unlink("f"), ROFS);
    refused!(p.rmdir("d"), ROFS);
    refused!(p.mv("f", "g"), ROFS);
    refused!(p.set_attr("f", true, SetAttr { mode: Some(0), ..SetAttr::default() }), ROFS);
    refused!(p.set_attr("f", true, SetAttr { size: Some(0), ..SetAttr::default() }), ROFS);
    refused!(p.set_attr("f", true, SetAttr { mtime: SetTime::Now, ..SetAttr::default() }), ROFS);
    if w.has(FsCaps::HARD_LINKS) {
        refused!(p.link("f", "g"), ROFS);
    }
    if w.has(FsCaps::SYMLINKS) {
        refused!(p.symlink("t", "l"), ROFS);
    }
    let file = p.open("f", OpenFlags::READ).unwrap();
    refused!(file.set_attr(&gangplank_vfs::Ctx::ROOT, &SetAttr { mode: Some(0), ..SetAttr::default() }), ROFS);
    refused!(file.set_len(0), BADF);
    refused!(file.write(&[std::io::IoSlice::new(b"x")]), BADF);
    let dir = p.open("d", OpenFlags::READ).unwrap();
    refused!(dir.set_attr(&gangplank_vfs::Ctx::ROOT, &SetAttr { mtime: SetTime::Now, ..SetAttr::default() }), ROFS);
    assert_eq!(w.tree(), before);
    assert_eq!((p.read("f").unwrap(), p.names("m").unwrap()), ("f".into(), vec!["covered".to_owned()]));
}

/// Nor can it be changed through a link that leads into it, or by a path that enters it in the middle.
fn a_read_only_mount_is_read_only_from_everywhere(w) {
    let p = scene(w);
    p.mkdir("w").unwrap();
    p.mount("m", other("x"), true).unwrap();
    refused!(p.creat("m/new", false), ROFS);
    refused!(p.open("m/x", OpenFlags::WRITE), ROFS);
    refused!(p.mkdir("w/../m/new"), ROFS);
    refused!(p.unlink("m/x"), ROFS);
    refused!(p.rmdir("m/sub"), ROFS);
    refused!(p.mv("m/x", "m/y"), ROFS);
    refused!(p.set_attr("m", true, SetAttr { mode: Some(0), ..SetAttr::default() }), ROFS);
    if w.has(FsCaps::SYMLINKS) {
        p.symlink("../m/x", "w/file").unwrap();
        p.symlink("../m", "w/dir").unwrap();
        p.symlink("../m/new", "w/dangling").unwrap();
        refused!(p.open("w/file", OpenFlags::WRITE), ROFS);
        refused!(p.open("w/file", OpenFlags::READ | OpenFlags::TRUNC), ROFS);
        refused!(p.creat("w/dangling", false), ROFS);
        refused!(p.creat("w/dir/new", false), ROFS);
        refused!(p.set_attr("w/file", true, SetAttr { size: Some(0), ..SetAttr::default() }), ROFS);
        refused!(p.unlink("w/dir/x"), ROFS);
        p.unlink("w/file").unwrap();
    }
    // From a start inside of it, too.
    refused!(p.at("m").mkdir("new"), ROFS);
    refused!(p.at("m/sub").unlink("../x"), ROFS);
    assert!(p.at("m/sub").mkdir("../../w/new").is_ok(), "and out of it again");
    assert_eq!(p.names("m").unwrap(), ["sub", "x"]);
}

/// A read-only place stays read-only when it is bound elsewhere; a writable one can become read-only there.
fn read_only_and_bind(w) {
    let p = scene(w);
    for d in ["a", "b", "c"] {
        p.mkdir(d).unwrap();
    }
    p.namespace.bind(&p.place("a").unwrap(), &p.place("b").unwrap(), READ_ONLY).unwrap();
    refused!(p.mkdir("a/x"), ROFS);
    p.mkdir("b/x").unwrap();
    assert_eq!(p.names("a").unwrap(), ["x"]);
    p.namespace.bind(&p.place("c").unwrap(), &p.place("a").unwrap(), MountOptions::default()).unwrap();
    refused!(p.mkdir("c/y"), ROFS);
    refused!(p.rmdir("c/x"), ROFS);
}

/// `mount(8)`, `noatime` and `ro`: reading and listing through the mount leave no trace, through another one they may.
fn noatime_leaves_no_trace(w) {
    w.mkdir("d").unwrap();
    w.put("d/f", "hello");
    w.tick();
    let atimes = || (w.stat("d").unwrap().atime, w.stat("d/f").unwrap().atime);
    let before = atimes();
    let look = |p: &Paths| {
        assert_eq!(p.read("d/f").unwrap(), "hello");
        assert_eq!(p.names("d").unwrap(), ["f"]);
        assert_eq!(p.at("d").names(".").unwrap(), ["f"]);
        let file = p.open("d/f", OpenFlags::READ).unwrap();
        assert_eq!(file.file().read_bytes(1, 3).unwrap(), "ell");
    };
    let noatime = Paths::of(w.fs().clone(), MountOptions { noatime: true, ..MountOptions::default() });
    look(&noatime);
    look(&w.read_only());
    look(&Paths::of(w.fs().clone(), MountOptions { read_only: true, noatime: true }));
    assert_eq!(atimes(), before);
    noatime.open("d/f", OpenFlags::WRITE).unwrap().write(&[std::io::IoSlice::new(b"changed")]).unwrap();
    assert!(w.stat("d/f").unwrap().mtime > before.1, "it is not read-only");
    // What is bound in it keeps quiet, too.
    let p = w.beneath();
    for d in ["a", "b", "a/x"] {
        p.mkdir(d).unwrap();
    }
    let quiet = MountOptions { noatime: true, ..MountOptions::default() };
    let a = p.namespace.bind(&p.place("b").unwrap(), &p.place("a").unwrap(), quiet).unwrap();
    let x = p.namespace.bind(&p.place("d").unwrap(), &p.place("b/x").unwrap(), MountOptions::default()).unwrap();
    assert!(a.mount().noatime() && x.mount().noatime());
}

/// Files and directories that are open when their mount goes still work.
fn open_files_outlive_the_mount(w) {
    let p = scene(w);
    let mounted = p.mount("m", other("x"), false).unwrap();
    let file = p.open("m/x", OpenFlags::READ).unwrap();
    let inside = p.at("m/sub");
    p.namespace.unmount(&mounted).unwrap();
    drop(mounted);
    assert_eq!(crate::paths::read(&file, 9).unwrap(), "x");
    inside.put("y", "y");
    assert_eq!(inside.read("y").unwrap(), "y");
    // Upwards its tree ends now, and does not come out anywhere else.
    refused!(inside.stat("../../f"), PERM | NOENT);
    assert_eq!(p.read("m/covered").unwrap(), "covered");
}

/// Two namespaces: what is mounted in one after the fork is not seen in the other.
fn a_fork_has_its_own_mounts(w) {
    let p = scene(w);
    p.mkdir("n").unwrap();
    let before = p.mount("m", other("before"), false).unwrap();
    let q = Paths { namespace: p.namespace.fork(), ..p.clone() };
    assert_eq!(q.read("m/before").unwrap(), "before");
    p.mount("n", other("parent"), false).unwrap();
    refused!(q.stat("n/parent"), NOENT);
    q.mount("n", other("child"), false).unwrap();
    assert_eq!(p.names("n").unwrap(), ["parent", "sub"]);
    assert_eq!(q.names("n").unwrap(), ["child", "sub"]);
    q.namespace.unmount(&before).unwrap();
    assert_eq!(q.read("m/covered").unwrap(), "covered");
    assert_eq!(p.read("m/before").unwrap(), "before");
    q.rmdir("m").unwrap_err();
    q.unlink("m/covered").unwrap();
}

/// This filesystem itself, mounted on another.
fn mounted_on_another(w) {
    let p = Paths::of(other("x"), MountOptions::default());
    w.put("inside", "inside");
    let mounted = p.mount("sub", w.fs().clone(), false).unwrap();
    assert_eq!(p.read("sub/inside").unwrap(), "inside");
    p.put("sub/new", "new");
    p.mkdir("sub/d").unwrap();
    assert_eq!(p.read("sub/d/../../x").unwrap(), "x");
    if w.has(FsCaps::SYMLINKS) {
        p.symlink("../x", "sub/l").unwrap();
        assert_eq!(p.read("sub/l").unwrap(), "x");
    }
    p.namespace.unmount(&mounted).unwrap();
    assert_eq!(w.read("new").unwrap(), b"new");
    assert_eq!(p.names("sub").unwrap(), [""; 0]);
}

/// A part of the filesystem mounted alone shows nothing of the rest.
fn a_part_shows_nothing_of_the_rest(w) {
    let p = scene(w);
    p.mkdir("d").unwrap();
    p.mkdir("d/e").unwrap();
    let q = Paths::of(other("x"), MountOptions::default());
    let part = q.namespace.bind(&q.place("sub").unwrap(), &p.place("d").unwrap(), MountOptions::default()).unwrap();
    assert_eq!(q.names("sub").unwrap(), ["e"]);
    assert_eq!(q.ino("sub/e/../.."), q.ino("."));
    refused!(q.stat("sub/../f"), NOENT);
    let alone = Paths { start: part.clone(), root: part, beneath: false, ..q };
    assert_eq!(alone.ino("../.."), alone.ino("/"));
    refused!(alone.stat("/f"), NOENT);
    assert_eq!(alone.names("/").unwrap(), ["e"]);
}
}
