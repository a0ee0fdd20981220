//! [`HostDir`]: an open directory.
//!
//! Each has a descriptor of its own, and so a position of its own. What one `getdents` brought is kept and handed out
//! until it is used up, however small the steps in which the caller asks; the kernel's `d_off` is the cookie, and only
//! a caller who jumps costs an `lseek`. That is linear in all, and as stable as the host's cookies: on ext4, xfs,
//! btrfs and (since Linux 6.6) tmpfs an entry present throughout is listed exactly once. Where the host's cookies are
//! not known to be stable, the descriptor's position still is for a caller who does not jump.
//!
//! The portable way is a copy of the listing, made when cookie 0 is asked for; cookies count its entries.
//!
//! What is already read may meanwhile be gone: an entry is listed as it was a moment ago, as `readdir(3)` does.

use core::ops::ControlFlow;
use std::{fs::File, sync::Arc};

use super::{
    Inner, Resolver,
    meta::{Attr, Key, check_attr},
    sys::set_attr_of,
};
use crate::{
    Cookie, Ctx, DirEntry, Errno, FileType, Metadata, Name, NodeId, OpenFlags, Result, SetAttr, VirtualFile,
    sync::Mutex,
};

#[derive(Debug)]
pub(super) struct HostDir {
    fs: Arc<Inner>,
    file: Arc<File>,
    key: Key,
    access: OpenFlags,
    listing: Mutex<Listing>,
}

/// What has been read of the directory.
#[derive(Debug, Default)]
struct Listing {
    batch: Vec<Record>,
    names: Vec<u8>,
    /// The cookie of the first record.
    first: u64,
    /// The record after the one that was handed out last: where the caller is expected to go on.
    hint: usize,
    /// Whether the descriptor stands right behind the batch.
    in_step: bool,
    /// Whether anything has been read.
    filled: bool,
    #[cfg(target_os = "linux")]
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Record {
    name: core::ops::Range<usize>,
    ino: u64,
    file_type: FileType,
    next: u64,
}

impl Listing {
    /// The record that stands at this cookie; `None` if the batch does not know it.
    fn find(&self, cookie: u64) -> Option<usize> {
        let at = |i: usize| match i {
            0 => Some(self.first),
            _ => self.batch.get(i - 1).map(|r| r.next),
        };
        if !self.filled {
            return None;
        }
        if at(self.hint) == Some(cookie) {
            return Some(self.hint);
        }
        (0..=self.batch.len()).find(|&i| at(i) == Some(cookie))
    }

    fn clear(&mut self, first: u64) {
        self.batch.clear();
        self.names.clear();
        self.first = first;
        self.hint = 0;
        self.filled = true;
    }

    fn push(&mut self, name: &[u8], ino: u64, file_type: FileType, next: u64) {
        // `.` and `..`, and whatever a broken host may call a name, are not entries.
        if Name::new(name).is_ok() {
            let start = self.names.len();
            self.names.extend_from_slice(name);
            self.batch.push(Record { name: start..self.names.len(), ino, file_type, next });
        }
    }

    /// Reads the next batch, at `cookie`. Empty at the end.
    #[cfg(target_os = "linux")]
    fn read_more(&mut self, dir: &File, cookie: u64) -> Result<()> {
        use rustix::fs::{RawDir, SeekFrom};

        /// Bytes of one `getdents64`: about a thousand entries.
        const BATCH: usize = 32 * 1024;

        let expected = self.batch.last().map_or(self.first, |r| r.next);
        // The descriptor is new, or stands where we go on.
        let there = if self.filled { self.in_step && expected == cookie && cookie != 0 } else { cookie == 0 };
        if !there {
            self.in_step = false;
            match rustix::fs::seek(dir, SeekFrom::Start(cookie)) {
                Ok(_) => {}
                // A cookie that this directory never gave out.
                Err(rustix::io::Errno::INVAL) => {
                    self.clear(cookie);
                    return Ok(());
                }
                Err(e) => return Err(e.into()),
            }
        }
        let mut buffer = core::mem::take(&mut self.buffer);
        buffer.reserve(BATCH);
        self.clear(cookie);
        let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
        let mut outcome = Ok(());
        // A batch may hold nothing but `.` and `..`: then one more.
        while self.batch.is_empty() {
            let mut at_end = true;
            while let Some(entry) = entries.next() {
                at_end = false;
                match entry {
                    Ok(entry) => {
                        let file_type = super::meta::type_of(entry.file_type());
                        self.push(entry.file_name().to_bytes(), entry.ino(), file_type, entry.next_entry_cookie());
                    }
                    // A directory that has been removed is empty.
                    Err(rustix::io::Errno::NOENT) => at_end = true,
                    Err(e) => {
                        outcome = Err(e.into());
                        at_end = true;
                    }
                }
                if at_end || entries.is_buffer_empty() {
                    break;
                }
            }
            if at_end {
                break;
            }
        }
        self.buffer = buffer;
        self.in_step = outcome.is_ok();
        outcome
    }

