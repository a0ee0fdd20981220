//! `fd_renumber` moves one open descriptor onto another, and nothing else.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "one", "1");
    make_file(dir, "two", "22");
    let one = ok(open_ro(dir, "one"));
    let two = ok(open_rw(dir, "two", 0));
    fails(renumber(one, 1000), BADF);
    fails(renumber(one, u32::MAX), BADF);
    fails(renumber(1000, one), BADF);
    fails(fdstat(1000), BADF);
    ok(renumber(one, one));
    ok(seek(two, 1, SET));

    ok(renumber(two, one));
    fails(fdstat(two), BADF);
    eq(ok(fstat(one)).size, 2u32);
    eq(ok(tell(one)), 1u32);
    check(ok(fdstat(one)).base & FD_WRITE != 0, "its rights came along");
    fails(renumber(two, one), BADF);
    fails(renumber(one, two), BADF);
    eq(ok(fstat(one)).size, 2u32);

    // stdio can be replaced, and stdin is then the file.
    ok(seek(one, 0, SET));
    ok(renumber(one, 0));
    fails(fdstat(one), BADF);
    let mut buf = [0u8; 8];
    eq(ok(read(0, &mut buf)), 2u32);
    same(&buf[..2], "22");
    eq(ok(fdstat(0)).filetype, REGULAR_FILE);
    let out = ok(open_rw(dir, "out", O_CREAT));
    ok(renumber(out, 1));
    ok(write(1, "to the file"));
    holds(dir, "out", "to the file");
    // And a file replaced by stderr.
    let file = ok(open_ro(dir, "one"));
    ok(renumber(2, file));
    fails(write(2, "x"), BADF);
    eq(ok(write(file, "stderr, elsewhere\n")), 18u32);
    ok(renumber(file, 1));
    eq(ok(write(1, "and there\n")), 10u32);
    holds(dir, "out", "to the file");
}
