//! `proc_exit(0)` ends the program with success, at once.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    raw::proc_exit(0)
}
