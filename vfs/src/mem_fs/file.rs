//! [`MemFile`]: an open regular file.

use core::any::Any;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    data::{Data, MAX_SIZE},
    node::{FileNode, FileState},
    shared::Shared,
};
use crate::{Advice, At, Ctx, Errno, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr, Time, VirtualFile};

const OFFSET_MAX: u64 = i64::MAX as u64;

/// An open regular file. It holds a reference to its node.
#[derive(Debug)]
pub(super) struct MemFile {
    fs: Arc<Shared>,
    /// The file as it was when it was opened; usually it still is.
    node: triomphe::Arc<FileNode>,
    id: NodeId,
    flags: OpenFlags,
}

impl MemFile {
    /// To be called with the tree locked.
    pub(super) fn new(fs: Arc<Shared>, node: triomphe::Arc<FileNode>, id: NodeId, flags: OpenFlags) -> MemFile {
        fs.opened(id, &node);
        MemFile { fs, node, id, flags }
    }

    #[inline]
    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    /// Notes a read, unless whoever opened the file does not want it.
    fn note_read(&self, atime: Time) {
        if !self.flags.contains(OpenFlags::NOATIME) {
            self.fs.note_read(self.id, atime);
        }
    }

    #[inline]
    fn read<R>(&self, f: impl FnOnce(&FileState) -> R) -> Result<R> {
        self.fs.with_file_read(self.id, &self.node, |_, state| f(state))
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        self.fs.closed(self.id, &self.node);
    }
}

/// Fills the buffers one after the other; answers how much there was.
fn read_several(data: &Data, bufs: &mut [IoSliceMut<'_>], offset: u64) -> usize {
    let mut done = 0;
    for buf in bufs {
        let n = data.read_at(buf, offset + done as u64);
        done += n;
        if n < buf.len() {
            break;
        }
    }
    done
}

/// Writes to `state`, and notes the time.
fn write(fs: &Shared, state: &mut FileState, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
    let offset = offset(state, at);
    let n = state.data.write_at(bufs, offset, &fs.quota)?;
    if n > 0 {
        state.attrs.modified(fs.now());
    }
    Ok((n, offset + n as u64))
}

#[inline]
fn offset(state: &FileState, at: At) -> u64 {
    match at {
        At::Offset(offset) => offset,
        At::End => state.data.len(),
    }
}

/// Gives an open file of a memory filesystem this content in place of its own, shared and not copied: what a filesystem
/// with content in memory answers [`clone_to`](VirtualFile::clone_to) with.
///
/// # Errors
/// `NOTSUP` for a file of anything else; `BADF` without `WRITE`; `FBIG`.
pub fn set_image(target: &dyn VirtualFile, content: Bytes) -> Result<()> {
    let target = mem_file(target)?;
    if content.len() as u64 > MAX_SIZE {
        return Err(Errno::FBIG);
    }
    target.fs.set_content(target.id, Data::image(content))
}

/// The target of a [`clone_to`](VirtualFile::clone_to).
fn mem_file(target: &dyn VirtualFile) -> Result<&MemFile> {
    let target = (target as &dyn Any).downcast_ref::<MemFile>().ok_or(Errno::NOTSUP)?;
    target.needs(OpenFlags::WRITE)?;
    Ok(target)
}

impl VirtualFile for MemFile {
    crate::regular_shape!(needs);
    crate::eager_append!();

    fn node(&self) -> Option<NodeId> {
        Some(self.id)
    }

    fn getattr(&self) -> Result<Metadata> {
        let metadata = |node: &FileNode, state: &FileState| node.metadata(state, self.fs.info.dev, self.id);
        self.fs.with_file_read(self.id, &self.node, metadata)
    }

    fn setattr(&self, _: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            self.needs(OpenFlags::WRITE)?;
        }
        self.fs.setattr(self.id, attr)
    }

    #[inline]
    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        if offset > OFFSET_MAX {
            return Err(Errno::INVAL);
        }
        let (n, unread) = self.read(|state| {
            let n = match bufs {
                [buf] => state.data.read_at(buf, offset),
                bufs => read_several(&state.data, bufs, offset),
            };
            (n, state.attrs.unread())
        })?;
        if let (Some(atime), true) = (unread, n > 0) {
            self.note_read(atime);
        }
        Ok(n)
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        self.needs(OpenFlags::WRITE)?;
        if matches!(at, At::Offset(offset) if offset > OFFSET_MAX) {
            return Err(Errno::INVAL);
        }
        let total = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        if total == 0 {
            return self.read(|state| (0, offset(state, at)));
        }
        {
            let mut state = self.node.state.write();
            // In place, if nobody else sees this file and nothing has to be charged for.
            if self.node.epoch == self.fs.epoch() && state.data.is_settled(offset(&state, at), total) {
                return write(&self.fs, &mut state, bufs, at);
            }
        }
        self.fs.with_file(self.id, |state| write(&self.fs, state, bufs, at))?
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.needs(OpenFlags::READ)?;
        if offset > OFFSET_MAX {
            return Err(Errno::INVAL);
        }
        let (bytes, unread) = self.read(|state| (state.data.read_bytes(offset, len), state.attrs.unread()))?;
        let bytes = bytes?;
        if let (Some(atime), false) = (unread, bytes.is_empty()) {
            self.note_read(atime);
        }
        Ok(bytes)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        self.fs.set_len(self.id, len, None)
    }

    fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        let end = offset.checked_add(len).filter(|&end| len > 0 && end <= OFFSET_MAX).ok_or(Errno::INVAL)?;
        if end > MAX_SIZE {
            return Err(Errno::FBIG);
        }
        self.fs.with_file(self.id, |state| {
            let grows = end > state.data.len();
            state.data.allocate(offset, end, &self.fs.quota)?;
            let now = self.fs.now();
            state.attrs.ctime = now;
            if grows {
                state.attrs.mtime = now;
            }
            Ok(())
        })?
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let target = mem_file(target)?;
        let content = self.read(|state| state.data.to_share())?;
        target.fs.set_content(target.id, content)
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        self.read(|state| state.data.seek(offset, what))?
    }

    fn sync(&self, _: bool) -> Result<()> {
        Ok(())
    }

    fn set_flags(&self, _: OpenFlags) -> Result<()> {
        Ok(())
    }

    fn advise(&self, _: u64, _: u64, _: Advice) -> Result<()> {
        Ok(())
    }
}
