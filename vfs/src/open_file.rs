//! [`OpenFile`]: an open file description, `VirtualFile` plus cursor and status flags.
//!
//! # Lock order
//! `OpenFile::cursor` → the locks of the filesystem. The cursor's lock is held across a read or write at the cursor, as
//! POSIX demands of threads that share a description ("2.9.7 Thread Interactions with Regular File Operations").

use core::{ops::ControlFlow, task::Waker};
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use crate::{
    Advice, At, Cookie, Ctx, DirEntry, Errno, Events, FileType, Metadata, NodeId, OpenFlags, Opened, Place, Result,
    Seek, SetAttr, VirtualFile,
    cursor::{Cursor, CursorGuard},
    lock,
    mount::Mount,
    sync::{
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        process,
    },
};

/// The flags that can change while a file is open.
const STATUS: OpenFlags = OpenFlags::APPEND.union(OpenFlags::NONBLOCK).union(OpenFlags::SYNC).union(OpenFlags::DSYNC);

/// From where [`OpenFile::seek`] counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whence {
    /// The beginning.
    Start,
    /// The cursor.
    Current,
    /// The end of the file.
    End,
}

/// An open file description. Descriptors that share it through `dup` or `fork` share the cursor and the flags.
#[derive(Debug)]
pub struct OpenFile {
    file: Arc<dyn VirtualFile>,
    cursor: Cursor,
    /// The cursor is behind what was appended last, and the file has not been asked yet where that is. Set with the
    /// cursor locked; taken back after the cursor shows the place, so that who finds it false finds the place. Always
    /// set where there is no cursor.
    unasked: AtomicBool,
    /// Of a directory: where names are looked up.
    place: Option<Place>,
    /// Which file locks are on, if it has a name.
    identity: Option<(u64, NodeId)>,
    /// Owner of locks: unlike that of any other open file. 0 until it asks for a lock: most never do, and their closing
    /// skips the table of locks.
    owner: AtomicU64,
    /// Access and status, [`OpenFlags`].
    flags: AtomicU32,
    file_type: FileType,
    seekable: bool,
    read_only: bool,
}

impl OpenFile {
    /// What a path was opened to.
    #[inline]
    pub(crate) fn new(opened: Opened, mount: &Arc<Mount>, flags: OpenFlags) -> OpenFile {
        let Opened { file, node, file_type, .. } = opened;
        let place = match file_type {
            FileType::Directory => Some(Place::adopt(mount, node)),
            _ => None,
        };
        OpenFile::with(file, flags, file_type, place, Some((mount.dev(), node)), mount.read_only())
    }

    /// A file that was not opened by a path: a pipe, a socket, a terminal.
    pub fn from_stream(file: Arc<dyn VirtualFile>, flags: OpenFlags, file_type: FileType) -> OpenFile {
        OpenFile::with(file, flags, file_type, None, None, false)
    }

    #[inline(always)] // To move it costs more than to make it.
    fn with(
        file: Arc<dyn VirtualFile>,
        flags: OpenFlags,
        file_type: FileType,
        place: Option<Place>,
        identity: Option<(u64, NodeId)>,
        read_only: bool,
    ) -> OpenFile {
        let kept = flags & (OpenFlags::READ | OpenFlags::WRITE | STATUS);
        let seekable = file_type != FileType::Directory && file.seekable();
        OpenFile {
            file,
            cursor: Cursor::default(),
            unasked: AtomicBool::new(!seekable),
            place,
            identity,
            owner: AtomicU64::new(0),
            flags: AtomicU32::new(kept.bits()),
            file_type,
            seekable,
            read_only,
        }
    }

    /// Takes away what was asked of the filesystem for opening alone.
    #[inline]
    pub(crate) fn keep_access(&mut self, flags: OpenFlags) {
        *self.flags.get_mut() &= flags.bits();
    }

