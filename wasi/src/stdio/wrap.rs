//! Standard streams over `std::io`: [`reader`], [`writer`], [`tee`].
//!
//! # Lock order
//! `Tee::copy` → the locks of the file it copies for. `Reader::feed` and `Writer` are leaves but for what the
//! embedder's own reader or writer locks.

use core::{fmt, task::Waker};
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    sync::Arc,
};

use gangplank_vfs::{Errno, Events, FileType, Metadata, OpenFlags, Result, VirtualFile};

use crate::{
    pipes::{HostWriter, PIPE_CAPACITY, PipeReader, Stream, StreamFile, to_guest},
    sync::Mutex,
};

/// Input from `source`. A thread reads it, from the first time that a guest asks for input on; it may block as long as
/// it likes, the guest's wait can be canceled all the same. What has been read and not been asked for is lost.
///
/// Wants threads: `NOTSUP` for the guest where there are none.
pub fn reader(source: Box<dyn Read + Send>) -> Arc<dyn VirtualFile> {
    reader_as(source, false)
}

/// Output to `sink`, flushed after each write, which must not block for long: the guest that writes cannot be canceled
/// meanwhile. Use [`from_guest`](crate::pipes::from_guest) for one that does.
pub fn writer(sink: Box<dyn Write + Send>) -> Arc<dyn VirtualFile> {
    writer_as(sink, false)
}

/// Output to `main`, with a copy to `copy`, in the same order, of all that `main` has taken. If `copy` fails, it gets
/// nothing more, and the guest hears nothing of it.
pub fn tee(main: Arc<dyn VirtualFile>, copy: Box<dyn Write + Send>) -> Arc<dyn VirtualFile> {
    StreamFile::shared(Tee { main, copy: Mutex::new(Some(copy)) })
}

pub(super) fn reader_as(source: Box<dyn Read + Send>, terminal: bool) -> Arc<dyn VirtualFile> {
    let (host, guest) = to_guest(PIPE_CAPACITY);
    StreamFile::shared(Reader { feed: Mutex::new(Some((source, host))), guest, terminal })
}

pub(super) fn writer_as(sink: Box<dyn Write + Send>, terminal: bool) -> Arc<dyn VirtualFile> {
    StreamFile::shared(Writer { sink: Mutex::new(sink), terminal })
}

fn type_of(terminal: bool) -> FileType {
    if terminal { FileType::CharDevice } else { FileType::Fifo }
}

struct Reader {
    /// Until the thread has started.
    feed: Mutex<Option<(Box<dyn Read + Send>, HostWriter)>>,
    guest: Arc<StreamFile<PipeReader>>,
    terminal: bool,
}

impl Reader {
    fn start(&self) -> Result<()> {
        let mut feed = self.feed.lock();
        if feed.is_none() {
            return Ok(());
        }
        if cfg!(target_family = "wasm") {
            return Err(Errno::NOTSUP);
        }
        let Some((source, pipe)) = feed.take() else { return Ok(()) };
        std::thread::Builder::new().name("wasi-stdin".into()).spawn(|| pump(source, pipe))?;
        Ok(())
    }
}

/// Reads on only when the pipe has room: a program that ends leaves the rest to the next one.
fn pump(mut source: Box<dyn Read + Send>, mut pipe: HostWriter) {
    let mut buf = [0; 4096];
    loop {
        match source.read(&mut buf) {
            Ok(0) => return,
            Ok(n) if pipe.write_all(&buf[..n]).is_err() => return,
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

impl Stream for Reader {
    fn access(&self) -> OpenFlags {
        OpenFlags::READ
    }

    fn file_type(&self) -> FileType {
        type_of(self.terminal)
    }

    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.start()?;
        self.guest.read_stream(bufs)
    }

    fn write(&self, _bufs: &[IoSlice<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.start()?;
        self.guest.poll(interest, waker)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("guest", &self.guest).finish_non_exhaustive()
    }
}

struct Writer {
    sink: Mutex<Box<dyn Write + Send>>,
    terminal: bool,
}

impl Stream for Writer {
    fn access(&self) -> OpenFlags {
        OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        type_of(self.terminal)
    }

    fn read(&self, _bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let mut sink = self.sink.lock();
        let n = loop {
            match sink.write_vectored(bufs) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // Of a writer that takes nothing nobody can say when it will: an error, not a wait.
                Ok(0) => return Err(Errno::IO),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(Errno::IO),
                done => break done?,
            }
        };
        // What it has taken it has taken; an error shows at the next write.
        let _ = sink.flush();
        Ok(n)
    }

    fn poll(&self, interest: Events, _waker: Option<&Waker>) -> Result<Events> {
        Ok(interest & Events::WRITE)
    }

    fn flush(&self) -> Result<()> {
        Ok(self.sink.lock().flush()?)
    }

    fn is_terminal(&self) -> bool {
        self.terminal
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

struct Tee {
    main: Arc<dyn VirtualFile>,
    copy: Mutex<Option<Box<dyn Write + Send>>>,
}

impl Stream for Tee {
    fn access(&self) -> OpenFlags {
        OpenFlags::WRITE
    }

    fn file_type(&self) -> FileType {
        self.main.getattr().map_or(FileType::Unknown, |m| m.file_type)
    }

    fn read(&self, _bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        Err(Errno::BADF)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        // Held across both, so that both see the same order.
        let mut copy = self.copy.lock();
        let taken = self.main.write_stream(bufs)?;
        let mut left = taken;
        for buf in bufs {
            let n = buf.len().min(left);
            left -= n;
            if copy.as_mut().is_some_and(|w| w.write_all(&buf[..n]).is_err()) {
                *copy = None;
            }
        }
        Ok(taken)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.main.poll(interest, waker)
    }

    fn flush(&self) -> Result<()> {
        if let Some(copy) = &mut *self.copy.lock() {
            // As for its writes.
            let _ = copy.flush();
        }
        self.main.flush()
    }

    fn is_terminal(&self) -> bool {
        self.main.is_terminal()
    }

    fn metadata(&self, _blank: Metadata) -> Result<Metadata> {
        self.main.getattr()
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tee").field("main", &self.main).finish_non_exhaustive()
    }
}
