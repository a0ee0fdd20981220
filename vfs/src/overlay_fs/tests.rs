//! What no filesystem but this one does: what lasts, what is shared, what is left alone.

mod devices;

use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use super::*;
use crate::{
    At, Errno, FileType, ManualClock, MemFs, MemFsOptions, NewNode, OpenFlags, SetAttr, SetTime, Time, Tree,
    mem_fs::Atime, tree::WalkEntry,
};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

/// A lower layer with some of everything.
fn base() -> Tree {
    let fs = MemFsOptions::new().clock(Arc::new(ManualClock::new(1_000_000_000))).atime(Atime::Noatime).build();
    let tree = Tree::new(Arc::new(fs));
    tree.create_dir_all("usr/lib/deep").unwrap();
    tree.write("usr/lib/a", "content of a").unwrap();
    tree.write("usr/lib/deep/b", [b'b'; 50_000]).unwrap();
    tree.write("top", "at the top").unwrap();
    tree.symlink("usr/lib/a", "link").unwrap();
    tree.write("one", "three names").unwrap();
    for name in ["two", "usr/three"] {
        link(&tree, "one", name);
    }
    let times = SetAttr { mtime: SetTime::To(Time(5)), mode: Some(0o4751), uid: Some(7), ..SetAttr::default() };
    tree.set_attr("usr/lib/a", &times).unwrap();
    tree
}

fn link(tree: &Tree, from: &str, to: &str) {
    let (dir, name) = to
        .rsplit_once('/')
        .map_or((tree.place().clone(), to), |(dir, name)| (tree.dir(dir).unwrap().place().clone(), name));
    let fs = tree.fs();
    let node = tree.symlink_metadata(from).unwrap().ino;
    let held = fs.lookup(&Ctx::ROOT, tree.place().node(), Name::new(from.as_bytes()).unwrap()).unwrap();
    assert_eq!(held.node, node);
    fs.link(&Ctx::ROOT, node, dir.node(), Name::new(name.as_bytes()).unwrap()).unwrap();
    fs.forget(node, 1);
}

/// The whole tree as text: names, numbers, metadata, content.
fn picture(tree: &Tree) -> String {
    let mut out = String::new();
    for WalkEntry { path, .. } in tree.entries("").unwrap() {
        let m = Metadata { dev: 0, ..tree.symlink_metadata(&path).unwrap() };
        let content = match m.file_type {
            FileType::Regular => tree.read(&path).unwrap(),
            FileType::Symlink => tree.read_link(&path).unwrap(),
            _ => Bytes::new(),
        };
        out += &format!("{} {m:?} {}\n", path.escape_ascii(), content.escape_ascii());
    }
    out
}

/// An overlay whose upper layer can be opened again.
struct Layers {
    below: Tree,
    upper: Place,
    work: Place,
}

impl Layers {
    fn new() -> Layers {
        Layers::over(base(), Arc::new(MemFs::new()))
    }

    fn over(below: Tree, upper: Arc<dyn FileSystem>) -> Layers {
        let dir = |name: &[u8]| {
            let new = NewNode::Directory { mode: 0o755 };
            let node = upper.create(&Ctx::ROOT, upper.root(), Name::new(name).unwrap(), &new).unwrap().node;
            Mount::subtree(upper.clone(), node, MountOptions::default())
        };
        Layers { below, upper: dir(b"top"), work: dir(b"work") }
    }

    fn builder(&self) -> Builder {
        OverlayFs::builder().lower(self.below.fs().clone()).upper_at(self.upper.clone(), self.work.clone())
    }

    fn open(&self) -> Tree {
        Tree::new(Arc::new(self.builder().build().unwrap()))
    }
}

fn in_memory(below: &Tree) -> OverlayFs {
    OverlayFs::builder().lower(below.fs().clone()).upper_mem(MemFsOptions::new()).build().unwrap()
}

