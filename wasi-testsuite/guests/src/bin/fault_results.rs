//! A bad pointer for any other result is FAULT, and the call had no effect.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(symlink("file", dir, "link"));
    let fd = ok(open_rw(dir, "file", 0));
    let name = b"file";
    let p = name.as_ptr() as u32;
    let mut buf = [7u8; 64];
    let at = addr_of(&mut buf);
    let end = memory_end() as u32;

    fails(check_call(raw::fd_fdstat_get(fd, end - 23)), FAULT);
    fails(check_call(raw::fd_filestat_get(fd, end - 63)), FAULT);
    fails(check_call(raw::path_filestat_get(dir, 0, p, 4, end - 63)), FAULT);
    fails(check_call(raw::fd_prestat_get(ROOT, end - 7)), FAULT);
    fails(check_call(raw::fd_prestat_dir_name(ROOT, end, 1)), FAULT);
    fails(check_call(raw::fd_readdir(dir, end - 8, 64, 0, at)), FAULT);
    fails(check_call(raw::fd_readdir(dir, at, 64, 0, end - 3)), FAULT);
    let link = b"link".as_ptr() as u32;
    fails(check_call(raw::path_readlink(dir, link, 4, end - 2, 64, at)), FAULT);
    fails(check_call(raw::path_readlink(dir, link, 4, at, 64, end)), FAULT);
    for bad in [end - 3, end, u32::MAX] {
        let new = b"new".as_ptr() as u32;
        fails(check_call(raw::path_open(dir, 1, new, 3, O_CREAT, READ_WRITE, 0, 0, bad)), FAULT);
        fails(lstat(dir, "new"), NOENT);
        fails(check_call(raw::path_open(dir, 1, p, 4, O_TRUNC, READ_WRITE, 0, 0, bad)), FAULT);
    }
    check(buf == [7; 64], "no buffer was touched");
    holds(dir, "file", "content");

    // Failed opens left no descriptor behind: the next one is as if they had not been.
    let next = ok(open_ro(dir, "file"));
    ok(close(next));
    for _ in 0..5000 {
        let _ = raw::path_open(dir, 1, p, 4, 0, READ, 0, 0, end);
    }
    works(open_ro(dir, "file"));

    // A path out of memory.
    fails(check_call(raw::path_open(dir, 1, end, 1, 0, READ, 0, 0, at)), FAULT);
    fails(check_call(raw::path_open(dir, 1, p, u32::MAX, 0, READ, 0, 0, at)), FAULT);
    fails(check_call(raw::path_create_directory(dir, end - 2, 4)), FAULT);
    fails(check_call(raw::path_filestat_get(dir, 0, u32::MAX, 2, at)), FAULT);
    fails(check_call(raw::path_filestat_set_times(dir, 0, end, 4, 1, 1, ATIM)), FAULT);
    fails(check_call(raw::path_link(dir, 0, end, 4, dir, p, 4)), FAULT);
    fails(check_call(raw::path_link(dir, 0, p, 4, dir, end, 4)), FAULT);
    fails(check_call(raw::path_readlink(dir, end, 4, at, 64, at)), FAULT);
    fails(check_call(raw::path_remove_directory(dir, end, 4)), FAULT);
    fails(check_call(raw::path_rename(dir, end, 4, dir, p, 4)), FAULT);
    fails(check_call(raw::path_rename(dir, p, 4, dir, end, 4)), FAULT);
    fails(check_call(raw::path_symlink(end, 4, dir, p, 4)), FAULT);
    fails(check_call(raw::path_symlink(p, 4, dir, end, 4)), FAULT);
    fails(check_call(raw::path_unlink_file(dir, end - 1, 4)), FAULT);
    holds(dir, "file", "content");

    // Polling.
    let subs = [on_clock(1, MONOTONIC, 0, false)];
    let s = subs.as_ptr() as u32;
    fails(check_call(raw::poll_oneoff(end - 8, at, 1, at)), FAULT);
    fails(check_call(raw::poll_oneoff(s, end - 8, 1, at)), FAULT);
    fails(check_call(raw::poll_oneoff(s, at, 1, end - 2)), FAULT);
    fails_with(check_call(raw::poll_oneoff(s, at, u32::MAX, at)), &[FAULT, INVAL]);
    fails_with(check_call(raw::poll_oneoff(s, at, 89_478_486, at)), &[FAULT, INVAL]);
}
