//! A directory is no file: reading, writing, seeking, sizing are BADF; listing a file is no better.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let file = ok(open_rw(dir, "file", 0));
    let mut buf = [0u8; 64];
    for fd in [dir, ROOT] {
        fails(read(fd, &mut buf), BADF);
        fails(pread(fd, &mut buf, 0), BADF);
        fails(write(fd, "x"), BADF);
        fails(pwrite(fd, "x", 0), BADF);
        fails(seek(fd, 0, SET), BADF);
        fails(seek(fd, 0, CUR), BADF);
        fails(seek(fd, 0, END), BADF);
        fails(tell(fd), BADF);
        fails(allocate(fd, 0, 1), BADF);
        fails(advise(fd, 0, 0, 0), BADF);
        fails_with(set_size(fd, 0), &[BADF, INVAL]);
        fails(set_flags(fd, APPEND), BADF);
    }
    fails_with(readdir(file, &mut buf, 0), &[BADF, NOTDIR]);
    every_path_call_on(file, NOTDIR);
    fails(check_call(raw::fd_prestat_get(dir, addr_of(&mut buf))), BADF);
    fails(check_call(raw::fd_prestat_get(file, addr_of(&mut buf))), BADF);
    fails_with(check_call(raw::fd_prestat_dir_name(dir, addr_of(&mut buf), 64)), &[BADF, NOTDIR]);
    holds(dir, "file", "content");
}

fn every_path_call_on(file: u32, want: Errno) {
    let mut buf = [0u8; 8];
    fails(open_ro(file, "x"), want);
    fails(open_rw(file, "x", O_CREAT), want);
    fails(open_dir(file, "."), want);
    fails(mkdir(file, "x"), want);
    fails(rmdir(file, "x"), want);
    fails(unlink(file, "x"), want);
    fails(stat(file, "."), want);
    fails(lstat(file, "x"), want);
    fails(set_path_times(file, FOLLOW, "x", 0, 0, ATIM), want);
    fails(symlink("y", file, "x"), want);
    fails(readlink(file, "x", &mut buf), want);
    fails(link(file, NOFOLLOW, "x", file, "y"), want);
    fails(rename(file, "x", file, "y"), want);
}
