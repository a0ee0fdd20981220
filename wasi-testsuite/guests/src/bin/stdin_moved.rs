//! Standard input under another number is the same stream.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let file = ok(open_rw(dir, "file", O_CREAT));
    let mut buf = [0u8; 4];
    eq(ok(read(0, &mut buf)), 4u32);
    same(buf, "0123");
    ok(renumber(0, file));
    fails(read(0, &mut buf), BADF);
    eq(ok(read(file, &mut buf)), 4u32);
    same(buf, "4567");
    fails(seek(file, 0, CUR), SPIPE);
    ok(close(file));
    fails(read(file, &mut buf), BADF);
}
