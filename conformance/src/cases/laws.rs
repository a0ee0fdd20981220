//! L0: two ways to learn the same thing agree, on any tree.

use std::io::{IoSlice, IoSliceMut};

use gangplank_vfs::{At, Cookie, FileType, FsCaps, OpenFlags};

use crate::{Node, World};

/// A tree with some of everything that the filesystem can hold, to be looked at.
fn grow(w: &World) -> World {
    w.put("a", "hello");
    w.put("empty", "");
    w.mkdir("d").unwrap();
    w.put("d/b", [b'x'; 100_000]);
    w.mkdir("d/e").unwrap();
    w.mkdir("d/e/f").unwrap();
    for i in 0..40 {
        w.put(&format!("d/e/{i}"), format!("{i}"));
    }
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("d/b", "s").unwrap();
    }
    if w.has(FsCaps::HARD_LINKS) {
        w.link("d/b", "hard").unwrap();
    }
    if w.has(FsCaps::FIFOS) {
        let new = gangplank_vfs::NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 };
        w.create("fifo", new).unwrap();
    }
    if w.has(FsCaps::DEVICES) {
        for (name, rdev) in [("null", 0x103), ("nothing", 0)] {
            let new = gangplank_vfs::NewNode::Special { file_type: FileType::CharDevice, mode: 0o600, rdev };
            w.create(name, new).unwrap();
        }
    }
    w.sealed()
}

fn every_node(w: &World, dir: &Node, visit: &mut dyn FnMut(&Node, &str)) {
    visit(dir, ".");
    for e in dir.open(OpenFlags::READ).unwrap().list().unwrap() {
        let node = w.lookup(dir, &e.raw).unwrap();
        if node.file_type == FileType::Directory {
            every_node(w, &node, visit);
        } else {
            visit(&node, &e.name);
        }
    }
}

