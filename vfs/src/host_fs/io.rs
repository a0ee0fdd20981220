//! Reading and writing of [`HostFile`](super::file::HostFile): what each system calls it.

#[cfg(target_os = "linux")]
pub(super) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(super) use other::*;

#[cfg(target_os = "linux")]
mod linux {
    use core::{mem::MaybeUninit, num::NonZeroU64};

    use rustix::{
        buffer::spare_capacity,
        fs::{FallocateFlags, OFlags, SeekFrom},
        io::{Errno as HostErrno, ReadWriteFlags, retry_on_intr},
    };
    use smallvec::SmallVec;

    use std::{
        fs::File,
        io::{IoSlice, IoSliceMut},
    };

    use crate::{Advice, Errno, OpenFlags, Result, Seek};

    /// Bytes that are rather copied than given to or taken from the kernel in pieces.
    const GATHERED: usize = 2048;

    /// Bytes of one `copy_file_range`.
    const COPY_MAX: usize = 1 << 30;

    fn flags(durable: OpenFlags) -> ReadWriteFlags {
        let mut flags = ReadWriteFlags::empty();
        flags.set(ReadWriteFlags::SYNC, durable.contains(OpenFlags::SYNC));
        flags.set(ReadWriteFlags::DSYNC, durable.contains(OpenFlags::DSYNC));
        flags
    }

    pub(in crate::host_fs) fn preadv(file: &File, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        // The kernel does one buffer faster without a vector.
        if let [one] = bufs {
            return Ok(retry_on_intr(|| rustix::io::pread(file, &mut one[..], offset))?);
        }
        if is_small(bufs.iter().map(|buf| buf.len())) {
            let mut one = [MaybeUninit::uninit(); GATHERED];
            let want: usize = bufs.iter().map(|buf| buf.len()).sum();
            return Ok(retry_on_intr(|| {
                let (read, _) = rustix::io::pread(file, &mut one[..want], offset)?;
                scatter(read, bufs);
                Ok(read.len())
            })?);
        }
        Ok(retry_on_intr(|| rustix::io::preadv(file, bufs, offset))?)
    }

    /// Whether it is quicker to copy these bytes than to give the kernel the pieces.
    fn is_small(lens: impl Iterator<Item = usize>) -> bool {
        lens.fold(0, |sum: usize, len| sum.saturating_add(len)) <= GATHERED
    }

