//! Standard input that stays open: what there is comes at once, for the rest one waits, or is told AGAIN.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [0u8; 16];
    // What is there is enough.
    eq(ok(read(0, &mut buf)), 5u32);
    same(&buf[..5], "begin");
    let mut e = [Event::default(); 2];
    let begun = ok(now(MONOTONIC));
    eq(ok(poll(&[on_read(1, 0), on_clock(2, MONOTONIC, 30_000_000, false)], &mut e)), 1u32);
    eq(e[0].userdata, 2u32);
    check(ok(now(MONOTONIC)) - begun >= 30_000_000, "it has waited");
    ok(set_flags(0, NONBLOCK));
    eq(ok(fdstat(0)).flags, NONBLOCK);
    fails(read(0, &mut buf), AGAIN);
    eq(ok(read(0, &mut [])), 0u32);
    // A file that is ready is told of, an input that is not is not.
    let dir = scratch!();
    make_file(dir, "file", "content");
    let file = ok(open_ro(dir, "file"));
    eq(ok(poll(&[on_read(1, 0), on_read(2, file)], &mut e)), 1u32);
    eq(e[0].userdata, 2u32);
    eq(e[0].nbytes, 7u32);
}
