//! A listener gives one descriptor for each connection, and is nothing to talk to itself.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const LISTENER: u32 = 3;

fn run() {
    let mut buf = [0u8; 16];
    let mut e = [Event::default()];
    eq(ok(fdstat(LISTENER)).filetype, SOCKET_STREAM);
    eq(ok(poll(&[on_read(1, LISTENER)], &mut e)), 1u32);
    eq(e[0].error, 0u32);
    for flags in [APPEND, SYNC, NONBLOCK | DSYNC, 32, 0x1_0000] {
        fails(accept(LISTENER, flags), INVAL);
    }
    fails(check_call(raw::sock_accept(LISTENER, 0, memory_end() as u32)), FAULT);
    let talk = ok(accept(LISTENER, NONBLOCK));
    check(talk > LISTENER, "a descriptor of its own");
    eq(ok(fdstat(talk)).flags, NONBLOCK);
    eq(ok(fdstat(talk)).filetype, SOCKET_STREAM);
    // There was one, and there is no other.
    ok(set_flags(LISTENER, NONBLOCK));
    fails(accept(LISTENER, 0), AGAIN);
    fails(recv(LISTENER, &mut buf, 0), NOTCONN);
    fails_with(send(LISTENER, "x", 0), &[NOTCONN, PIPE]);

    eq(ok(recv(talk, &mut buf, 0)).0, 5u32);
    same(&buf[..5], "hello");
    fails(recv(talk, &mut buf, 0), AGAIN);
    fails(accept(talk, 0), INVAL);
    eq(ok(send(talk, "welcome", 0)), 7u32);
    ok(shutdown(talk, SHUT_RD | SHUT_WR));
    eq(ok(recv(talk, &mut buf, 0)).0, 0u32);
    fails(send(talk, "x", 0), PIPE);
    ok(close(talk));
    works(fdstat(LISTENER));
}
