//! Polling clocks: relative and absolute, at once when past, never early, each event told apart.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const MS: u64 = 1_000_000;

fn run() {
    let mut events = [Event::default(); 3];
    for clock in [REALTIME, MONOTONIC] {
        // Never early.
        let start = ok(now(MONOTONIC));
        eq(ok(poll(&[on_clock(0xABCD_EF01_2345_6789, clock, 20 * MS, false)], &mut events[..1])), 1u32);
        check(ok(now(MONOTONIC)) - start >= 20 * MS, "too early");
        is_clock(&events[0], 0xABCD_EF01_2345_6789);

        let start = ok(now(MONOTONIC));
        let until = ok(now(clock)) + 20 * MS;
        eq(ok(poll(&[on_clock(7, clock, until, true)], &mut events[..1])), 1u32);
        check(ok(now(MONOTONIC)) - start >= 19 * MS, "too early");
        is_clock(&events[0], 7);

        // Now, and long ago.
        let start = ok(now(MONOTONIC));
        for (timeout, absolute) in [(0, false), (0, true), (1, true), (until, true)] {
            eq(ok(poll(&[on_clock(8, clock, timeout, absolute)], &mut events[..1])), 1u32);
            is_clock(&events[0], 8);
        }
        check(ok(now(MONOTONIC)) - start < 5000 * MS, "what is past does not wait");
    }

    // The first of several; those that are not due are not told.
    let subs = [
        on_clock(1, MONOTONIC, u64::MAX, false),
        on_clock(2, MONOTONIC, 10 * MS, false),
        on_clock(3, REALTIME, u64::MAX, true),
    ];
    eq(ok(poll(&subs, &mut events)), 1u32);
    is_clock(&events[0], 2);
    // Several at once.
    let subs = [
        on_clock(1, MONOTONIC, 0, false),
        on_clock(2, MONOTONIC, 3_600_000 * MS, false),
        on_clock(3, REALTIME, 0, false),
    ];
    eq(ok(poll(&subs, &mut events)), 2u32);
    check(events[0].userdata + events[1].userdata == 4, "the first and the third");

    for _ in 0..1000 {
        eq(ok(poll(&[on_clock(9, MONOTONIC, 0, false)], &mut events[..1])), 1u32);
    }
}

#[track_caller]
fn is_clock(event: &Event, userdata: u64) {
    eq(event.userdata, userdata);
    eq(event.error, 0u32);
    eq(event.kind, 0u32);
}
