//! Writes to stdout gather every vector, in order; stderr is another stream.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    eq(ok(write(1, "one ")), 4u32);
    eq(ok(writev(1, &[iov(b"two "), iov(b""), iov(b"thr"), iov(b"ee\n")])), 10u32);
    eq(ok(write(1, "")), 0u32);
    eq(ok(write(2, "on stderr\n")), 10u32);
    eq(ok(write(1, "caf\u{e9}\n")), 6u32);
    let block = [b'.'; 99];
    for _ in 0..20 {
        let mut done = 0;
        while done < block.len() {
            done += ok(write(1, &block[done..])) as usize;
        }
        ok(write(1, "\n"));
    }
}
