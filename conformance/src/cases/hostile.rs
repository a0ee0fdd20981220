//! What an adversary tries from inside: ways out of a directory, into a read-only mount, and past the limits of whoever
//! resolves paths. `ADVERSARY.md` says where each comes from.

use gangplank_vfs::{
    Errno, FileType, FsCaps, MountOptions, NewNode, OpenFlags, Rename, SetAttr, SetTime, Time, mem_fs::MemFs,
};

use crate::{
    World,
    adversary::{Cage, Learned, attempt},
};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

/// Builds a cage, tries every operation with every way out of it, and looks at the canaries.
fn escape(w: &World, mount: bool) {
    let cage = Cage::build(w, mount);
    let learned = cage.attack(cage.paths(), &cage.ways_out());
    cage.check(&learned).unwrap();
    // That it was an attack at all: most answers are that the path leads out.
    let (out, all) = (learned.count("PERM"), learned.total());
    assert!(out * 3 > all, "{out} of {all} attempts were told that they lead out: {:?}", learned.answers);
}

cases! { hostile, __cases_hostile, "conformance/ADVERSARY.md";

/// GHSA-hp8f-xmx4-4qrg, CVE-2026-39822, CVE-2024-38358, CVE-2025-43853, CVE-2025-22873 and their like: every operation,
/// with every way to open, through links that lead out, are made to end in slashes, dangle, or only look as if they went
/// down; with everything around the directory watched.
fn no_operation_leads_out(w) {
    escape(w, false);
}

/// The same with another filesystem mounted beside the directory, which the paths could be led into.
fn no_operation_leads_into_another_mount(w) {
    escape(w, true);
}

/// A link is followed at most forty times, however the sixty-four are put together; each operation says so.
fn sixty_four_links_are_loop(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.put("d/f", "f");
    p.symlink("d", "l0").unwrap();
    for i in 1..64 {
        p.symlink(&format!("l{}{}", i - 1, if i % 2 == 0 { "/" } else { "" }), &format!("l{i}")).unwrap();
    }
    assert_eq!(p.read("l39/f").unwrap(), "f");
    for path in ["l40/f", "l63/f", "l63/x", "l63/", "l63/.", "l39/../l0/f"] {
        refused!(p.stat(path), LOOP, "{path}");
        refused!(p.open(path, RW), LOOP, "{path}");
        refused!(p.set_attr(path, true, SetAttr { size: Some(0), ..SetAttr::default() }), LOOP, "{path}");
    }
    for path in ["l40/x", "l63/x"] {
        refused!(p.mkdir(path), LOOP, "{path}");
        refused!(p.creat(path, true), LOOP, "{path}");
        refused!(p.mv("d/f", path), LOOP, "{path}");
        refused!(p.mv(path, "d/f"), LOOP, "{path}");
        refused!(p.unlink(path), LOOP, "{path}");
        refused!(p.rmdir(path), LOOP, "{path}");
        refused!(p.readlink(path), LOOP, "{path}");
        refused!(p.symlink("x", path), LOOP, "{path}");
    }
    assert_eq!(w.names("d").unwrap(), ["f"]);
}

/// A path may have as many components as fit into `PATH_MAX`, and one that is longer is ENAMETOOLONG, for every
/// operation, whatever it is made of: ten thousand names, dots, slashes, or a hundred kilobytes of one letter.
fn long_paths_are_refused_whole(w) {
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.put("f", "f");
    let fits = "d/../".repeat(818) + "f";
    assert_eq!(p.read(&fits).unwrap(), "f");
    assert_eq!(p.read(&("./".repeat(2046) + "f")).unwrap(), "f");
    assert_eq!(p.read(&(".".to_owned() + &"/".repeat(4000) + "f")).unwrap(), "f");
    let before = w.tree();
    let long = ["d/../", "./", "/", "a/", "a", "../"].map(|part| part.repeat(20_000));
    for path in long {
        let mut learned = Learned::default();
        // Beneath a scope a slash at the beginning is refused before the length is.
        let path = if path.starts_with('/') { ".".to_owned() + &path } else { path };
        attempt(&p.to_start(), path.as_bytes(), b"f", b"mine", &mut learned);
        let (refused, all) = (learned.count("NAMETOOLONG"), learned.total());
        // What is wrong with the arguments may be said first.
        assert_eq!(refused + learned.count("INVAL"), all, "{:.20}…: {:?}", path, learned.answers);
        assert!(refused * 2 > all, "{:.20}…: {:?}", path, learned.answers);
    }
    assert_eq!(w.tree(), before);
    if w.has(FsCaps::SYMLINKS) {
        // A target just as long as one may be, which is not shortened by being followed.
        p.symlink(&"d/../".repeat(800), "l").unwrap();
        assert_eq!(p.read(&("l/".to_owned() + &"d/../".repeat(800) + "f")).unwrap(), "f");
        refused!(p.symlink(&"d/../".repeat(820), "m"), NAMETOOLONG);
    }
}

/// Names are bytes: newlines, escapes, what is not UTF-8, what other systems mean something by. Each is made, listed,
/// found, renamed and removed, and is nothing but a name.
fn odd_names_are_names(w) {
    let odd: [&[u8]; 26] = [
        b"new\nline", b"\n", b"\r", b"\x1b[2J", b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xae\xc0\xae", b" ",
        b"trailing ", b"trailing.", b"...", b"-rf", b"*", b"~", b"$(x)", b"a:b", b"f::$DATA", b"C:", b"a\\b", b"..\\..",
        // CVE-2024-51745, CVE-2024-51756, CVE-2022-41720: devices, elsewhere.
        b"CON", b"NUL.txt", "COM\u{b9}.log".as_bytes(), b"aux ", b"CONIN$",
    ];
    let dir = w.mkdir("d").unwrap();
    let start = w.beneath();
    let start = start.to_start();
    for name in odd {
        drop(w.create_in(&dir, name, NewNode::Regular { mode: 0o644 }).unwrap());
        let path = [b"d/".as_slice(), name].concat();
        assert_eq!(start.stat(&path, false).unwrap().file_type, FileType::Regular, "{}", name.escape_ascii());
    }
    let listed = w.open("d", OpenFlags::READ).unwrap().list().unwrap();
    let mut raw: Vec<&[u8]> = listed.iter().map(|e| e.raw.as_slice()).collect();
    let mut expected = odd.to_vec();
    raw.sort_unstable();
    expected.sort_unstable();
    assert_eq!(raw, expected);
    for name in odd {
        let path = [b"d/".as_slice(), name].concat();
        start.rename(&path, &start, b"d/renamed", Rename::Replace).unwrap();
        assert_eq!(start.stat(&path, false).err(), Some(Errno::NOENT), "{}", name.escape_ascii());
        start.rename(b"d/renamed", &start, &path, Rename::Replace).unwrap();
        start.unlink(&path).unwrap();
    }
    assert!(w.names("d").unwrap().is_empty());
}

/// CVE-2026-47261 and its like: whatever is tried through a read-only mount, with every way to open and every open file
/// that comes of it, nothing of the filesystem below has changed, times of reading included.
fn a_read_only_mount_changes_nothing(w) {
    let writable = w.beneath();
    writable.mkdir("d").unwrap();
    writable.mkdir("d/empty").unwrap();
    for file in ["f", "d/f", "other"] {
        writable.put(file, "0123456789");
    }
    if w.has(FsCaps::SYMLINKS) {
        for (target, link) in [("d", "l"), ("d/", "slash"), ("d/new", "dangling"), ("f", "lf"), ("..", "d/up")] {
            writable.symlink(target, link).unwrap();
        }
    }
    let before = w.tree();
    let everything = ["", "d", "d/empty", "f", "d/f", "other"];
    for path in everything {
        let time = SetTime::To(Time::from_parts(1_000_000_000, 0));
        w.setattr(path, SetAttr { atime: time, mtime: time, ..SetAttr::default() }).unwrap();
    }
    let metadata = || everything.map(|path| w.stat(path).unwrap());
    let quiet = metadata();
    let read_only = w.read_only();
    let start = read_only.to_start();
    let mut learned = Learned::default();
    for path in [
        "f", "f/", "d", "d/", "d/f", "d/empty", "new", "new/", "d/new", "l", "l/", "l/f", "l/new", "slash", "slash/f",
        "dangling", "lf", "d/up", "d/up/f", ".", "d/.", "d/empty/..", "d/empty/new",
    ] {
        attempt(&start, path.as_bytes(), b"other", b"mine", &mut learned);
    }
    // Also through what was opened, or held, before.
    let held = read_only.open("f", OpenFlags::READ).unwrap();
    let dir = read_only.open("d", OpenFlags::READ | OpenFlags::DIRECTORY).unwrap();
    for file in [&held, &dir] {
        let now = SetAttr { atime: SetTime::Now, mtime: SetTime::Now, ..SetAttr::default() };
        refused!(file.set_attr(&gangplank_vfs::Ctx::ROOT, &now), ROFS);
        assert!(file.set_len(0).is_err() && file.allocate(0, 100).is_err());
        assert!(file.write_at(&[std::io::IoSlice::new(b"x")], 0).is_err());
    }
    assert_eq!(metadata(), quiet, "something was changed, or noted");
    assert_eq!(w.tree(), before);
    assert!(learned.count("ok") > 20, "what only looks is allowed: {:?}", learned.answers);
    assert!(learned.count("ROFS") > 100, "{:?}", learned.answers);
}

/// CVE-2026-58494: the same filesystem, given twice, once read-only. What is there cannot be moved or linked, in either
/// direction, to where it could be written.
fn two_mounts_share_no_names(w) {
    let (writable, read_only) = (w.beneath(), w.read_only());
    for dir in ["ro", "rw"] {
        writable.mkdir(dir).unwrap();
        writable.mkdir(&format!("{dir}/d")).unwrap();
        writable.put(&format!("{dir}/f"), dir);
    }
    let (rw, ro) = (writable.confined("rw"), read_only.confined("ro"));
    let (rw, ro) = (rw.to_start(), ro.to_start());
    let before = w.tree();
    for (from, to) in [(ro, rw), (rw, ro)] {
        for (old, new) in [("f", "x"), ("d", "x"), ("f", "f"), ("d", "d")] {
            for how in [Rename::Replace, Rename::NoReplace, Rename::Exchange, Rename::Whiteout] {
                refused!(from.rename(old.as_bytes(), &to, new.as_bytes(), how), XDEV | ROFS, "{old} {new} {how:?}");
            }
            for follow in [true, false] {
                refused!(from.link(old.as_bytes(), follow, &to, new.as_bytes()), XDEV | ROFS | EXIST | PERM);
            }
        }
    }
    // Nor does a mount inside of a namespace that both see make a way.
    let outer = w.beneath();
    let there = outer.place("ro").unwrap();
    let here = outer.place("rw/d").unwrap();
    let bound = MountOptions { read_only: true, ..MountOptions::default() };
    let bound = outer.namespace.bind(&here, &there, bound).unwrap();
    refused!(outer.mv("rw/d/f", "rw/x"), XDEV | ROFS);
    refused!(outer.link("rw/d/f", "rw/x"), XDEV | ROFS);
    refused!(outer.mv("rw/f", "rw/d/x"), XDEV | ROFS);
    refused!(outer.open("rw/d/f", RW), ROFS);
    outer.namespace.unmount(&bound).unwrap();
    assert_eq!(w.tree(), before);
}

/// #13894: times as far away as a guest, or a host, can name them. No panic, and what is stored can be read.
fn extreme_times(w) {
    let p = w.beneath();
    p.put("f", "f");
    for seconds in [i64::MIN, i64::MIN + 1, -(1 << 40), -1, 0, 1 << 31, 1 << 33, 1 << 40, i64::MAX - 1, i64::MAX] {
        for nanos in [0, 1, 999_999_999] {
            let time = SetTime::To(Time::from_parts(seconds, nanos));
            let attr = SetAttr { atime: time, mtime: time, ..SetAttr::default() };
            for path in ["f", "."] {
                // A host may not be able to store it.
                if let Err(e) = p.set_attr(path, true, attr) {
                    assert!([Errno::INVAL, Errno::OVERFLOW, Errno::PERM].contains(&e), "{seconds}: {e:?}");
                }
                let m = p.stat(path).unwrap();
                let _ = (m.mtime.as_wasi(), m.atime.to_parts(), format!("{m:?}"));
            }
        }
    }
    assert_eq!(p.read("f").unwrap(), "f");
}

/// A filesystem of its own in the place of a name: what was there is not reached by what is remembered of it.
fn a_covered_directory_is_not_reached(w) {
    let p = w.beneath();
    p.mkdir("m").unwrap();
    p.put("m/secret", "SECRET");
    if w.has(FsCaps::SYMLINKS) {
        p.symlink("m/", "l").unwrap();
        p.symlink("../m/secret", "m/back").unwrap();
    }
    let mounted = p.mount("m", std::sync::Arc::new(MemFs::new()), false).unwrap();
    let ways = if w.has(FsCaps::SYMLINKS) { &["m/secret", "m/./secret", "l/secret", "l/back"][..] } else { &["m/secret"] };
    for path in ways {
        let mut learned = Learned::default();
        attempt(&p.to_start(), path.as_bytes(), b"other", b"mine", &mut learned);
        assert!(!learned.contains("SECRET"), "{path}");
    }
    p.namespace.unmount(&mounted).unwrap();
    assert_eq!(p.read("m/secret").unwrap(), "SECRET");
}
}
