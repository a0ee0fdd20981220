//! The largest exit code that every host can tell.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    raw::proc_exit(255);
}
