//! `args_get` writes exactly what `args_sizes_get` promised, an empty argument included, and nothing beyond.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const WANT: [&[u8]; 5] = [b"", b"two words", "h\u{e9}llo \u{1f980}".as_bytes(), b"a \"quoted\" one", b"--env=X=1"];

fn run() {
    let (mut count, mut size) = (0u32, 0u32);
    works(check_call(raw::args_sizes_get(addr(&mut count), addr(&mut size))));
    eq(count, 6u32);

    let mut argv = [0xAAAA_AAAAu32; 16];
    let mut buf = [0xAAu8; 512];
    // Unaligned on purpose: alignment is no business of the host.
    let start = addr_of(&mut buf) + 1;
    works(check_call(raw::args_get(addr(&mut argv), start)));
    eq(argv[6], 0xAAAA_AAAAu32);
    eq(argv[0], start);
    let mut at = 1;
    for i in 0..6 {
        eq(argv[i], start - 1 + at as u32);
        let len = buf[at..].iter().position(|b| *b == 0).unwrap_or(0);
        if i > 0 {
            same(&buf[at..at + len], WANT[i - 1]);
        } else {
            check(len > 0, "the program has a name");
        }
        at += len + 1;
    }
    eq(at as u32 - 1, size);
    eq(buf[at], 0xAAu8);
    eq(buf[0], 0xAAu8);

    let end = memory_end() as u32;
    fails(check_call(raw::args_sizes_get(end, addr(&mut size))), FAULT);
    fails(check_call(raw::args_sizes_get(addr(&mut count), end - 3)), FAULT);
    fails(check_call(raw::args_get(end - 8, start)), FAULT);
    fails(check_call(raw::args_get(addr(&mut argv), end - 4)), FAULT);
    fails(check_call(raw::args_get(u32::MAX, u32::MAX)), FAULT);
}
