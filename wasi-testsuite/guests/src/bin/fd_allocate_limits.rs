//! `fd_allocate` grows and never shrinks, keeps the content, and refuses ranges that do not exist.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    if !works_or(allocate(fd, 0, 5), &[NOTSUP]) {
        return;
    }
    eq(ok(fstat(fd)).size, 10u32);
    ok(allocate(fd, 8, 12));
    eq(ok(fstat(fd)).size, 20u32);
    eq(ok(tell(fd)), 0u32);
    holds(dir, "file", "0123456789\0\0\0\0\0\0\0\0\0\0");
    works_or(allocate(fd, 500, 0), &[INVAL]);
    eq(ok(fstat(fd)).size, 20u32);
    fails(allocate(fd, u64::MAX, u64::MAX), INVAL);
    fails_with(allocate(fd, u64::MAX, 1), &[INVAL]);
    fails_with(allocate(fd, i64::MAX as u64, 1), &[INVAL, FBIG]);
    fails_with(allocate(fd, 0, 1 << 62), &[FBIG, NOSPC]);
    eq(ok(fstat(fd)).size, 20u32);
    fails_with(allocate(dir, 0, 1), &[BADF]);
}