cases! { laws, __cases_laws, "the traits: two ways to learn the same thing";

/// What readdir, lookup and getattr say of number and type is the same
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/dirent.h.html>: `d_ino` is the file's serial number).
fn listing_lookup_and_metadata_agree(w) {
    let w = &grow(w);
    let mut dirs = vec![w.root()];
    while let Some(dir) = dirs.pop() {
        for e in dir.open(OpenFlags::READ).unwrap().list().unwrap() {
            let node = w.lookup(&dir, &e.raw).unwrap();
            let m = node.stat().unwrap();
            assert_eq!(e.node, node.id, "{}: d_ino", e.name);
            assert_eq!(m.ino, node.id, "{}: st_ino", e.name);
            assert_eq!(m.file_type, node.file_type, "{}: type by lookup", e.name);
            assert!([m.file_type, FileType::Unknown].contains(&e.file_type), "{}: d_type {:?}", e.name, e.file_type);
            assert_eq!(m.dev, w.fs().info().dev, "{}: st_dev", e.name);
            assert_eq!(m.mode & !0o7777, 0, "{}: bits beyond 07777", e.name);
            if node.file_type == FileType::Directory {
                assert_eq!(node.parent().unwrap().id, dir.id, "{}: its parent", e.name);
                dirs.push(node);
            }
        }
    }
}

/// A name has one identity for as long as it is held, however often it is looked up.
fn a_node_has_one_number(w) {
    let w = &grow(w);
    let (first, second) = (w.node("d/b").unwrap(), w.node("d/b").unwrap());
    assert_eq!(first.id, second.id);
    let file = first.open(OpenFlags::READ).unwrap();
    assert_eq!(file.node(), Some(first.id));
    assert_eq!(file.getattr().unwrap().ino, first.id);
}

/// No two nodes have the same number.
fn numbers_are_unique(w) {
    let w = &grow(w);
    let (mut seen, mut held) = (std::collections::HashMap::new(), vec![]);
    every_node(w, &w.root(), &mut |node, name| {
        let before = seen.insert(node.id, name.to_owned());
        if node.stat().unwrap().nlink == 1 {
            assert_eq!(before, None, "{name} has the number of another");
        }
        held.push(node.clone());
    });
}

/// A listing does not depend on how many entries are asked for at once.
fn listing_in_steps_is_the_whole_listing(w) {
    let w = &grow(w);
    let dir = w.open("d/e", OpenFlags::READ).unwrap();
    let whole = dir.list().unwrap();
    assert_eq!(whole.len(), 41);
    for step in [1, 2, 7, 40, 41, 42] {
        let steps = dir.list_in_steps(step, |_| {}).unwrap();
        let (a, b): (Vec<_>, Vec<_>) = (whole.iter().map(|e| &e.raw).collect(), steps.iter().map(|e| &e.raw).collect());
        assert_eq!(a, b, "in steps of {step}");
    }
}

/// Going on after any entry lists exactly the entries after it.
fn every_cookie_goes_on_where_it_says(w) {
    let w = &grow(w);
    let dir = w.open("d/e", OpenFlags::READ).unwrap();
    let whole = dir.list().unwrap();
    for (i, e) in whole.iter().enumerate() {
        assert_ne!(e.next, Cookie::START, "the cookie after {}", e.name);
        assert!(e.next.0 <= u64::MAX - 16, "the cookie after {}", e.name);
        let rest: Vec<_> = dir.list_from(e.next, usize::MAX).unwrap().into_iter().map(|e| e.raw).collect();
        let want: Vec<_> = whole[i + 1..].iter().map(|e| e.raw.clone()).collect();
        assert_eq!(rest, want, "after {}", e.name);
    }
}

/// `.` and `..` are not listed; whoever needs them adds them.
fn dots_are_not_listed(w) {
    let w = &grow(w);
    for dir in ["", "d", "d/e/f"] {
        assert!(w.names(dir).unwrap().iter().all(|n| n != "." && n != ".."), "in {dir:?}");
    }
}

/// One read into many buffers is many reads into one
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/readv.html>).
fn vectored_reads_are_plain_reads(w) {
    let bytes: Vec<u8> = (0..70_000u32).map(|i| (i % 251) as u8).collect();
    let file = w.put("a", &bytes).open(OpenFlags::READ).unwrap();
    let (mut a, mut b, mut c) = ([0; 3], [0; 20_000], [0; 60_000]);
    let mut none = [];
    let mut bufs = [&mut a[..], &mut none, &mut b, &mut c].map(IoSliceMut::new);
    assert_eq!(file.read_at(&mut bufs, 5), Ok(69_995));
    let joined = [&a[..], &b, &c[..69_995 - 20_003]].concat();
    assert!(joined == bytes[5..], "vectored content differs");
    assert_eq!(file.read(5, 69_995).unwrap(), bytes[5..]);
    // Small ones may be one on the way, and the last of them need not be filled.
    let (mut a, mut b, mut c) = ([0; 3], [0; 10], [0xff; 10]);
    let mut bufs = [&mut a[..], &mut none, &mut b, &mut c].map(IoSliceMut::new);
    assert_eq!(file.read_at(&mut bufs, 69_985), Ok(15));
    assert_eq!([&a[..], &b, &c[..2]].concat(), bytes[69_985..]);
    assert_eq!(c[2..], [0xff; 8]);
    assert_eq!(file.read_bytes(5, 69_995).unwrap(), bytes[5..]);
}

/// One write of many buffers is one write of their sum.
fn vectored_writes_are_plain_writes(w) {
    let file = w.mkfile("a").unwrap().open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    let big = vec![7; 40_000];
    let bufs = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(&big), IoSlice::new(b"cd")];
    assert_eq!(file.write_at(&bufs, At::Offset(3)), Ok((40_004, 40_007)));
    assert_eq!(file.read(0, 50_000).unwrap(), [b"\0\0\0ab", &big[..], b"cd"].concat());
    assert_eq!(file.write_at(&[], At::End), Ok((0, 40_007)));
    assert_eq!(file.write_at(&bufs, At::End), Ok((40_004, 80_011)));
    // Small ones may be put together first.
    let small = [&b"ab"[..], b"", b"cde", &[9; 600], b"f"].map(IoSlice::new);
    assert_eq!(file.write_at(&small, At::Offset(1)), Ok((606, 607)));
    assert_eq!(file.read(0, 8).unwrap(), [b"\0abcde", &[9, 9][..]].concat());
    assert_eq!(file.read(604, 4).unwrap(), [9, 9, b'f', 7]);
    assert_eq!(file.write_at(&small, At::End), Ok((606, 80_617)));
    assert_eq!(file.read(80_011, 5).unwrap(), b"abcde");
}

