//! `random_get` fills any length, from none to many pages, and never writes out of bounds.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    for wild in [0, memory_end() as u32, u32::MAX] {
        works(check_call(raw::random_get(wild, 0)));
    }
    let mut buf = [0u8; 66];
    works(check_call(raw::random_get(addr_of(&mut buf) + 1, 64)));
    eq(buf[0], 0u8);
    eq(buf[65], 0u8);
    let mut other = [0u8; 64];
    works(check_call(raw::random_get(addr_of(&mut other), 64)));
    check(buf[1..65] != other, "two draws differ");

    let big = new_pages(32);
    works(check_call(raw::random_get(addr_of(big), big.len() as u32)));
    for block in big.chunks(4096) {
        // 32 equal bytes in a row among 4096 random ones do not happen.
        check(!block.windows(32).any(|w| w.iter().all(|b| *b == w[0])), "every block is filled");
    }

    let end = memory_end() as u32;
    let tail = before_end(16);
    big[2 * 1024 * 1024 - 16..].fill(7);
    fails(check_call(raw::random_get(tail, 17)), FAULT);
    check(big[2 * 1024 * 1024 - 16..].iter().all(|b| *b == 7), "a failed call writes nothing");
    fails(check_call(raw::random_get(end, 1)), FAULT);
    fails(check_call(raw::random_get(0, u32::MAX)), FAULT);
    fails(check_call(raw::random_get(u32::MAX, u32::MAX)), FAULT);
    fails(check_call(raw::random_get(u32::MAX - 7, 16)), FAULT);
}
