//! Datagrams come one at a time; what does not fit is gone, and that is told.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const SOCKET: u32 = 3;

fn run() {
    let mut buf = [0u8; 16];
    eq(ok(fdstat(SOCKET)).filetype, SOCKET_DGRAM);
    let (n, flags) = ok(recv(SOCKET, &mut buf[..4], RECV_PEEK));
    same(&buf[..n as usize], "0123");
    eq(flags, 1u32);
    let (n, flags) = ok(recv(SOCKET, &mut buf[..4], RECV_WAITALL));
    same(&buf[..n as usize], "0123");
    eq(flags, 1u32);
    // One of no bytes is one.
    let (n, flags) = ok(recv(SOCKET, &mut buf, 0));
    eq(n, 0u32);
    eq(flags, 0u32);
    let (n, flags) = ok(recv(SOCKET, &mut buf, RECV_WAITALL));
    same(&buf[..n as usize], "x");
    eq(flags, 0u32);
    ok(set_flags(SOCKET, NONBLOCK));
    fails(recv(SOCKET, &mut buf, 0), AGAIN);
    eq(ok(send(SOCKET, "answer", 0)), 6u32);
    // Longer than any.
    let pages = new_pages(64);
    fails(send(SOCKET, pages, 0), MSGSIZE);
    fails_with(accept(SOCKET, 0), &[INVAL, NOTSUP]);
}
