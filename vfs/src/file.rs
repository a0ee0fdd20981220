//! [`VirtualFile`]: an open file description without its cursor.
//!
//! Every method takes `&self` and an offset, so that reads need no lock above the filesystem's own and `pread` is
//! `read` with another number. Cursor, append and sharing by `dup` belong to [`OpenFile`](crate::OpenFile).
//!
//! There are three shapes, and each answers the methods of the others with one documented error:
//!
//! | | `read_at` `write_at` `set_len` `allocate` `clone_to` `seek_data` | `readdir` | `read_stream` `write_stream` |
//! |---|---|---|---|
//! | regular file, block device | work | `NOTDIR` | `INVAL` |
//! | directory | `ISDIR` | works | `ISDIR` |
//! | stream: FIFO, socket, terminal | `SPIPE` (`set_len`: `INVAL`) | `NOTDIR` | work |

use core::{any::Any, fmt, ops::ControlFlow, task::Waker};
use std::io::{IoSlice, IoSliceMut};

use bytes::Bytes;

use crate::{At, Cookie, Ctx, DirEntry, Events, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr};

/// An open file.
///
/// # Access
/// The flags it was opened with bind: reading needs [`OpenFlags::READ`], writing and `set_len` and `allocate`
/// [`OpenFlags::WRITE`], else `BADF`, and that comes before every other error.
pub trait VirtualFile: Any + fmt::Debug + Send + Sync {
    /// Its node; `None` for what never had a name (pipes, sockets, terminals).
    fn node(&self) -> Option<NodeId>;

    /// Whether it has offsets: true for regular files and block devices.
    fn seekable(&self) -> bool;

    /// Metadata, as it is now, of a removed file too.
    ///
    /// # Errors
    /// None of its own.
    fn getattr(&self) -> Result<Metadata>;

    /// As [`FileSystem::setattr`](crate::FileSystem::setattr), but for the size, which needs `WRITE`.
    ///
    /// # Errors
    /// As `FileSystem::setattr`; `NOTSUP` where there is no node.
    fn setattr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()>;

    /// Reads into `bufs`, one after the other, until they are full or the file ends; short only at the end of the
    /// file. At or past the end: 0. Buffers that do not overlap are the caller's business.
    ///
    /// # Errors
    /// `BADF` without `READ`; `ISDIR`; `SPIPE`; `INVAL` if the offset is over `i64::MAX`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/pread.html>
    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize>;

