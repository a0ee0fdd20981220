//! Enforced, each call on a socket needs its right.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const STREAM: u32 = 3;
const LISTENER: u32 = 4;
const SOCK_SHUTDOWN: u64 = 1 << 28;
const SOCK_ACCEPT: u64 = 1 << 29;

fn give_up(fd: u32, rights: u64) {
    ok(check_call(raw::fd_fdstat_set_rights(fd, ok(fdstat(fd)).base & !rights, 0)));
}

fn run() {
    let mut buf = [0u8; 4];
    let mut e = [Event::default()];
    eq(ok(send(STREAM, "ping", 0)), 4u32);
    eq(ok(recv(STREAM, &mut buf, RECV_WAITALL)).0, 4u32);
    give_up(STREAM, FD_WRITE);
    fails(send(STREAM, "x", 0), NOTCAPABLE);
    fails(write(STREAM, "x"), NOTCAPABLE);
    fails(poll(&[on_write(1, STREAM)], &mut e), NOTCAPABLE);
    give_up(STREAM, FD_READ);
    fails(recv(STREAM, &mut buf, 0), NOTCAPABLE);
    fails(read(STREAM, &mut buf), NOTCAPABLE);
    give_up(STREAM, SOCK_SHUTDOWN);
    fails(shutdown(STREAM, SHUT_WR), NOTCAPABLE);
    ok(close(ok(accept(LISTENER, 0))));
    give_up(LISTENER, SOCK_ACCEPT);
    fails(accept(LISTENER, 0), NOTCAPABLE);
}
