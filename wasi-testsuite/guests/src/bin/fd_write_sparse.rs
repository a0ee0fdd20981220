//! Writing past the end leaves a hole that reads as zeros.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let fd = ok(open_rw(dir, "file", O_CREAT));
    ok(write(fd, "start"));
    eq(ok(seek(fd, 1_000_000, SET)), 1_000_000u32);
    eq(ok(fstat(fd)).size, 5u32);
    eq(ok(write(fd, "end")), 3u32);
    eq(ok(fstat(fd)).size, 1_000_003u32);
    eq(ok(tell(fd)), 1_000_003u32);
    let mut buf = [7u8; 8192];
    for offset in [5, 4096, 500_000, 1_000_000 - 8192] {
        eq(ok(pread(fd, &mut buf, offset)), 8192u32);
        check(buf.iter().all(|b| *b == 0), "a hole is zeros");
    }
    eq(ok(pread(fd, &mut buf, 999_998)), 5u32);
    same(&buf[..5], "\0\0end");
    // 16 GiB ahead, and back.
    if works_or(pwrite(fd, "far", 1 << 34), &[FBIG, NOSPC]) {
        eq(ok(fstat(fd)).size, (1u64 << 34) + 3);
        eq(ok(pread(fd, &mut buf, (1 << 34) - 4)), 7u32);
        same(&buf[..7], "\0\0\0\0far");
    }
    ok(set_size(fd, 2));
    ok(set_size(fd, 8));
    holds(dir, "file", "st\0\0\0\0\0\0");
}
