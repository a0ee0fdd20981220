//! Hundreds of subscriptions in one call, each with its event, in their order; more than anybody needs is NOMEM.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const MANY: usize = 500;

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let pages = new_pages(16);
    let (subs, events) = pages.split_at_mut(512 * 1024);
    let s = addr_of(subs);
    let e = addr_of(events);
    for i in 0..MANY {
        let userdata = (i as u64) << 40 | 0xFFFF_FFFF;
        let sub = match i % 3 {
            0 => on_clock(userdata, MONOTONIC, 0, false),
            1 => on_read(userdata, fd),
            _ => on_write(userdata, fd),
        };
        // Not aligned.
        unsafe { core::ptr::write_unaligned((s as usize + 1 + i * 48) as *mut Subscription, sub) };
    }
    let n: u32 = ok(with_out(|out| raw::poll_oneoff(s + 1, e + 3, MANY as u32, out)));
    eq(n, MANY);
    for i in 0..MANY {
        let event = unsafe { core::ptr::read_unaligned((e as usize + 3 + i * 32) as *const Event) };
        eq(event.userdata, (i as u64) << 40 | 0xFFFF_FFFF);
        eq(event.kind, (i % 3) as u32);
        eq(event.error, 0u32);
    }
    fails_with(check_call(raw::poll_oneoff(s, e, 10_000, addr(&mut 0u32))), &[NOMEM, INVAL]);
}
