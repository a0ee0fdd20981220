//! Times can be set through a descriptor of any file, however it was opened; those of streams cannot.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let both = ok(open_rw(dir, "file", 0));
    let reader = ok(open_ro(dir, "file"));
    let writer = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, 0));
    for (i, fd) in [both, reader, writer, dir].into_iter().enumerate() {
        let (a, m) = (1_000_000_007 * (i as u64 + 1), 2_000_000_011 * (i as u64 + 1));
        ok(set_times(fd, a, m, ATIM | MTIM));
        let s = ok(fstat(fd));
        eq(s.atim, a);
        eq(s.mtim, m);
        ok(set_times(fd, 0, 0, 0));
        eq(ok(fstat(fd)).mtim, m);
        fails(set_times(fd, 0, 0, MTIM | MTIM_NOW), INVAL);
        fails(set_times(fd, 0, 0, 16), INVAL);
        eq(ok(fstat(fd)).mtim, m);
    }
    // A file without a name has times all the same.
    ok(unlink(dir, "file"));
    ok(set_times(both, 5, 7, ATIM | MTIM));
    eq(ok(fstat(reader)).mtim, 7u32);
    for fd in [0, 1, 2] {
        check(set_times(fd, 1, 1, ATIM | MTIM).is_err(), "a stream has no times");
        fails(set_times(fd, 1, 1, ATIM | ATIM_NOW), INVAL);
    }
}
