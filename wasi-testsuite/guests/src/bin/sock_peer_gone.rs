//! The other end is gone: what it said can still be received, then nothing more; sending is PIPE.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const SOCKET: u32 = 3;

fn run() {
    let mut buf = [0u8; 16];
    fails(send(SOCKET, "x", 0), PIPE);
    fails(write(SOCKET, "x"), PIPE);
    eq(ok(recv(SOCKET, &mut buf, RECV_WAITALL)).0, 3u32);
    same(&buf[..3], "bye");
    for _ in 0..3 {
        eq(ok(recv(SOCKET, &mut buf, 0)).0, 0u32);
        eq(ok(read(SOCKET, &mut buf)), 0u32);
    }
    let mut e = [Event::default(); 2];
    eq(ok(poll(&[on_read(1, SOCKET), on_write(2, SOCKET)], &mut e)), 2u32);
    eq(e[0].flags, 1u32);
    eq(e[1].flags, 1u32);
}
