//! Standard streams that end in memory: [`null`], [`bytes`], [`capture`].

use core::task::Waker;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::{Buf, Bytes};
use gangplank_vfs::{Errno, Events, FileType, OpenFlags, Result, VirtualFile};

use crate::{
    pipes::{Stream, StreamFile},
    sync::Mutex,
};

/// Input that is at its end, output that goes nowhere (`/dev/null`).
pub fn null() -> Arc<dyn VirtualFile> {
    StreamFile::shared(Null)
}

/// Input of these bytes, and then the end. Processes that share it each get a part.
pub fn bytes(input: impl Into<Bytes>) -> Arc<dyn VirtualFile> {
    StreamFile::shared(Input(Mutex::new(input.into())))
}

/// Output that is kept, up to `limit` bytes. A write that passes the limit is cut short at it, the next one fails with
/// `NOSPC`.
pub fn capture(limit: usize) -> (Arc<dyn VirtualFile>, Captured) {
    let captured = Captured(Arc::new(Kept { limit, bytes: Mutex::default() }));
    (StreamFile::shared(captured.clone()), captured)
}

/// What a guest has written. Clones show the same.
#[derive(Clone, Debug)]
pub struct Captured(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    limit: usize,
    bytes: Mutex<Vec<u8>>,
}

impl Captured {
    /// Takes out what is there; what is written from now on has the whole limit again.
    pub fn take(&self) -> Vec<u8> {
        core::mem::take(&mut self.0.bytes.lock())
    }

    /// A copy of what is there.
    pub fn contents(&self) -> Vec<u8> {
        self.0.bytes.lock().clone()
    }

    /// How many bytes are there.
    pub fn len(&self) -> usize {
        self.0.bytes.lock().len()
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the limit is reached: there may have been more.
    pub fn is_full(&self) -> bool {
        self.len() >= self.0.limit
    }
}

impl Stream for Captured {
    fn access(&self) -> OpenFlags {
        OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        FileType::Fifo
    }

    fn read(&self, _bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let mut kept = self.0.bytes.lock();
        let before = kept.len();
        let mut room = self.0.limit.saturating_sub(before);
        if room == 0 {
            return Err(Errno::NOSPC);
        }
        for buf in bufs {
            let part = &buf[..buf.len().min(room)];
            if kept.try_reserve(part.len()).is_err() {
                break;
            }
            kept.extend_from_slice(part);
            room -= part.len();
        }
        if kept.len() == before { Err(Errno::NOMEM) } else { Ok(kept.len() - before) }
    }

    fn poll(&self, interest: Events, _waker: Option<&Waker>) -> Result<Events> {
        Ok(interest & Events::WRITE)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Input(Mutex<Bytes>);

impl Stream for Input {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ
    }

    fn file_type(&self) -> FileType {
        FileType::Fifo
    }

    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let mut rest = self.0.lock();
        let before = rest.len();
        for buf in bufs {
            let n = buf.len().min(rest.len());
            rest.copy_to_slice(&mut buf[..n]);
        }
        Ok(before - rest.len())
    }

    fn write(&self, _bufs: &[IoSlice<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn poll(&self, interest: Events, _waker: Option<&Waker>) -> Result<Events> {
        let over = if self.0.lock().is_empty() { Events::HUP } else { Events::empty() };
        Ok((interest & Events::READ) | over)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Null;

impl Stream for Null {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ | OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        // A character device to the host, but a guest would take that for a terminal.
        FileType::Unknown
    }

    fn read(&self, _bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        Ok(0)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        Ok(bufs.iter().map(|b| b.len()).fold(0, usize::saturating_add))
    }

    fn poll(&self, interest: Events, _waker: Option<&Waker>) -> Result<Events> {
        Ok(interest & (Events::READ | Events::WRITE))
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}
