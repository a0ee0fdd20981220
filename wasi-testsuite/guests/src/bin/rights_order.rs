//! A right that is missing is told before anything else is looked at but the descriptor, and before anything is done.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open(dir, FOLLOW, "file", 0, FD_TELL, 0, 0));
    let end = memory_end() as u32;
    fails(check_call(raw::fd_read(fd, end, 1, end)), NOTCAPABLE);
    fails(check_call(raw::fd_write(fd, end, u32::MAX, end)), NOTCAPABLE);
    fails(check_call(raw::fd_filestat_get(fd, end)), NOTCAPABLE);
    fails(set_times(fd, 0, 0, 255), NOTCAPABLE);
    fails(set_size(fd, u64::MAX), NOTCAPABLE);
    fails(advise(fd, 0, 0, 99), NOTCAPABLE);
    let d = ok(open(dir, FOLLOW, ".", O_DIRECTORY, FD_READDIR, 0, 0));
    fails(mkdir(d, "/"), NOTCAPABLE);
    fails(open_rw(d, "new", O_CREAT), NOTCAPABLE);
    fails(unlink(d, "file"), NOTCAPABLE);
    fails(check_call(raw::path_unlink_file(d, end, 9)), NOTCAPABLE);
    fails(lstat(dir, "new"), NOENT);
    holds(dir, "file", "content");
    // Streams too: of stdin one can only read, of stdout only write.
    let base = ok(fdstat(1)).base;
    ok(check_call(raw::fd_fdstat_set_rights(1, base & !FD_WRITE, 0)));
    fails(write(1, "x"), NOTCAPABLE);
    works(fdstat(1));
}
