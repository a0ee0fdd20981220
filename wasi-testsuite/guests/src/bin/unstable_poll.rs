//! Subscriptions of `wasi_unstable` take 56 bytes; each event has the type of its subscription.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

use unstable::Subscription as Old;

fn poll_old(subscriptions: &[Old], events: &mut [Event]) -> Result<usize> {
    let (subs, out) = (subscriptions.as_ptr() as u32, events.as_mut_ptr() as u32);
    let n: u32 = with_out(|count| unstable::poll_oneoff(subs, out, subscriptions.len() as u32, count))?;
    Ok(n as usize)
}

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let mut e = [Event::default(); 4];
    let read = Old { userdata: 11, tag: 1, fd_or_identifier: fd.into(), clock: 99, ..Old::default() };
    let write = Old { userdata: 12, tag: 2, fd_or_identifier: fd.into(), timeout: u64::MAX, ..Old::default() };
    let clock = Old { userdata: 13, clock: MONOTONIC, fd_or_identifier: u64::MAX, ..Old::default() };
    eq(ok(poll_old(&[read, write, clock], &mut e)), 3u32);
    for (event, (userdata, kind)) in e.iter().zip([(11, 1), (12, 2), (13, 0)]) {
        eq(event.userdata, userdata as u32);
        eq(event.kind, kind as u8);
        eq(event.error, 0u32);
    }

    // A clock is really read where it stands: this waits as long as it should.
    let begun = ok(now(MONOTONIC));
    let wait = Old { clock: MONOTONIC, timeout: 20_000_000, ..clock };
    eq(ok(poll_old(&[wait], &mut e)), 1u32);
    check(ok(now(MONOTONIC)) - begun >= 20_000_000, "not too early");
    let at = ok(now(REALTIME)) + 20_000_000;
    eq(ok(poll_old(&[Old { clock: REALTIME, timeout: at, flags: 1, ..clock }], &mut e)), 1u32);
    check(ok(now(REALTIME)) >= at, "not before that time of day");

    fails(poll_old(&[], &mut e), INVAL);
    fails(poll_old(&[Old { tag: 3, ..read }], &mut e), INVAL);
    fails(poll_old(&[Old { clock: 4, ..clock }], &mut e), INVAL);
    fails(poll_old(&[Old { flags: 2, ..clock }], &mut e), INVAL);
    fails(poll_old(&[Old { fd_or_identifier: 99, ..read }], &mut e), BADF);
    // 56 bytes, not 48, must be there.
    let at = before_end(48);
    fails(check_call(unstable::poll_oneoff(at, addr(&mut e), 1, addr(&mut 0u32))), FAULT);
}
