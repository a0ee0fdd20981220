//! A filesystem that is full: what was written is never lost, what fails changes nothing, and what is removed gives its
//! room back. On fixtures that can make a small one.

use gangplank_vfs::{Errno, FsCaps, OpenFlags};

use crate::World;

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);
const MORE_THAN_FITS: usize = 4 << 20;

/// Fills a new file to the last byte that fits; answers how many did.
fn fill(w: &World, name: &str) -> usize {
    let file = w.mkfile(name).unwrap().open(RW).unwrap();
    let (mut total, piece) = (0, vec![b'f'; 40_000]);
    loop {
        match file.append(&piece) {
            Ok((n, end)) => {
                assert!(n > 0, "nothing fits, and no error");
                total += n;
                assert_eq!(end, total as u64);
            }
            Err(e) => {
                assert!([Errno::NOSPC, Errno::DQUOT].contains(&e), "{e:?}");
                return total;
            }
        }
        assert!(total < MORE_THAN_FITS, "a small filesystem holds {total} bytes");
    }
}

/// Makes files until no more can be made; answers how many.
fn fill_nodes(w: &World) -> usize {
    for i in 0..100_000 {
        match w.mkfile(&format!("n{i}")) {
            Ok(_) => {}
            Err(e) => {
                assert!([Errno::NOSPC, Errno::DQUOT].contains(&e), "{e:?}");
                return i;
            }
        }
    }
    panic!("a small filesystem holds 100000 nodes");
}

