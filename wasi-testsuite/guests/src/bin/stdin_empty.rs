//! Standard input that has ended: nothing to read, at once.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [9u8; 4];
    eq(ok(read(0, &mut buf)), 0u32);
    check(buf == [9; 4], "nothing was written");
    let mut e = [Event::default(); 2];
    eq(ok(poll(&[on_clock(1, MONOTONIC, 3_600_000_000_000, false), on_read(2, 0)], &mut e)), 1u32);
    eq(e[0].userdata, 2u32);
    eq(e[0].kind, 1u32);
    eq(e[0].flags, 1u32);
    fails(write(0, "x"), BADF);
}
