//! Undefined lookup flags are INVAL, everywhere, before anything happens.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let before = ok(stat(dir, "file"));
    for bits in [2, 3, 0x100, 0x8000_0000, u32::MAX] {
        fails(open(dir, bits, "file", O_TRUNC, READ_WRITE, 0, 0), INVAL);
        fails(stat_with(dir, bits, "file"), INVAL);
        fails(set_path_times(dir, bits, "file", 1, 1, ATIM | MTIM), INVAL);
        fails(link(dir, bits, "file", dir, "new"), INVAL);
    }
    // A hard link never follows.
    fails(link(dir, FOLLOW, "file", dir, "new"), INVAL);
    fails(stat(dir, "new"), NOENT);
    eq(ok(stat(dir, "file")).mtim, before.mtim);
    holds(dir, "file", "content");
}
