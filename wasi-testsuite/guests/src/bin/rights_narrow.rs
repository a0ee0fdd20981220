//! Enforced rights can be given up, one by one, and never come back.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn set(fd: u32, base: u64, inheriting: u64) -> Result {
    check_call(raw::fd_fdstat_set_rights(fd, base, inheriting))
}

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let base = ok(fdstat(fd)).base;
    eq(base, READ_WRITE);
    let mut buf = [0u8; 8];
    ok(set(fd, base & !FD_WRITE, 0));
    eq(ok(fdstat(fd)).base, base & !FD_WRITE);
    fails(write(fd, "x"), NOTCAPABLE);
    eq(ok(read(fd, &mut buf)), 7u32);
    fails(set(fd, base, 0), NOTCAPABLE);
    fails(set(fd, 0, FD_READ), NOTCAPABLE);
    ok(set(fd, base & !FD_WRITE, 0));
    ok(set(fd, FD_TELL, 0));
    fails(read(fd, &mut buf), NOTCAPABLE);
    eq(ok(tell(fd)), 7u32);
    eq(ok(seek(fd, 0, CUR)), 7u32);
    fails(seek(fd, 1, CUR), NOTCAPABLE);
    fails(seek(fd, 0, SET), NOTCAPABLE);
    ok(set(fd, 0, 0));
    fails(tell(fd), NOTCAPABLE);
    fails(fstat(fd), NOTCAPABLE);
    // To ask what one may do, and to close, needs no right.
    eq(ok(fdstat(fd)).base, 0u32);
    ok(renumber(fd, fd));
    ok(close(fd));
    // Another descriptor of the same file has rights of its own.
    holds(dir, "file", "content");
    fails(set(fd, 0, 0), BADF);
}
