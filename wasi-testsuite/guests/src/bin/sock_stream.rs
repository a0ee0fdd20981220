//! A connected socket: sent, peeked at, received, whole or in part, polled, read and written as a file, and shut down.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const SOCKET: u32 = 3;

fn run() {
    let s = ok(fdstat(SOCKET));
    eq(s.filetype, SOCKET_STREAM);
    check(s.base & (FD_SEEK | FD_TELL) == 0, "no seek, no tell");
    fails(check_call(raw::fd_prestat_get(SOCKET, addr(&mut 0u64))), BADF);
    fails(seek(SOCKET, 0, CUR), SPIPE);
    let mut buf = [0u8; 16];

    eq(ok(send(SOCKET, "ping", 0)), 4u32);
    let mut e = [Event::default(); 2];
    eq(ok(poll(&[on_read(7, SOCKET), on_clock(8, MONOTONIC, 3_600_000_000_000, false)], &mut e)), 1u32);
    eq(e[0].userdata, 7u32);
    eq(e[0].error, 0u32);
    let (n, flags) = ok(recv(SOCKET, &mut buf[..2], RECV_PEEK));
    same(&buf[..n as usize], "pi");
    eq(flags, 0u32);
    eq(ok(recv(SOCKET, &mut buf, 0)).0, 4u32);
    same(&buf[..4], "ping");

    // All of it, though it comes in two parts.
    ok(send(SOCKET, "first ", 0));
    ok(send(SOCKET, "second", 0));
    eq(ok(recv(SOCKET, &mut buf[..12], RECV_WAITALL)).0, 12u32);
    same(&buf[..12], "first second");
    // As a file.
    eq(ok(writev(SOCKET, &[iov(b"a"), iov(b"bc")])), 3u32);
    eq(ok(recv(SOCKET, &mut buf[..3], RECV_WAITALL)).0, 3u32);
    ok(write(SOCKET, "d"));
    eq(ok(read(SOCKET, &mut buf)), 1u32);
    eq(buf[0], b'd');
    // Enforced rights say the same with other words.
    fails_with(pread(SOCKET, &mut buf, 0), &[SPIPE, NOTCAPABLE]);

    // Nothing there, and not to be waited for.
    ok(set_flags(SOCKET, NONBLOCK));
    fails(recv(SOCKET, &mut buf, 0), AGAIN);
    fails(recv(SOCKET, &mut buf, RECV_PEEK), AGAIN);
    fails(read(SOCKET, &mut buf), AGAIN);
    eq(ok(recv(SOCKET, &mut [], 0)).0, 0u32);
    ok(set_flags(SOCKET, 0));

    for flags in [4, 8, 0x8000, 0x1_0000, u32::MAX] {
        fails(recv(SOCKET, &mut buf, flags), INVAL);
        fails(send(SOCKET, "x", flags), INVAL);
    }
    fails(send(SOCKET, "x", 1), INVAL);
    for how in [0, 4, 7, 255, 256] {
        fails(shutdown(SOCKET, how), INVAL);
    }
    fails(accept(SOCKET, 0), INVAL);
    let end = memory_end() as u32;
    let v = [iov_mut(&mut buf)];
    let (v, mut n) = (iovs(&v), 77u32);
    fails(check_call(raw::sock_recv(SOCKET, v, 1, 0, end, addr(&mut n))), FAULT);
    fails(check_call(raw::sock_recv(SOCKET, v, 1, 0, addr(&mut n), end - 1)), FAULT);
    fails(check_call(raw::sock_recv(SOCKET, end, 1, 0, addr(&mut n), addr(&mut 0u16))), FAULT);
    fails(check_call(raw::sock_send(SOCKET, v, 1, 0, end)), FAULT);
    fails(check_call(raw::sock_send(SOCKET, end, 1, 0, addr(&mut n))), FAULT);
    fails(check_call(raw::sock_accept(SOCKET, 0, end)), FAULT);
    eq(n, 77u32);

    // What was sent before the end still arrives.
    ok(send(SOCKET, "last", 0));
    ok(shutdown(SOCKET, SHUT_WR));
    fails(send(SOCKET, "x", 0), PIPE);
    fails(write(SOCKET, "x"), PIPE);
    eq(ok(recv(SOCKET, &mut buf, RECV_WAITALL)).0, 4u32);
    same(&buf[..4], "last");
    eq(ok(recv(SOCKET, &mut buf, 0)).0, 0u32);
    ok(close(SOCKET));
    fails(recv(SOCKET, &mut buf, 0), BADF);
}
