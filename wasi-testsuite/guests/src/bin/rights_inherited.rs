//! A descriptor is opened with at most what the directory hands on; what hands on nothing opens nothing.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    make_file(dir, "d/file", "inner");
    // A directory that hands on no right to write.
    let d = ok(open(dir, FOLLOW, "d", O_DIRECTORY, DIR, DIR | READ, 0));
    fails(open(d, FOLLOW, "file", 0, READ_WRITE, 0, 0), NOTCAPABLE);
    fails(open(d, FOLLOW, "file", 0, FD_WRITE, 0, 0), NOTCAPABLE);
    fails(open(d, FOLLOW, ".", O_DIRECTORY, DIR, DIR | READ_WRITE, 0), NOTCAPABLE);
    let file = ok(open(d, FOLLOW, "file", 0, FD_READ | FD_TELL, 0, 0));
    eq(ok(fdstat(file)).base, FD_READ | FD_TELL);
    fails(seek(file, 1, SET), NOTCAPABLE);
    fails(write(file, "x"), NOTCAPABLE);
    let again = ok(open(d, FOLLOW, ".", O_DIRECTORY, DIR, DIR | READ, 0));
    fails(open(again, FOLLOW, "file", 0, READ_WRITE, 0, 0), NOTCAPABLE);
    // One that hands on nothing.
    let none = ok(open(dir, FOLLOW, "d", O_DIRECTORY, PATH_OPEN, 0, 0));
    fails(open(none, FOLLOW, "file", 0, FD_READ, 0, 0), NOTCAPABLE);
    ok(close(ok(open(none, FOLLOW, "file", 0, 0, 0, 0))));
    // What is handed on can be given up as well, and only that.
    let inheriting = ok(fdstat(dir)).inheriting;
    ok(check_call(raw::fd_fdstat_set_rights(dir, ok(fdstat(dir)).base, inheriting & !FD_WRITE)));
    fails(open_rw(dir, "file", 0), NOTCAPABLE);
    works(open_ro(dir, "file"));
    fails(check_call(raw::fd_fdstat_set_rights(dir, 0, inheriting)), NOTCAPABLE);
    holds(dir, "file", "content");
}
