//! `set_len`, `allocate`, `seek_data`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html>,
//! `posix_fallocate`, `lseek`.

use gangplank_vfs::{FsCaps, OpenFlags, Seek, SetAttr};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

cases! { size, __cases_size, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_fallocate.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html";

/// Shorter drops the tail, longer adds zeros.
fn set_len_cuts_and_extends(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    file.set_len(2).unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"he");
    file.set_len(4).unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"he\0\0");
    file.set_len(0).unwrap();
    assert_eq!(file.size(), 0);
    file.set_len(0).unwrap();
}

/// By node, without an open file (`truncate`).
fn setattr_cuts_and_extends(w) {
    w.put("a", "hello");
    for (size, want) in [(2, &b"he"[..]), (4, b"he\0\0"), (0, b"")] {
        w.setattr("a", SetAttr { size: Some(size), ..SetAttr::default() }).unwrap();
        assert_eq!(w.read("a").unwrap(), want);
    }
}

/// EISDIR of a directory, EINVAL of a symbolic link: neither has a size to set.
fn the_size_of_what_is_no_file(w) {
    let set = SetAttr { size: Some(1), ..SetAttr::default() };
    refused!(w.mkdir("d").unwrap().setattr(set), ISDIR);
    if w.has(FsCaps::SYMLINKS) {
        refused!(w.symlink("t", "l").unwrap().setattr(set), INVAL);
    }
}

/// EFBIG over the largest file; EINVAL only for what no file could be. Nothing changes.
fn a_size_over_the_largest_is_fbig(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    let max = w.fs().info().max_file_size;
    for len in [max + 1, i64::MAX as u64 + 1, u64::MAX] {
        refused!(file.set_len(len), FBIG, "{len}");
        refused!(w.setattr("a", SetAttr { size: Some(len), ..SetAttr::default() }), FBIG, "{len}");
    }
    assert_eq!(w.read("a").unwrap(), b"hello");
}

/// A hole takes no room: `set_len` to a terabyte.
fn a_huge_hole_takes_no_room(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(file.size(), 1 << 40);
    assert_eq!(file.read((1 << 40) - 4, 9).unwrap(), [0; 4]);
    let blocks = file.getattr().unwrap().blocks;
    assert!(blocks * 512 <= 1 << 20, "{blocks} blocks");
    assert_eq!(file.write((1 << 40) - 1, b"x"), Ok(1));
    assert_eq!(file.read((1 << 40) - 2, 9).unwrap(), b"\0x");
    file.set_len(6).unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"hello\0");
}

/// Content and tail across every boundary that storage may have.
fn cutting_at_every_boundary(w) {
    let bytes: Vec<u8> = (0..70_000u32).map(|i| (i % 249) as u8 + 1).collect();
    let file = w.put("a", &bytes).open(RW).unwrap();
    for len in [69_999, 65_537, 65_536, 65_535, 32_768, 16_385, 16_384, 16_383, 4_097, 4_096, 4_095, 65, 64, 63, 1, 0] {
        file.set_len(len).unwrap();
        assert!(file.read(0, 80_000).unwrap() == bytes[..len as usize], "cut to {len}");
    }
}

/// `allocate` extends, never shortens, never changes content; EINVAL for no length.
fn allocate_reserves(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    if !w.has(FsCaps::ALLOCATE) {
        refused!(file.allocate(0, 100), NOTSUP);
        assert_eq!(file.size(), 5);
        return;
    }
    file.allocate(0, 3).unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"hello");
    file.allocate(3, 7).unwrap();
    assert_eq!(file.read(0, 99).unwrap(), b"hello\0\0\0\0\0");
    file.allocate(20_000, 1).unwrap();
    assert_eq!(file.size(), 20_001);
    assert_eq!(file.read(0, 5).unwrap(), b"hello");
}

/// EINVAL and EFBIG of <https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_fallocate.html>. All or
/// nothing: a petabyte is refused whole.
fn allocate_refuses(w) {
    if !w.has(FsCaps::ALLOCATE) {
        return;
    }
    let file = w.put("a", "hello").open(RW).unwrap();
    refused!(file.allocate(0, 0), INVAL);
    refused!(file.allocate(i64::MAX as u64, 2), INVAL | FBIG);
    refused!(file.allocate(u64::MAX, 1), INVAL);
    refused!(file.allocate(1, u64::MAX), INVAL);
    refused!(file.allocate(0, 1 << 50), FBIG | NOSPC | DQUOT | NOMEM);
    assert_eq!(w.read("a").unwrap(), b"hello");
}

/// ENXIO at and past the end (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html>); the end is a
/// hole.
fn seeking_in_a_file_without_holes(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    for at in 0..5 {
        assert_eq!(file.seek_data(at, Seek::Data), Ok(at));
        assert_eq!(file.seek_data(at, Seek::Hole), Ok(5));
    }
    for at in [5, 6, i64::MAX as u64] {
        refused!(file.seek_data(at, Seek::Data), NXIO, "at {at}");
        refused!(file.seek_data(at, Seek::Hole), NXIO, "at {at}");
    }
    let empty = w.mkfile("b").unwrap().open(RW).unwrap();
    refused!(empty.seek_data(0, Seek::Data), NXIO);
    refused!(empty.seek_data(0, Seek::Hole), NXIO);
}

/// A hole of a megabyte between two bytes: where it is claimed, it is found; where it is not, all is data.
fn seeking_in_a_file_with_a_hole(w) {
    let file = w.put("a", "x").open(RW).unwrap();
    let far = 1 << 20;
    file.write(far, b"y").unwrap();
    if !w.has(FsCaps::SEEK_HOLE) {
        assert_eq!(file.seek_data(1000, Seek::Data), Ok(1000));
        assert_eq!(file.seek_data(0, Seek::Hole), Ok(far + 1));
        return;
    }
    let hole = file.seek_data(0, Seek::Hole).unwrap();
    assert!((1..far).contains(&hole), "the hole begins at {hole}");
    let data = file.seek_data(hole, Seek::Data).unwrap();
    assert!((hole + 1..=far).contains(&data), "data goes on at {data}");
    assert_eq!(file.seek_data(hole, Seek::Hole), Ok(hole));
    assert_eq!(file.seek_data(far, Seek::Hole), Ok(far + 1));
    assert!(file.read(hole, (data - hole) as usize).unwrap().iter().all(|&b| b == 0));
    file.set_len(far).unwrap();
    // Nothing but the hole is left behind it.
    let last = file.seek_data(data.min(far - 1), Seek::Data);
    assert!(last.is_err() || last.unwrap() >= hole);
}
}
