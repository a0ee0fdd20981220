//! Open file descriptions: cursor, append, sharing, advisory locks;
//! <https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_05>.

use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use gangplank_vfs::{Errno, FileType, FsCaps, LockKind, OpenFile, OpenFlags, Seek, SetAttr, Whence};

use crate::{
    World,
    paths::{read, write},
};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

fn hello(w: &World, flags: OpenFlags) -> OpenFile {
    let p = w.beneath();
    if p.stat("a").is_err() {
        p.put("a", "hello world");
    }
    p.open("a", flags).unwrap()
}

cases! { path_open, __cases_path_open, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_05";

/// Reading and writing move the cursor by what was transferred; positional ones leave it.
fn the_cursor(w) {
    let f = hello(w, RW);
    assert_eq!(read(&f, 5).unwrap(), "hello");
    assert_eq!(f.tell(), Ok(5));
    assert_eq!(write(&f, "-"), Ok(1));
    assert_eq!(read(&f, 99).unwrap(), "world");
    assert_eq!((f.tell(), read(&f, 9).unwrap()), (Ok(11), String::new()));
    assert_eq!(write(&f, "!!"), Ok(2));
    assert_eq!(f.tell(), Ok(13));
    let mut buf = [0; 4];
    assert_eq!(f.read_at(&mut [IoSliceMut::new(&mut buf)], 1), Ok(4));
    assert_eq!(&buf, b"ello");
    assert_eq!(f.write_at(&[IoSlice::new(b"J")], 0), Ok(1));
    assert_eq!(f.tell(), Ok(13));
    assert_eq!(w.read("a").unwrap(), b"Jello-world!!");
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html>: EINVAL before the beginning and beyond
/// `off_t`, and the cursor stays.
fn seeking(w) {
    let f = hello(w, RW);
    assert_eq!(f.seek(Whence::Start, 4), Ok(4));
    assert_eq!(f.seek(Whence::Current, 3), Ok(7));
    assert_eq!(f.seek(Whence::Current, -7), Ok(0));
    assert_eq!(f.seek(Whence::End, -2), Ok(9));
    assert_eq!(f.seek(Whence::End, 100), Ok(111));
    for (whence, delta) in [
        (Whence::Start, -1), (Whence::Current, -112), (Whence::End, -12), (Whence::Current, i64::MAX),
        (Whence::End, i64::MAX), (Whence::Start, i64::MIN), (Whence::Current, i64::MIN), (Whence::End, i64::MIN),
    ] {
        refused!(f.seek(whence, delta), INVAL, "{whence:?} {delta}");
        assert_eq!(f.tell(), Ok(111), "{whence:?} {delta}");
    }
    assert_eq!(read(&f, 9).unwrap(), "");
    assert_eq!(w.stat("a").unwrap().size, 11, "seeking does not extend");
    assert_eq!(write(&f, "x"), Ok(1));
    assert_eq!(w.stat("a").unwrap().size, 112);
    assert_eq!(f.seek(Whence::Start, i64::MAX), Ok(i64::MAX as u64));
    assert_eq!(read(&f, 9).unwrap(), "");
}

/// SEEK_DATA and SEEK_HOLE move the cursor, if they find anything.
fn seeking_data(w) {
    let f = hello(w, RW);
    assert_eq!(f.seek_data(3, Seek::Data), Ok(3));
    assert_eq!(f.tell(), Ok(3));
    assert_eq!(f.seek_data(0, Seek::Hole), Ok(11));
    refused!(f.seek_data(11, Seek::Data), NXIO);
    assert_eq!(f.tell(), Ok(11));
}

/// EISDIR for the cursor of a directory.
fn a_directory_has_no_cursor(w) {
    let d = w.beneath().open(".", OpenFlags::READ).unwrap();
    assert_eq!(d.file_type(), FileType::Directory);
    assert!(d.place().is_some());
    refused!(d.seek(Whence::Start, 0), ISDIR);
    refused!(d.tell(), ISDIR);
    refused!(read(&d, 1), ISDIR);
    refused!(write(&d, "x"), BADF);
}

/// M8: cutting and extending leave the cursor where it is, past the end too.
fn m8_cutting_leaves_the_cursor(w) {
    let f = hello(w, RW);
    read(&f, 8).unwrap();
    f.set_len(3).unwrap();
    assert_eq!(f.tell(), Ok(8));
    assert_eq!(read(&f, 9).unwrap(), "");
    assert_eq!(write(&f, "x"), Ok(1));
    assert_eq!(w.read("a").unwrap(), b"hel\0\0\0\0\0x");
    f.set_attr(&gangplank_vfs::Ctx::ROOT, &SetAttr { size: Some(20), ..SetAttr::default() }).unwrap();
    assert_eq!(f.tell(), Ok(9));
}

/// O_APPEND: every write goes to the end, whatever the cursor says, and leaves it behind what was written
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>).
fn append(w) {
    let f = hello(w, RW | OpenFlags::APPEND);
    assert_eq!(f.tell(), Ok(0));
    assert_eq!(read(&f, 5).unwrap(), "hello");
    assert_eq!(write(&f, "!"), Ok(1));
    assert_eq!(f.tell(), Ok(12));
    f.seek(Whence::Start, 0).unwrap();
    assert_eq!(write(&f, "?"), Ok(1));
    assert_eq!(w.read("a").unwrap(), b"hello world!?");
    assert_eq!(hello(w, RW).write(&[IoSlice::new(b"H")]), Ok(1));
    assert_eq!(write(&f, ""), Ok(0));
    // As Linux does, contrary to POSIX: a positional write appends, too.
    assert_eq!(f.write_at(&[IoSlice::new(b"#")], 0), Ok(1));
    assert_eq!(w.read("a").unwrap(), b"Hello world!?#");
}

/// The cursor is behind what was appended through it, whatever happens to the file before anybody asks
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>).
fn append_and_ask_later(w) {
    let (f, other) = (hello(w, RW | OpenFlags::APPEND), hello(w, RW | OpenFlags::APPEND));
    for (i, piece) in ["!", "?"].into_iter().enumerate() {
        assert_eq!(write(&f, piece), Ok(1));
        assert_eq!(write(&other, "many more"), Ok(9));
        assert_eq!(f.write_at(&[IoSlice::new(b"##")], 0), Ok(2));
        // What looks for data or holes has positions of its own.
        let sparse = f.file().seek_data(0, gangplank_vfs::Seek::Hole);
        assert!(sparse.is_ok(), "{sparse:?}");
        assert_eq!(f.tell(), Ok(12 + 12 * i as u64));
        assert_eq!(f.tell(), Ok(12 + 12 * i as u64));
    }
    assert_eq!(other.tell(), Ok(11 + 1 + 9 + 2 + 1 + 9));
    // Each way to use the cursor asks for it first.
    let reset = |f: &OpenFile| {
        f.set_len(11).unwrap();
        assert_eq!(write(f, "ab"), Ok(2));
        assert_eq!(write(&other, "cd"), Ok(2));
    };
    reset(&f);
    assert_eq!(read(&f, 9).unwrap(), "cd");
    reset(&f);
    assert_eq!(f.seek(Whence::Current, -2), Ok(11));
    assert_eq!(read(&f, 9).unwrap(), "abcd");
    reset(&f);
    assert_eq!((f.seek(Whence::Start, 3), f.tell()), (Ok(3), Ok(3)));
    assert_eq!((f.seek(Whence::End, 0), f.tell()), (Ok(15), Ok(15)));
    reset(&f);
    f.set_status_flags(OpenFlags::empty()).unwrap();
    assert_eq!(write(&f, "CD"), Ok(2));
    assert_eq!((f.tell(), w.read("a").unwrap()), (Ok(15), b"hello worldabCD".to_vec()));
    f.set_status_flags(OpenFlags::APPEND).unwrap();
    reset(&f);
    assert_eq!(write(&f, ""), Ok(0));
    assert_eq!(f.tell(), Ok(13));
    f.set_len(0).unwrap();
    assert_eq!((write(&f, "x"), f.tell()), (Ok(1), Ok(1)));
}