    /// The file underneath.
    #[inline]
    pub fn file(&self) -> &Arc<dyn VirtualFile> {
        &self.file
    }

    /// Whether it has offsets, and with them a cursor.
    #[inline]
    pub fn seekable(&self) -> bool {
        self.seekable
    }

    /// Its type.
    #[inline]
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Of a directory: where names are looked up.
    #[inline]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Access and status flags.
    #[inline]
    pub fn flags(&self) -> OpenFlags {
        OpenFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Sets the status flags `APPEND`, `NONBLOCK`, `SYNC` and `DSYNC` to those of `flags` (`fcntl(F_SETFL)`).
    ///
    /// # Errors
    /// Those of [`VirtualFile::set_flags`].
    pub fn set_status_flags(&self, flags: OpenFlags) -> Result<()> {
        let next = (self.flags() - STATUS) | (flags & STATUS);
        self.file.set_flags(next)?;
        self.flags.store(next.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Reads at the cursor and moves it (`readv(2)`); from a stream, what is there.
    ///
    /// # Errors
    /// `BADF` without `READ`; those of [`VirtualFile::read_at`] or [`VirtualFile::read_stream`], whose `AGAIN` is for
    /// the caller to wait on.
    #[inline]
    pub fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.check(OpenFlags::READ)?;
        if !self.seekable {
            return self.file.read_stream(bufs);
        }
        let mut cursor = self.cursor.lock();
        let n = self.file.read_at(bufs, self.settle(&mut cursor)?)?;
        cursor.advance(n as u64);
        Ok(n)
    }

    /// Writes at the cursor, or with `APPEND` at the end, and moves the cursor behind it (`writev(2)`); to a stream,
    /// what fits.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; those of [`VirtualFile::write_at`] or [`VirtualFile::write_stream`], whose `AGAIN` is
    /// for the caller to wait on.
    #[inline]
    pub fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        self.check(OpenFlags::WRITE)?;
        if !self.seekable {
            return self.file.write_stream(bufs);
        }
        let mut cursor = self.cursor.lock();
        if self.flags().contains(OpenFlags::APPEND) {
            let (n, end) = self.file.append(bufs)?;
            match end {
                _ if n == 0 => {}
                Some(end) => self.put(&mut cursor, end),
                None => self.unasked.store(true, Ordering::Relaxed),
            }
            return Ok(n);
        }
        let (n, end) = self.file.write_at(bufs, At::Offset(self.settle(&mut cursor)?))?;
        if n > 0 {
            cursor.set(end);
        }
        Ok(n)
    }

    /// Where the cursor is, which after an append the file may have to be asked.
    #[inline]
    fn settle(&self, cursor: &mut CursorGuard<'_>) -> Result<u64> {
        if self.unasked.load(Ordering::Relaxed) {
            let end = self.file.appended()?;
            self.put(cursor, end);
        }
        Ok(cursor.at())
    }

    /// Puts the cursor there, wherever it was.
    #[inline]
    fn put(&self, cursor: &mut CursorGuard<'_>, at: u64) {
        cursor.set(at);
        if self.unasked.load(Ordering::Relaxed) {
            cursor.publish();
            self.unasked.store(false, Ordering::Release);
        }
    }

    /// Reads at an offset, leaving the cursor alone (`preadv(2)`).
    ///
    /// # Errors
    /// `BADF` without `READ`; those of [`VirtualFile::read_at`].
    #[inline]
    pub fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        self.check(OpenFlags::READ)?;
        self.file.read_at(bufs, offset)
    }

