//! `fd_advise` takes the six kinds of advice, changes nothing, and knows no other.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    for advice in 0..6 {
        works(advise(fd, 0, 10, advice));
        works(advise(fd, 5, 0, advice));
        works(advise(fd, 1000, 1000, advice));
    }
    for advice in [6, 255, 256, u32::MAX] {
        fails(advise(fd, 0, 10, advice), INVAL);
    }
    works_or(advise(fd, u64::MAX, u64::MAX, 0), &[INVAL]);
    works_or(advise(fd, 1 << 62, 1 << 62, 0), &[INVAL]);
    eq(ok(fstat(fd)).size, 10u32);
    fails(advise(dir, 0, 0, 0), BADF);
    holds(dir, "file", "0123456789");
}