/// `append` is `write_at` the end; where it ended it says itself, or `appended` does, whatever was written since.
fn append_is_writing_at_the_end(w) {
    let (a, b) = (w.put("a", "hello"), w.put("b", "hello"));
    let flags = OpenFlags::READ | OpenFlags::WRITE;
    let (file, plain) = (a.open(flags).unwrap(), b.open(flags).unwrap());
    let pieces = [&b"12"[..], b"", b"345"].map(IoSlice::new);
    for _ in 0..3 {
        let (n, end) = file.0.append(&pieces).unwrap();
        a.open(flags).unwrap().append(b"other").unwrap();
        file.append(b"!").unwrap();
        let end = end.map_or_else(|| file.0.appended(), Ok);
        assert_eq!((n, end), plain.write_at(&pieces, At::End).map(|(n, end)| (n, Ok(end))).unwrap());
        plain.append(b"other").unwrap();
        plain.append(b"!").unwrap();
    }
    assert_eq!(file.0.append(&[]).map(|(n, _)| n), Ok(0));
    assert_eq!(file.read(0, 100), plain.read(0, 100));
    refused!(a.open(OpenFlags::READ).unwrap().0.append(&pieces), BADF);

    // To be opened to append is for the open file to heed: below it, an offset is one, and the end stays the end.
    let c = w.put("c", "hello");
    let file = c.open(flags | OpenFlags::APPEND).unwrap();
    file.append(b"12").unwrap();
    assert_eq!(file.write(1, b"EL"), Ok(2));
    assert_eq!(file.write_at(&pieces, At::End), Ok((5, 12)));
    assert_eq!(file.write(0, b"H"), Ok(1));
    file.append(b"!").unwrap();
    assert_eq!(file.read(0, 100).unwrap(), b"HELlo1212345!");
}

/// What is written is read back, at every offset and length around the sizes that storage is cut into.
fn reads_return_what_was_written(w) {
    let file = w.mkfile("a").unwrap().open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    let mut model: Vec<u8> = vec![];
    let sizes = [1, 63, 64, 65, 511, 4095, 4096, 4097, 16_383, 16_384, 16_385];
    for (i, (&at, &len)) in sizes.iter().flat_map(|at| sizes.iter().map(move |len| (at, len))).enumerate() {
        let bytes = vec![i as u8 | 1; len];
        assert_eq!(file.write(at as u64, &bytes), Ok(len));
        model.resize(model.len().max(at + len), 0);
        model[at..at + len].copy_from_slice(&bytes);
        assert_eq!(file.size(), model.len() as u64);
        let (from, n) = (at.saturating_sub(3), len + 6);
        assert_eq!(file.read(from as u64, n).unwrap(), model[from..model.len().min(from + n)], "at {at}, {len} bytes");
    }
    assert_eq!(file.read(0, model.len() + 1).unwrap(), model);
}

/// Two descriptions of one file see each other's writes at once
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>).
fn every_open_file_sees_the_same_content(w) {
    let node = w.put("a", "hello");
    let (one, two) = (node.open(OpenFlags::READ).unwrap(), node.open(OpenFlags::WRITE).unwrap());
    two.write(1, b"EL").unwrap();
    assert_eq!(one.read(0, 9).unwrap(), b"hELlo");
    two.set_len(3).unwrap();
    assert_eq!(one.read(0, 9).unwrap(), b"hEL");
    assert_eq!((one.size(), two.size(), node.stat().unwrap().size), (3, 3, 3));
}

/// The size of a symbolic link is the length of its target
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/sys_stat.h.html>).
fn the_size_of_a_symlink_is_its_targets(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    for target in ["x", "../a/b", "/y/"] {
        let link = w.symlink(target, target.len().to_string().as_str()).unwrap();
        assert_eq!(link.stat().unwrap().size, target.len() as u64);
    }
}

/// The root is its own parent.
fn the_root_is_its_own_parent(w) {
    assert_eq!(w.root().parent().unwrap().id, w.root().id);
    assert_eq!(w.root().stat().unwrap().file_type, FileType::Directory);
    assert_eq!(w.fs().root(), w.root().id);
}

/// What is claimed, and the facets, agree.
fn facets_are_claimed(w) {
    assert_eq!(w.fs().xattrs().is_some(), w.has(FsCaps::XATTR));
    assert_eq!(w.fs().snapshots().is_some(), w.has(FsCaps::SNAPSHOT));
    let info = w.fs().info();
    assert!(info.name_max <= 255, "name_max {}", info.name_max);
    assert!(info.max_file_size <= i64::MAX as u64, "max_file_size {}", info.max_file_size);
    assert!(info.time_granularity_ns >= 1, "granularity");
}

/// Two filesystems never have the same device number.
fn device_numbers_differ(w) {
    if let Some(snapshots) = w.fs().snapshots() {
        assert_ne!(snapshots.fork().unwrap().info().dev, w.fs().info().dev);
    }
}
}
