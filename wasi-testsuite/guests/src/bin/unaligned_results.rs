//! Alignment is no business of the host: every result may go to any address.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    ok(seek(fd, 3, SET));
    let stat = ok(fstat(fd));
    let mut buf = [0u8; 96];
    for shift in 1..8 {
        let at = addr_of(&mut buf) + shift;
        let bytes = |n: usize| unsafe { core::slice::from_raw_parts((at as usize) as *const u8, n) };
        let long = |offset: usize| u64::from_le_bytes(*bytes(64)[offset..].first_chunk().unwrap_or(&[0; 8]));
        works(check_call(raw::fd_tell(fd, at)));
        eq(long(0), 3u32);
        works(check_call(raw::fd_seek(fd, 0, CUR, at)));
        eq(long(0), 3u32);
        works(check_call(raw::fd_filestat_get(fd, at)));
        eq(long(8), stat.ino);
        eq(long(32), 7u32);
        eq(long(48), stat.mtim);
        works(check_call(raw::path_filestat_get(dir, 0, b"file".as_ptr() as u32, 4, at)));
        eq(long(8), stat.ino);
        works(check_call(raw::fd_fdstat_get(fd, at)));
        eq(bytes(1)[0], REGULAR_FILE);
        works(check_call(raw::fd_prestat_get(ROOT, at)));
        eq(long(0) >> 32, 1u32);
        works(check_call(raw::clock_time_get(MONOTONIC, 0, at)));
        works(check_call(raw::args_sizes_get(at, at + 4)));
        eq(long(0) as u32, 1u32);
        works(check_call(raw::path_open(dir, 0, b"file".as_ptr() as u32, 4, 0, READ, 0, 0, at)));
        works(close(long(0) as u32));
        works(check_call(raw::random_get(at, 13)));
    }
}
