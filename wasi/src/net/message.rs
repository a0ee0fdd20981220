//! One `recvmsg(2)`, one `sendmsg(2)`, neither of which waits.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::BorrowedFd,
};

use gangplank_vfs::{Received, Result};
use rustix::{
    io::Errno as HostErrno,
    net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendFlags, recvmsg, sendmsg},
};

pub(crate) fn receive(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], peek: bool) -> Result<Received> {
    let mut flags = RecvFlags::DONTWAIT;
    flags.set(RecvFlags::PEEK, peek);
    loop {
        // No room for descriptors: none that a peer sends can enter this process.
        match recvmsg(fd, bufs, &mut RecvAncillaryBuffer::default(), flags) {
            Err(HostErrno::INTR) => {}
            done => {
                let message = done?;
                return Ok(Received { bytes: message.bytes, truncated: message.flags.contains(ReturnFlags::TRUNC) });
            }
        }
    }
}

pub(crate) fn send(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> Result<usize> {
    // Apple has an option of the socket instead of the second flag; it is set when a socket comes to us.
    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::DONTWAIT;
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    loop {
        match sendmsg(fd, bufs, &mut SendAncillaryBuffer::default(), flags) {
            Err(HostErrno::INTR) => {}
            done => return Ok(done?),
        }
    }
}
