//! `proc_exit` unwinds any depth of calls, indirect ones too, and keeps what was written before.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn descend(depth: u32, next: fn(u32)) {
    if depth == 0 {
        let _ = write(1, "before the end\n");
        raw::proc_exit(33);
    }
    core::hint::black_box(next)(depth - 1);
    let _ = write(1, "never\n");
}

fn again(depth: u32) {
    descend(depth, again);
}

fn run() {
    again(500);
}
