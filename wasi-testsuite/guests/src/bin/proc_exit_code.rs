//! The exit code is the guest's, even one above 127, and it wins over what would come after.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    raw::proc_exit(201)
}
