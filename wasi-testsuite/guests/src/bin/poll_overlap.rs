//! The subscriptions and the events may lie in the same place.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let fd = ok(open_rw(dir, "file", O_CREAT));
    ok(write(fd, "content"));
    ok(seek(fd, 0, SET));
    // Events are shorter than subscriptions: written in place, they must not be read back as subscriptions.
    for shift in [0, 8, 16, 32] {
        let mut at = [on_read(0, fd); 10];
        for (i, sub) in at.iter_mut().take(8).enumerate() {
            *sub = if i % 2 == 0 { on_read(100 + i as u64, fd) } else { on_write(100 + i as u64, fd) };
        }
        let base = addr(&mut at);
        let n: u32 = ok(with_out(|out| raw::poll_oneoff(base, base + shift, 8, out)));
        eq(n, 8u32);
        let mut seen = [0u32; 8];
        for i in 0..8 {
            // Read back as bytes: the array is no longer what its type says.
            let event: Event = unsafe {
                core::ptr::read_unaligned(core::ptr::with_exposed_provenance((base + shift + i * 32) as usize))
            };
            eq(event.error, 0u32);
            check(event.userdata >= 100 && event.userdata < 108, "the userdata of a subscription");
            let which = (event.userdata.wrapping_sub(100) % 8) as usize;
            seen[which] += 1;
            eq(event.kind, 1 + which as u32 % 2);
        }
        check(seen == [1; 8], "an event for each");
    }
}
