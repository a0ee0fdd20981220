//! A preopened directory can be closed, and is none any more; what was opened through it stays.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let file = ok(open_ro(dir, "file"));
    ok(close(ROOT));
    fails(close(ROOT), BADF);
    let mut prestat = 0u64;
    fails(check_call(raw::fd_prestat_get(ROOT, addr(&mut prestat))), BADF);
    fails(check_call(raw::fd_prestat_dir_name(ROOT, addr(&mut prestat), 1)), BADF);
    eq(prestat, 0u32);
    fails(open_dir(ROOT, "."), BADF);
    fails(stat(ROOT, "."), BADF);
    let mut buf = [0u8; 8];
    eq(ok(read(file, &mut buf)), 7u32);
    holds(dir, "file", "content");
    // Whatever takes its number is no preopen.
    for _ in 0..8 {
        let fd = ok(open_dir(dir, "."));
        fails(check_call(raw::fd_prestat_get(fd, addr(&mut prestat))), BADF);
    }
}
