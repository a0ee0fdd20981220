//! Where a cursor may go: past the end, never below 0, never beyond 2^63 - 1; a refusal leaves it.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    eq(ok(seek(fd, 4, SET)), 4u32);
    eq(ok(seek(fd, 3, CUR)), 7u32);
    eq(ok(seek(fd, -2, END)), 8u32);
    eq(ok(seek(fd, 0, CUR)), 8u32);
    eq(ok(seek(fd, -8, CUR)), 0u32);
    eq(ok(seek(fd, 90, END)), 100u32);
    eq(ok(fstat(fd)).size, 10u32);
    ok(seek(fd, 5, SET));
    fails(seek(fd, -1, SET), INVAL);
    fails(seek(fd, -6, CUR), INVAL);
    fails(seek(fd, -11, END), INVAL);
    fails(seek(fd, i64::MIN, SET), INVAL);
    fails(seek(fd, i64::MIN, CUR), INVAL);
    fails(seek(fd, i64::MIN, END), INVAL);
    fails_with(seek(fd, i64::MAX, CUR), &[INVAL, OVERFLOW]);
    fails_with(seek(fd, i64::MAX, END), &[INVAL, OVERFLOW]);
    for whence in [3, 9, 255, 256, u32::MAX] {
        fails(seek(fd, 0, whence), INVAL);
    }
    eq(ok(tell(fd)), 5u32);

    let mut buf = [0u8; 4];
    eq(ok(seek(fd, 1 << 40, SET)), 1u64 << 40);
    eq(ok(read(fd, &mut buf)), 0u32);
    eq(ok(seek(fd, i64::MAX, SET)), i64::MAX);
    fails_with(seek(fd, 1, CUR), &[INVAL, OVERFLOW]);
    fails_with(write(fd, "x"), &[FBIG, INVAL, OVERFLOW]);
    eq(ok(tell(fd)), i64::MAX);
    eq(ok(fstat(fd)).size, 10u32);
    holds(dir, "file", "0123456789");
}
