//! Files are always ready, before any clock; stdout too; stdin is ready or the clock fires.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let mut e = [Event::default(); 5];
    let subs = [on_read(11, fd), on_write(12, fd), on_clock(13, MONOTONIC, 3_600_000_000_000, false)];
    eq(ok(poll(&subs, &mut e[..3])), 2u32);
    for event in &e[..2] {
        eq(event.error, 0u32);
        eq(event.userdata, 10 + event.kind);
        if event.kind == 1 {
            check(event.nbytes >= 1 && event.nbytes <= 7, "bytes to be read");
            eq(event.flags, 0u32);
        }
    }
    check(e[0].kind + e[1].kind == 3, "one of each kind");
    // At the end it is still ready: to say so.
    ok(seek(fd, 0, END));
    eq(ok(poll(&subs[..1], &mut e[..1])), 1u32);
    eq(e[0].userdata, 11u32);
    eq(e[0].error, 0u32);

    // A zero timeout does not hide what is ready.
    let subs = [on_clock(1, MONOTONIC, 0, false), on_read(2, fd), on_write(3, 1), on_write(4, 2)];
    let n = ok(poll(&subs, &mut e[..4]));
    for want in [2, 3, 4] {
        check(e[..n].iter().any(|e| e.userdata == want && e.error == 0), "ready, whatever the clock says");
    }
    // stdin: ready, or not before the clock.
    let subs = [on_read(1, 0), on_clock(2, MONOTONIC, 50_000_000, false)];
    let n = ok(poll(&subs, &mut e[..2]));
    check(n >= 1 && e[..n].iter().all(|e| e.error == 0), "an event without error");
    // The same descriptor more than once.
    let subs = [on_read(1, fd), on_read(2, fd), on_read(3, fd)];
    eq(ok(poll(&subs, &mut e[..3])), 3u32);
    check(e[0].userdata != e[1].userdata && e[1].userdata != e[2].userdata, "each has its event");
}
