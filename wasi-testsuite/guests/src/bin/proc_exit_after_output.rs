//! What was written before the end is not lost.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    ok(write(1, "written "));
    ok(writev(1, &[iov(b"before "), iov(b"the end")]));
    raw::proc_exit(7);
}
