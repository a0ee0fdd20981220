//! `sched_yield` succeeds, however often.
#![no_std]
#![no_main]

guest::entry!(run);

fn run() {
    for _ in 0..1000 {
        guest::works(guest::check_call(guest::raw::sched_yield()));
    }
}