/// Changes of every kind.
fn change(tree: &Tree) {
    tree.write("usr/lib/a", "changed").unwrap();
    tree.append("usr/lib/deep/b", "and more").unwrap();
    tree.remove("top").unwrap();
    tree.rename("usr/lib", "lib").unwrap();
    tree.create_dir("usr/lib").unwrap();
    tree.write("usr/lib/new", "new").unwrap();
    tree.append("two", ", one content").unwrap();
    tree.rename("usr/three", "3").unwrap();
    tree.rename("link", "usr/link").unwrap();
    tree.rename("lib/deep", "usr/lib/deep").unwrap();
}

fn check_changed(tree: &Tree) {
    assert_eq!(tree.read_to_string("lib/a").unwrap(), "changed");
    assert_eq!(tree.read("usr/lib/deep/b").unwrap().len(), 50_008);
    assert_eq!(tree.read_to_string("usr/lib/new").unwrap(), "new");
    for name in ["one", "two", "3"] {
        assert_eq!(tree.read_to_string(name).unwrap(), "three names, one content", "{name}");
        assert_eq!(tree.metadata(name).unwrap().nlink, 3, "{name}");
    }
    assert!(!tree.exists("top").unwrap() && !tree.exists("usr/lib/a").unwrap() && !tree.exists("usr/three").unwrap());
}

#[test]
fn lower_layers_are_not_touched() {
    let below = base();
    let before = picture(&below);
    let overlay = Tree::new(Arc::new(in_memory(&below)));
    let _ = picture(&overlay);
    change(&overlay);
    check_changed(&overlay);
    overlay.remove_all("usr").unwrap();
    assert_eq!(picture(&below), before);
    // Nor does what happens to them later show.
    below.write("usr/lib/a", "later").unwrap();
    below.write("later", "later").unwrap();
    assert!(!overlay.exists("later").unwrap());
    assert_eq!(overlay.read_to_string("lib/a").unwrap(), "changed");
}

#[test]
fn everything_is_as_it_was_after_opening_again_and_in_a_fork() {
    let layers = Layers::new();
    let first = layers.open();
    let numbers = |tree: &Tree, paths: &[&str]| -> Vec<NodeId> {
        paths.iter().map(|path| tree.symlink_metadata(path).unwrap().ino).collect()
    };
    let before = numbers(&first, &["usr/lib/a", "usr/lib/deep", "usr/lib/deep/b", "one", "usr", "link"]);
    change(&first);
    check_changed(&first);
    let after = numbers(&first, &["lib/a", "usr/lib/deep", "usr/lib/deep/b", "3", "usr", "usr/link"]);
    assert_eq!(before, after, "numbers survive copy-up and rename");
    let fork = Tree::new(first.fs().snapshots().unwrap().fork().unwrap());
    let as_it_was = picture(&first);
    drop(first);
    let again = layers.open();
    check_changed(&again);
    // Of directories that we worked in the `ctime` is the layer's now; reading for the picture changes the `atime`, if
    // the clock ticks.
    let cut = |line: &str, from: &str, to: &str| match (line.find(from), line.find(to)) {
        (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to..]),
        _ => line.to_owned(),
    };
    let times = |text: &str| {
        let cut = |line| cut(&cut(line, " ctime: ", ", btime"), " atime: ", ", mtime");
        text.lines().map(cut).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(times(&picture(&again)), times(&as_it_was));
    check_changed(&fork);
    assert_eq!(times(&picture(&fork)), times(&as_it_was));
    // Each goes its own way.
    fork.write("one", "fork").unwrap();
    again.remove("3").unwrap();
    assert_eq!(again.metadata("two").unwrap().nlink, 2);
    assert_eq!(fork.read_to_string("3").unwrap(), "fork");
    check_changed(&layers_fork(&again, &layers));
}

/// The last name comes back, so that the same check holds.
fn layers_fork(again: &Tree, layers: &Layers) -> Tree {
    link(again, "one", "3");
    layers.open()
}