    fn scatter(mut from: &[u8], bufs: &mut [IoSliceMut<'_>]) {
        for buf in bufs {
            let (head, rest) = from.split_at(buf.len().min(from.len()));
            buf[..head.len()].copy_from_slice(head);
            from = rest;
        }
    }

    pub(in crate::host_fs) fn pread(file: &File, content: &mut Vec<u8>, offset: u64) -> Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(file, spare_capacity(content), offset))?)
    }

    pub(in crate::host_fs) fn pwritev(
        file: &File,
        bufs: &[IoSlice<'_>],
        offset: u64,
        durable: OpenFlags,
    ) -> Result<usize> {
        if durable.is_empty() {
            return Ok(match (bufs, gathered(bufs)) {
                ([one], _) => retry_on_intr(|| rustix::io::pwrite(file, one, offset))?,
                (_, Some(one)) => retry_on_intr(|| rustix::io::pwrite(file, &one, offset))?,
                _ => retry_on_intr(|| rustix::io::pwritev(file, bufs, offset))?,
            });
        }
        Ok(retry_on_intr(|| rustix::io::pwritev2(file, bufs, offset, flags(durable)))?)
    }

    /// Several small buffers as one, which costs the kernel less than each of them by itself.
    fn gathered(bufs: &[IoSlice<'_>]) -> Option<SmallVec<[u8; GATHERED]>> {
        if bufs.len() < 2 || !is_small(bufs.iter().map(|buf| buf.len())) {
            return None;
        }
        let mut one = SmallVec::new();
        bufs.iter().for_each(|buf| one.extend_from_slice(buf));
        Some(one)
    }

    /// Lets a descriptor that was opened to append write at offsets.
    pub(in crate::host_fs) fn write_anywhere(file: &File) -> Result<()> {
        let flags = rustix::fs::fcntl_getfl(file)?;
        Ok(rustix::fs::fcntl_setfl(file, flags - OFlags::APPEND)?)
    }

    /// Writes at the end, where the kernel says that it is.
    pub(in crate::host_fs) struct Append<'a> {
        file: &'a File,
        /// It was opened to append.
        at_end_only: bool,
    }

    impl<'a> Append<'a> {
        pub(in crate::host_fs) fn begin(file: &'a File, at_end_only: bool) -> Result<Append<'a>> {
            Ok(Append { file, at_end_only })
        }

        pub(in crate::host_fs) fn write(
            &self,
            bufs: &[IoSlice<'_>],
            _done: usize,
            durable: OpenFlags,
        ) -> Result<usize> {
            let gathered = gathered(bufs);
            let gathered = gathered.as_ref().map(|one| [IoSlice::new(one)]);
            let bufs = gathered.as_ref().map_or(bufs, |one| one);
            if self.at_end_only && durable.is_empty() {
                return Ok(match bufs {
                    [one] => retry_on_intr(|| rustix::io::write(self.file, one))?,
                    _ => retry_on_intr(|| rustix::io::writev(self.file, bufs))?,
                });
            }
            let how = flags(durable) | ReadWriteFlags::APPEND;
            // u64::MAX: at, and moving, the descriptor's own offset.
            Ok(retry_on_intr(|| rustix::io::pwritev2(self.file, bufs, u64::MAX, how))?)
        }

        pub(in crate::host_fs) fn end(&self, _done: usize) -> Result<u64> {
            own_offset(self.file)
        }

        /// That costs a syscall here.
        pub(in crate::host_fs) fn known_end(&self, _done: usize) -> Option<u64> {
            None
        }
    }

    /// Where the descriptor's own offset is.
    pub(in crate::host_fs) fn own_offset(file: &File) -> Result<u64> {
        Ok(rustix::fs::tell(file)?)
    }

    pub(in crate::host_fs) fn allocate(file: &File, offset: u64, len: u64) -> Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len))?)
    }

    /// Copies all `len` bytes: by sharing blocks where the host can, else inside the kernel, data by data. Moves the
    /// offset of `from`.
    pub(in crate::host_fs) fn clone_content(from: &File, to: &File, len: u64) -> Result<()> {
        retry_on_intr(|| rustix::fs::ftruncate(to, 0))?;
        if rustix::fs::ioctl_ficlone(to, from).is_ok() {
            return Ok(());
        }
        let copied = retry_on_intr(|| rustix::fs::ftruncate(to, len)).and_then(|()| copy_data(from, to, len));
        match copied {
            Ok(()) => Ok(()),
            Err(e) => {
                retry_on_intr(|| rustix::fs::ftruncate(to, 0))?;
                // Two filesystems that do not know each other, a kernel or a sandbox without the call.
                let unable = [HostErrno::XDEV, HostErrno::INVAL, HostErrno::OPNOTSUPP, HostErrno::NOSYS];
                Err(if unable.contains(&e) { Errno::NOTSUP } else { e.into() })
            }
        }
    }

    fn copy_data(from: &File, to: &File, len: u64) -> Result<(), HostErrno> {
        let mut at = 0;
        while at < len {
            let data = match rustix::fs::seek(from, SeekFrom::Data(at)) {
                Ok(data) => data,
                // The rest is a hole.
                Err(HostErrno::NXIO) => return Ok(()),
                Err(e) => return Err(e),
            };
            let end = rustix::fs::seek(from, SeekFrom::Hole(data))?.min(len);
            at = data;
            while at < end {
                let (mut read, mut write) = (at, at);
                let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(COPY_MAX);
                let n =
                    retry_on_intr(|| rustix::fs::copy_file_range(from, Some(&mut read), to, Some(&mut write), want))?;
                // Somebody has cut it meanwhile.
                if n == 0 {
                    return Ok(());
                }
                at += n as u64;
            }
        }
        Ok(())
    }

    pub(in crate::host_fs) fn seek_data(file: &File, offset: u64, what: Seek) -> Result<u64> {
        let from = match what {
            Seek::Data => SeekFrom::Data(offset),
            Seek::Hole => SeekFrom::Hole(offset),
        };
        Ok(rustix::fs::seek(file, from)?)
    }

    pub(in crate::host_fs) fn advise(file: &File, offset: u64, len: u64, advice: Advice) -> Result<()> {
        use rustix::fs::Advice as Host;
        let advice = match advice {
            Advice::Normal => Host::Normal,
            Advice::Sequential => Host::Sequential,
            Advice::Random => Host::Random,
            Advice::WillNeed => Host::WillNeed,
            Advice::DontNeed => Host::DontNeed,
            Advice::NoReuse => Host::NoReuse,
        };
        Ok(rustix::fs::fadvise(file, offset, NonZeroU64::new(len), advice)?)
    }
}

