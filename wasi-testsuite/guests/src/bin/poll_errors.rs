//! What fails a whole poll: nothing to wait for, unknown tags, clocks and flags, descriptors that are not open.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut e = [Event { userdata: 77, ..Event::default() }; 2];
    let ready = on_clock(1, MONOTONIC, 0, false);
    fails(poll(&[], &mut []), INVAL);
    for tag in [3, 9, 255] {
        fails(poll(&[Subscription { tag, ..ready }, ready], &mut e), INVAL);
        fails(poll(&[ready, Subscription { tag, ..ready }], &mut e), INVAL);
    }
    for clock in [4, 9, u32::MAX] {
        fails(poll(&[on_clock(1, clock, 0, false), ready], &mut e), INVAL);
    }
    for cpu in [2, 3] {
        fails_with(poll(&[on_clock(1, cpu, 0, false)], &mut e[..1]), &[INVAL, NOTSUP]);
    }
    for flags in [2, 3, 0x8000] {
        fails(poll(&[Subscription { flags, ..ready }, ready], &mut e), INVAL);
    }
    for fd in [99, u32::MAX] {
        fails(poll(&[on_read(1, fd), ready], &mut e), BADF);
        fails(poll(&[ready, on_write(1, fd)], &mut e), BADF);
    }
    check(e.iter().all(|e| e.userdata == 77), "no event was written");
    // It goes on to work.
    eq(ok(poll(&[ready], &mut e[..1])), 1u32);
}
