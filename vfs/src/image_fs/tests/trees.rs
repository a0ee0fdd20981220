//! Round trips, and what an image is as a filesystem.

use std::sync::Arc;

use super::*;
use crate::{
    At, Bytes, Cookie, Errno, FileType, Name, NewNode, OpenFlags, Remove, Rename, SetAttr, Time, dir,
    image_fs::{ImageLimits, LayerEntry, LayerKind, Problem, Progress, pack_layer},
};

#[test]
fn a_packed_tree_is_the_tree() {
    let tree = some_of_everything();
    let archive = packed(&tree);
    assert!(archive.len() < 400_000, "holes are not written: {}", archive.len());
    let image = image(archive.clone()).unwrap();
    assert_eq!(image.changes_since(&tree).unwrap(), []);
    assert_same(&image, &tree);
    assert_eq!(packed(&image), archive, "and packs into the same bytes");
    let file = image.metadata("file").unwrap();
    assert_eq!((file.ino, file.nlink), (image.metadata("dir/a-hard-link").unwrap().ino, 2));
}

#[test]
fn the_same_tree_has_the_same_numbers() {
    let archive = packed(&some_of_everything());
    let numbers = |tree: &Tree| -> Vec<_> { tree.walk("").unwrap().map(|e| e.unwrap().metadata.ino).collect() };
    assert_eq!(numbers(&image(archive.clone()).unwrap()), numbers(&image(archive).unwrap()));
}

#[test]
fn content_in_memory_is_not_copied() {
    let archive = Bytes::from(packed(&dir! { "f": vec![7; 10_000] }.tree().unwrap()));
    let range = archive.as_ptr_range();
    let read = image(archive).unwrap().read("f").unwrap();
    assert!(range.contains(&read.as_ptr()) && read == [7; 10_000][..]);
}

#[test]
fn compressed_archives_are_the_same() {
    let tree = some_of_everything();
    let mut gz = Vec::new();
    pack(&tree, &mut gz, PackOptions::new().gzip(true)).unwrap();
    assert!(gz.starts_with(&[0x1f, 0x8b]) && gz.len() < 10_000);
    assert_same(&image(gz).unwrap(), &tree);
}

#[test]
fn packing_can_be_made_to_depend_on_content_alone() {
    let make = |tree: &Tree| {
        let mut out = Vec::new();
        pack(tree, &mut out, PackOptions::new().times(Time(0)).owner(0, 0)).unwrap();
        out
    };
    let (a, b) = (dir! { "a": "x", "b": {} }.tree().unwrap(), dir! { "b": {}, "a": "x" }.tree().unwrap());
    b.set_attr("a", &SetAttr { uid: Some(7), mtime: crate::SetTime::To(Time(5)), ..SetAttr::default() }).unwrap();
    assert_eq!(make(&a), make(&b));
}

#[test]
fn a_copy_of_an_image_is_the_tree() {
    let tree = some_of_everything();
    let copy = Tree::in_memory();
    copy.copy_from(&image(packed(&tree)).unwrap()).unwrap();
    assert_eq!(copy.changes_since(&tree).unwrap(), []);
    assert_same(&copy, &tree);
}

#[test]
fn nothing_can_be_changed() {
    let image = image(packed(&dir! { "f": "x", "d": {}, "l" => "f" }.tree().unwrap())).unwrap();
    let (fs, root, cx) = (image.fs(), image.fs().root(), Ctx::ROOT);
    let name = |name: &'static str| Name::new(name.as_bytes()).unwrap();
    let node = |name| fs.lookup(&cx, root, Name::new(name).unwrap()).unwrap().node;
    let (f, d) = (node(b"f"), node(b"d"));
    let new = NewNode::Regular { mode: 0o644 };
    assert_eq!(fs.create(&cx, root, name("n"), &new).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.create(&cx, root, name("f"), &new).unwrap_err(), Errno::EXIST);
    assert_eq!(fs.create(&cx, f, name("n"), &new).unwrap_err(), Errno::NOTDIR);
    assert_eq!(fs.link(&cx, f, d, name("n")).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.remove(&cx, root, name("f"), Remove::NonDirectory).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.remove(&cx, root, name("n"), Remove::NonDirectory).unwrap_err(), Errno::NOENT);
    assert_eq!(fs.rename(&cx, (root, name("f")), (d, name("n")), Rename::Replace).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.rename(&cx, (root, name("f")), (f, name("n")), Rename::Replace).unwrap_err(), Errno::NOTDIR);
    assert_eq!(fs.setattr(&cx, f, &SetAttr { mode: Some(0), ..SetAttr::default() }).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.setattr(&cx, d, &SetAttr { size: Some(0), ..SetAttr::default() }).unwrap_err(), Errno::ISDIR);
    assert_eq!(fs.open(&cx, f, OpenFlags::WRITE).unwrap_err(), Errno::ROFS);
    assert_eq!(fs.open(&cx, d, OpenFlags::WRITE).unwrap_err(), Errno::ISDIR);
    assert_eq!(fs.open(&cx, node(b"l"), OpenFlags::READ).unwrap_err(), Errno::LOOP);
    let open = fs.open(&cx, f, OpenFlags::READ).unwrap();
    assert_eq!(open.write_at(&[], At::End).unwrap_err(), Errno::BADF);
    assert_eq!(open.set_len(0).unwrap_err(), Errno::BADF);
    assert_eq!(image.write("d/new", "x").unwrap_err().errno, Errno::ROFS);
    let xattrs = fs.xattrs().unwrap();
    assert_eq!(xattrs.set(f, b"user.x", b"", crate::SetXattr::Any), Err(Errno::ROFS));
    assert_eq!(xattrs.remove(f, b"user.x"), Err(Errno::NODATA));
}

