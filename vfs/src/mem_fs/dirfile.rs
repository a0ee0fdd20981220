//! [`MemDir`]: an open directory.

use core::{
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
    task::Waker,
};
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::Bytes;

use super::shared::Shared;
use crate::{
    Advice, At, Cookie, Ctx, DirEntry, Errno, Events, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr, Socket,
    VirtualFile,
};

/// An open directory. It holds a reference to its node.
#[derive(Debug)]
pub(super) struct MemDir {
    fs: Arc<Shared>,
    id: NodeId,
    flags: OpenFlags,
    /// Where the listing ends that began last: what is added later is not in it, so that it ends. 0 before the first.
    end: AtomicU64,
}

impl MemDir {
    /// To be called with the tree locked.
    pub(super) fn new(fs: Arc<Shared>, id: NodeId, flags: OpenFlags) -> MemDir {
        fs.refs.add(id, 1);
        MemDir { fs, id, flags, end: AtomicU64::new(0) }
    }

    fn refuse<R>(&self, access: OpenFlags) -> Result<R> {
        Err(if self.flags.contains(access) { Errno::ISDIR } else { Errno::BADF })
    }
}

impl Drop for MemDir {
    fn drop(&mut self) {
        self.fs.release(self.id, 1);
    }
}

impl VirtualFile for MemDir {
    fn node(&self) -> Option<NodeId> {
        Some(self.id)
    }

    fn seekable(&self) -> bool {
        false
    }

    fn getattr(&self) -> Result<Metadata> {
        self.fs.getattr(self.id)
    }

    fn setattr(&self, _: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            return self.refuse(OpenFlags::WRITE);
        }
        self.fs.setattr(self.id, attr)
    }

    fn read_at(&self, _: &mut [IoSliceMut<'_>], _: u64) -> Result<usize> {
        self.refuse(OpenFlags::READ)
    }

    fn write_at(&self, _: &[IoSlice<'_>], _: At) -> Result<(usize, u64)> {
        self.refuse(OpenFlags::WRITE)
    }

    fn read_bytes(&self, _: u64, _: usize) -> Result<Bytes> {
        self.refuse(OpenFlags::READ)
    }

    fn set_len(&self, _: u64) -> Result<()> {
        self.refuse(OpenFlags::WRITE)
    }

    fn allocate(&self, _: u64, _: u64) -> Result<()> {
        self.refuse(OpenFlags::WRITE)
    }

    fn seek_data(&self, _: u64, _: Seek) -> Result<u64> {
        Err(Errno::ISDIR)
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        if !self.flags.contains(OpenFlags::READ) {
            return Err(Errno::BADF);
        }
        // A directory is persistent: this is a picture of it, and no lock is held while it is shown.
        let dir = self.fs.tree.read().dir(self.id)?.clone();
        let mut end = self.end.load(Ordering::Relaxed);
        if from == Cookie::START || end == 0 {
            end = dir.entries.end();
            self.end.store(end, Ordering::Relaxed);
        }
        dir.entries.range(from.0, &mut |entry| {
            if entry.seq >= end {
                return ControlFlow::Break(());
            }
            sink(DirEntry {
                name: entry.name.as_name(),
                node: entry.node,
                file_type: entry.file_type,
                next: Cookie(entry.seq + 1),
            })
        });
        let unread = dir.attrs.unread();
        drop(dir);
        if let Some(atime) = unread {
            self.fs.note_read(self.id, atime);
        }
        Ok(())
    }

    fn sync(&self, _: bool) -> Result<()> {
        Ok(())
    }

    fn poll(&self, interest: Events, _: Option<&Waker>) -> Result<Events> {
        Ok(interest & (Events::READ | Events::WRITE))
    }

    fn read_stream(&self, _: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.refuse(OpenFlags::READ)
    }

    fn write_stream(&self, _: &[IoSlice<'_>]) -> Result<usize> {
        self.refuse(OpenFlags::WRITE)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn set_flags(&self, _: OpenFlags) -> Result<()> {
        Ok(())
    }

    fn advise(&self, _: u64, _: u64, _: Advice) -> Result<()> {
        Err(Errno::ISDIR)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    fn is_terminal(&self) -> bool {
        false
    }
}
