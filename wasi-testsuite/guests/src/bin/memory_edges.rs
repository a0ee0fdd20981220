//! The very last bytes of memory are good, memory grown a moment ago too, and nothing need be aligned.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789abcdef");
    let fd = ok(open_rw(dir, "file", 0));

    works(check_call(raw::fd_filestat_get(fd, before_end(64))));
    works(check_call(raw::fd_fdstat_get(fd, before_end(24))));
    works(check_call(raw::clock_time_get(MONOTONIC, 0, before_end(8))));
    works(check_call(raw::fd_tell(fd, before_end(8))));
    let v = [Iov { base: before_end(5), len: 5 }];
    eq(ok(readv(fd, &v)), 5u32);
    let v = [Iov { base: before_end(0), len: 0 }];
    eq(ok(readv(fd, &v)), 0u32);

    // A page that did not exist at the last call.
    let page = new_pages(1);
    eq(ok(readv(fd, &[iov_mut(page)])), 11u32);
    same(&page[..11], "56789abcdef");

    // Odd addresses for vectors, results, structures and paths.
    let at = addr_of(page) | 1;
    page[1..5].copy_from_slice(&(at + 100).to_le_bytes());
    page[5..9].copy_from_slice(&4u32.to_le_bytes());
    works(check_call(raw::fd_pread(fd, at, 1, 3, at + 50)));
    same(&page[101..105], "3456");
    same(&page[51..55], 4u32.to_le_bytes());
    works(check_call(raw::fd_filestat_get(fd, at + 200)));
    same(&page[201 + 32..201 + 40], 16u64.to_le_bytes());
    page[301..305].copy_from_slice(b"file");
    works(check_call(raw::path_filestat_get(dir, FOLLOW, at + 300, 4, at + 400)));
    same(&page[401 + 32..401 + 40], 16u64.to_le_bytes());
    works(check_call(raw::path_open(dir, FOLLOW, at + 300, 4, 0, READ, 0, 0, at + 500)));
    works(check_call(raw::fd_readdir(dir, at + 1000, 500, 0, at + 600)));
    check(page[601] > 72, "three entries at an odd address");

    // Poll, with subscriptions and events at odd addresses.
    let mut sub = [0u8; 48];
    sub[..8].copy_from_slice(&0x1122_3344_5566_7788u64.to_le_bytes());
    sub[16] = 1;
    page[2001..2049].copy_from_slice(&sub);
    works(check_call(raw::poll_oneoff(at + 2000, at + 3000, 1, at + 4000)));
    same(&page[3001..3009], &sub[..8]);
    same(&page[4001..4005], 1u32.to_le_bytes());
}
