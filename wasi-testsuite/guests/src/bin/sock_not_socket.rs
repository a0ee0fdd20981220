//! The socket calls answer NOTSOCK for a file, a directory and stdio.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let file = ok(open_rw(dir, "file", O_CREAT));
    ok(write(file, "content"));
    let mut buf = [0u8; 16];
    let mut v = [iov_mut(&mut buf)];
    let (v_at, mut len, mut flags) = (addr(&mut v), 77u32, 77u16);
    for fd in [0, 1, 2, ROOT, dir, file] {
        fails(check_call(raw::sock_accept(fd, 0, addr(&mut len))), NOTSOCK);
        fails(check_call(raw::sock_recv(fd, v_at, 1, 0, addr(&mut len), addr(&mut flags))), NOTSOCK);
        fails(check_call(raw::sock_send(fd, v_at, 1, 0, addr(&mut len))), NOTSOCK);
        for how in [1, 2, 3] {
            fails(check_call(raw::sock_shutdown(fd, how)), NOTSOCK);
        }
    }
    eq(len, 77u32);
    eq(flags, 77u32);
    holds(dir, "file", "content");
}
