//! Without variables the environment is empty, whatever the host's holds.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let (mut count, mut size) = (7u32, 7u32);
    works(check_call(raw::environ_sizes_get(addr(&mut count), addr(&mut size))));
    eq(count, 0u32);
    eq(size, 0u32);
    // Nothing is written, so no address is wrong.
    works(check_call(raw::environ_get(addr(&mut count), addr(&mut size))));
    eq(count, 0u32);
}
