//! An exit code has 32 bits, all of which reach the host.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    raw::proc_exit(0xFEDC_BA98);
}
