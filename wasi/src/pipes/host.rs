//! The embedder's ends of a pipe.

use core::fmt;
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    sync::Arc,
    task::Waker,
};

use gangplank_vfs::{Errno, Events, Result};

use super::{PipeReader, PipeWriter, Ring, StreamFile};
use crate::wait::Parker;

/// A pipe into a guest: what is written to the first is read from the second.
pub fn to_guest(capacity: usize) -> (HostWriter, Arc<StreamFile<PipeReader>>) {
    let ring = Arc::new(Ring::new(capacity));
    (HostWriter(HostEnd::new(&ring)), StreamFile::shared(PipeReader(ring)))
}

/// A pipe out of a guest: what is written to the second is read from the first.
pub fn from_guest(capacity: usize) -> (HostReader, Arc<StreamFile<PipeWriter>>) {
    let ring = Arc::new(Ring::new(capacity));
    (HostReader(HostEnd::new(&ring)), StreamFile::shared(PipeWriter(ring)))
}

/// Reads what a guest writes. Blocks while nothing is there; the end comes when the guest has closed its end, or
/// anybody the pipe. Dropping it closes it: the guest then gets `PIPE`.
#[derive(Debug)]
pub struct HostReader(HostEnd);

/// Writes what a guest reads. Blocks while the pipe is full; [`io::ErrorKind::BrokenPipe`] once the guest has closed
/// its end, or anybody the pipe. Dropping it closes it: the guest then reads the end.
#[derive(Debug)]
pub struct HostWriter(HostEnd);

/// Closes the embedder's end of a pipe from any thread, also while another thread blocks on it.
#[derive(Clone)]
pub struct Closer {
    ring: Arc<Ring>,
    close: fn(&Ring),
}

impl HostReader {
    /// What closes it from elsewhere. A blocked read then answers 0.
    pub fn closer(&self) -> Closer {
        Closer { ring: self.0.ring.clone(), close: Ring::close_read }
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `AGAIN` if nothing is.
    pub fn try_read(&mut self, buf: &mut [u8]) -> Result<usize> {
        self.0.ring.read(&mut [IoSliceMut::new(buf)])
    }
}

impl HostWriter {
    /// What closes it from elsewhere. A blocked write then fails with [`io::ErrorKind::BrokenPipe`].
    pub fn closer(&self) -> Closer {
        Closer { ring: self.0.ring.clone(), close: Ring::close_write }
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// `AGAIN` if nothing fits; `PIPE`.
    pub fn try_write(&mut self, buf: &[u8]) -> Result<usize> {
        if buf.is_empty() { Ok(0) } else { self.0.ring.write(&[IoSlice::new(buf)]) }
    }
}

impl Closer {
    /// Closes it. Once more does nothing.
    pub fn close(&self) {
        (self.close)(&self.ring);
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closer").finish_non_exhaustive()
    }
}

impl Read for HostReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let HostReader(end) = self;
        end.block(
            || end.ring.read(&mut [IoSliceMut::new(buf)]),
            |ring, waker| ring.poll_read(Events::READ, Some(waker)),
        )
    }
}

impl Write for HostWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let HostWriter(end) = self;
        end.block(|| end.ring.write(&[IoSlice::new(buf)]), |ring, waker| ring.poll_write(Events::WRITE, Some(waker)))
    }

    fn flush(&mut self) -> io::Result<()> {
        // The guest reads straight from the pipe.
        Ok(())
    }
}

impl Drop for HostReader {
    fn drop(&mut self) {
        self.0.ring.close_read();
    }
}

impl Drop for HostWriter {
    fn drop(&mut self) {
        self.0.ring.close_write();
    }
}

#[derive(Debug)]
struct HostEnd {
    ring: Arc<Ring>,
    parker: Arc<Parker>,
    waker: Waker,
}

impl HostEnd {
    fn new(ring: &Arc<Ring>) -> HostEnd {
        let parker = Arc::new(Parker::default());
        HostEnd { ring: ring.clone(), waker: Waker::from(parker.clone()), parker }
    }

    /// As [`WaitSet::block_on`](crate::wait::WaitSet::block_on), for a thread that belongs to no guest.
    fn block(
        &self,
        mut op: impl FnMut() -> Result<usize>,
        poll: impl Fn(&Ring, &Waker) -> Events,
    ) -> io::Result<usize> {
        loop {
            let seen = self.parker.wakes();
            match op() {
                Ok(n) => return Ok(n),
                Err(Errno::AGAIN) => {}
                Err(Errno::PIPE) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(e) => return Err(io::Error::other(e)),
            }
            if poll(&self.ring, &self.waker).is_empty() {
                self.parker.park(seen, None).map_err(|_| io::ErrorKind::Unsupported)?;
            }
        }
    }
}
