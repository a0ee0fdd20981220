//! To wait for what cannot happen does not wait: reading what is for writing only is an event with an error.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let reader = ok(open_ro(dir, "file"));
    let writer = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, 0));
    let mut e = [Event::default(); 3];
    eq(ok(poll(&[on_write(1, reader), on_read(2, writer), on_read(3, reader)], &mut e)), 3u32);
    eq(e[0].error, BADF.0);
    eq(e[0].kind, 2u32);
    eq(e[1].error, BADF.0);
    eq(e[1].kind, 1u32);
    eq(e[2].error, 0u32);
    for (i, event) in e.iter().enumerate() {
        eq(event.userdata, i + 1);
    }
    // stdout can be written, stdin not; both at once.
    eq(ok(poll(&[on_write(1, 0), on_write(2, 1)], &mut e[..2])), 2u32);
    eq(e[0].error, BADF.0);
    eq(e[1].error, 0u32);
    // A directory is no file to wait for.
    fails(poll(&[on_read(1, dir)], &mut e[..1]), BADF);
    fails(poll(&[on_write(1, ROOT), on_read(2, reader)], &mut e[..2]), BADF);
}