#[test]
fn reads_end_where_files_end() {
    use std::io::IoSliceMut;
    let image = image(packed(&dir! { "a": "0123456789", "b": "next" }.tree().unwrap())).unwrap();
    let fs = image.fs();
    let node = fs.lookup(&Ctx::ROOT, fs.root(), Name::new(b"a").unwrap()).unwrap().node;
    let file = fs.open(&Ctx::ROOT, node, OpenFlags::READ).unwrap();
    let (mut a, mut b, mut c) = ([0; 4], [0; 4], [9; 4]);
    let mut bufs = [&mut a[..], &mut b, &mut c].map(IoSliceMut::new);
    assert_eq!(file.read_at(&mut bufs, 3), Ok(7));
    assert_eq!((&a, &b, &c), (b"3456", b"789\0", &[9; 4]));
    assert_eq!(file.read_at(&mut [IoSliceMut::new(&mut a)], 10), Ok(0));
    assert_eq!(file.read_at(&mut [IoSliceMut::new(&mut a)], u64::MAX), Err(Errno::INVAL));
    assert_eq!(file.read_bytes(8, 100).unwrap(), "89");
    assert_eq!(file.read_bytes(11, 100).unwrap(), "");
}

#[test]
fn listings_go_on_after_any_entry() {
    use std::ops::ControlFlow;
    let image = image(packed(&dir! { "c": "", "a": "", "b": {} }.tree().unwrap())).unwrap();
    let dir = image.fs().open(&Ctx::ROOT, image.fs().root(), OpenFlags::READ).unwrap();
    let list = |from| {
        let mut names = Vec::new();
        dir.readdir(from, &mut |entry| {
            names.push((entry.name.as_bytes().to_vec(), entry.next));
            ControlFlow::Continue(())
        })
        .unwrap();
        names
    };
    let all = list(Cookie::START);
    assert_eq!(all.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    for (at, (_, next)) in all.iter().enumerate() {
        assert_eq!(list(*next), all[at + 1..]);
    }
    assert_eq!(list(Cookie(u64::MAX)), []);
}

fn layers(layers: &[Vec<u8>]) -> Result<Tree, ImageError> {
    Ok(Tree::new(Arc::new(ImageFs::layers(layers.iter().cloned(), ImageOptions::new())?)))
}

#[test]
fn upper_layers_hide_and_replace() {
    let bottom = dir! {
        "keep": "0", "gone": "0", "replaced": "0", "to-dir": "0", "to-file": { "x": "0" },
        "merged": { "old": "0", "gone": "0" }, "opaque": { "old": "0", "sub": { "old": "0" } }, "whole": { "x": "0" },
    };
    let top = dir! {
        ".wh.gone": "", ".wh.never-was": "", "replaced": "1", "to-dir": { "y": "1" }, "to-file": "1",
        "merged": { ".wh.gone": "", "new": "1" },
        "opaque": { ".wh..wh..opq": "", "new": "1", "sub": { "new": "1" } },
        ".wh.whole": "", ".wh..wh.plnk": { "x": "" }, "whole": { "z": "1" },
    };
    let [bottom, top] = [bottom, top].map(|dir| packed(&dir.tree().unwrap()));
    let merged = layers(&[bottom.clone(), top.clone()]).unwrap();
    let expected = dir! {
        "keep": "0", "replaced": "1", "to-dir": { "y": "1" }, "to-file": "1",
        "merged": { "old": "0", "new": "1" }, "opaque": { "new": "1", "sub": { "new": "1" } }, "whole": { "z": "1" },
    };
    assert_eq!(merged.changes_since(&expected.tree().unwrap()).unwrap(), []);
    let again = layers(&[bottom.clone(), top, bottom]).unwrap();
    assert_eq!(again.read("whole/x").unwrap(), "0");
    assert_eq!(again.read("whole/z").unwrap(), "1");
    assert_eq!(again.read("gone").unwrap(), "0");
}

#[test]
fn a_difference_becomes_a_layer() {
    let bottom = dir! { "a": "0", "b": "0", "d": { "x": "0" } }.tree().unwrap();
    let now = dir! { "a": "1", "d": { "y": "1" }, "new": { "n": "1" } }.tree().unwrap();
    let node = |path: &str| {
        let mut walk = now.walk("").unwrap();
        loop {
            let (entry, place) = walk.next_place().unwrap().unwrap();
            if entry.path == path.as_bytes() {
                return LayerKind::Node(place);
            }
        }
    };
    let entries = [
        ("a", node("a")),
        ("b", LayerKind::Whiteout),
        ("d", node("d")),
        ("d", LayerKind::Opaque),
        ("d/y", node("d/y")),
        ("new", node("new")),
        ("new/n", node("new/n")),
    ];
    let entries = entries.map(|(path, kind)| Ok(LayerEntry { path: path.into(), kind }));
    let mut layer = Vec::new();
    pack_layer(entries, &mut layer, PackOptions::new()).unwrap();
    let merged = layers(&[packed(&bottom), layer]).unwrap();
    assert_eq!(merged.changes_since(&now).unwrap(), []);
    let bad = LayerEntry { path: "d/.wh.x".into(), kind: node("a") };
    assert!(pack_layer([Ok(bad)], &mut Vec::new(), PackOptions::new()).is_err());
}

#[test]
fn progress_is_told_and_ends() {
    let tree = Tree::in_memory();
    for i in 0..1000 {
        tree.write(format!("f{i}"), "content").unwrap();
    }
    let (mut packing, mut reading) = (Vec::new(), Vec::new());
    let mut archive = Vec::new();
    let mut tell = |p: Progress| packing.push(p);
    pack(&tree, &mut archive, PackOptions::new().progress(&mut tell)).unwrap();
    assert_eq!(packing.last(), Some(&Progress { entries: 1001, bytes: 7000, total: None }));
    let (len, mut tell) = (archive.len() as u64, |p: Progress| reading.push(p));
    ImageFs::open(archive, ImageOptions::new().progress(&mut tell)).unwrap();
    assert_eq!(reading.last(), Some(&Progress { entries: 1001, bytes: len, total: Some(len) }));
    assert!(reading.is_sorted_by_key(|p| p.bytes) && reading.len() > 3);
}

#[test]
fn limits_hold_and_say_so() {
    let archive = packed(&dir! { "a": "x", "b": "y", "c": {} }.tree().unwrap());
    let open = |limits| ImageFs::open(archive.clone(), ImageOptions::new().limits(limits)).map(|_| ()).unwrap_err();
    let error = open(ImageLimits { nodes: 3, ..ImageLimits::default() });
    assert_eq!(error.problem, Problem::Limit { what: "nodes", limit: 3 });
    assert_eq!((error.entry.as_slice(), error.errno()), (&b"c/"[..], Errno::FBIG));
    let error = open(ImageLimits { names: 2, ..ImageLimits::default() });
    assert_eq!(error.problem, Problem::Limit { what: "names", limit: 2 });
}

#[test]
fn special_nodes_are_nodes() {
    let mut archive = Vec::new();
    for (name, kind) in [(&b"fifo"[..], b'6'), (b"null", b'3'), (b"disk", b'4')] {
        archive.extend(bad::entry(name, kind, b"", 0));
    }
    archive.extend([0; 1024]);
    let image = image(archive).unwrap();
    let types: Vec<_> = image.walk("").unwrap().map(|e| e.unwrap().metadata.file_type).collect();
    assert_eq!(types, [FileType::BlockDevice, FileType::Fifo, FileType::CharDevice]);
    assert_eq!(image.read("fifo").unwrap_err().errno, Errno::NXIO);
}

#[test]
fn copying_tells_of_its_progress() {
    let from = image(packed(&some_of_everything())).unwrap();
    let (to, mut told) = (Tree::in_memory(), Vec::new());
    let copied =
        crate::tree::copy_tree_with(from.place(), to.place(), &mut |copied| told.push(copied.clone())).unwrap();
    assert_eq!(told.last(), Some(&copied));
    assert!(told.is_sorted_by_key(|copied| copied.bytes) && copied.bytes > 100_000);
    let special = |entry: &crate::tree::WalkEntry| {
        !matches!(entry.metadata.file_type, FileType::Regular | FileType::Directory | FileType::Symlink)
    };
    let special = from.walk("").unwrap().filter(|entry| special(entry.as_ref().unwrap())).count();
    assert_eq!((copied.special, copied.skipped.len()), (special as u64, 0));
}

#[test]
fn hiding_twice_costs_once() {
    let tree = Tree::in_memory();
    for i in 0..2000 {
        tree.write(format!("f{i}"), "").unwrap();
    }
    let mut layer = packed(&tree);
    layer.truncate(layer.len() - 1024);
    for _ in 0..20_000 {
        layer.extend(bad::entry(b".wh..wh..opq", b'0', b"", 0));
    }
    layer.extend([0; 1024]);
    let merged = layers(&[packed(&dir! { "old": "" }.tree().unwrap()), layer]).unwrap();
    assert_eq!(paths(&merged).len(), 2000);
}
