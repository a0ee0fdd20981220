//! Filesystems that cannot be changed and come with a tree of their own, whatever that is: everything that is there can
//! be looked at in every way, and nothing can be changed in any.

use std::{collections::HashMap, io::IoSliceMut};

use gangplank_vfs::{
    Cookie, Errno, FileType, FsCaps, Name, NewNode, OpenFlags, Remove, Rename, SetAttr, SetTime, Time,
};

use crate::{Node, World};

/// How much of a file is read: some are as long as files can be.
const MUCH: u64 = 1 << 20;

/// Everything that is there, with its path; the root first.
fn all(w: &World) -> Vec<(String, Node)> {
    let mut found = vec![(String::new(), w.root())];
    for at in 0.. {
        let Some((path, node)) = found.get(at).cloned() else { break };
        if node.file_type == FileType::Directory {
            for e in node.open(OpenFlags::READ).unwrap().list().unwrap() {
                let below = if path.is_empty() { e.name.clone() } else { format!("{path}/{}", e.name) };
                found.push((below, w.lookup(&node, &e.raw).unwrap()));
            }
        }
        assert!(found.len() < 100_000, "this tree does not end");
    }
    found
}

fn of_type(w: &World, file_type: FileType) -> impl Iterator<Item = (String, Node)> {
    all(w).into_iter().filter(move |(_, node)| node.file_type == file_type)
}

/// A name that nothing has.
const NONE: &str = "a name that nothing has";

cases! { read_only, __cases_read_only, "FileSystem, VirtualFile; mount(2), MS_RDONLY";

/// There is something to look at, and the fixture says that it is there from the beginning.
fn there_is_a_tree(w) {
    assert!(w.is_filled(), "the fixture does not say `Made::filled`");
    assert!(all(w).len() > 1, "there is nothing but the root");
    assert!(of_type(w, FileType::Regular).next().is_some(), "there is no file");
}

/// What readdir, lookup and getattr say of number and type is the same; parents hold their children.
fn listing_lookup_and_metadata_agree(w) {
    for (path, dir) in of_type(w, FileType::Directory) {
        for e in dir.open(OpenFlags::READ).unwrap().list().unwrap() {
            let node = w.lookup(&dir, &e.raw).unwrap();
            let m = node.stat().unwrap();
            assert_eq!((e.node, m.ino), (node.id, node.id), "{path}/{}: three ways to its number", e.name);
            assert_eq!(m.file_type, node.file_type, "{path}/{}: type by lookup", e.name);
            assert!([m.file_type, FileType::Unknown].contains(&e.file_type), "{path}/{}: d_type", e.name);
            assert_eq!((m.dev, m.mode & !0o7777), (w.fs().info().dev, 0), "{path}/{}", e.name);
            if node.file_type == FileType::Directory {
                assert_eq!(node.parent().unwrap().id, dir.id, "{path}/{}: its parent", e.name);
            }
        }
    }
    assert_eq!(w.root().parent().unwrap().id, w.root().id, "the root is its own parent");
}

/// No two nodes have the same number, unless they are names of one.
fn numbers_are_unique(w) {
    let mut seen = HashMap::new();
    for (path, node) in all(w) {
        let before = seen.insert(node.id, path.clone());
        assert!(before.is_none() || node.stat().unwrap().nlink > 1, "{path} has the number of {before:?}");
    }
}

/// Where directories count their subdirectories, they count right.
fn links_are_counted_where_that_is_claimed(w) {
    for (path, dir) in of_type(w, FileType::Directory).filter(|_| w.has(FsCaps::DIR_NLINK)) {
        let list = dir.open(OpenFlags::READ).unwrap().list().unwrap();
        let below = list.iter().filter(|e| e.file_type == FileType::Directory).count() as u64;
        assert_eq!(dir.stat().unwrap().nlink, 2 + below, "{path:?}");
    }
}

/// A listing does not depend on how many entries are asked for at once, goes on where each cookie says, and knows no
/// dots.
fn listings_can_be_cut_anywhere(w) {
    for (path, dir) in of_type(w, FileType::Directory) {
        let dir = dir.open(OpenFlags::READ).unwrap();
        let whole: Vec<Vec<u8>> = dir.list().unwrap().into_iter().map(|e| e.raw).collect();
        assert!(whole.iter().all(|name| name != b"." && name != b".."), "{path:?}");
        for step in [1, 3, whole.len().max(1)] {
            let steps = dir.list_in_steps(step, |_| {}).unwrap();
            assert!(steps.iter().map(|e| &e.raw).eq(&whole), "{path:?} in steps of {step}");
        }
        for (i, e) in dir.list().unwrap().iter().enumerate() {
            assert_ne!(e.next, Cookie::START, "{path:?}: the cookie after {}", e.name);
            let rest = dir.list_from(e.next, usize::MAX).unwrap();
            assert!(rest.iter().map(|e| &e.raw).eq(&whole[i + 1..]), "{path:?} after {}", e.name);
        }
        assert!(dir.list_from(Cookie(u64::MAX - 16), 9).unwrap().is_empty(), "{path:?}: past the end");
    }
}

/// Every way to read gives the same bytes, as many as the size says, and none after them.
fn every_way_to_read_is_the_same(w) {
    for (path, node) in of_type(w, FileType::Regular) {
        let (file, size) = (node.open(OpenFlags::READ).unwrap(), node.stat().unwrap().size);
        assert_eq!((file.size(), file.node(), file.seekable()), (size, Some(node.id), true), "{path}");
        let much = size.min(MUCH) as usize;
        let whole = file.read(0, much).unwrap();
        assert_eq!(whole.len(), much, "{path}: short in the middle");
        assert_eq!(file.read_bytes(0, much).unwrap(), whole, "{path}: read_bytes");
        let mut pieces = vec![];
        while pieces.len() < much {
            let n = (much - pieces.len()).min(1 + pieces.len() * 2);
            pieces.extend(file.read(pieces.len() as u64, n).unwrap());
        }
        assert!(pieces == whole, "{path}: in pieces");
        let (mut a, mut none, mut b) = (vec![0; much / 3], [], vec![0; much - much / 3]);
        let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut none), IoSliceMut::new(&mut b)];
        assert_eq!(file.read_at(&mut bufs, 0), Ok(much), "{path}: vectored");
        assert!([a, b].concat() == whole, "{path}: vectored");
        for past in [size, size + 1, i64::MAX as u64] {
            assert_eq!(file.read(past, 9).unwrap(), b"", "{path}: at {past}");
            assert_eq!(file.read_bytes(past, 9).unwrap(), "", "{path}: at {past}");
        }
        refused!(file.read(1 << 63, 1), INVAL);
    }
}

