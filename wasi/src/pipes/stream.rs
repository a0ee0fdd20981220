//! [`Stream`]: what pipes, terminals, sockets and standard streams have to say for themselves, and [`StreamFile`], which
//! makes a [`VirtualFile`] of it.

use core::{fmt, sync::atomic::Ordering, task::Waker};
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use gangplank_vfs::{
    Ctx, Errno, Events, FileType, Metadata, NodeId, OpenFlags, Result, SetAttr, Socket, Time, VirtualFile,
};

use crate::sync::process;

/// A file without offsets. No method waits.
pub trait Stream: fmt::Debug + Send + Sync + 'static {
    /// `READ`, `WRITE` or both. Reading and writing are called only as this allows.
    fn access(&self) -> OpenFlags;

    /// What `fstat` says.
    fn file_type(&self) -> FileType;

    /// As [`VirtualFile::read_stream`].
    ///
    /// # Errors
    /// `AGAIN` if nothing is there yet.
    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize>;

    /// As [`VirtualFile::write_stream`].
    ///
    /// # Errors
    /// `AGAIN` if nothing fits, `PIPE` if nobody will read it.
    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize>;

    /// As [`VirtualFile::poll`].
    ///
    /// # Errors
    /// None of its own.
    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events>;

    /// As [`VirtualFile::flush`]: a descriptor is closed for good, though other processes may have theirs. Closing
    /// itself is for `Drop`.
    ///
    /// # Errors
    /// `IO` for data that could not be written.
    fn flush(&self) -> Result<()>;

    /// Whether it is a terminal.
    fn is_terminal(&self) -> bool {
        false
    }

    /// The socket behind it, if it is one.
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    /// Metadata; `blank` is what every stream has to say: its type, a number, and no sizes and times of the host's.
    ///
    /// # Errors
    /// None of its own.
    fn metadata(&self, blank: Metadata) -> Result<Metadata> {
        Ok(blank)
    }
}

/// A [`Stream`] as a file. Several processes may share it.
#[derive(Debug)]
pub struct StreamFile<S> {
    stream: S,
    ino: NodeId,
}

impl<S: Stream> StreamFile<S> {
    /// Makes a file of `stream`, with a node number that no other stream of this host process has.
    pub fn new(stream: S) -> Self {
        static NEXT: process::AtomicU64 = process::AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        StreamFile { stream, ino: NodeId::new(number).unwrap_or(NodeId(core::num::NonZeroU64::MAX)) }
    }

    /// The same, shared.
    pub fn shared(stream: S) -> Arc<Self> {
        Arc::new(StreamFile::new(stream))
    }

    /// What it was made of.
    pub fn get(&self) -> &S {
        &self.stream
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.stream.access().contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }
}

impl<S: Stream> VirtualFile for StreamFile<S> {
    gangplank_vfs::stream_shape!(needs);

    fn node(&self) -> Option<NodeId> {
        None
    }

    fn getattr(&self) -> Result<Metadata> {
        self.stream.metadata(Metadata {
            dev: 0,
            ino: self.ino,
            file_type: self.stream.file_type(),
            mode: 0o600,
            nlink: 1,
            uid: 0,
            gid: 0,
            size: 0,
            blocks: 0,
            rdev: 0,
            atime: Time::EPOCH,
            mtime: Time::EPOCH,
            ctime: Time::EPOCH,
            btime: Time::EPOCH,
        })
    }

    fn setattr(&self, _cx: &Ctx<'_>, _attr: &SetAttr) -> Result<()> {
        Err(Errno::NOTSUP)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.stream.poll(interest, waker)
    }

    fn read_stream(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        if bufs.iter().all(|b| b.is_empty()) {
            return Ok(0);
        }
        self.stream.read(bufs)
    }

    fn write_stream(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.needs(OpenFlags::WRITE)?;
        // An empty datagram is a message; an empty write to anything else is none.
        if bufs.iter().all(|b| b.is_empty()) && !self.stream.socket().is_some_and(|s| s.is_datagram()) {
            return Ok(0);
        }
        self.stream.write(bufs)
    }

    fn flush(&self) -> Result<()> {
        self.stream.flush()
    }

    fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        if flags.intersects(OpenFlags::SYNC | OpenFlags::DSYNC) { Err(Errno::INVAL) } else { Ok(()) }
    }

    fn socket(&self) -> Option<&dyn Socket> {
        self.stream.socket()
    }

    fn is_terminal(&self) -> bool {
        self.stream.is_terminal()
    }
}