    /// Reads all there is, for good. Nothing more comes after it.
    fn read_all(&mut self, dir: &File) -> Result<()> {
        self.clear(0);
        self.in_step = true;
        #[cfg(unix)]
        {
            // The iterator opens a descriptor of its own.
            let mut entries = match rustix::fs::Dir::read_from(dir) {
                Err(rustix::io::Errno::NOENT) => return Ok(()),
                entries => entries?,
            };
            while let Some(entry) = entries.read() {
                let entry = match entry {
                    Err(rustix::io::Errno::NOENT) => break,
                    entry => entry?,
                };
                let next = self.batch.len() as u64 + 1;
                #[allow(clippy::useless_conversion)]
                let ino = entry.ino().into();
                self.push(entry.file_name().to_bytes(), ino, super::meta::type_of(entry.file_type()), next);
            }
        }
        #[cfg(windows)]
        for entry in cap_primitives::fs::read_base_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no Unicode cannot be named by a guest either.
            let Some(name) = name.to_str().and_then(|n| Name::new(n.as_bytes()).ok()) else { continue };
            let Ok(attr) = Attr::at(dir, name) else { continue };
            let next = self.batch.len() as u64 + 1;
            self.push(name.as_bytes(), attr.key.ino, attr.file_type, next);
        }
        Ok(())
    }
}

impl HostDir {
    pub(super) fn new(fs: Arc<Inner>, file: Arc<File>, key: Key, flags: OpenFlags) -> HostDir {
        HostDir {
            fs,
            file,
            key,
            access: flags & (OpenFlags::READ | OpenFlags::WRITE),
            listing: Mutex::new(Listing::default()),
        }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.access.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    /// Makes the listing hold the record at `cookie`, if there is one.
    fn load(&self, listing: &mut Listing, cookie: u64) -> Result<()> {
        #[cfg(target_os = "linux")]
        if self.fs.options.resolver != Resolver::Portable {
            return listing.read_more(&self.file, cookie);
        }
        let _ = Resolver::Portable;
        if cookie == 0 || !listing.filled {
            listing.read_all(&self.file)?;
        }
        Ok(())
    }
}

impl VirtualFile for HostDir {
    crate::directory_shape!(needs);

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
        check_attr(attr, FileType::Directory)?;
        self.fs.changing_access(FileType::Directory, attr, || set_attr_of(&self.file, attr))
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let max = if self.key.dev == self.fs.root_key.dev { self.fs.max_cookie } else { i64::MAX as u64 };
        if from.0 > max {
            return Ok(());
        }
        let mut listing = self.listing.lock();
        let mut cookie = from.0;
        // Cookie 0 begins a new listing, and must not show an old one.
        if cookie == 0 {
            self.load(&mut listing, 0)?;
        }
        loop {
            let start = match listing.find(cookie) {
                Some(i) if i < listing.batch.len() => i,
                _ => {
                    self.load(&mut listing, cookie)?;
                    match listing.find(cookie) {
                        Some(i) if i < listing.batch.len() => i,
                        _ => return Ok(()),
                    }
                }
            };
            let mut given = start;
            for record in &listing.batch[start..] {
                let entry = DirEntry {
                    name: Name::new(&listing.names[record.name.clone()])?,
                    node: Key { dev: self.key.dev, ino: record.ino }.id(self.fs.root_key.dev),
                    file_type: record.file_type,
                    next: Cookie(record.next),
                };
                if sink(entry).is_break() {
                    listing.hint = given;
                    return Ok(());
                }
                given += 1;
                cookie = record.next;
            }
            listing.hint = given;
        }
    }

    fn sync(&self, _data_only: bool) -> Result<()> {
        Ok(self.file.sync_all()?)
    }
}