/// `INVAL` for the target of what is no link; of a link it is as long as the size says.
fn links_have_targets(w) {
    for (path, node) in all(w) {
        match node.file_type {
            FileType::Symlink => {
                let target = w.fs().readlink(node.id).unwrap();
                assert_eq!(target.len() as u64, node.stat().unwrap().size, "{path}");
                refused!(node.open(OpenFlags::READ), LOOP, "{path}");
            }
            _ => refused!(w.fs().readlink(node.id), INVAL, "{path}"),
        }
    }
}

/// Each kind of open file answers what it cannot do with the one error of its kind; and nothing is open for writing.
fn each_kind_has_its_errors(w) {
    for (path, node) in all(w) {
        match node.file_type {
            FileType::Directory => {
                let dir = node.open(OpenFlags::READ | OpenFlags::DIRECTORY).unwrap();
                refused!(dir.read(0, 1), ISDIR, "{path}");
                refused!(dir.read_bytes(0, 1), ISDIR, "{path}");
                refused!(w.lookup(&node, NONE), NOENT, "{path}");
            }
            FileType::Regular => {
                let file = node.open(OpenFlags::READ).unwrap();
                refused!(file.list(), NOTDIR, "{path}");
                refused!(node.open(OpenFlags::READ | OpenFlags::DIRECTORY), NOTDIR, "{path}");
                refused!(w.lookup(&node, NONE), NOTDIR, "{path}");
                refused!(node.parent(), NOTDIR, "{path}");
                refused!(file.write(0, b"x"), BADF, "{path}");
                refused!(file.set_len(0), BADF, "{path}");
            }
            _ => {}
        }
    }
}

