//! `sock_*`: the sockets that the embedder has put there, and the connections they accept.

use std::io::IoSliceMut;

use gangplank_vfs::{Errno, Events, FileType, OpenFile, OpenFlags, Received, Socket};

use crate::{
    Call, Descriptor, RightSet, SysResult,
    abi::{FdFlags, RiFlags, RoFlags, SdFlags, SiFlags},
    wait::WaitSet,
};

/// Takes a connection; waits for one unless the listener is NONBLOCK.
///
/// # Errors
/// `BADF`; `NOTSOCK`; `NOTCAPABLE`; `FAULT`; `INVAL` for a flag other than NONBLOCK; `MFILE`, before a connection is
/// taken; `INVAL` if the socket does not listen; `AGAIN`.
pub(crate) fn sock_accept(call: &mut Call<'_>, fd: u32, flags: u32, connection: u32) -> SysResult {
    let process = call.process();
    let descriptor = process.fds().get(fd)?;
    let socket = socket_of(&descriptor, RightSet::SOCK_ACCEPT)?;
    let out = call.memory.out::<u32>(connection)?;
    let flags = FdFlags::from_guest(flags)?;
    if !FdFlags::NONBLOCK.contains(flags) {
        return Err(Errno::INVAL.into());
    }
    let place = process.fds().reserve()?;
    let listener = descriptor.file().file();
    let accepted = call.thread.wait().block_on_read(&**listener, descriptor.nonblock(), || socket.accept())?;
    let access = OpenFlags::READ | OpenFlags::WRITE | flags.to_open_flags();
    let accepted = OpenFile::from_stream(accepted, access, FileType::Socket);
    let fd = place.fill(Descriptor::new(accepted, process.rights()));
    call.memory.put(out, fd)?;
    Ok(())
}

/// Receives; waits until something arrives unless the socket is NONBLOCK, with WAITALL until the buffers are full, the
/// other end is closed or an error comes. A datagram that is too long is cut.
///
/// # Errors
/// `BADF`; `NOTSOCK`; `NOTCAPABLE`; `FAULT`; `INVAL` for unknown flags; `NOTCONN`; `AGAIN`; `CONNRESET`.
pub(crate) fn sock_recv(
    call: &mut Call<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    ri_flags: u32,
    nread: u32,
    ro_flags: u32,
) -> SysResult {
    let descriptor = call.process().fds().get(fd)?;
    let socket = socket_of(&descriptor, RightSet::FD_READ)?;
    let (nread, ro_flags) = (call.memory.out::<u32>(nread)?, call.memory.out::<u16>(ro_flags)?);
    let flags = RiFlags::from_guest(ri_flags)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;

    let peek = flags.contains(RiFlags::PEEK);
    // To look twice at the same bytes would not yield more of them, and a datagram ends where it ends.
    let once = peek || socket.is_datagram();
    let all = flags.contains(RiFlags::WAITALL) && !once;
    let reader = Reader { wait: call.thread.wait(), file: descriptor.file(), socket, peek };
    let nonblock = descriptor.nonblock();
    let mut truncated = false;
    let total = call.memory.fill(&iovs, |bufs, done| {
        // No room: for a stream there is nothing to wait for, a datagram is taken all the same.
        if (once && done > 0) || (iovs.total() == 0 && !socket.is_datagram()) {
            return Ok(0);
        }
        if all {
            return reader.all(bufs, nonblock || (done > 0 && reader.wait.suspends()));
        }
        let received = reader.some(bufs, nonblock || done > 0)?;
        truncated |= received.truncated;
        Ok(received.bytes)
    })?;
    let said = if truncated { RoFlags::DATA_TRUNCATED } else { RoFlags::empty() };
    call.memory.put(ro_flags, said.bits())?;
    // Bounded by the buffers, and those by 2 GiB.
    call.memory.put(nread, total as u32)?;
    Ok(())
}

/// Sends all of the buffers unless the socket is NONBLOCK.
///
/// # Errors
/// `BADF`; `NOTSOCK`; `NOTCAPABLE`; `FAULT`; `INVAL` for any flag; `NOTCONN`; `MSGSIZE` for too long a datagram;
/// `AGAIN`; `PIPE` if the other end is gone.
pub(crate) fn sock_send(
    call: &mut Call<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    si_flags: u32,
    nwritten: u32,
) -> SysResult {
    let descriptor = call.process().fds().get(fd)?;
    let socket = socket_of(&descriptor, RightSet::FD_WRITE)?;
    let nwritten = call.memory.out::<u32>(nwritten)?;
    SiFlags::from_guest(si_flags)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;
    let (wait, file) = (call.thread.wait(), descriptor.file().file());
    let nonblock = descriptor.nonblock();
    let total = call.memory.drain(&iovs, |bufs, done| {
        if done > 0 && socket.is_datagram() {
            // Nobody can send one this long; the first part has told so.
            return Err(Errno::MSGSIZE.into());
        }
        let nonblock = nonblock || (done > 0 && wait.suspends());
        wait.block_on_write(&**file, nonblock, bufs, |b| socket.send(b))
    })?;
    call.memory.put(nwritten, total as u32)?;
    Ok(())
}

/// Ends one direction of a connection, or both.
///
/// # Errors
/// `BADF`; `NOTSOCK`; `NOTCAPABLE`; `INVAL` for no direction and for unknown ones; `NOTCONN`.
pub(crate) fn sock_shutdown(call: &mut Call<'_>, fd: u32, how: u32) -> SysResult {
    let descriptor = call.process().fds().get(fd)?;
    let socket = socket_of(&descriptor, RightSet::SOCK_SHUTDOWN)?;
    let how = SdFlags::from_guest(how)?;
    if how.is_empty() {
        return Err(Errno::INVAL.into());
    }
    socket.shutdown(how.contains(SdFlags::RD), how.contains(SdFlags::WR))?;
    Ok(())
}

fn socket_of(descriptor: &Descriptor, need: RightSet) -> Result<&dyn Socket, Errno> {
    let socket = descriptor.file().file().socket().ok_or(Errno::NOTSOCK)?;
    descriptor.require(need)?;
    Ok(socket)
}

struct Reader<'a> {
    wait: &'a WaitSet,
    file: &'a OpenFile,
    socket: &'a dyn Socket,
    peek: bool,
}

impl Reader<'_> {
    fn some(&self, bufs: &mut [IoSliceMut<'_>], nonblock: bool) -> SysResult<Received> {
        let file = self.file.file();
        self.wait.block_on(&**file, Events::READ, nonblock, || self.socket.recv(bufs, self.peek))
    }

    /// Until the buffers are full or nothing comes any more. What has been received before an error counts.
    fn all(&self, bufs: &mut [IoSliceMut<'_>], nonblock: bool) -> SysResult<usize> {
        let mut rest = bufs;
        let mut total = 0;
        while !rest.iter().all(|b| b.is_empty()) {
            match self.some(rest, nonblock || (total > 0 && self.wait.suspends())) {
                Ok(Received { bytes: 0, .. }) => break,
                Ok(Received { bytes, .. }) => {
                    total += bytes;
                    IoSliceMut::advance_slices(&mut rest, bytes);
                }
                Err(crate::Fault::Errno(_)) if total > 0 => break,
                Err(fault) => return Err(fault),
            }
        }
        Ok(total)
    }
}

#[cfg(all(test, unix, feature = "host"))]
mod tests;
