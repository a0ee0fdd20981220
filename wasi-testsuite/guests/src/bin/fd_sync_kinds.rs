//! `fd_sync` and `fd_datasync` work on files, whatever they were opened for.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    for fd in [ok(open_ro(dir, "file")), ok(open_rw(dir, "file", 0))] {
        works(sync(fd));
        works(datasync(fd));
    }
    // A directory may be synced, or be no file at all.
    works_or(sync(dir), &[BADF]);
    works_or(datasync(dir), &[BADF]);
    let fd = ok(open_rw(dir, "gone", O_CREAT));
    ok(write(fd, "x"));
    ok(unlink(dir, "gone"));
    works(sync(fd));
}
