//! Reading and writing need a descriptor opened for it, even when nothing is to be moved.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let reader = ok(open_ro(dir, "file"));
    let writer = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, 0));
    let both = ok(open_rw(dir, "file", 0));
    let mut buf = [0u8; 16];

    fails(read(writer, &mut buf), BADF);
    fails(pread(writer, &mut buf, 0), BADF);
    fails(write(reader, "x"), BADF);
    fails(pwrite(reader, "x", 0), BADF);
    fails(write(reader, ""), BADF);
    fails_with(set_size(reader, 3), &[BADF, INVAL, ACCES]);
    fails_with(allocate(reader, 0, 100), &[BADF, INVAL, NOTSUP]);
    holds(dir, "file", "0123456789");

    eq(ok(read(both, &mut buf[..4])), 4u32);
    same(&buf[..4], "0123");
    eq(ok(read(both, &mut buf)), 6u32);
    same(&buf[..6], "456789");
    eq(ok(read(both, &mut buf)), 0u32);
    eq(ok(seek(both, 100, SET)), 100u32);
    eq(ok(read(both, &mut buf)), 0u32);
    eq(ok(pread(both, &mut buf, 10)), 0u32);
    eq(ok(pread(both, &mut buf, 1 << 40)), 0u32);
    eq(ok(pread(both, &mut buf, 8)), 2u32);
    eq(ok(tell(both)), 100u32);

    // A write of nothing past the end does not extend the file.
    eq(ok(write(both, "")), 0u32);
    eq(ok(pwrite(both, "", 1000)), 0u32);
    eq(ok(fstat(both)).size, 10u32);

    // One descriptor's write is at once seen through the other; each has its own cursor.
    eq(ok(write(writer, "ab")), 2u32);
    eq(ok(tell(writer)), 2u32);
    eq(ok(tell(reader)), 0u32);
    eq(ok(read(reader, &mut buf[..3])), 3u32);
    same(&buf[..3], "ab2");
    for fd in [reader, writer, both] {
        ok(close(fd));
        fails(close(fd), BADF);
    }
}
