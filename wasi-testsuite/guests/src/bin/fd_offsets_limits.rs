//! Offsets are 64 bits wide, and half of them are INVAL; far writes fail without a trace.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    let mut buf = [0u8; 8];
    for offset in [1 << 63, u64::MAX, u64::MAX - 7] {
        fails(pread(fd, &mut buf, offset), INVAL);
        fails(pwrite(fd, "x", offset), INVAL);
    }
    fails_with(pwrite(fd, "xyz", i64::MAX as u64 - 1), &[FBIG, INVAL]);
    fails_with(pwrite(fd, "x", i64::MAX as u64), &[FBIG, INVAL]);
    eq(ok(pread(fd, &mut buf, i64::MAX as u64)), 0u32);
    // Nothing, written anywhere, changes nothing.
    eq(ok(pwrite(fd, "", 1 << 40)), 0u32);
    eq(ok(fstat(fd)).size, 10u32);
    eq(ok(tell(fd)), 0u32);
    for len in [1 << 63, u64::MAX] {
        fails(advise(fd, 0, len, 0), INVAL);
        fails(advise(fd, len, 0, 0), INVAL);
        fails(set_size(fd, len), INVAL);
        fails_with(allocate(fd, len, 1), &[INVAL, NOTSUP]);
        fails_with(allocate(fd, 1, len), &[INVAL, FBIG, NOTSUP]);
    }
    holds(dir, "file", "0123456789");
}
