//! [`HostSocket`]: a listener, a connected stream or a datagram socket of the host.

use core::task::Waker;
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use gangplank_vfs::{Errno, Events, FileType, OpenFlags, Received, Result, Socket, VirtualFile, reactor::Source};
use rustix::{
    io::Errno as HostErrno,
    net::{Shutdown, SocketType, sockopt},
};

use super::{receive, send};
use crate::pipes::{Stream, StreamFile};

/// Buffers of one call to the host (`IOV_MAX`). A stream takes the rest in the next call.
const MAX_BUFS: usize = 1024;

/// A host socket for a guest.
#[derive(Debug)]
pub struct HostSocket {
    source: Source,
    datagram: bool,
}

impl HostSocket {
    /// Takes over a socket: a `TcpListener`, `UnixListener`, `TcpStream`, `UnixStream` or connected `UdpSocket` of
    /// `std`, or any descriptor of such. A listener is made non-blocking, which whoever else has a duplicate of it
    /// notices; the flags of others stay as they are.
    ///
    /// # Errors
    /// `NOTSOCK` if it is none.
    pub fn from_fd(socket: impl Into<OwnedFd>) -> Result<Arc<StreamFile<HostSocket>>> {
        let fd = socket.into();
        let datagram = sockopt::socket_type(&fd)? != SocketType::STREAM;
        // A connection may vanish between `poll` and `accept`, which has no flag against waiting.
        if !datagram && sockopt::socket_acceptconn(&fd)? {
            rustix::io::ioctl_fionbio(&fd, true)?;
        }
        #[cfg(target_vendor = "apple")]
        sockopt::set_socket_nosigpipe(&fd, true)?;
        Ok(StreamFile::shared(HostSocket { source: Source::new(fd), datagram }))
    }

    fn buffers(&self, count: usize) -> usize {
        if self.datagram { count } else { count.min(MAX_BUFS) }
    }
}

impl Socket for HostSocket {
    fn accept(&self) -> Result<Arc<dyn VirtualFile>> {
        loop {
            #[cfg(not(target_vendor = "apple"))]
            let accepted = rustix::net::accept_with(&self.source, rustix::net::SocketFlags::CLOEXEC);
            #[cfg(target_vendor = "apple")]
            let accepted = rustix::net::accept(&self.source).and_then(|fd| {
                rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
                Ok(fd)
            });
            match accepted {
                // The first connection in the queue has already gone.
                Err(HostErrno::INTR | HostErrno::CONNABORTED) => {}
                done => return Ok(HostSocket::from_fd(done?)?),
            }
        }
    }

    fn recv(&self, bufs: &mut [IoSliceMut<'_>], peek: bool) -> Result<Received> {
        let count = self.buffers(bufs.len());
        receive(self.source.as_fd(), &mut bufs[..count], peek)
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        send(self.source.as_fd(), &bufs[..self.buffers(bufs.len())])
    }

    fn shutdown(&self, read: bool, write: bool) -> Result<()> {
        let how = match (read, write) {
            (true, true) => Shutdown::Both,
            (true, false) => Shutdown::Read,
            (false, true) => Shutdown::Write,
            (false, false) => return Err(Errno::INVAL),
        };
        Ok(rustix::net::shutdown(&self.source, how)?)
    }

    fn is_datagram(&self) -> bool {
        self.datagram
    }
}

impl Stream for HostSocket {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ | OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        FileType::Socket
    }

    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.recv(bufs, false).map(|received| received.bytes)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.send(bufs)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.source.poll(interest, waker)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}
