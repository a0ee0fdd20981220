//! Sizes: growing fills with zeros, shrinking cuts, what cannot be is refused and changes nothing.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    ok(seek(fd, 8, SET));
    ok(set_size(fd, 4));
    eq(ok(tell(fd)), 8u32);
    eq(ok(fstat(fd)).size, 4u32);
    ok(set_size(fd, 6));
    holds(dir, "file", "0123\0\0");
    ok(write(fd, "x"));
    holds(dir, "file", "0123\0\0\0\0x");
    ok(set_size(fd, 9));
    eq(ok(fstat(fd)).size, 9u32);
    fails(set_size(fd, u64::MAX), INVAL);
    fails_with(set_size(fd, 1 << 63), &[INVAL, FBIG]);
    eq(ok(fstat(fd)).size, 9u32);
    if works_or(set_size(fd, 1 << 62), &[FBIG, NOSPC, INVAL]) {
        eq(ok(fstat(fd)).size, 1u64 << 62);
        ok(set_size(fd, 9));
    }
    ok(set_size(fd, 0));
    holds(dir, "file", "");
    ok(set_size(fd, 3_000_000));
    let mut buf = [1u8; 4];
    eq(ok(pread(fd, &mut buf, 2_999_998)), 2u32);
    same(&buf[..2], "\0\0");
}
