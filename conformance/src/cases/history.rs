//! Bugs that another virtual filesystem has, or had, each under the name it goes by in our notes: `m` for its memory
//! filesystem, `h` for its host filesystem, `r` for its races (these are in `threads`), and what its users reported.

use gangplank_vfs::{Errno, Events, FsCaps, OpenFlags, Rename, SetAttr, SetTime, Time};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

cases! { history, __cases_history, "bugs of another virtual filesystem, by the names they go by in our notes";

/// `set_len(2^46)` aborted the process: a size from outside reached the allocator.
fn m0_a_huge_size_does_not_abort(w) {
    let file = w.put("a", "x").open(RW).unwrap();
    for len in [1 << 46, 1 << 50, i64::MAX as u64] {
        match file.set_len(len) {
            Ok(()) => assert_eq!(file.size(), len),
            Err(e) => assert_eq!(e, Errno::FBIG, "{len}"),
        }
        match file.write(len - 1, b"y") {
            Ok(1) => assert_eq!(file.size(), len),
            Err(e) => assert!([Errno::FBIG, Errno::NOSPC].contains(&e), "{len}: {e:?}"),
            other => panic!("{len}: {other:?}"),
        }
        match file.allocate(0, len) {
            Ok(()) => assert!(file.size() >= len),
            Err(e) => {
                assert!([Errno::FBIG, Errno::NOSPC, Errno::DQUOT, Errno::NOTSUP, Errno::NOMEM].contains(&e), "{e:?}");
            }
        }
    }
    file.set_len(1).unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"x");
}

/// `set_len(2^63)` panicked under a lock, and everything failed for ever after.
fn m0b_an_impossible_size_does_not_poison(w) {
    let file = w.put("a", "x").open(RW).unwrap();
    for len in [1 << 63, u64::MAX] {
        assert!(file.set_len(len).is_err());
        assert!(file.write(len, b"x").is_err());
        assert!(file.allocate(len, 1).is_err());
        assert!(file.read(len, 1).is_err());
    }
    w.put("b", "still works");
    assert_eq!(w.read("b").unwrap(), b"still works");
}

/// `rename(a, a)` deleted the file.
fn m1_rename_onto_itself_keeps_it(w) {
    w.put("a", "x");
    w.mv("a", "a").unwrap();
    assert_eq!(w.read("a").unwrap(), b"x");
    assert_eq!(w.names("").unwrap(), ["a"]);
}

/// Renaming a file over a directory made two entries of one name.
fn m2_a_file_over_a_directory(w) {
    w.put("a", "x");
    w.mkdir("d").unwrap();
    refused!(w.mv("a", "d"), ISDIR);
    assert_eq!(w.names("").unwrap(), ["a", "d"]);
}

/// So did renaming a directory over one with entries.
fn m3_a_directory_over_a_full_one(w) {
    w.mkdir("a").unwrap();
    w.mkdir("d").unwrap();
    w.put("d/x", "");
    refused!(w.mv("a", "d"), NOTEMPTY);
    assert_eq!(w.names("").unwrap(), ["a", "d"]);
    assert_eq!(w.names("d").unwrap(), ["x"]);
}

/// Renaming a directory into itself made a cycle that nobody could reach.
fn m4_a_directory_into_itself(w) {
    w.mkdir("a").unwrap();
    w.mkdir("a/b").unwrap();
    refused!(w.mv("a", "a/x"), INVAL);
    refused!(w.mv("a", "a/b/x"), INVAL);
    assert_eq!(w.tree(), "a/\na/b/\n");
}

/// A symbolic link could not be renamed.
fn m5_a_symlink_can_be_renamed(w) {
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("t", "l").unwrap();
        w.mv("l", "m").unwrap();
        assert_eq!(w.readlink("m").unwrap(), b"t");
        refused!(w.node("l"), NOENT);
    }
}

/// Opening a directory with O_CREAT made a file of its name beside it.
fn m6_creating_over_a_directory(w) {
    w.mkdir("d").unwrap();
    refused!(w.mkfile("d"), EXIST);
    assert_eq!(w.names("").unwrap(), ["d"]);
    assert_eq!(w.open("", OpenFlags::READ).unwrap().list().unwrap().len(), 1);
}

/// A descriptor of a file replaced by rename read and wrote whatever file came next: "SECRET".
fn m7_a_stale_handle_never_reaches_another_file(w) {
    let old = w.put("b", "old").open(RW).unwrap();
    w.put("a", "new");
    w.mv("a", "b").unwrap();
    for i in 0..64 {
        w.put(&format!("c{i}"), "SECRET");
    }
    if let Ok(seen) = old.read(0, 99) {
        assert!(seen == b"old" || seen.is_empty(), "{}", seen.escape_ascii());
    }
    let _ = old.write(0, b"not yours");
    for i in 0..64 {
        assert_eq!(w.read(format!("c{i}")).unwrap(), b"SECRET");
    }
    assert_eq!(w.read("b").unwrap(), b"new");
}