/// The flag can be set and taken back (`F_SETFL`); access cannot.
fn status_flags(w) {
    let f = hello(w, OpenFlags::WRITE);
    f.set_status_flags(OpenFlags::APPEND | OpenFlags::READ).unwrap();
    assert_eq!(f.flags(), OpenFlags::WRITE | OpenFlags::APPEND);
    refused!(read(&f, 1), BADF);
    assert_eq!(write(&f, "!"), Ok(1));
    f.set_status_flags(OpenFlags::empty()).unwrap();
    f.seek(Whence::Start, 0).unwrap();
    assert_eq!(write(&f, "J"), Ok(1));
    assert_eq!(w.read("a").unwrap(), b"Jello world!");
}

/// `dup`: one description, one cursor, one set of flags. Two `open`s: two of each.
fn sharing(w) {
    let one = Arc::new(hello(w, RW));
    let dup = Arc::clone(&one);
    let two = hello(w, RW);
    read(&one, 6).unwrap();
    assert_eq!((dup.tell(), two.tell()), (Ok(6), Ok(0)));
    assert_eq!(read(&dup, 5).unwrap(), "world");
    dup.set_status_flags(OpenFlags::APPEND).unwrap();
    assert!(one.flags().contains(OpenFlags::APPEND) && !two.flags().contains(OpenFlags::APPEND));
    drop(dup);
    assert_eq!(one.tell(), Ok(11));
    assert_eq!(write(&two, "J"), Ok(1));
    one.seek(Whence::Start, 0).unwrap();
    assert_eq!(read(&one, 5).unwrap(), "Jello");
}

