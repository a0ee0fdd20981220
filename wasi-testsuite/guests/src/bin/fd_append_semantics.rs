//! Appending ignores the cursor and leaves it at the end; a positional write does not move it.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "one");
    let fd = ok(open(dir, FOLLOW, "file", 0, READ_WRITE, 0, APPEND));
    eq(ok(fdstat(fd)).flags, APPEND);
    eq(ok(tell(fd)), 0u32);
    eq(ok(write(fd, "two")), 3u32);
    eq(ok(tell(fd)), 6u32);
    ok(seek(fd, 1, SET));
    let mut buf = [0u8; 16];
    eq(ok(read(fd, &mut buf[..2])), 2u32);
    same(&buf[..2], "ne");
    eq(ok(tell(fd)), 3u32);

    // Somebody else's write moves the end.
    let other = ok(open(dir, FOLLOW, "file", 0, READ_WRITE, 0, APPEND));
    eq(ok(write(other, "three")), 5u32);
    eq(ok(writev(fd, &[iov(b"fo"), iov(b"ur")])), 4u32);
    eq(ok(tell(fd)), 15u32);
    holds(dir, "file", "onetwothreefour");

    ok(seek(fd, 2, SET));
    eq(ok(pwrite(fd, "X", 0)), 1u32);
    eq(ok(tell(fd)), 2u32);
    // Linux appends even then, POSIX writes at the offset.
    let size = ok(fstat(fd)).size;
    check(size == 15 || size == 16, "at the offset, or at the end");
    ok(set_size(fd, 15));

    // Turned off, the cursor counts; turned on, it does not.
    ok(set_flags(fd, 0));
    eq(ok(fdstat(fd)).flags, 0u32);
    ok(seek(fd, 0, SET));
    eq(ok(write(fd, "ONE")), 3u32);
    eq(ok(tell(fd)), 3u32);
    ok(set_flags(fd, APPEND));
    eq(ok(write(fd, "!")), 1u32);
    eq(ok(tell(fd)), 16u32);
    holds(dir, "file", "ONEtwothreefour!");
    // The other descriptor has flags of its own.
    eq(ok(fdstat(other)).flags, APPEND);
    ok(set_flags(other, 0));
    eq(ok(fdstat(fd)).flags, APPEND);
}
