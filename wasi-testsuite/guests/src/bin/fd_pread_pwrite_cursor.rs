//! Positional calls leave the cursor alone, and offsets that no file can have are refused.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let fd = ok(open_rw(dir, "file", O_CREAT));
    let mut buf = [0u8; 16];
    eq(ok(pwrite(fd, "world", 6)), 5u32);
    eq(ok(tell(fd)), 0u32);
    eq(ok(write(fd, "hello ")), 6u32);
    eq(ok(pread(fd, &mut buf, 0)), 11u32);
    same(&buf[..11], "hello world");
    eq(ok(tell(fd)), 6u32);
    eq(ok(pread(fd, &mut buf[..3], 4)), 3u32);
    same(&buf[..3], "o w");

    for offset in [u64::MAX, 1 << 63, (1 << 63) + 5] {
        fails(pread(fd, &mut buf, offset), INVAL);
        fails(pwrite(fd, "x", offset), INVAL);
    }
    // The last offset there is leaves no room for a byte.
    fails_with(pwrite(fd, "x", i64::MAX as u64), &[FBIG, INVAL, OVERFLOW]);
    eq(ok(fstat(fd)).size, 11u32);
    // What a filesystem can hold differs; it must say so, or do it without allocating.
    if works_or(pwrite(fd, "x", 1 << 50), &[FBIG, NOSPC]) {
        eq(ok(fstat(fd)).size, (1u64 << 50) + 1);
        ok(set_size(fd, 11));
    }
    eq(ok(fstat(fd)).size, 11u32);
    eq(ok(tell(fd)), 6u32);
    holds(dir, "file", "hello world");
}
