//! The two ends of a pipe as guests see them.

use core::task::Waker;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use gangplank_vfs::{Errno, Events, FileType, OpenFlags, Result};

use super::{Ring, Stream, StreamFile};

/// The end that is read.
#[derive(Debug)]
pub struct PipeReader(pub(crate) Arc<Ring>);

/// The end that is written.
#[derive(Debug)]
pub struct PipeWriter(pub(crate) Arc<Ring>);

/// A pipe that holds `capacity` bytes (at least [`PIPE_BUF`](super::PIPE_BUF); use
/// [`PIPE_CAPACITY`](super::PIPE_CAPACITY)), for guests at both ends (`pipe(2)`).
pub fn pipe(capacity: usize) -> (Arc<StreamFile<PipeReader>>, Arc<StreamFile<PipeWriter>>) {
    let ring = Arc::new(Ring::new(capacity));
    (StreamFile::shared(PipeReader(ring.clone())), StreamFile::shared(PipeWriter(ring)))
}

impl Stream for PipeReader {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ
    }

    fn file_type(&self) -> FileType {
        FileType::Fifo
    }

    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.0.read(bufs)
    }

    fn write(&self, _bufs: &[IoSlice<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        Ok(self.0.poll_read(interest, waker))
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl Stream for PipeWriter {
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
        self.0.write(bufs)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        Ok(self.0.poll_write(interest, waker))
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        self.0.close_read();
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.0.close_write();
    }
}
