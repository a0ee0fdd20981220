//! [`HostStream`]: an open FIFO, or a character device. The descriptor is non-blocking, so nothing here ever waits.

use core::task::Waker;
use std::{
    fs::File,
    io::{IoSlice, IoSliceMut, IsTerminal},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use rustix::io::retry_on_intr;

use super::{
    Inner,
    meta::{Attr, Identity, timestamps},
};
use crate::{
    Ctx, Errno, Events, FileType, Metadata, NodeId, OpenFlags, Result, SetAttr, SetTime, Socket, VirtualFile,
    host_fs::meta::{Key, check_attr},
    reactor::{Source, poll_now},
    sync::atomic::{AtomicBool, Ordering},
};

/// Buffers that one syscall takes (`IOV_MAX`).
const IOV_MAX: usize = 1024;

#[derive(Debug)]
pub(super) struct HostStream {
    fs: Arc<Inner>,
    source: Source,
    key: Key,
    file_type: FileType,
    access: OpenFlags,
    nonblock: AtomicBool,
    terminal: bool,
}

impl HostStream {
    pub(super) fn new(fs: Arc<Inner>, file: File, id: Identity, flags: OpenFlags) -> HostStream {
        HostStream {
            fs,
            terminal: file.is_terminal(),
            source: Source::new(OwnedFd::from(file)),
            key: id.key,
            file_type: id.file_type,
            access: flags & (OpenFlags::READ | OpenFlags::WRITE),
            nonblock: AtomicBool::new(flags.contains(OpenFlags::NONBLOCK)),
        }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.access.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }
}

impl VirtualFile for HostStream {
    crate::stream_shape!(needs);

    fn node(&self) -> Option<NodeId> {
        Some(self.key.id(self.fs.root_key.dev))
    }

    fn getattr(&self) -> Result<Metadata> {
        Ok(self.fs.metadata(&Attr::of_fd(self.source.as_fd())?))
    }

    fn setattr(&self, _cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            self.needs(OpenFlags::WRITE)?;
        }
        check_attr(attr, self.file_type)?;
        let fd = self.source.as_fd();
        if attr.uid.is_some() || attr.gid.is_some() {
            let (uid, gid) = (attr.uid.map(rustix::fs::Uid::from_raw), attr.gid.map(rustix::fs::Gid::from_raw));
            rustix::fs::fchown(fd, uid, gid)?;
        }
        if let Some(mode) = attr.mode {
            rustix::fs::fchmod(fd, rustix::fs::Mode::from_raw_mode((mode & 0o7777) as _))?;
        }
        if attr.atime != SetTime::Keep || attr.mtime != SetTime::Keep {
            rustix::fs::futimens(fd, &timestamps(attr.atime, attr.mtime))?;
        }
        Ok(())
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.source.poll(interest, waker)
    }

    fn read_stream(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        let count = bufs.len().min(IOV_MAX);
        let bufs = &mut bufs[..count];
        if bufs.iter().all(|b| b.is_empty()) {
            return Ok(0);
        }
        let n = retry_on_intr(|| rustix::io::readv(&self.source, bufs))?;
        // A FIFO that nobody has opened for writing yet reads as at its end. Who opened it to wait is still waiting
        // for a writer; whether there was one, poll knows.
        if n == 0 && !self.nonblock.load(Ordering::Relaxed) && poll_now(self.source.as_fd(), Events::READ)?.is_empty() {
            return Err(Errno::AGAIN);
        }
        Ok(n)
    }

    fn write_stream(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.needs(OpenFlags::WRITE)?;
        Ok(retry_on_intr(|| rustix::io::writev(&self.source, &bufs[..bufs.len().min(IOV_MAX)]))?)
    }

    fn flush(&self) -> Result<()> {
        // Every write has been answered by the host already.
        Ok(())
    }

    fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        self.nonblock.store(flags.contains(OpenFlags::NONBLOCK), Ordering::Relaxed);
        Ok(())
    }

    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    fn is_terminal(&self) -> bool {
        self.terminal
    }
}
