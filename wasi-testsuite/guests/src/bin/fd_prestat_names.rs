//! What is told of a preopen: that it is one, its name without NUL, into any buffer that is long enough.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut prestat = [0xEEu8; 8];
    ok(check_call(raw::fd_prestat_get(ROOT, addr_of(&mut prestat))));
    eq(prestat[0], 0u8);
    same(&prestat[4..], 1u32.to_le_bytes());
    let mut name = [0xEEu8; 16];
    let at = addr_of(&mut name);
    ok(check_call(raw::fd_prestat_dir_name(ROOT, at, 1)));
    eq(name[0], b'/');
    eq(name[1], 0xEEu8);
    name[0] = 0xEE;
    ok(check_call(raw::fd_prestat_dir_name(ROOT, at, 16)));
    eq(name[0], b'/');
    eq(name[1], 0xEEu8);
    name[0] = 0xEE;
    fails(check_call(raw::fd_prestat_dir_name(ROOT, at, 0)), NAMETOOLONG);
    eq(name[0], 0xEEu8);

    // There is one preopen, and a directory that was opened is none.
    fails(check_call(raw::fd_prestat_get(4, at)), BADF);
    let dir = ok(open_dir(ROOT, "."));
    fails(check_call(raw::fd_prestat_get(dir, at)), BADF);
    for fd in 0..3 {
        fails(check_call(raw::fd_prestat_get(fd, at)), BADF);
        fails_with(check_call(raw::fd_prestat_dir_name(fd, at, 16)), &[BADF, NOTDIR]);
    }

    // Closed, it is gone; what was opened through it is not.
    ok(close(ROOT));
    fails(check_call(raw::fd_prestat_get(ROOT, at)), BADF);
    fails(check_call(raw::fd_prestat_dir_name(ROOT, at, 16)), BADF);
    fails(close(ROOT), BADF);
    works(stat(dir, "."));
}
