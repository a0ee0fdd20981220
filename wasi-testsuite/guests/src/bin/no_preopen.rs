//! Nothing is open but stdio unless it was asked for.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    for fd in 3..20 {
        let mut prestat = [0u8; 8];
        fails(check_call(raw::fd_prestat_get(fd, addr_of(&mut prestat))), BADF);
        fails(fdstat(fd), BADF);
        fails(open_ro(fd, "file"), BADF);
    }
    for fd in 0..3 {
        works(fdstat(fd));
    }
}