#[test]
fn an_open_file_sees_what_is_written_after_it_was_copied_up() {
    let fs = in_memory(&base());
    let tree = Tree::new(Arc::new(fs.fork().unwrap()));
    let (fs, node) = (tree.fs().clone(), tree.metadata("usr/lib/a").unwrap().ino);
    let dir = tree.dir("usr/lib").unwrap();
    let held = fs.lookup(&Ctx::ROOT, dir.place().node(), Name::new(b"a").unwrap()).unwrap().node;
    assert_eq!(held, node);
    let (reader, writer) =
        (fs.open(&Ctx::ROOT, node, OpenFlags::READ).unwrap(), fs.open(&Ctx::ROOT, node, RW).unwrap());
    let read = || {
        let mut buf = [0; 99];
        let n = reader.read_at(&mut [IoSliceMut::new(&mut buf)], 0).unwrap();
        buf[..n].to_vec()
    };
    assert_eq!(read(), b"content of a");
    writer.write_at(&[IoSlice::new(b"CONTENT")], At::Offset(0)).unwrap();
    assert_eq!(read(), b"CONTENT of a");
    writer.write_at(&[IoSlice::new(b"!")], At::End).unwrap();
    assert_eq!(read(), b"CONTENT of a!");
    let m = reader.getattr().unwrap();
    // It may have been changed by somebody whom its owner would not let run as himself.
    assert_eq!((m.ino, m.size, m.mode, m.uid), (node, 13, 0o751, 7));
    // Without a name it is still one file.
    fs.remove(&Ctx::ROOT, dir.place().node(), Name::new(b"a").unwrap(), Remove::NonDirectory).unwrap();
    writer.set_len(3).unwrap();
    assert_eq!((read(), reader.getattr().unwrap().nlink), (b"CON".to_vec(), 0));
    fs.forget(node, 1);
}

#[test]
fn a_file_without_a_name_can_still_be_written() {
    let tree = Tree::new(Arc::new(in_memory(&base())));
    let fs = tree.fs().clone();
    let root = tree.place().node();
    let top = Name::new(b"top").unwrap();
    let node = fs.lookup(&Ctx::ROOT, root, top).unwrap().node;
    let file = fs.open(&Ctx::ROOT, node, RW).unwrap();
    fs.forget(node, 1);
    fs.remove(&Ctx::ROOT, root, top, Remove::NonDirectory).unwrap();
    assert_eq!(file.getattr().unwrap().nlink, 0);
    file.write_at(&[IoSlice::new(b"IS")], At::Offset(0)).unwrap();
    let mut buf = [0; 99];
    let n = file.read_at(&mut [IoSliceMut::new(&mut buf)], 0).unwrap();
    assert_eq!(&buf[..n], b"IS the top");
    assert!(!tree.exists("top").unwrap());
    tree.write("top", "another").unwrap();
    assert_ne!(tree.metadata("top").unwrap().ino, file.getattr().unwrap().ino);
}

#[test]
fn what_is_cut_off_is_not_copied_and_what_is_copied_is_shared() {
    let below = base();
    below.write("big", vec![1; 1 << 20]).unwrap();
    // Room for a tenth of it.
    let small = || MemFsOptions::new().max_bytes(Some(100 << 10));
    let fs = OverlayFs::builder().lower(below.fs().clone()).upper_mem(small()).build().unwrap();
    let tree = Tree::new(Arc::new(fs));
    tree.write("big", "now small").unwrap();
    assert_eq!(tree.read_to_string("big").unwrap(), "now small");
    // What does not fit leaves the file as it was.
    let fs = OverlayFs::builder().lower(below.fs().clone()).upper_mem(small()).build().unwrap();
    let tree = Tree::new(Arc::new(fs));
    assert_eq!(tree.append("big", "x").unwrap_err().errno, Errno::NOSPC);
    assert_eq!(tree.read("big").unwrap(), vec![1; 1 << 20]);
    tree.set_attr("big", &SetAttr { size: Some(10), ..SetAttr::default() }).unwrap();
    assert_eq!(tree.read("big").unwrap(), vec![1; 10]);
    assert_eq!(below.read("big").unwrap().len(), 1 << 20);
    // An image costs nothing in the layer that it is copied into.
    let image = MemFs::new();
    image.add_image(image.root(), Name::new(b"image").unwrap(), 0o644, vec![7; 1 << 20].into()).unwrap();
    let fs = OverlayFs::builder().lower(Arc::new(image)).upper_mem(small()).build().unwrap();
    let tree = Tree::new(Arc::new(fs));
    tree.append("image", "tail").unwrap();
    assert_eq!(tree.metadata("image").unwrap().size, (1 << 20) + 4);
}