/// Writing never changed the mtime.
fn m9_writing_changes_the_mtime(w) {
    let a = w.put("a", "x");
    let before = a.stat().unwrap();
    w.tick();
    a.open(RW).unwrap().write(0, b"y").unwrap();
    let after = a.stat().unwrap();
    assert!(after.mtime > before.mtime && after.ctime > before.ctime);
}

/// Asking for readiness past the end underflowed and panicked.
fn m10_readiness_past_the_end(w) {
    let file = w.put("a", "x").open(RW).unwrap();
    assert_eq!(file.read(1 << 40, 1).unwrap(), b"");
    assert_eq!(file.poll(Events::READ | Events::WRITE, None), Ok(Events::READ | Events::WRITE));
    file.set_len(0).unwrap();
    assert_eq!(file.poll(Events::READ, None), Ok(Events::READ));
}

/// A vectored write did not ask whether the file was open for writing.
fn m11_a_vectored_write_needs_write(w) {
    let file = w.put("a", "x").open(OpenFlags::READ).unwrap();
    refused!(file.write_at(&[std::io::IoSlice::new(b"y")], gangplank_vfs::At::Offset(0)), BADF);
    assert_eq!(w.read("a").unwrap(), b"x");
}

/// No hard links; unlink of a directory was ENOENT, rmdir of a file EINVAL.
fn m12_links_and_errors(w) {
    w.put("a", "x");
    w.mkdir("d").unwrap();
    if w.has(FsCaps::HARD_LINKS) {
        w.link("a", "b").unwrap();
        assert_eq!(w.read("b").unwrap(), b"x");
    }
    refused!(w.unlink("d"), ISDIR);
    refused!(w.rmdir("a"), NOTDIR);
}

/// Lookup and creation were linear: 4000 creates took 0.1 s, the next 4000 0.5 s. Counted, not timed: a filesystem
/// that is quadratic in 20 000 names makes this take minutes.
fn m14_many_names_in_one_directory(w) {
    let d = w.mkdir("d").unwrap();
    let file = gangplank_vfs::NewNode::Regular { mode: 0o644 };
    let n = if w.has(FsCaps::LOCAL) { 20_000 } else { 2_000 };
    for i in 0..n {
        w.create_in(&d, i.to_string(), file).unwrap();
    }
    for i in (0..n).step_by(7) {
        w.lookup(&d, i.to_string()).unwrap();
    }
}

/// Setting a new file's content set its three times to 1 ns after 1970.
fn m15_a_new_file_is_of_today(w) {
    let m = w.put("a", "x").stat().unwrap();
    match w.now() {
        Some(now) => assert_eq!((m.atime, m.mtime, m.ctime, m.btime), (now, now, now, now)),
        None => assert!(m.mtime > Time::from_parts(1_600_000_000, 0)),
    }
}

/// Links were faked in memory when the host's could not be made: they looked successful and were gone at exit.
fn h2_a_link_is_a_link(w) {
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("t", "l").unwrap();
        assert_eq!(w.readlink("l").unwrap(), b"t");
        assert_eq!(w.names("").unwrap(), ["l"]);
    }
    if w.has(FsCaps::HARD_LINKS) {
        let a = w.put("a", "x").stat().unwrap().ino;
        w.link("a", "b").unwrap();
        assert_eq!((w.stat("b").unwrap().ino, w.stat("a").unwrap().nlink), (a, 2));
    }
}

/// Renaming across directories was a copy and a removal: not atomic, another inode, open files left behind, and the
/// mtime became now.
fn h3_rename_across_directories_moves(w) {
    w.mkdir("d").unwrap();
    let a = w.put("a", "x");
    let then = SetTime::To(Time::from_parts(1_000_000_000, 0));
    a.setattr(SetAttr { mtime: then, ..SetAttr::default() }).unwrap();
    let file = a.open(RW).unwrap();
    w.mv("a", "d/b").unwrap();
    let m = w.stat("d/b").unwrap();
    assert_eq!((m.ino, m.mtime), (a.id, Time::from_parts(1_000_000_000, 0)));
    file.write(0, b"y").unwrap();
    assert_eq!(w.read("d/b").unwrap(), b"y");
    let d = w.mkdir("e").unwrap();
    w.put("e/f", "f");
    w.mv("e", "d/e").unwrap();
    assert_eq!((w.node("d/e").unwrap().id, w.read("d/e/f").unwrap()), (d.id, b"f".to_vec()));
}