/// What paths lead to is what lookups lead to, through the resolver, there and back.
fn paths_lead_where_lookups_do(w) {
    let paths = w.beneath();
    for (path, node) in all(w).into_iter().skip(1) {
        assert_eq!(paths.lstat(&path).unwrap().ino, node.id, "{path}");
        refused!(paths.lstat(&format!("{path}/{NONE}/x")), NOENT | NOTDIR | LOOP | PERM, "{path}");
        if node.file_type == FileType::Directory {
            let holder = path.rsplit_once('/').map_or(".", |(holder, _)| holder);
            assert_eq!(paths.ino(&format!("{path}/..")).unwrap(), paths.ino(holder).unwrap(), "{path}");
        } else if node.file_type == FileType::Regular {
            refused!(paths.stat(&format!("{path}/")), NOTDIR, "{path}");
        }
    }
    refused!(paths.stat(".."), PERM);
}

/// What would be wrong on any filesystem is answered as there; what would be right is `ROFS`. Nothing changes.
fn every_change_is_refused(w) {
    let (fs, cx) = (w.fs(), gangplank_vfs::Ctx::ROOT);
    let before = w.tree();
    for (path, node) in all(w) {
        let new = NewNode::Regular { mode: 0o644 };
        match node.file_type {
            FileType::Directory => {
                refused!(w.create_in(&node, NONE, new), ROFS, "{path}");
                refused!(w.create_in(&node, NONE, NewNode::Directory { mode: 0o755 }), ROFS, "{path}");
                let names = node.open(OpenFlags::READ).unwrap().list().unwrap();
                for e in names {
                    let name = Name::new(&e.raw).unwrap();
                    refused!(w.create_in(&node, &e.raw, new), EXIST, "{path}/{}", e.name);
                    for what in [Remove::NonDirectory, Remove::Directory] {
                        refused!(fs.remove(&cx, node.id, name, what), ROFS | ISDIR | NOTDIR | NOTEMPTY, "{path}/{}", e.name);
                    }
                    let free = Name::new(NONE.as_bytes()).unwrap();
                    let moved = fs.rename(&cx, (node.id, name), (node.id, free), Rename::Replace);
                    refused!(moved, ROFS, "{path}/{}", e.name);
                    refused!(fs.link(&cx, w.lookup(&node, &e.raw).unwrap().id, node.id, free), ROFS | PERM, "{path}/{}", e.name);
                }
                let free = Name::new(NONE.as_bytes()).unwrap();
                refused!(fs.remove(&cx, node.id, free, Remove::NonDirectory), NOENT, "{path}");
                refused!(node.open(OpenFlags::WRITE), ISDIR | ROFS, "{path}");
            }
            FileType::Regular => {
                refused!(w.create_in(&node, NONE, new), NOTDIR, "{path}");
                refused!(node.open(OpenFlags::READ | OpenFlags::WRITE), ROFS, "{path}");
                refused!(node.open(OpenFlags::READ | OpenFlags::TRUNC), ROFS, "{path}");
                refused!(node.setattr(SetAttr { size: Some(0), ..SetAttr::default() }), ROFS, "{path}");
            }
            _ => {}
        }
        refused!(node.setattr(SetAttr { mode: Some(0o700), ..SetAttr::default() }), ROFS, "{path}");
        refused!(node.setattr(SetAttr { mtime: SetTime::To(Time::EPOCH), ..SetAttr::default() }), ROFS, "{path}");
        if let Some(x) = fs.xattrs() {
            let set = x.set(node.id, b"user.x", b"1", gangplank_vfs::SetXattr::Any);
            assert!(matches!(set, Err(Errno::ROFS | Errno::NOTSUP)), "{path}: {set:?}");
        }
    }
    assert_eq!(w.tree(), before);
    assert_eq!(fs.sync(), Ok(()));
}

/// The capabilities say so: there are facets where they are claimed, and limits make sense.
fn facets_are_claimed(w) {
    assert_eq!(w.fs().xattrs().is_some(), w.has(FsCaps::XATTR));
    assert_eq!(w.fs().snapshots().is_some(), w.has(FsCaps::SNAPSHOT));
    let (info, s) = (w.fs().info(), w.fs().statfs().unwrap());
    assert!(info.name_max <= 255 && info.max_file_size <= i64::MAX as u64 && info.time_granularity_ns >= 1, "{info:?}");
    assert!(s.bsize > 0 && s.bavail <= s.bfree && s.bfree <= s.blocks && s.ffree <= s.files, "{s:?}");
}
}
