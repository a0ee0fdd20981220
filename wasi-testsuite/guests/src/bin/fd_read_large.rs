//! One read fills the whole buffer and one write takes it, at any size.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let pages = new_pages(48);
    let (data, back) = pages.split_at_mut(24 * 65536);
    for (i, chunk) in data.chunks_mut(4).enumerate() {
        chunk.copy_from_slice(&(i as u32).wrapping_mul(2_654_435_761).to_le_bytes());
    }
    let fd = ok(open_rw(dir, "big", O_CREAT));
    eq(ok(write(fd, &*data)), data.len());
    eq(ok(fstat(fd)).size, data.len());
    ok(seek(fd, 0, SET));
    eq(ok(read(fd, back)), back.len());
    check(*data == *back, "what was written is read");
    eq(ok(read(fd, back)), 0u32);

    back.fill(0);
    eq(ok(pread(fd, &mut back[..100_001], 65_535)), 100_001u32);
    check(data[65_535..165_536] == back[..100_001], "at an odd offset too");
}
