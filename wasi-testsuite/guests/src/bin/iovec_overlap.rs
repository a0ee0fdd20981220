//! Buffers that overlap: the later one wins, and nothing else is touched; the vector may lie in a buffer.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "abcdefghij");
    let fd = ok(open_rw(dir, "file", 0));
    let mut buf = [b'.'; 12];
    let at = addr_of(&mut buf);
    let v = [Iov { base: at, len: 4 }, Iov { base: at + 2, len: 4 }, Iov { base: at + 2, len: 2 }];
    eq(ok(readv(fd, &v)), 10u32);
    same(buf, "abijgh......");
    // The same bytes, written twice.
    ok(seek(fd, 0, SET));
    eq(ok(writev(fd, &[v[0], v[0]])), 8u32);
    holds(dir, "file", "abijabijij");
    // Read over the vector itself: what it said before counts.
    ok(seek(fd, 0, SET));
    let mut own = [Iov { base: 0, len: 0 }; 2];
    let at = addr(&mut own);
    own[0] = Iov { base: at, len: 8 };
    own[1] = Iov { base: at + 8, len: 2 };
    let n: u32 = ok(with_out(|out| raw::fd_read(fd, at, 2, out)));
    eq(n, 10u32);
    let bytes = unsafe { core::ptr::read_volatile(&raw const own as *const [u8; 10]) };
    same(bytes, "abijabijij");
}