#[test]
fn what_a_crash_left_is_cleared_and_costs_nothing() {
    let layers = Layers::new();
    let work = {
        drop(layers.open());
        Tree::of(layers.work.clone())
    };
    work.write("work/#0", "half a file").unwrap();
    work.create_dir_all("work/#1/with").unwrap();
    work.write("work/#1/with/content", "").unwrap();
    let tree = layers.open();
    assert_eq!(work.entries("work").unwrap().len(), 0);
    change(&tree);
    check_changed(&tree);
    assert_eq!(work.entries("work").unwrap().len(), 0, "nothing is left of what was done");
}

#[test]
fn without_an_upper_layer_nothing_can_be_changed() {
    let (below, above) = (base(), Tree::in_memory());
    above.write("top", "hides what is below").unwrap();
    above.create_dir_all("usr/lib").unwrap();
    above.write("usr/lib/more", "more").unwrap();
    let fs = OverlayFs::builder().lower(above.fs().clone()).lower(below.fs().clone()).build().unwrap();
    let tree = Tree::new(Arc::new(fs));
    assert_eq!(tree.read_to_string("top").unwrap(), "hides what is below");
    assert_eq!(tree.read_to_string("usr/lib/a").unwrap(), "content of a");
    let names: Vec<_> = tree.walk("usr/lib").unwrap().shallow().map(|e| e.unwrap().name().to_vec()).collect();
    assert_eq!(names, [&b"a"[..], b"deep", b"more"]);
    let before = picture(&tree);
    for refused in [
        tree.write("top", "x"),
        tree.write("new", "x"),
        tree.create_dir("d"),
        tree.remove("top"),
        tree.rename("top", "t"),
        tree.symlink("x", "l"),
        tree.set_attr("top", &SetAttr { mode: Some(0), ..SetAttr::default() }),
    ] {
        assert_eq!(refused.unwrap_err().errno, Errno::ROFS);
    }
    assert_eq!(tree.create_dir("usr").unwrap_err().errno, Errno::EXIST);
    assert_eq!(tree.remove("none").unwrap_err().errno, Errno::NOENT);
    assert_eq!(picture(&tree), before);
    assert!(tree.fs().statfs().unwrap().bfree == 0);
}

#[test]
fn an_overlay_can_lie_on_an_overlay_and_in_one() {
    // Its upper layer cannot make whiteouts that are devices: they are marked files instead.
    let middle: Arc<dyn FileSystem> = Arc::new(in_memory(&Tree::in_memory()));
    let layers = Layers::over(base(), middle);
    let tree = layers.open();
    change(&tree);
    check_changed(&tree);
    tree.remove_all("usr").unwrap();
    tree.create_dir("usr").unwrap();
    assert_eq!(tree.entries("usr").unwrap().len(), 0);
    drop(tree);
    let again = layers.open();
    assert_eq!(again.entries("usr").unwrap().len(), 0);
    assert_eq!(again.read_to_string("lib/a").unwrap(), "changed");
    assert!(!again.exists("top").unwrap());
    again.rename("one", "usr/1").unwrap();
    again.rename("lib", "top").unwrap();
    // And one more on top of that.
    let third = Tree::new(Arc::new(in_memory(&again)));
    assert_eq!(third.read_to_string("top/a").unwrap(), "changed");
    assert!(!third.exists("lib").unwrap() && !third.exists("one").unwrap());
    third.append("usr/1", "!").unwrap();
    assert_eq!(again.read_to_string("usr/1").unwrap(), "three names, one content");
}

