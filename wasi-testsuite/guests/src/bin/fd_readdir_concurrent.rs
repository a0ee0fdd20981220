//! While others come and go, what stays is listed exactly once, and the listing ends.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const FILES: u32 = 600;

fn run() {
    let dir = scratch!();
    let (mut name, mut other) = ([0u8; 32], [0u8; 32]);
    for i in 0..FILES {
        make_file(dir, numbered(&mut name, "f", i), "");
    }
    // Even numbers stay. Odd ones are removed, or renamed, and new ones are made, all along.
    let mut seen = [0u8; FILES as usize];
    let mut step = 0;
    let mut buf = [0u8; 512];
    let mut total = 0;
    ok(list(dir, &mut buf, 0, |e| {
        total += 1;
        if total > 20_000 {
            check(false, "a listing without end");
            raw::proc_exit(1);
        }
        if e.name[0] == b'f' {
            if let Some(i) = number_of(e.name) {
                seen[i as usize] += 1;
            }
        }
        if step * 2 + 1 < FILES {
            let odd = numbered(&mut name, "f", step * 2 + 1);
            if step % 3 == 0 {
                works(rename(dir, odd, dir, numbered(&mut other, "r", step)));
            } else {
                works(unlink(dir, odd));
            }
            make_file(dir, numbered(&mut other, "new", step), "");
            make_file(dir, numbered(&mut other, "a", step), "");
        }
        step += 1;
    }));
    for (i, n) in seen.iter().enumerate() {
        if i % 2 == 0 {
            eq(*n, 1u32);
        } else {
            check(*n <= 1, "never twice");
        }
    }
}