/// Threads that read from one description get every byte once
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_09_07>).
fn a_shared_cursor_loses_nothing(w) {
    w.put("a", (0..4000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let f = w.beneath().open("a", OpenFlags::READ).unwrap();
    let mut seen: Vec<u32> = std::thread::scope(|s| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                s.spawn(|| {
                    let mut mine = vec![];
                    loop {
                        let mut buf = [0; 4];
                        match f.read(&mut [IoSliceMut::new(&mut buf)]).unwrap() {
                            0 => return mine,
                            4 => mine.push(u32::from_le_bytes(buf)),
                            n => panic!("{n} bytes"),
                        }
                    }
                })
            })
            .collect();
        readers.into_iter().flat_map(|r| r.join().unwrap()).collect()
    });
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..4000));
}

/// EBADF without the access that the operation needs.
fn access(w) {
    let (r, wr) = (hello(w, OpenFlags::READ), hello(w, OpenFlags::WRITE));
    refused!(write(&r, "x"), BADF);
    refused!(r.write_at(&[IoSlice::new(b"x")], 0), BADF);
    refused!(r.set_len(0), BADF);
    refused!(r.allocate(0, 1), BADF);
    refused!(r.set_attr(&gangplank_vfs::Ctx::ROOT, &SetAttr { size: Some(0), ..SetAttr::default() }), BADF);
    refused!(read(&wr, 1), BADF);
    refused!(wr.read_at(&mut [IoSliceMut::new(&mut [0; 1])], 0), BADF);
    refused!(wr.readdir(gangplank_vfs::Cookie::START, &mut |_| core::ops::ControlFlow::Continue(())), BADF);
    // O_TRUNC without write access truncates, and gives none.
    let t = hello(w, OpenFlags::READ | OpenFlags::TRUNC);
    refused!(write(&t, "x"), BADF);
    assert_eq!(w.stat("a").unwrap().size, 0);
}

