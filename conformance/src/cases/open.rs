//! `open`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>.

use gangplank_vfs::{Components, Ctx, FileType, FsCaps, Goal, NewNode, NoMounts, OpenFlags, OpenHow, Result, Walked};

use crate::{File, World};

const R: OpenFlags = OpenFlags::READ;
const W: OpenFlags = OpenFlags::WRITE;

/// `open` of one name in the root, as the resolver does it.
fn open_at(w: &World, name: &str, how: OpenHow<'_>) -> Result<File> {
    let mut path = Components::new(name.as_bytes()).unwrap();
    match w.fs().walk(&Ctx::ROOT, w.fs().root(), &mut path, &NoMounts, Goal::Open(&how))? {
        Walked::Opened(o) => {
            if o.file_type == FileType::Directory {
                w.fs().forget(o.node, 1);
            }
            Ok(File(o.file))
        }
        Walked::Missing => Err(gangplank_vfs::Errno::NOENT),
        other => panic!("{other:?}"),
    }
}

fn how(flags: OpenFlags, create: bool, exclusive: bool) -> OpenHow<'static> {
    OpenHow { flags, create: create.then_some(NewNode::Regular { mode: 0o644 }), exclusive, follow: false }
}

cases! { open, __cases_open, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html";

/// Every combination of flags on every kind of node, against a decision table of the page's errors, in their order.
fn every_combination_of_flags(w) {
    let kinds = &["none", "file", "dir", "link"][..if w.has(FsCaps::SYMLINKS) { 4 } else { 3 }];
    for bits in 0..64u32 {
        let flags = [(1, R), (2, W), (4, OpenFlags::APPEND), (8, OpenFlags::DIRECTORY)]
            .iter()
            .filter(|(bit, _)| bits & bit != 0)
            .fold(OpenFlags::empty(), |all, (_, flag)| all | *flag);
        let (create, exclusive) = (bits & 16 != 0, bits & 32 != 0);
        if exclusive && !create || create && flags.contains(OpenFlags::DIRECTORY) {
            continue; // Undefined by the page; the layer above refuses it.
        }
        for trunc in [false, true] {
            if trunc && !flags.contains(W) {
                continue; // Undefined by the page.
            }
            let flags = if trunc { flags | OpenFlags::TRUNC } else { flags };
            w.put("file", "hello");
            w.mkdir("dir").unwrap();
            if w.has(FsCaps::SYMLINKS) {
                w.symlink("file", "link").unwrap();
            }
            for &kind in kinds {
                let label = format!("{kind}: {flags:?} create {create} exclusive {exclusive}");
                let got = open_at(w, kind, how(flags, create, exclusive));
                let want = match kind {
                    "none" if create => Ok(()),
                    "none" => Err("NOENT"),
                    _ if exclusive => Err("EXIST"),
                    // NOTDIR is right as well: Linux says so for O_DIRECTORY | O_NOFOLLOW.
                    "link" => Err("LOOP"),
                    "dir" if create || flags.intersects(W | OpenFlags::TRUNC) => Err("ISDIR"),
                    "file" if flags.contains(OpenFlags::DIRECTORY) => Err("NOTDIR"),
                    _ => Ok(()),
                };
                let notdir_too = kind == "link" && flags.contains(OpenFlags::DIRECTORY);
                match (got, want) {
                    (Ok(_), Ok(())) => {}
                    (Err(e), Err(want)) => {
                        assert!(e.name() == want || notdir_too && e.name() == "NOTDIR", "{label}: {e:?}");
                    }
                    (got, want) => panic!("{label}: {got:?}, wanted {want:?}"),
                }
                let truncated = kind == "file" && trunc && want.is_ok();
                assert_eq!(w.read("file").unwrap(), if truncated { "" } else { "hello" }.as_bytes(), "{label}");
                if truncated {
                    w.open("file", W).unwrap().write(0, b"hello").unwrap();
                }
                assert_eq!(w.node("none").is_ok(), kind == "none" && create, "{label}");
                if kind == "none" && create {
                    w.unlink("none").unwrap();
                }
            }
            for name in w.names("").unwrap() {
                w.unlink(&name).or_else(|_| w.rmdir(&name)).unwrap();
            }
        }
    }
}

/// A node that is already known: the same rules.
fn by_node(w) {
    let (file, dir) = (w.put("a", "x"), w.mkdir("d").unwrap());
    assert!(file.open(R).is_ok() && file.open(W).is_ok() && file.open(R | W).is_ok() && dir.open(R).is_ok());
    refused!(file.open(R | OpenFlags::DIRECTORY), NOTDIR);
    refused!(dir.open(W), ISDIR);
    refused!(dir.open(R | W), ISDIR);
    refused!(dir.open(W | OpenFlags::TRUNC), ISDIR);
    assert!(dir.open(R | OpenFlags::DIRECTORY).is_ok());
    if w.has(FsCaps::SYMLINKS) {
        refused!(w.symlink("a", "l").unwrap().open(R), LOOP);
    }
}

/// ENOTDIR comes before EISDIR: the order in which the trait's documentation lists them.
fn directory_and_write(w) {
    refused!(w.put("a", "").open(W | OpenFlags::DIRECTORY), NOTDIR);
    refused!(w.mkdir("d").unwrap().open(W | OpenFlags::DIRECTORY), ISDIR);
}

/// O_TRUNC cuts, and keeps the node.
fn truncation_keeps_the_node(w) {
    let node = w.put("a", "hello");
    let before = node.open(R).unwrap();
    let cut = node.open(W | OpenFlags::TRUNC).unwrap();
    assert_eq!((cut.size(), before.size()), (0, 0));
    assert_eq!(before.read(0, 9).unwrap(), b"");
    assert_eq!(w.node("a").unwrap().id, node.id);
}

/// A file just created may be written through the descriptor that created it, whatever its mode says.
fn the_creator_may_write_what_it_made(w) {
    let how = OpenHow { create: Some(NewNode::Regular { mode: 0o400 }), ..how(R | W, true, true) };
    let file = open_at(w, "a", how).unwrap();
    assert_eq!(file.write(0, b"x"), Ok(1));
    assert_eq!(file.read(0, 9).unwrap(), b"x");
    assert_eq!(w.stat("a").unwrap().mode, 0o400);
}

/// Creation with TRUNC makes an empty file and is no truncation.
fn create_and_truncate(w) {
    let file = open_at(w, "a", how(W | OpenFlags::TRUNC, true, false)).unwrap();
    assert_eq!(file.size(), 0);
}

/// Neither end of a FIFO blocks the host: reading opens, writing without a reader is ENXIO, as with O_NONBLOCK.
fn a_fifo_never_waits(w) {
    if !w.has(FsCaps::FIFOS) {
        return;
    }
    let new = NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 };
    let fifo = w.create("p", new).unwrap();
    refused!(fifo.open(W), NXIO);
    refused!(fifo.open(R | OpenFlags::DIRECTORY), NOTDIR);
    match fifo.open(R) {
        Ok(file) => {
            assert!(!file.seekable());
            refused!(file.read(0, 1), SPIPE);
        }
        Err(e) => assert_eq!(e.name(), "NXIO"),
    }
}

