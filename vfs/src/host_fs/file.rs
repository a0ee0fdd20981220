//! [`HostFile`]: an open regular file, or block device.
//!
//! One `pread`, `preadv`, `pwrite` or `pwritev` for one read or write; several small buffers are one there. A write at
//! the end is one at the descriptor's own offset, which the kernel then advances, by `write` where the descriptor was
//! opened to append, else by `pwritev2` with `RWF_APPEND`, which takes longer; a second syscall, `lseek`, reads it, if
//! the caller wants to know at once where the bytes went, or when he asks later (`append`, `appended`). Up to 1024 buffers
//! are one write; more are several, and somebody else's may come between.
//!
//! Linux lets a descriptor that was opened to append write nowhere else, `pwrite` or not. The first that wants to makes it
//! one that was not.

use core::any::Any;
use std::{
    fs::File,
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    Inner, io as os,
    meta::{Attr, Identity, Key, check_attr},
    sys::set_attr_of,
};
use crate::{
    Advice, At, Ctx, Errno, FileType, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr, VirtualFile,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// Buffers that one syscall takes (`IOV_MAX`).
const IOV_MAX: usize = 1024;

/// Bytes that one syscall moves at most (`MAX_RW_COUNT`, rounded down for all page sizes): less is a short count that
/// means something.
const RW_MAX: usize = 0x7fff_0000;

/// What a descriptor is opened with to append.
pub(super) const TO_APPEND: OpenFlags = OpenFlags::WRITE.union(OpenFlags::APPEND);

/// Up to here a buffer is allocated on the caller's word, without asking for the size of the file.
const SMALL: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct HostFile {
    fs: Arc<Inner>,
    file: File,
    key: Key,
    file_type: FileType,
    access: OpenFlags,
    /// `SYNC` and `DSYNC`, which may change.
    durable: AtomicU32,
    /// Where the last `append` ended; `None` while that is the descriptor's own offset. Held while that offset moves.
    appended: Mutex<Option<u64>>,
    /// The descriptor was opened to append, and still is. Taken back with `appended` locked, and never set again: whoever
    /// has found it clear may write where he likes.
    at_end_only: AtomicBool,
}

impl HostFile {
    pub(super) fn new(fs: Arc<Inner>, file: File, id: Identity, flags: OpenFlags) -> HostFile {
        let at_end_only = fs.sys.appends() && flags.contains(TO_APPEND);
        HostFile {
            fs,
            file,
            key: id.key,
            file_type: id.file_type,
            access: flags & (OpenFlags::READ | OpenFlags::WRITE),
            durable: AtomicU32::new(durable(flags).bits()),
            appended: Mutex::new(Some(0)),
            at_end_only: AtomicBool::new(at_end_only),
        }
    }

    /// Before something is written at an offset: see the top.
    fn anywhere(&self) -> Result<()> {
        if self.at_end_only.load(Ordering::Acquire) {
            let _appended = self.appended.lock();
            os::write_anywhere(&self.file)?;
            self.at_end_only.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.access.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    fn durable(&self) -> OpenFlags {
        OpenFlags::from_bits_truncate(self.durable.load(Ordering::Relaxed))
    }

    /// Before the descriptor's own offset is moved for something else: asks for what it means, which is where the last
    /// `append` ended.
    fn keep_appended(&self) -> Result<(u64, MutexGuard<'_, Option<u64>>)> {
        let mut appended = self.appended.lock();
        let end = match *appended {
            Some(end) => end,
            None => os::own_offset(&self.file)?,
        };
        *appended = Some(end);
        Ok((end, appended))
    }

    /// With `appended` locked. There is something to write.
    fn write_at_end(&self, bufs: &[IoSlice<'_>], total: usize) -> Result<(usize, os::Append<'_>)> {
        let cut_bufs;
        let mut bufs = bufs;
        if self.fs.size_limit.is_some() {
            // Only then is the size worth a syscall: going over the limit would be a signal.
            let room = self.fs.room(Attr::of(&self.file)?.size, total)?;
            if room < total {
                cut_bufs = cut(bufs, room);
                bufs = &cut_bufs;
            }
        }
        let append = os::Append::begin(&self.file, self.at_end_only.load(Ordering::Relaxed))?;
        let n = self.write_batches(bufs, |batch, done| append.write(batch, done, self.durable()))?;
        Ok((n, append))
    }

    /// Batch by batch, though one is enough unless there are more buffers than one syscall takes.
    fn write_batches(
        &self,
        bufs: &[IoSlice<'_>],
        mut write: impl FnMut(&[IoSlice<'_>], usize) -> Result<usize>,
    ) -> Result<usize> {
        let mut done = 0;
        for batch in bufs.chunks(IOV_MAX) {
            match write(batch, done) {
                Ok(n) => {
                    done += n;
                    if n < total_of(batch.iter().map(|b| b.len())) {
                        break;
                    }
                }
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}

fn durable(flags: OpenFlags) -> OpenFlags {
    flags & (OpenFlags::SYNC | OpenFlags::DSYNC)
}

fn total_of(lens: impl Iterator<Item = usize>) -> usize {
    lens.fold(0, usize::saturating_add)
}

impl Inner {
    /// How many of `len` bytes may be written at `offset`.
    fn room(&self, offset: u64, len: usize) -> Result<usize> {
        let limit = self.size_limit.unwrap_or(u64::MAX).min(self.info.max_file_size);
        if offset >= limit && len > 0 {
            return Err(Errno::FBIG);
        }
        Ok(usize::try_from(limit - offset.min(limit)).unwrap_or(usize::MAX).min(len))
    }

    /// Whether a file may have this size.
    pub(super) fn check_size(&self, size: Option<u64>) -> Result<()> {
        let limit = self.size_limit.unwrap_or(u64::MAX).min(self.info.max_file_size);
        if size.is_some_and(|size| size > limit) { Err(Errno::FBIG) } else { Ok(()) }
    }
}

/// `RLIMIT_FSIZE`, if there is one.
pub(super) fn size_limit() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    #[cfg(not(unix))]
    None
}

/// The first `len` bytes of `bufs`: whole buffers, and a part of one.
fn cut<'a>(bufs: &'a [IoSlice<'a>], len: usize) -> Vec<IoSlice<'a>> {
    let mut left = len;
    let mut cut = Vec::new();
    for buf in bufs {
        let part = &buf[..buf.len().min(left)];
        left -= part.len();
        cut.push(IoSlice::new(part));
        if left == 0 {
            break;
        }
    }
    cut
}

impl VirtualFile for HostFile {
    crate::regular_shape!(needs);

    fn node(&self) -> Option<NodeId> {
        Some(self.key.id(self.fs.root_key.dev))
    }

    fn getattr(&self) -> Result<Metadata> {
        Ok(self.fs.metadata(&Attr::of(&self.file)?))
    }

    fn setattr(&self, _cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            self.needs(OpenFlags::WRITE)?;
        }
        check_attr(attr, self.file_type)?;
        self.fs.check_size(attr.size)?;
        set_attr_of(&self.file, attr)
    }

    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.needs(OpenFlags::READ)?;
        if offset > i64::MAX as u64 {
            return Err(Errno::INVAL);
        }
        let mut done = 0;
        for batch in bufs.chunks_mut(IOV_MAX) {
            let want = total_of(batch.iter().map(|b| b.len()));
            let at = offset.saturating_add(done as u64);
            let read = match usize::try_from(i64::MAX as u64 - at.min(i64::MAX as u64)) {
                // The kernel refuses a range that ends beyond the last possible offset, though the file ends before.
                Ok(left) if left < want => {
                    let Some(first) = batch.iter_mut().find(|b| !b.is_empty()) else { break };
                    let len = first.len().min(left);
                    os::preadv(&self.file, &mut [IoSliceMut::new(&mut first[..len])], at)
                }
                _ => os::preadv(&self.file, batch, at),
            };
            match read {
                Ok(n) => {
                    done += n;
                    // A regular file is short at its end, or at the most that the kernel moves at once.
                    if n < want {
                        break;
                    }
                }
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        self.needs(OpenFlags::WRITE)?;
        let total = total_of(bufs.iter().map(|b| b.len()));
        match at {
            At::Offset(offset) if offset > i64::MAX as u64 => Err(Errno::INVAL),
            At::Offset(offset) => {
                if total == 0 {
                    return Ok((0, offset));
                }
                self.anywhere()?;
                let room = self.fs.room(offset, total)?;
                let cut_bufs;
                let bufs = if room < total {
                    cut_bufs = cut(bufs, room);
                    &cut_bufs
                } else {
                    bufs
                };
                let write =
                    |batch: &[IoSlice<'_>], done| os::pwritev(&self.file, batch, offset + done as u64, self.durable());
                let n = self.write_batches(bufs, write)?;
                Ok((n, offset + n as u64))
            }
            At::End => {
                let _appended = self.keep_appended()?;
                if total == 0 {
                    return Ok((0, Attr::of(&self.file)?.size));
                }
                let (n, append) = self.write_at_end(bufs, total)?;
                Ok((n, append.end(n)?))
            }
        }
    }

    fn append(&self, bufs: &[IoSlice<'_>]) -> Result<(usize, Option<u64>)> {
        self.needs(OpenFlags::WRITE)?;
        let total = total_of(bufs.iter().map(|b| b.len()));
        if total == 0 {
            return Ok((0, None));
        }
        let mut appended = self.appended.lock();
        let (n, append) = self.write_at_end(bufs, total)?;
        *appended = append.known_end(n);
        Ok((n, *appended))
    }

    fn appended(&self) -> Result<u64> {
        self.keep_appended().map(|(end, _)| end)
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.needs(OpenFlags::READ)?;
        if offset > i64::MAX as u64 {
            return Err(Errno::INVAL);
        }
        // As in `read_at`: the kernel refuses a range that ends beyond the last possible offset.
        let most = usize::try_from(i64::MAX as u64 - offset).unwrap_or(usize::MAX);
        let mut len = len.min(RW_MAX).min(most);
        if len > SMALL && self.file_type == FileType::Regular {
            let left = Attr::of(&self.file)?.size.saturating_sub(offset);
            len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        } else {
            len = len.min(SMALL);
        }
        let mut content = Vec::with_capacity(len);
        if len > 0 {
            os::pread(&self.file, &mut content, offset)?;
        }
        if content.len() < content.capacity() / 2 {
            content.shrink_to_fit();
        }
        Ok(content.into())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        let attr = SetAttr { size: Some(len), ..SetAttr::default() };
        check_attr(&attr, self.file_type)?;
        self.fs.check_size(Some(len))?;
        set_attr_of(&self.file, &attr)
    }

    fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.needs(OpenFlags::WRITE)?;
        let end = offset.checked_add(len).filter(|end| *end <= i64::MAX as u64).ok_or(Errno::INVAL)?;
        if len == 0 {
            return Err(Errno::INVAL);
        }
        self.fs.check_size(Some(end))?;
        os::allocate(&self.file, offset, len)
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let target = (target as &dyn Any).downcast_ref::<HostFile>().ok_or(Errno::NOTSUP)?;
        target.needs(OpenFlags::WRITE)?;
        if self.file_type != FileType::Regular || target.file_type != FileType::Regular {
            return Err(Errno::NOTSUP);
        }
        if self.key == target.key {
            return Ok(());
        }
        let len = Attr::of(&self.file)?.size;
        target.fs.check_size(Some(len))?;
        target.anywhere()?;
        let _appended = self.keep_appended()?;
        os::clone_content(&self.file, &target.file, len)
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        if offset > i64::MAX as u64 {
            return Err(Errno::NXIO);
        }
        let _appended = self.keep_appended()?;
        os::seek_data(&self.file, offset, what)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        // On macOS std asks for F_FULLFSYNC.
        if data_only { self.file.sync_data() } else { self.file.sync_all() }.map_err(Errno::from)
    }

    fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        self.durable.store(durable(flags).bits(), Ordering::Relaxed);
        Ok(())
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        os::advise(&self.file, offset, len, advice)
    }
}
