//! Rights are either not kept, which is NOTSUP, or can only be dropped.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let all = ok(fdstat(fd)).base;
    let set = |base| check_call(raw::fd_fdstat_set_rights(fd, base, 0));
    let mut buf = [0u8; 16];
    if works_or(set(all & !FD_WRITE), &[NOTSUP]) {
        eq(ok(fdstat(fd)).base, all & !FD_WRITE);
        fails_with(write(fd, "x"), &[BADF, NOTCAPABLE]);
        fails(set(all), NOTCAPABLE);
    } else {
        eq(ok(fdstat(fd)).base, all);
        works(pwrite(fd, "c", 0));
    }
    eq(ok(read(fd, &mut buf)), 7u32);
    holds(dir, "file", "content");
}
