//! `read_at`, `write_at`, `read_bytes`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/pread.html>,
//! <https://pubs.opengroup.org/onlinepubs/9799919799/functions/pwrite.html>.

use gangplank_vfs::OpenFlags;

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

cases! { rw, __cases_rw, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/pread.html, https://pubs.opengroup.org/onlinepubs/9799919799/functions/pwrite.html";

/// At and past the end a read gives nothing, at any offset an `i64` can hold.
fn reading_at_the_end_gives_nothing(w) {
    let file = w.put("a", "hello").open(OpenFlags::READ).unwrap();
    for at in [5, 6, 1 << 20, 1 << 40, i64::MAX as u64] {
        assert_eq!(file.read(at, 8).unwrap(), b"", "at {at}");
        assert_eq!(file.read_bytes(at, 8).unwrap(), "", "at {at}");
    }
    assert_eq!(file.read(4, 8).unwrap(), b"o");
    assert_eq!(file.read(0, 0).unwrap(), b"");
}

/// EINVAL for an offset that `off_t` cannot hold.
fn offsets_over_i64_are_inval(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    for at in [i64::MAX as u64 + 1, u64::MAX] {
        refused!(file.read(at, 1), INVAL, "at {at}");
        refused!(file.read_bytes(at, 1), INVAL, "at {at}");
        refused!(file.write(at, b"x"), INVAL, "at {at}");
    }
    assert_eq!(file.size(), 5);
}

/// EFBIG where the filesystem's largest file ends; what fits before it is written.
fn writing_past_the_largest_file_is_fbig(w) {
    let max = w.fs().info().max_file_size;
    let file = w.put("a", "hello").open(RW).unwrap();
    refused!(file.write(i64::MAX as u64, b"xx"), FBIG | INVAL);
    refused!(file.write(max, b"x"), FBIG);
    assert_eq!(file.write(max, b""), Ok(0), "nothing to write");
    assert_eq!(file.size(), 5);
    assert_eq!(file.read(0, 9).unwrap(), b"hello");
}

/// Nothing to write changes nothing, neither the size nor a timestamp.
fn writing_nothing_changes_nothing(w) {
    let node = w.put("a", "hello");
    let before = node.stat().unwrap();
    w.tick();
    let file = node.open(RW).unwrap();
    assert_eq!(file.write(100, b""), Ok(0));
    assert_eq!(file.append(b""), Ok((0, 5)));
    let after = node.stat().unwrap();
    assert_eq!((after.size, after.mtime, after.ctime), (5, before.mtime, before.ctime));
}

/// Beyond the end a hole comes first, and reads as zeros
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html>).
fn writing_beyond_the_end_leaves_zeros(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    assert_eq!(file.write(10, b"x"), Ok(1));
    assert_eq!(file.read(0, 20).unwrap(), b"hello\0\0\0\0\0x");
    assert_eq!(file.write(100_000, b"y"), Ok(1));
    assert_eq!(file.size(), 100_001);
    assert_eq!(file.read(11, 200_000).unwrap(), [&[0; 99_989][..], b"y"].concat());
}

/// What a shorter file dropped does not come back when it grows again.
fn a_dropped_tail_does_not_come_back(w) {
    let file = w.put("a", [b's'; 40_000]).open(RW).unwrap();
    for cut in [39_999, 20_000, 16_384, 4_097, 100, 1, 0] {
        file.set_len(cut).unwrap();
        file.set_len(40_000).unwrap();
        assert!(file.read(cut, 40_000).unwrap().iter().all(|&b| b == 0), "after a cut to {cut}");
        file.set_len(cut).unwrap();
        file.write(cut + 50, b"x").unwrap();
        assert_eq!(file.read(cut, 50).unwrap(), [0; 50], "before a write after a cut to {cut}");
    }
}

/// Overwriting does not change the size; a write across the end does.
fn overwriting_and_extending(w) {
    let file = w.put("a", "hello").open(RW).unwrap();
    file.write(1, b"EL").unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"hELlo");
    file.write(4, b"OWN").unwrap();
    assert_eq!(file.read(0, 9).unwrap(), b"hELlOWN");
}