/// ENXIO: who wants to talk to somebody there connects.
fn a_socket_is_not_opened(w) {
    if !w.has(FsCaps::SOCKETS) {
        return;
    }
    let socket = w.create("s", NewNode::Special { file_type: FileType::Socket, mode: 0o600, rdev: 0 }).unwrap();
    for flags in [R, W, R | W] {
        refused!(socket.open(flags), NXIO);
        refused!(w.open("s", flags), NXIO);
    }
    refused!(socket.open(R | OpenFlags::DIRECTORY), NOTDIR);
}

/// A file opened before a rename is still that file.
fn an_open_file_follows_its_node(w) {
    let file = w.put("a", "1").open(R | W).unwrap();
    w.mv("a", "b").unwrap();
    w.put("a", "2");
    file.write(0, b"X").unwrap();
    assert_eq!((w.read("a").unwrap(), w.read("b").unwrap()), (b"2".to_vec(), b"X".to_vec()));
}

/// An open directory lists itself under its new name.
fn an_open_directory_follows_its_node(w) {
    let dir = w.mkdir("d").unwrap().open(R).unwrap();
    w.mv("d", "e").unwrap();
    w.mkdir("d").unwrap();
    w.put("e/x", "");
    assert_eq!(dir.list().unwrap().len(), 1);
}
}