/// `flock(2)`: shared and exclusive, between descriptions, gone with the last of one.
fn whole_file_locks(w) {
    let (one, two) = (Arc::new(hello(w, RW)), hello(w, OpenFlags::READ));
    let dup = Arc::clone(&one);
    one.flock(Some(LockKind::Shared), None).unwrap();
    two.flock(Some(LockKind::Shared), None).unwrap();
    assert_eq!(one.flock(Some(LockKind::Exclusive), None), Err(Errno::AGAIN));
    two.flock(None, None).unwrap();
    one.flock(Some(LockKind::Exclusive), None).unwrap();
    dup.flock(Some(LockKind::Exclusive), None).unwrap();
    assert_eq!(two.flock(Some(LockKind::Shared), None), Err(Errno::AGAIN));
    drop(one);
    assert_eq!(two.flock(Some(LockKind::Shared), None), Err(Errno::AGAIN), "the description lives on");
    drop(dup);
    two.flock(Some(LockKind::Exclusive), None).unwrap();
}

/// Locks go by node: another name of the file is the same file, and the same name of another is not.
fn locks_go_by_node(w) {
    let p = w.beneath();
    let one = hello(w, RW);
    one.flock(Some(LockKind::Exclusive), None).unwrap();
    p.mv("a", "b").unwrap();
    assert_eq!(p.open("b", RW).unwrap().flock(Some(LockKind::Shared), None), Err(Errno::AGAIN));
    p.put("a", "other");
    p.open("a", RW).unwrap().flock(Some(LockKind::Exclusive), None).unwrap();
    if w.has(FsCaps::HARD_LINKS) {
        p.link("b", "c").unwrap();
        assert_eq!(p.open("c", RW).unwrap().flock(Some(LockKind::Shared), None), Err(Errno::AGAIN));
    }
    let d = p.open(".", OpenFlags::READ).unwrap();
    d.flock(Some(LockKind::Exclusive), None).unwrap();
}

/// `F_OFD_SETLK`: ranges, which split and join; EBADF without the access that a kind needs; EINVAL beyond `off_t`.
fn range_locks(w) {
    let (one, two) = (hello(w, RW), hello(w, RW));
    one.lock_range(Some(LockKind::Exclusive), 0, 10, None).unwrap();
    two.lock_range(Some(LockKind::Exclusive), 10, 0, None).unwrap();
    assert_eq!(two.lock_range(Some(LockKind::Shared), 9, 1, None), Err(Errno::AGAIN));
    assert_eq!(two.test_lock(LockKind::Shared, 0, 0), Ok(Some((LockKind::Exclusive, 0, 10))));
    assert_eq!(one.test_lock(LockKind::Shared, 0, 10), Ok(None));
    one.lock_range(None, 2, 3, None).unwrap();
    two.lock_range(Some(LockKind::Shared), 2, 3, None).unwrap();
    assert_eq!(one.test_lock(LockKind::Exclusive, 0, 9), Ok(Some((LockKind::Shared, 2, 3))));
    one.flock(Some(LockKind::Exclusive), None).unwrap();
    refused!(one.lock_range(Some(LockKind::Shared), u64::MAX, 1, None), INVAL);
    refused!(one.lock_range(Some(LockKind::Shared), i64::MAX as u64, 2, None), INVAL);
    let r = hello(w, OpenFlags::READ);
    refused!(r.lock_range(Some(LockKind::Exclusive), 100, 1, None), BADF);
    let wr = hello(w, OpenFlags::WRITE);
    refused!(wr.lock_range(Some(LockKind::Shared), 100, 1, None), BADF);
    drop(two);
    assert_eq!(one.test_lock(LockKind::Exclusive, 0, 0), Ok(None));
}

/// A file that is created is open for what was asked, and empty.
fn created_files(w) {
    let p = w.beneath();
    let f = p.creat("new", true).unwrap();
    assert_eq!((f.file_type(), f.metadata().unwrap().size, f.tell()), (FileType::Regular, 0, Ok(0)));
    assert_eq!(f.metadata().unwrap().ino, w.node("new").unwrap().id);
    refused!(p.creat("new", true), EXIST);
    assert_eq!(write(&f, "x"), Ok(1));
    assert_eq!(f.close(), Ok(()));
    assert_eq!(p.creat("new", false).unwrap().metadata().unwrap().size, 1);
}
}
