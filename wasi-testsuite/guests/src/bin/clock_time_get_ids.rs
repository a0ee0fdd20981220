//! Both clocks tell the time; the CPU clocks may be missing; other ids do not exist.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const YEAR_2020: u64 = 1_577_836_800_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn resolution(id: u32) -> Result<u64> {
    with_out(|out| raw::clock_res_get(id, out))
}

fn run() {
    for id in [REALTIME, MONOTONIC] {
        let res = ok(resolution(id));
        check(res > 0 && res <= SECOND, "a resolution of at most a second");
    }
    check(ok(now(REALTIME)) > YEAR_2020, "the time of day is after 2020");
    let mut last = ok(now(MONOTONIC));
    for _ in 0..1000 {
        let next = ok(now(MONOTONIC));
        check(next >= last, "the monotonic clock never goes back");
        last = next;
    }
    for precision in [0, 1, u64::MAX] {
        works(with_out::<u64>(|out| raw::clock_time_get(MONOTONIC, precision, out)));
    }
    for id in [2, 3] {
        let time = now(id).map(drop);
        works_or(time, &[BADF, INVAL, NOTSUP]);
        check(time == resolution(id).map(drop), "a CPU clock has a time exactly if it has a resolution");
    }
    for id in [4, 9, 256, 0x8000_0000, u32::MAX] {
        fails(now(id), INVAL);
        fails(resolution(id), INVAL);
    }
    let end = memory_end() as u32;
    fails(check_call(raw::clock_time_get(REALTIME, 0, end - 7)), FAULT);
    fails(check_call(raw::clock_res_get(REALTIME, u32::MAX - 3)), FAULT);
    works(check_call(raw::clock_time_get(REALTIME, 0, end - 8)));
}