    /// Writes at an offset, leaving the cursor alone (`pwritev(2)`); with `APPEND` at the end all the same, as Linux
    /// does.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; those of [`VirtualFile::write_at`].
    #[inline]
    pub fn write_at(&self, bufs: &[IoSlice<'_>], offset: u64) -> Result<usize> {
        self.check(OpenFlags::WRITE)?;
        if offset > i64::MAX as u64 && self.seekable {
            return Err(Errno::INVAL);
        }
        let at = if self.flags().contains(OpenFlags::APPEND) { At::End } else { At::Offset(offset) };
        self.file.write_at(bufs, at).map(|(n, _)| n)
    }

    /// Moves the cursor (`lseek(2)`) and answers where it is. Past the end is allowed.
    ///
    /// # Errors
    /// `SPIPE` for a stream; `ISDIR` for a directory; `INVAL` if the result would be negative or over `i64::MAX`.
    pub fn seek(&self, whence: Whence, delta: i64) -> Result<u64> {
        self.check_seekable()?;
        let mut cursor = self.cursor.lock();
        let base = match whence {
            Whence::Start => 0,
            Whence::Current => self.settle(&mut cursor)?,
            Whence::End => self.file.getattr()?.size,
        };
        let next = base.checked_add_signed(delta).filter(|&n| n <= i64::MAX as u64).ok_or(Errno::INVAL)?;
        self.put(&mut cursor, next);
        Ok(next)
    }

    /// Moves the cursor to the next data or hole (`lseek(2)`).
    ///
    /// # Errors
    /// As [`seek`](Self::seek); those of [`VirtualFile::seek_data`].
    pub fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        self.check_seekable()?;
        let mut cursor = self.cursor.lock();
        self.put(&mut cursor, self.file.seek_data(offset, what)?);
        Ok(cursor.at())
    }

    /// Where the cursor is.
    ///
    /// # Errors
    /// `SPIPE` for a stream; `ISDIR` for a directory; those of [`VirtualFile::appended`].
    #[inline]
    pub fn tell(&self) -> Result<u64> {
        self.check_seekable()?;
        if self.unasked.load(Ordering::Acquire) {
            return self.settle(&mut self.cursor.lock());
        }
        Ok(self.cursor.get())
    }

    /// What [`tell`](Self::tell) answers, where that takes nothing but a look: not after an append that has not been
    /// asked for its end, and not where there is no cursor. Calls nothing, which a runtime's shortest way needs.
    #[inline]
    pub fn known_position(&self) -> Option<u64> {
        let known = !self.unasked.load(Ordering::Acquire);
        known.then(|| self.cursor.get())
    }

    /// Metadata (`fstat(2)`).
    ///
    /// # Errors
    /// None but those of the medium.
    pub fn metadata(&self) -> Result<Metadata> {
        self.file.getattr()
    }

