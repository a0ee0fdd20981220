//! A bad pointer in a read or a write is FAULT, and nothing was read, written or moved.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let fd = ok(open_rw(dir, "file", 0));
    let end = memory_end() as u32;
    let mut buf = [7u8; 16];
    let mut n = 77u32;
    let out = addr(&mut n);
    let good = [iov_mut(&mut buf)];
    let g = iovs(&good);

    // The result, the vectors, the buffers.
    for bad in [end, end - 3, u32::MAX, u32::MAX - 3, 0x8000_0000] {
        fails(check_call(raw::fd_read(fd, g, 1, bad)), FAULT);
        fails(check_call(raw::fd_pread(fd, g, 1, 0, bad)), FAULT);
        fails(check_call(raw::fd_write(fd, g, 1, bad)), FAULT);
        fails(check_call(raw::fd_pwrite(fd, g, 1, 0, bad)), FAULT);
        fails(check_call(raw::fd_read(fd, bad, 1, out)), FAULT);
        fails(check_call(raw::fd_pread(fd, bad, 1, 0, out)), FAULT);
        fails(check_call(raw::fd_write(fd, bad, 1, out)), FAULT);
        fails(check_call(raw::fd_pwrite(fd, bad, 1, 0, out)), FAULT);
        let v = [good[0], Iov { base: bad, len: 4 }];
        let v = iovs(&v);
        fails(check_call(raw::fd_read(fd, v, 2, out)), FAULT);
        fails(check_call(raw::fd_pread(fd, v, 2, 0, out)), FAULT);
        fails(check_call(raw::fd_write(fd, v, 2, out)), FAULT);
        fails(check_call(raw::fd_pwrite(fd, v, 2, 0, out)), FAULT);
        fails(check_call(raw::fd_write(1, v, 2, out)), FAULT);
        fails(check_call(raw::fd_tell(fd, bad)), FAULT);
    }
    // The end of a buffer that begins well, and one that wraps round.
    let tail = [Iov { base: end - 4, len: 5 }];
    fails(check_call(raw::fd_read(fd, iovs(&tail), 1, out)), FAULT);
    let wrap = [Iov { base: u32::MAX - 1, len: 16 }];
    fails(check_call(raw::fd_write(fd, iovs(&wrap), 1, out)), FAULT);
    fails(check_call(raw::fd_seek(fd, 3, SET, end - 7)), FAULT);

    eq(n, 77u32);
    check(buf == [7; 16], "no buffer was touched");
    eq(ok(tell(fd)), 0u32);
    eq(ok(fstat(fd)).size, 7u32);
    holds(dir, "file", "content");
}
