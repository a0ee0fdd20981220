//! A file that is unlinked while open lives until it is closed.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let old = ok(fstat(fd));
    eq(old.nlink, 1u32);
    ok(unlink(dir, "file"));
    fails(stat(dir, "file"), NOENT);
    eq(ok(fstat(fd)).nlink, 0u32);
    eq(ok(fstat(fd)).ino, old.ino);

    make_file(dir, "file", "other");
    check(ok(stat(dir, "file")).ino != old.ino, "the same name, another file");
    let mut buf = [0u8; 16];
    eq(ok(read(fd, &mut buf)), 7u32);
    same(&buf[..7], "content");
    eq(ok(write(fd, "!")), 1u32);
    eq(ok(fstat(fd)).size, 8u32);
    ok(set_size(fd, 3));
    eq(ok(pread(fd, &mut buf, 0)), 3u32);
    holds(dir, "file", "other");
    ok(close(fd));

    // Replaced by a rename is the same.
    let fd = ok(open_ro(dir, "file"));
    make_file(dir, "new", "newer");
    ok(rename(dir, "new", dir, "file"));
    eq(ok(read(fd, &mut buf)), 5u32);
    same(&buf[..5], "other");
    eq(ok(fstat(fd)).nlink, 0u32);
    holds(dir, "file", "newer");
}