    /// Writes all of `bufs`, one after the other, as one: no other write comes between. Answers the bytes written and
    /// the offset after them. Beyond the end a hole comes first; nothing to write changes nothing. If only a part fits
    /// (quota, size limit, full disk), that part is written and the count is short; the error comes with the next
    /// write, or at once if nothing fits.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; `ISDIR`; `SPIPE`; `INVAL` if the offset is over `i64::MAX`; `FBIG` from
    /// [`FsInfo::max_file_size`](crate::FsInfo::max_file_size) on; `NOSPC`, `DQUOT`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/pwrite.html>
    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)>;

    /// As [`write_at`](Self::write_at) with [`At::End`], but that the offset after the bytes is answered only if it is
    /// known for nothing; else `None`, and [`appended`](Self::appended) tells. So nobody pays for an offset that nobody
    /// asks for. [`eager_append!`](crate::eager_append) writes both methods where it is known always.
    ///
    /// # Errors
    /// As `write_at`.
    fn append(&self, bufs: &[IoSlice<'_>]) -> Result<(usize, Option<u64>)>;

    /// The offset after the bytes that the last successful [`append`](Self::append) to this open file wrote, where that
    /// answered `None`, whatever has happened to the file since. The caller keeps the two calls together.
    ///
    /// # Errors
    /// `INVAL` where `append` tells by itself.
    fn appended(&self) -> Result<u64>;

    /// As [`read_at`](Self::read_at), into a buffer of the file's choice: without a copy where the content already is
    /// a `Bytes`. Allocates no more than the file can fill.
    ///
    /// # Errors
    /// As `read_at`.
    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes>;

    /// Cuts or extends, with a hole.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; `ISDIR`; `INVAL` for a stream; `FBIG` over
    /// [`FsInfo::max_file_size`](crate::FsInfo::max_file_size).
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html>
    fn set_len(&self, len: u64) -> Result<()>;

    /// Reserves the space of `offset..offset + len`, and extends the file if it ends before. Never shortens it. All or
    /// nothing.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; `ISDIR`; `SPIPE`; `INVAL` if `len` is 0 or the sum is over `i64::MAX`; `FBIG`; `NOTSUP`
    /// without [`FsCaps::ALLOCATE`](crate::FsCaps::ALLOCATE); `NOSPC`, `DQUOT`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/posix_fallocate.html>
    fn allocate(&self, offset: u64, len: u64) -> Result<()>;

    /// Gives `target` the content of this file, in place of its own, without moving the bytes: shared until one of the
    /// two writes, or copied by the host on its own (`FICLONE`, `copy_file_range(2)`). Holes stay holes. The times of
    /// `target` change as by a write. All or nothing: after an error `target` is empty or as it was.
    ///
    /// The two need not be in one filesystem; every pair of memory filesystems can share. A caller that gets `NOTSUP`
    /// copies by reading and writing.
    ///
    /// # Errors
    /// `BADF` without `READ` here or `WRITE` there; `ISDIR`; `SPIPE`; `NOTSUP` if this cannot be done for these two,
    /// which [`FsCaps::CLONE`](crate::FsCaps::CLONE) excludes within one filesystem; `FBIG`; `NOSPC`, `DQUOT`.
    /// <https://man7.org/linux/man-pages/man2/FICLONE.2const.html>
    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()>;

    /// The next data or hole.
    ///
    /// # Errors
    /// `ISDIR`; `SPIPE`; `NXIO` if `offset` is at or past the end, or there is no data after it.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/lseek.html>
    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64>;

    /// Lists a directory from a cookie on, until it ends or `sink` breaks (the entry it broke at counts as not
    /// listed). A cookie past the end lists nothing.
    ///
    /// An entry present from before the cookie 0 was asked for until the end of the listing is listed exactly once,
    /// whatever is created, removed and renamed in between
    /// ([`FsCaps::STABLE_COOKIES`](crate::FsCaps::STABLE_COOKIES)). A listing ends, even if entries are added as fast
    /// as they are listed. `sink` must not call into the filesystem: a lock may be held.
    ///
    /// # Errors
    /// `BADF` without `READ`; `NOTDIR`. A removed directory is empty.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/readdir.html>
    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()>;

    /// Makes the content durable, and with `data_only` false the metadata; for a directory its entries.
    ///
    /// # Errors
    /// `INVAL` for a stream.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/fsync.html>
    fn sync(&self, data_only: bool) -> Result<()>;

    /// Which of `interest` is ready now (and `HUP`, `ERR`). If none is and `waker` is given, wakes it once when that
    /// may have changed. Regular files and directories are always ready.
    ///
    /// # Errors
    /// None of its own.
    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events>;

    /// Reads what is there, without waiting. 0 is the end.
    ///
    /// # Errors
    /// `BADF` without `READ`; `ISDIR`; `INVAL` for a regular file; `AGAIN` if nothing is there yet.
    fn read_stream(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize>;

    /// Writes what fits, without waiting.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; `ISDIR`; `INVAL` for a regular file; `AGAIN` if nothing fits; `PIPE` if nobody will
    /// read it.
    fn write_stream(&self, bufs: &[IoSlice<'_>]) -> Result<usize>;

    /// Called once, when the last descriptor is closed, so that a delayed write can report its error. The file closes
    /// anyway.
    ///
    /// # Errors
    /// `IO`, `NOSPC`, `DQUOT` for data that could not be written.
    fn flush(&self) -> Result<()>;

    /// Tells that the status flags [`APPEND`](OpenFlags::APPEND), [`NONBLOCK`](OpenFlags::NONBLOCK), `SYNC` and
    /// `DSYNC` have become those of `flags`. The core does append and waiting itself; a file that must tell somebody
    /// else does it here.
    ///
    /// # Errors
    /// `INVAL` if `SYNC` or `DSYNC` would change and cannot.
    fn set_flags(&self, flags: OpenFlags) -> Result<()>;

    /// Tells how the file will be used (`posix_fadvise(2)`). A hint; not every file has a use for it.
    ///
    /// # Errors
    /// `SPIPE` for a stream, `ISDIR` for a directory.
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()>;

    /// The socket behind it, if it is one.
    fn socket(&self) -> Option<&dyn Socket>;

    /// Whether it is a terminal (`isatty(3)`).
    fn is_terminal(&self) -> bool;
}

/// How a range of a file will be used (`posix_fadvise(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Nothing special.
    Normal,
    /// From front to back.
    Sequential,
    /// In no order.
    Random,
    /// Soon.
    WillNeed,
    /// Not soon.
    DontNeed,
    /// Once.
    NoReuse,
}

/// What a socket can do beyond reading and writing. None of it waits.
pub trait Socket: Send + Sync {
    /// Takes a connection that waits.
    ///
    /// # Errors
    /// `INVAL` if the socket does not listen; `AGAIN` if no connection waits.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/accept.html>
    fn accept(&self) -> Result<std::sync::Arc<dyn VirtualFile>>;

    /// Receives.
    ///
    /// # Errors
    /// `NOTCONN`; `AGAIN` if nothing has arrived.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/recvmsg.html>
    fn recv(&self, bufs: &mut [IoSliceMut<'_>], peek: bool) -> Result<Received>;

    /// Sends.
    ///
    /// # Errors
    /// `NOTCONN`; `AGAIN` if nothing fits; `PIPE` if the other end is gone.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/sendmsg.html>
    fn send(&self, bufs: &[IoSlice<'_>]) -> Result<usize>;

    /// Ends one direction or both.
    ///
    /// # Errors
    /// `NOTCONN`.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/shutdown.html>
    fn shutdown(&self, read: bool, write: bool) -> Result<()>;

    /// Whether it carries datagrams; if not, a stream.
    fn is_datagram(&self) -> bool;
}

/// What [`Socket::recv`] received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Bytes in the buffers.
    pub bytes: usize,
    /// Whether a datagram was longer than the buffers.
    pub truncated: bool,
}