cases! { quota, __cases_quota, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html";

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>: as many bytes as there is room for; ENOSPC
/// only when there is none. Nothing of what was counted is lost.
fn a_short_count_first_and_then_the_error(w) {
    let Some(w) = w.small() else { return };
    let file = w.mkfile("a").unwrap().open(RW).unwrap();
    let bytes: Vec<u8> = (0..MORE_THAN_FITS).map(|i| (i % 251) as u8).collect();
    let n = file.write(0, &bytes).unwrap();
    assert!(n > 0 && n < bytes.len(), "{n} bytes");
    assert_eq!(file.size(), n as u64);
    refused!(file.write(n as u64, &bytes), NOSPC | DQUOT);
    refused!(file.append(b"x"), NOSPC | DQUOT);
    assert_eq!(file.size(), n as u64);
    assert!(file.read(0, MORE_THAN_FITS).unwrap() == bytes[..n], "what was written is not what is read");
}

/// What takes no room works on a full filesystem: overwriting, reading, listing, renaming, removing, holes.
fn what_takes_no_room_still_works(w) {
    let Some(w) = w.small() else { return };
    w.put("b", "x");
    let n = fill(w, "a");
    let file = w.open("a", RW).unwrap();
    assert_eq!(file.write(0, b"over"), Ok(4));
    assert_eq!(file.write(n as u64 - 4, b"over"), Ok(4));
    assert_eq!(file.read(0, 5).unwrap(), b"overf");
    w.mv("b", "c").unwrap();
    assert_eq!(w.names("").unwrap(), ["a", "c"]);
    let sparse = w.open("c", RW).unwrap();
    sparse.set_len(1 << 30).unwrap();
    assert_eq!(sparse.read(1 << 29, 3).unwrap(), [0; 3]);
    refused!(sparse.write(1 << 29, &[1; 100_000]), NOSPC | DQUOT);
    assert_eq!(sparse.size(), 1 << 30);
    w.unlink("a").unwrap();
}

/// Cutting and removing give all the room back, time after time; open files keep theirs until they are closed.
fn room_comes_back(w) {
    let Some(w) = w.small() else { return };
    let before = w.fs().statfs().unwrap();
    let n = fill(w, "a");
    for round in 0..5 {
        w.open("a", RW).unwrap().set_len(0).unwrap();
        w.unlink("a").unwrap();
        assert_eq!(w.fs().statfs().unwrap(), before, "round {round}");
        assert_eq!(fill(w, "a"), n, "round {round}");
    }
    let held = w.open("a", RW).unwrap();
    w.unlink("a").unwrap();
    if w.has(FsCaps::UNLINKED_OPEN) {
        assert_eq!(fill(w, "b"), 0, "an open file keeps its room");
    }
    drop(held);
    let _ = w.unlink("b");
    assert_eq!(fill(w, "b"), n);
    w.put("c", "");
    w.mv("c", "b").unwrap();
    assert_eq!(fill(w, "d"), n, "replaced by rename");
}

/// All or nothing: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_fallocate.html>.
fn allocate_is_all_or_nothing(w) {
    let Some(w) = w.small().filter(|w| w.has(FsCaps::ALLOCATE)) else { return };
    let file = w.put("a", "hello").open(RW).unwrap();
    let before = w.fs().statfs().unwrap();
    refused!(file.allocate(0, MORE_THAN_FITS as u64), NOSPC | DQUOT);
    refused!(file.allocate(1 << 40, 1 << 40), NOSPC | DQUOT | FBIG);
    assert_eq!((file.size(), w.fs().statfs().unwrap()), (5, before));
    // What has been reserved can be written when all else is full.
    file.allocate(0, 50_000).unwrap();
    fill(w, "b");
    assert_eq!(file.write(10_000, &[b'r'; 40_000]), Ok(40_000));
}

/// ENOSPC for one node too many, of any kind; nothing of it stays behind, and one that goes makes room for one.
fn one_node_too_many(w) {
    let Some(w) = w.small() else { return };
    let n = fill_nodes(w);
    assert!(n > 4, "{n} nodes");
    let (before, listed) = (w.fs().statfs().unwrap(), w.names("").unwrap().len());
    for _ in 0..3 {
        refused!(w.mkfile("x"), NOSPC | DQUOT);
        refused!(w.mkdir("x"), NOSPC | DQUOT);
        if w.has(FsCaps::SYMLINKS) {
            refused!(w.symlink("t", "x"), NOSPC | DQUOT);
        }
        refused!(w.mkfile("n0"), EXIST, "what is there is there, full or not");
    }
    assert_eq!((w.fs().statfs().unwrap(), w.names("").unwrap().len()), (before, listed));
    w.mv("n0", "renamed").unwrap();
    w.unlink("n1").unwrap();
    w.mkdir("d").unwrap();
    refused!(w.mkfile("x"), NOSPC | DQUOT);
    w.rmdir("d").unwrap();
    w.mv("n2", "n3").unwrap();
    w.put("x", "");
    w.put("y", "");
    refused!(w.mkfile("z"), NOSPC | DQUOT);
}

/// A failed write changes neither size nor timestamps.
fn a_failed_write_changes_nothing(w) {
    let Some(w) = w.small() else { return };
    let b = w.put("b", "");
    fill(w, "a");
    let (before, free) = (b.stat().unwrap(), w.fs().statfs().unwrap());
    w.tick();
    refused!(b.open(RW).unwrap().write(70, &[1; 100_000]), NOSPC | DQUOT);
    assert_eq!((b.stat().unwrap(), w.fs().statfs().unwrap()), (before, free));
}

/// Every name that comes and goes, and every creation that fails half-way, leaves the count of nodes as it was.
fn names_and_failures_give_back_what_they_took(w) {
    let Some(w) = w.small() else { return };
    w.put("a", "");
    let free = || w.fs().statfs().unwrap();
    let before = free();
    for _ in 0..100 {
        if w.has(FsCaps::HARD_LINKS) {
            w.link("a", "b").unwrap();
            w.unlink("b").unwrap();
            w.link("a", "b").unwrap();
            w.put("c", "");
            w.mv("c", "b").unwrap();
            w.unlink("b").unwrap();
        }
        w.mkdir("d").unwrap();
        w.mkdir("e").unwrap();
        w.mv("d", "e").unwrap();
        w.rmdir("e").unwrap();
    }
    assert_eq!(free(), before);
    fill(w, "full");
    let before = free();
    if w.has(FsCaps::SYMLINKS) {
        for _ in 0..100 {
            // It may still fit, where a target takes no room.
            match w.symlink(vec![b'x'; 4000], "l") {
                Ok(_) => w.unlink("l").unwrap(),
                Err(e) => assert!([Errno::NOSPC, Errno::DQUOT].contains(&e), "{e:?}"),
            }
        }
    }
    assert_eq!(free(), before);
}
}
