//! `proc_raise` never signals the host.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    for signal in 0..=30 {
        fails(check_call(raw::proc_raise(signal)), NOTSUP);
    }
    for signal in [31, 255, 256 + 15, u32::MAX] {
        fails_with(check_call(raw::proc_raise(signal)), &[INVAL, NOTSUP]);
    }
}
