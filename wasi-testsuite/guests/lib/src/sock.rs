//! Thin calls on sockets.

use crate::{Result, check_call, iov, iov_mut, iovs, raw, with_out};

/// Takes a connection.
pub fn accept(fd: u32, flags: u32) -> Result<u32> {
    with_out(|out| raw::sock_accept(fd, flags, out))
}

/// Receives; the bytes, and the flags that say something about them.
pub fn recv(fd: u32, buf: &mut [u8], flags: u32) -> Result<(u32, u16)> {
    let v = [iov_mut(buf)];
    let mut out_flags = 0xAAAAu16;
    let flags_at = crate::addr(&mut out_flags);
    let n = with_out(|out| raw::sock_recv(fd, iovs(&v), 1, flags, out, flags_at))?;
    // The host wrote through the address.
    Ok((n, unsafe { core::ptr::read_volatile(&out_flags) }))
}

pub fn send(fd: u32, bytes: impl AsRef<[u8]>, flags: u32) -> Result<u32> {
    let v = [iov(bytes.as_ref())];
    with_out(|out| raw::sock_send(fd, iovs(&v), 1, flags, out))
}

pub fn shutdown(fd: u32, how: u32) -> Result {
    check_call(raw::sock_shutdown(fd, how))
}