/// Without `RWF_APPEND` a write at the end is atomic against the other appends of this process only; without
/// `SEEK_DATA` a file is all data; nothing can be reserved.
#[cfg(not(target_os = "linux"))]
mod other {
    use std::{
        fs::File,
        io::{IoSlice, IoSliceMut},
    };

    use parking_lot::Mutex;

    use crate::{Advice, Errno, OpenFlags, Result, Seek, host_fs::meta::Attr};

    static APPEND: Mutex<()> = Mutex::new(());

    #[cfg(unix)]
    pub(in crate::host_fs) fn preadv(file: &File, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::preadv(file, bufs, offset))?)
    }

    #[cfg(windows)]
    pub(in crate::host_fs) fn preadv(file: &File, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        for buf in bufs {
            let n = match file.seek_read(buf, offset + done as u64) {
                Ok(n) => n,
                Err(e) if done == 0 => return Err(e.into()),
                Err(_) => break,
            };
            done += n;
            if n < buf.len() {
                break;
            }
        }
        Ok(done)
    }

    pub(in crate::host_fs) fn pread(file: &File, content: &mut Vec<u8>, offset: u64) -> Result<usize> {
        content.resize(content.capacity(), 0);
        let n = preadv(file, &mut [IoSliceMut::new(content)], offset)?;
        content.truncate(n);
        Ok(n)
    }

    pub(in crate::host_fs) fn pwritev(
        file: &File,
        bufs: &[IoSlice<'_>],
        offset: u64,
        durable: OpenFlags,
    ) -> Result<usize> {
        let n = write_all(file, bufs, offset)?;
        if durable.contains(OpenFlags::SYNC) {
            file.sync_all()?;
        } else if durable.contains(OpenFlags::DSYNC) {
            file.sync_data()?;
        }
        Ok(n)
    }

    #[cfg(unix)]
    fn write_all(file: &File, bufs: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::pwritev(file, bufs, offset))?)
    }

    #[cfg(windows)]
    fn write_all(file: &File, bufs: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        for buf in bufs {
            let n = match file.seek_write(buf, offset + done as u64) {
                Ok(n) => n,
                Err(e) if done == 0 => return Err(e.into()),
                Err(_) => break,
            };
            done += n;
            if n < buf.len() {
                break;
            }
        }
        Ok(done)
    }

    /// Nothing is opened to append here.
    pub(in crate::host_fs) fn write_anywhere(_: &File) -> Result<()> {
        Ok(())
    }

    /// Writes at the end as it is now.
    pub(in crate::host_fs) struct Append<'a> {
        file: &'a File,
        start: u64,
        _one_at_a_time: parking_lot::MutexGuard<'static, ()>,
    }

    impl<'a> Append<'a> {
        pub(in crate::host_fs) fn begin(file: &'a File, _at_end_only: bool) -> Result<Append<'a>> {
            let _one_at_a_time = APPEND.lock();
            Ok(Append { file, start: Attr::of(file)?.size, _one_at_a_time })
        }

        pub(in crate::host_fs) fn write(&self, bufs: &[IoSlice<'_>], done: usize, durable: OpenFlags) -> Result<usize> {
            pwritev(self.file, bufs, self.start + done as u64, durable)
        }

        pub(in crate::host_fs) fn end(&self, done: usize) -> Result<u64> {
            Ok(self.start + done as u64)
        }

        pub(in crate::host_fs) fn known_end(&self, done: usize) -> Option<u64> {
            Some(self.start + done as u64)
        }
    }

    /// Where the descriptor's own offset is.
    pub(in crate::host_fs) fn own_offset(mut file: &File) -> Result<u64> {
        use std::io::Seek as _;
        Ok(file.stream_position()?)
    }

    pub(in crate::host_fs) fn allocate(_file: &File, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::NOTSUP)
    }

    pub(in crate::host_fs) fn clone_content(_from: &File, _to: &File, _len: u64) -> Result<()> {
        Err(Errno::NOTSUP)
    }

    pub(in crate::host_fs) fn seek_data(file: &File, offset: u64, what: Seek) -> Result<u64> {
        let size = Attr::of(file)?.size;
        match what {
            _ if offset >= size => Err(Errno::NXIO),
            Seek::Data => Ok(offset),
            Seek::Hole => Ok(size),
        }
    }

    pub(in crate::host_fs) fn advise(_file: &File, _offset: u64, _len: u64, _advice: Advice) -> Result<()> {
        // A hint that these systems do not take in this form.
        Ok(())
    }
}