/// Removal went by the path remembered at open: open a; rename a to b; create a; unlink b: the new a was deleted.
fn h4_removal_goes_by_name_now(w) {
    let held = w.put("a", "first");
    let open = held.open(RW).unwrap();
    w.mv("a", "b").unwrap();
    w.put("a", "second");
    w.unlink("b").unwrap();
    assert_eq!(w.read("a").unwrap(), b"second");
    refused!(w.node("b"), NOENT);
    if w.has(FsCaps::UNLINKED_OPEN) {
        assert_eq!(open.read(0, 9).unwrap(), b"first");
    }
}

/// EISDIR, ENOTDIR and ENOTEMPTY all became EIO.
fn h5_errors_have_names(w) {
    w.mkdir("d").unwrap();
    w.put("d/f", "");
    refused!(w.open("d", OpenFlags::WRITE), ISDIR);
    refused!(w.node("d/f/x"), NOTDIR);
    refused!(w.rmdir("d"), NOTEMPTY);
    refused!(w.open("d/f", OpenFlags::READ | OpenFlags::DIRECTORY), NOTDIR);
    if w.has(FsCaps::SYMLINKS) {
        w.symlink("l", "l").unwrap();
        refused!(w.open("l", OpenFlags::READ), LOOP);
    }
}

/// Every file was opened for reading and writing first: one that may not be written could not be read.
fn h6_opening_asks_for_no_more_than_wanted(w) {
    w.put("a", "x");
    w.setattr("a", SetAttr { mode: Some(0o400), ..SetAttr::default() }).unwrap();
    assert_eq!(w.read("a").unwrap(), b"x");
}

/// Nanoseconds were passed as seconds: 2001 became 2446.
fn h7_times_are_nanoseconds(w) {
    let a = w.put("a", "");
    let t = Time(1_000_000_000_000_000_000);
    a.setattr(SetAttr { atime: SetTime::To(t), mtime: SetTime::To(t), ..SetAttr::default() }).unwrap();
    assert_eq!((a.stat().unwrap().mtime, a.stat().unwrap().atime), (t, t));
    assert_eq!(a.stat().unwrap().mtime.to_parts(), (1_000_000_000, 0));
}

/// The size after a write was 0 for a while, and its error came with a later call.
fn h8_a_write_is_there_when_it_returns(w) {
    let a = w.mkfile("a").unwrap();
    let file = a.open(RW).unwrap();
    for i in 1..=100u64 {
        assert_eq!(file.append(&[b'x'; 100]), Ok((100, i * 100)));
        assert_eq!((file.size(), a.stat().unwrap().size), (i * 100, i * 100));
    }
}

/// A descriptor's metadata was a cached copy: it and the path disagreed.
fn w1_metadata_is_never_stale(w) {
    let a = w.put("a", "x");
    let (one, two) = (a.open(RW).unwrap(), a.open(RW).unwrap());
    w.tick();
    one.write(0, b"hello").unwrap();
    assert_eq!((one.getattr().unwrap(), two.getattr().unwrap()), (a.stat().unwrap(), w.stat("a").unwrap()));
    a.setattr(SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    assert_eq!(two.getattr().unwrap(), w.stat("a").unwrap());
}

/// Append went to a remembered end: after another descriptor had cut the file it left a hole.
fn w2_append_after_another_truncates(w) {
    let a = w.put("a", "hello world");
    let (one, two) = (a.open(OpenFlags::WRITE | OpenFlags::APPEND).unwrap(), a.open(RW).unwrap());
    one.append(b"!").unwrap();
    two.set_len(0).unwrap();
    assert_eq!(one.append(b"x"), Ok((1, 1)));
    assert_eq!(w.read("a").unwrap(), b"x");
}

/// The old node stayed under a name that rename had replaced: opening again read the old content.
fn w3_a_replaced_name_is_the_new_file(w) {
    w.put("a", "new");
    w.put("b", "old");
    assert_eq!(w.read("b").unwrap(), b"old");
    w.rename("a", "b", Rename::Replace).unwrap();
    assert_eq!(w.read("b").unwrap(), b"new");
    assert_eq!(w.open("b", RW).unwrap().size(), 3);
}

/// `ln a b; rm a` left `a` on the disk.
fn w4_unlink_removes_the_name(w) {
    if w.has(FsCaps::HARD_LINKS) {
        w.put("a", "x");
        w.link("a", "b").unwrap();
        w.unlink("a").unwrap();
        assert_eq!(w.names("").unwrap(), ["b"]);
    }
}
}
