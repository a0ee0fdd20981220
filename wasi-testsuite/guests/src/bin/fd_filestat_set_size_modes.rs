//! Only what is open for writing can be resized; what grows is zeros, even where there was something before.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let reader = ok(open_ro(dir, "file"));
    fails_with(set_size(reader, 3), &[INVAL, BADF, ACCES]);
    fails_with(set_size(dir, 3), &[BADF, INVAL, ISDIR]);
    fails_with(set_size(1, 3), &[BADF, INVAL, SPIPE]);
    eq(ok(stat(dir, "file")).size, 10u32);
    let writer = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, 0));
    ok(set_size(writer, 4));
    ok(set_size(writer, 8));
    holds(dir, "file", "0123\0\0\0\0");
    // The other descriptor sees it, and reads as far as there is something.
    let mut buf = [1u8; 16];
    eq(ok(read(reader, &mut buf)), 8u32);
    ok(set_size(writer, 2));
    eq(ok(tell(reader)), 8u32);
    eq(ok(read(reader, &mut buf)), 0u32);
    eq(ok(pread(reader, &mut buf, 1)), 1u32);
    // At the edge of a page and of a chunk.
    for size in [4095, 4096, 4097, 65535, 65536, 65537, 262_145, 1] {
        ok(set_size(writer, size));
        eq(ok(fstat(reader)).size, size);
        eq(ok(pread(reader, &mut buf[..1], size - 1)), 1u32);
        eq(ok(pread(reader, &mut buf[..1], size)), 0u32);
    }
    holds(dir, "file", "0");
    // An appending descriptor too.
    let appender = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, APPEND));
    ok(set_size(appender, 3));
    eq(ok(write(appender, "x")), 1u32);
    holds(dir, "file", "0\0\0x");
}
