//! Standard input is read in pieces, as they fit, until it ends; and the end stays.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [0u8; 8];
    let mut e = [Event::default(); 2];
    let subs = [on_read(5, 0), on_clock(6, MONOTONIC, 3_600_000_000_000, false)];
    eq(ok(poll(&subs, &mut e)), 1u32);
    eq(e[0].userdata, 5u32);
    eq(e[0].error, 0u32);
    check(e[0].nbytes >= 1, "there is something to read");
    eq(ok(read(0, &mut [])), 0u32);
    eq(ok(read(0, &mut buf[..3])), 3u32);
    same(&buf[..3], "one");
    let mut more = [0u8; 4];
    eq(ok(readv(0, &[iov_mut(&mut buf[..2]), iov_mut(&mut more)])), 6u32);
    same(&buf[..2], " t");
    same(more, "wo t");
    eq(ok(read(0, &mut buf)), 5u32);
    same(&buf[..5], "hree\n");
    for _ in 0..3 {
        eq(ok(read(0, &mut buf)), 0u32);
        eq(ok(poll(&subs, &mut e)), 1u32);
        eq(e[0].userdata, 5u32);
        eq(e[0].flags, 1u32);
    }
}
