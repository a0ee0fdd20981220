//! The standard streams can be closed; their numbers are not given to files.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    for fd in [0, 1, 2] {
        ok(close(fd));
        fails(close(fd), BADF);
        fails(write(fd, "x"), BADF);
        fails(fdstat(fd), BADF);
        let new = ok(open_rw(dir, "file", O_CREAT));
        check(new > 2, "a file in the place of a standard stream");
        fails(renumber(new, fd), BADF);
    }
}
