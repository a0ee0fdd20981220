//! [`OverlayFile`]: an open file that is no directory.
//!
//! It reads from a lower layer until the file has been copied up, by whomever, and from the upper one from then on: what
//! is written through one description is seen by all, unlike in Linux. That costs one load.

use core::{ops::ControlFlow, task::Waker};
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    layer::{INTERNAL, NodeRef},
    node::Node,
    shared::Shared,
};
use crate::{
    Advice, At, Cookie, Ctx, DirEntry, Errno, Events, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr, Socket,
    VirtualFile,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

const OFFSET_MAX: u64 = i64::MAX as u64;

/// An open file. It holds a reference to its node.
#[derive(Debug)]
pub(super) struct OverlayFile {
    shared: Arc<Shared>,
    node: Arc<Node>,
    access: OpenFlags,
    /// All flags, as they are now.
    flags: AtomicU32,
    lower: Option<Arc<dyn VirtualFile>>,
    upper: OnceLock<Arc<dyn VirtualFile>>,
}

impl OverlayFile {
    /// Of a node in the upper layer, with the file opened there. To be called with the tree locked.
    pub(super) fn in_upper(shared: Arc<Shared>, node: Arc<Node>, flags: OpenFlags, file: Arc<dyn VirtualFile>) -> Self {
        let new = OverlayFile::new(shared, node, flags, None);
        let _ = new.upper.set(file);
        new
    }

    /// Of a node in a lower layer. To be called with the tree locked.
    pub(super) fn new(
        shared: Arc<Shared>,
        node: Arc<Node>,
        flags: OpenFlags,
        lower: Option<Arc<dyn VirtualFile>>,
    ) -> Self {
        node.retain(1);
        let access = flags & (OpenFlags::READ | OpenFlags::WRITE);
        OverlayFile { shared, node, access, flags: AtomicU32::new(flags.bits()), lower, upper: OnceLock::new() }
    }

    #[inline]
    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.access.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    /// The file where it is now.
    #[inline]
    fn current(&self) -> Result<&dyn VirtualFile> {
        match (self.upper.get(), &self.lower) {
            (Some(upper), _) => Ok(&**upper),
            (None, Some(lower)) if self.node.upper.get().is_none() => Ok(&**lower),
            _ => self.open_upper(),
        }
    }

    #[cold]
    fn open_upper(&self) -> Result<&dyn VirtualFile> {
        let upper = self.node.real()?;
        let flags = OpenFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed)) - OpenFlags::TRUNC;
        let file = upper.fs.open(&INTERNAL, upper.id, flags)?;
        Ok(&**self.upper.get_or_init(|| file))
    }

    /// The file in the upper layer, with all its content.
    #[inline]
    fn writable(&self) -> Result<&dyn VirtualFile> {
        match self.upper.get() {
            Some(upper) => Ok(&**upper),
            None => {
                self.shared.copy_up(&self.node, u64::MAX)?;
                self.open_upper()
            }
        }
    }
}

impl Drop for OverlayFile {
    fn drop(&mut self) {
        self.shared.forget(self.node.id, 1);
    }
}

impl VirtualFile for OverlayFile {
    crate::eager_append!();

    fn node(&self) -> Option<NodeId> {
        Some(self.node.id)
    }

    fn seekable(&self) -> bool {
        self.current().is_ok_and(|file| file.seekable())
    }

    fn getattr(&self) -> Result<Metadata> {
        Ok(self.node.shown(self.shared.info.dev, self.current()?.getattr()?))
    }

    fn setattr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            self.needs(OpenFlags::WRITE)?;
        }
        self.shared.setattr(cx, self.node.id, attr)
    }

    #[inline]
    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        self.current()?.read_at(bufs, offset)
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        self.needs(OpenFlags::WRITE)?;
        if let Some(upper) = self.upper.get() {
            return upper.write_at(bufs, at);
        }
        if !self.current()?.seekable() {
            return self.current()?.write_at(bufs, at);
        }
        match at {
            At::Offset(offset) if offset > OFFSET_MAX => return Err(Errno::INVAL),
            // Nothing to write is no reason to copy anything.
            At::Offset(offset) if bufs.iter().all(|buf| buf.is_empty()) => return Ok((0, offset)),
            At::End if bufs.iter().all(|buf| buf.is_empty()) => return Ok((0, self.getattr()?.size)),
            _ => {}
        }
        self.writable()?.write_at(bufs, at)
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.needs(OpenFlags::READ)?;
        self.current()?.read_bytes(offset, len)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        if !self.current()?.seekable() {
            return self.current()?.set_len(len);
        }
        if len > self.shared.info.max_file_size {
            return Err(Errno::FBIG);
        }
        if self.upper.get().is_none() {
            let cut =
                |copy: &NodeRef| copy.fs.open(&INTERNAL, copy.id, OpenFlags::READ | OpenFlags::WRITE)?.set_len(len);
            if self.shared.copy_up_changed(&self.node, len, cut)?.is_some() {
                return Ok(());
            }
        }
        self.writable()?.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        if !self.current()?.seekable() {
            return self.current()?.allocate(offset, len);
        }
        if len == 0 || offset.checked_add(len).is_none_or(|end| end > OFFSET_MAX) {
            return Err(Errno::INVAL);
        }
        self.writable()?.allocate(offset, len)
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        self.current()?.clone_to(target)
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        self.current()?.seek_data(offset, what)
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        self.current()?.readdir(from, sink)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.current()?.sync(data_only)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.current()?.poll(interest, waker)
    }

    fn read_stream(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        self.current()?.read_stream(bufs)
    }

    fn write_stream(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.needs(OpenFlags::WRITE)?;
        match self.current()? {
            // Opened for reading alone until somebody writes.
            file if file.seekable() => Err(Errno::INVAL),
            file => file.write_stream(bufs),
        }
    }

    fn flush(&self) -> Result<()> {
        self.current()?.flush()
    }

    fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        self.flags.store((flags | self.access).bits(), Ordering::Relaxed);
        self.current()?.set_flags(flags)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.current()?.advise(offset, len, advice)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    fn is_terminal(&self) -> bool {
        self.current().is_ok_and(|file| file.is_terminal())
    }
}
