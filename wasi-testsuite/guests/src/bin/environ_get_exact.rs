//! `environ_get` writes the variables in order, exactly; those of the host do not leak.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const WANT: [&[u8]; 4] = [b"A=first", b"B=", b"C=with = and \"quotes\"", "D=new\nline \u{e9}".as_bytes()];

fn run() {
    let (mut count, mut size) = (0u32, 0u32);
    works(check_call(raw::environ_sizes_get(addr(&mut count), addr(&mut size))));
    eq(count, 4u32);
    eq(size as usize, WANT.iter().map(|v| v.len() + 1).sum::<usize>());

    let mut table = [0xAAAA_AAAAu32; 8];
    let mut buf = [0xAAu8; 256];
    let start = addr_of(&mut buf);
    works(check_call(raw::environ_get(addr(&mut table), start)));
    eq(table[4], 0xAAAA_AAAAu32);
    let mut at = 0;
    for (i, want) in WANT.iter().enumerate() {
        eq(table[i], start + at as u32);
        same(&buf[at..at + want.len()], want);
        eq(buf[at + want.len()], 0u8);
        at += want.len() + 1;
    }
    eq(buf[at], 0xAAu8);

    let end = memory_end() as u32;
    fails(check_call(raw::environ_sizes_get(end, addr(&mut size))), FAULT);
    fails(check_call(raw::environ_sizes_get(addr(&mut count), end)), FAULT);
    fails(check_call(raw::environ_get(end - 4, start)), FAULT);
    fails(check_call(raw::environ_get(addr(&mut table), end - 1)), FAULT);
}