#[test]
fn marks_are_not_shown_and_not_made() {
    let layers = Layers::new();
    let tree = layers.open();
    change(&tree);
    let xattrs = tree.fs().xattrs().unwrap();
    let dir = tree.dir("lib").unwrap();
    let node = dir.place().node();
    let list = || {
        let mut names = Vec::new();
        xattrs.list(node, &mut |name| names.push(name.to_vec())).unwrap();
        names
    };
    assert_eq!(list(), [b""; 0], "it has a redirect and an origin");
    assert_eq!(xattrs.get(node, b"user.overlay.redirect").unwrap_err(), Errno::NODATA);
    assert_eq!(xattrs.remove(node, b"user.overlay.redirect").unwrap_err(), Errno::NODATA);
    xattrs.set(node, b"user.overlay.opaque", b"y", crate::SetXattr::Any).unwrap();
    assert_eq!(list(), [b"user.overlay.opaque"]);
    drop(dir);
    drop(tree);
    let again = layers.open();
    check_changed(&again);
    // What the layer itself says.
    let top = Tree::of(layers.upper.clone());
    let marks = Marks::new(Prefix::User);
    let of = |path: &str| top.symlink_metadata(path).unwrap();
    assert_eq!((of("top").file_type, of("top").rdev), (FileType::CharDevice, 0));
    let redirect = marks.redirect_of(&**top.fs(), of("lib").ino).unwrap();
    assert_eq!(redirect.as_deref(), Some(&b"/usr/lib"[..]));
    let origin = marks.origin_of(&**top.fs(), of("lib/a").ino).unwrap().unwrap();
    assert_eq!((origin.layer, origin.ino), (1, layers.below.metadata("usr/lib/a").unwrap().ino.get()));
    assert_eq!(marks.opacity(&**top.fs(), of("usr/lib").ino).unwrap(), marks::Opacity::Opaque);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let fails = |builder: Builder| builder.build().map(drop).unwrap_err().to_string();
    assert!(fails(OverlayFs::builder()).contains("needs a lower or an upper layer"));
    let mem = |tree: &Tree| tree.place().clone();
    let (one, other) = (Tree::in_memory(), Tree::in_memory());
    assert!(fails(OverlayFs::builder().upper_at(mem(&one), mem(&other))).contains("on one filesystem"));
    assert!(fails(OverlayFs::builder().upper_at(mem(&one), mem(&one))).contains("beside each other"));
    one.create_dir("work").unwrap();
    let inner = one.dir("work").unwrap();
    assert!(fails(OverlayFs::builder().upper_at(mem(&one), mem(&inner))).contains("beside each other"));
}

#[test]
fn numbers_and_the_cache_do_not_depend_on_each_other() {
    let below = base();
    below.create_dir("many").unwrap();
    for i in 0..200 {
        below.write(format!("many/{i}"), format!("{i}")).unwrap();
    }
    let build = || OverlayFs::builder().lower(below.fs().clone()).upper_mem(MemFsOptions::new());
    let tree = Tree::new(Arc::new(build().cache(16).build().unwrap()));
    let number = |i: i32| tree.metadata(format!("many/{i}")).unwrap().ino;
    let before: Vec<_> = (0..200).map(number).collect();
    for i in (0..200).step_by(3) {
        tree.append(format!("many/{i}"), "+").unwrap();
    }
    change(&tree);
    assert_eq!((0..200).map(number).collect::<Vec<_>>(), before);
    check_changed(&tree);
    for i in 0..200 {
        let want = if i % 3 == 0 { format!("{i}+") } else { format!("{i}") };
        assert_eq!(tree.read_to_string(format!("many/{i}")).unwrap(), want);
    }
}