/// Append goes to the end, wherever that is, and answers the new end.
fn append_goes_to_the_end(w) {
    let node = w.put("a", "hello");
    let (one, two) = (node.open(RW).unwrap(), node.open(OpenFlags::WRITE | OpenFlags::APPEND).unwrap());
    assert_eq!(one.append(b"1"), Ok((1, 6)));
    assert_eq!(two.append(b"22"), Ok((2, 8)));
    one.write(20, b"x").unwrap();
    assert_eq!(two.append(b"3"), Ok((1, 22)));
    one.set_len(3).unwrap();
    assert_eq!(two.append(b"4"), Ok((1, 4)));
    assert_eq!(w.read("a").unwrap(), b"hel4");
}

/// `read_bytes` allocates no more than the file can fill: a length that no machine has is fine.
fn a_huge_length_is_no_allocation(w) {
    let file = w.put("a", "hello").open(OpenFlags::READ).unwrap();
    for len in [6, 1 << 30, 1 << 46, usize::MAX] {
        assert_eq!(file.read_bytes(1, len).unwrap(), "ello", "{len} bytes");
    }
}

/// What `read_bytes` gave stays what it was, whatever is written afterwards.
fn bytes_do_not_change_afterwards(w) {
    let file = w.put("a", [b'x'; 50_000]).open(RW).unwrap();
    let bytes = file.read_bytes(0, 50_000).unwrap();
    file.write(0, &[b'y'; 50_000]).unwrap();
    file.set_len(0).unwrap();
    assert!(bytes.iter().all(|&b| b == b'x'));
}

/// A large file in pieces of an odd size.
fn a_large_file_in_odd_pieces(w) {
    let file = w.mkfile("a").unwrap().open(RW).unwrap();
    let total: usize = 3_000_000;
    let byte = |i: usize| (i * 31 % 253) as u8;
    let mut at = 0;
    while at < total {
        let piece: Vec<u8> = (at..total.min(at + 7919)).map(byte).collect();
        assert_eq!(file.append(&piece), Ok((piece.len(), (at + piece.len()) as u64)));
        at += piece.len();
    }
    let (mut at, mut all) = (0, vec![]);
    while at < total as u64 {
        let piece = file.read(at, 10_007).unwrap();
        at += piece.len() as u64;
        all.extend(piece);
    }
    assert!(all.len() == total && all.iter().enumerate().all(|(i, &b)| b == byte(i)));
}

/// Files do not share bytes with each other.
fn files_are_separate(w) {
    let files: Vec<_> = (0..20u8).map(|i| (i, w.put(&format!("{i}"), [i; 5000]).open(RW).unwrap())).collect();
    for (i, f) in &files {
        f.write(u64::from(*i) * 10, b"####").unwrap();
    }
    for (i, f) in &files {
        let mut want = vec![*i; 5000];
        want[usize::from(*i) * 10..][..4].copy_from_slice(b"####");
        assert_eq!(f.read(0, 6000).unwrap(), want, "file {i}");
    }
}

/// A file of one byte at each power of two is small in memory and right everywhere.
fn sparse_files_are_cheap(w) {
    let file = w.mkfile("a").unwrap().open(RW).unwrap();
    let top = w.fs().info().max_file_size.min(1 << 42);
    let mut last = 0;
    for shift in 0..42 {
        match file.write(1 << shift, b"x") {
            Ok(1) => last = shift,
            Err(e) if ["FBIG", "NOSPC"].contains(&e.name()) && (1u64 << shift) >= top.min(1 << 40) => break,
            other => panic!("at 2^{shift}: {other:?}"),
        }
    }
    assert_eq!(file.size(), (1 << last) + 1);
    for shift in 1..=last {
        assert_eq!(file.read((1 << shift) - 1, 2).unwrap(), if shift == 1 { b"xx" } else { b"\0x" }, "at 2^{shift}");
    }
    let blocks = file.getattr().unwrap().blocks;
    assert!(blocks * 512 < 64 << 20, "{blocks} blocks for 42 bytes");
}
}
