//! Without arguments there is the program's name and nothing else.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let (mut count, mut size) = (0u32, 0u32);
    works(check_call(raw::args_sizes_get(addr(&mut count), addr(&mut size))));
    eq(count, 1u32);
    check(size >= 2, "the name and its NUL");
}