    /// Changes metadata (`fchmod`, `fchown`, `futimens`).
    ///
    /// # Errors
    /// `ROFS`; those of [`VirtualFile::setattr`].
    pub fn set_attr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if self.read_only {
            return Err(Errno::ROFS);
        }
        if attr.size.is_some() {
            self.check(OpenFlags::WRITE)?;
        }
        self.file.setattr(cx, attr)
    }

    /// Cuts or extends (`ftruncate(2)`). The cursor stays.
    ///
    /// # Errors
    /// `BADF` without `WRITE`; those of [`VirtualFile::set_len`].
    pub fn set_len(&self, len: u64) -> Result<()> {
        self.check(OpenFlags::WRITE)?;
        self.file.set_len(len)
    }

    /// Reserves space (`posix_fallocate(3)`).
    ///
    /// # Errors
    /// `BADF` without `WRITE`; those of [`VirtualFile::allocate`].
    pub fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.check(OpenFlags::WRITE)?;
        self.file.allocate(offset, len)
    }

    /// Tells how the file will be used (`posix_fadvise(2)`).
    ///
    /// # Errors
    /// Those of [`VirtualFile::advise`].
    pub fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.file.advise(offset, len, advice)
    }

    /// Makes durable (`fsync(2)`, `fdatasync(2)`).
    ///
    /// # Errors
    /// Those of [`VirtualFile::sync`].
    pub fn sync(&self, data_only: bool) -> Result<()> {
        self.file.sync(data_only)
    }

    /// Lists a directory (`getdents(2)`).
    ///
    /// # Errors
    /// `BADF` without `READ`; those of [`VirtualFile::readdir`].
    pub fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.check(OpenFlags::READ)?;
        self.file.readdir(from, sink)
    }

    /// Readiness (`poll(2)`).
    ///
    /// # Errors
    /// Those of [`VirtualFile::poll`].
    pub fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.file.poll(interest, waker)
    }

    /// Locks or unlocks the whole file, advisorily (`flock(2)`). Never waits. The lock belongs to the open file, and
    /// goes with it.
    ///
    /// # Errors
    /// `BADF` for what has no name; `AGAIN` if another open file holds a lock in the way, and then `waker` is woken
    /// once when that may have changed.
    pub fn flock(&self, kind: Option<lock::LockKind>, waker: Option<&Waker>) -> Result<()> {
        let identity = self.identity.ok_or(Errno::BADF)?;
        lock::flock(identity, self.owner(), kind, waker)
    }

    /// Locks or unlocks a range, advisorily (`fcntl(F_OFD_SETLK)`); `len` 0 is everything from `start` on. Never waits.
    /// Independent of [`flock`](Self::flock).
    ///
    /// # Errors
    /// `BADF` for what has no name, for a shared lock without `READ` or an exclusive one without `WRITE`; `INVAL` if
    /// the range ends past `i64::MAX`; `AGAIN` as in `flock`.
    pub fn lock_range(&self, kind: Option<lock::LockKind>, start: u64, len: u64, waker: Option<&Waker>) -> Result<()> {
        let identity = self.identity.ok_or(Errno::BADF)?;
        match kind {
            Some(lock::LockKind::Shared) => self.check(OpenFlags::READ)?,
            Some(lock::LockKind::Exclusive) => self.check(OpenFlags::WRITE)?,
            None => {}
        }
        lock::lock_range(identity, self.owner(), kind, lock::Range::new(start, len)?, waker)
    }

    /// The lock that would be in the way of `kind` on a range (`fcntl(F_OFD_GETLK)`): its kind, start, and length, 0
    /// meaning to the end.
    ///
    /// # Errors
    /// `BADF` for what has no name; `INVAL` if the range ends past `i64::MAX`.
    pub fn test_lock(&self, kind: lock::LockKind, start: u64, len: u64) -> Result<Option<(lock::LockKind, u64, u64)>> {
        let identity = self.identity.ok_or(Errno::BADF)?;
        Ok(lock::test(identity, self.owner(), kind, lock::Range::new(start, len)?))
    }

    /// Called when the last descriptor goes, so that a delayed write can report its error.
    ///
    /// # Errors
    /// Those of [`VirtualFile::flush`]. The file is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.file.flush()
    }

    fn owner(&self) -> u64 {
        static NEXT: process::AtomicU64 = process::AtomicU64::new(1);
        match self.owner.load(Ordering::Relaxed) {
            0 => {
                let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
                // Of two threads that come first, both get what the first of them has put there.
                match self.owner.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => fresh,
                    Err(theirs) => theirs,
                }
            }
            owner => owner,
        }
    }

    #[inline]
    fn check(&self, wanted: OpenFlags) -> Result<()> {
        if self.flags().contains(wanted) { Ok(()) } else { Err(Errno::BADF) }
    }

    #[inline]
    fn check_seekable(&self) -> Result<()> {
        // No directory is.
        match self.file_type {
            _ if self.seekable => Ok(()),
            FileType::Directory => Err(Errno::ISDIR),
            _ => Err(Errno::SPIPE),
        }
    }
}

impl Drop for OpenFile {
    #[inline]
    fn drop(&mut self) {
        let owner = *self.owner.get_mut();
        if let (true, Some(identity)) = (owner != 0, self.identity) {
            lock::release(identity, owner);
        }
    }
}
