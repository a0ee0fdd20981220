//! The open flags, one by one and together, and the bits that do not exist.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));

    fails(open_rw(dir, "none", 0), NOENT);
    fails(open_rw(dir, "none", O_TRUNC), NOENT);
    fails(open_rw(dir, "none", O_EXCL), NOENT);
    fails(open_rw(dir, "file", O_CREAT | O_EXCL), EXIST);
    fails(open_rw(dir, "d", O_CREAT | O_EXCL), EXIST);
    // EXCL means nothing without CREAT.
    ok(close(ok(open_rw(dir, "file", O_EXCL))));
    ok(close(ok(open_rw(dir, "file", O_CREAT))));
    holds(dir, "file", "content");
    ok(close(ok(open_rw(dir, "new", O_CREAT | O_EXCL))));
    eq(ok(stat(dir, "new")).size, 0u32);

    fails(open(dir, FOLLOW, "file", O_DIRECTORY, READ, 0, 0), NOTDIR);
    fails(open(dir, FOLLOW, "none", O_DIRECTORY, READ, 0, 0), NOENT);
    fails(open(dir, FOLLOW, "other", O_CREAT | O_DIRECTORY, DIR, 0, 0), INVAL);
    fails(open(dir, FOLLOW, "d", O_CREAT | O_DIRECTORY, DIR, 0, 0), INVAL);
    fails(stat(dir, "other"), NOENT);

    // A directory cannot be opened for writing, created over or truncated, but needs no DIRECTORY flag.
    fails(open_rw(dir, "d", 0), ISDIR);
    fails(open(dir, FOLLOW, "d", O_DIRECTORY, READ_WRITE, 0, 0), ISDIR);
    fails(open_rw(dir, "d", O_TRUNC), ISDIR);
    fails(open_rw(dir, "d", O_CREAT), ISDIR);
    fails_with(open(dir, FOLLOW, "d", O_DIRECTORY | O_TRUNC, DIR, 0, 0), &[INVAL, ISDIR]);
    let fd = ok(open(dir, FOLLOW, "d", 0, DIR, DIR | READ_WRITE, 0));
    eq(ok(fdstat(fd)).filetype, DIRECTORY);
    ok(close(ok(open_dir(fd, "."))));
    ok(close(ok(open(dir, FOLLOW, ".", O_DIRECTORY, DIR, 0, NONBLOCK))));

    // Truncation needs no cursor and happens at open.
    let fd = ok(open_rw(dir, "file", O_TRUNC));
    eq(ok(fstat(fd)).size, 0u32);
    ok(write(fd, "again"));
    ok(close(ok(open_rw(dir, "file", O_TRUNC | O_CREAT))));
    eq(ok(fstat(fd)).size, 0u32);

    // Undefined bits.
    make_file(dir, "file", "content");
    for bits in [0x10, 0x8000, 0x1_0000, 0x1_0001, u32::MAX] {
        fails(open_rw(dir, "file", bits), INVAL);
    }
    for bits in [0x20, 0x8000, 0x1_0000, u32::MAX] {
        fails(open(dir, FOLLOW, "file", O_TRUNC, READ_WRITE, 0, bits), INVAL);
        fails(open(dir, FOLLOW, "new2", O_CREAT, READ_WRITE, 0, bits), INVAL);
    }
    fails(stat(dir, "new2"), NOENT);
    holds(dir, "file", "content");

    // New descriptors never take the place of stdio.
    let fd = ok(open_ro(dir, "file"));
    check(fd > 3, "not 0, 1, 2, nor the preopen");
    // A file through a file.
    fails(open_ro(dir, "file/x"), NOTDIR);
    fails(open_ro(dir, "file/.."), NOTDIR);
    fails(open_ro(dir, "none/x"), NOENT);
}
