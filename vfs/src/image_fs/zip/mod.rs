//! Reading zip archives (APPNOTE.TXT 6.3.10), zip64 included.
//!
//! What counts is the directory at the end of the archive; of an entry's own header only its length is believed. A
//! stored file becomes a range of the archive; a deflated one is decompressed when it is read.

mod fields;

use self::fields::{Extra, Fields, dos_time};
use super::{
    backing::{Backing, Window},
    build::{Attributes, Builder, What},
    error::{ImageError, Problem},
    options::{ImageOptions, Progress},
    packed::Packed,
};
use crate::FileType;

/// Length of the record at the end, without its comment.
const END: u64 = 22;
/// Length of the header of an entry in the directory, and of its own.
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// Entries between two reports of progress.
const OFTEN: u64 = 256;

fn damaged(what: &'static str) -> Problem {
    Problem::Damaged(what.into())
}

/// Whether this is the begin of a zip archive, an empty one included.
pub(super) fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// Adds what is in an archive to `builder`.
pub(super) fn read(backing: &Backing, builder: &mut Builder, options: &mut ImageOptions<'_>) -> Result<(), ImageError> {
    let window = Window::new(backing).map_err(|e| ImageError::at(0, e))?;
    builder.layer(backing.clone()).map_err(|problem| ImageError::at(0, problem))?;
    let total = window.len();
    let (what, limit, largest) = options.limits.largest(total);
    let mut reader = Reader { backing, window, builder, unpacked: 0, largest, limit: Problem::Limit { what, limit } };
    let directory = reader.directory()?;
    let mut at = directory.start;
    for entry in 0..directory.entries {
        if at >= directory.end {
            return Err(ImageError::at(at, damaged("the directory has fewer entries than it says")));
        }
        at = reader.entry(at, &directory)?;
        if entry % OFTEN == OFTEN - 1 || entry + 1 == directory.entries {
            options.tell(Progress { entries: entry + 1, bytes: at, total: Some(total) });
        }
    }
    Ok(())
}

struct Reader<'a> {
    backing: &'a Backing,
    window: Window<'a>,
    builder: &'a mut Builder,
    /// Bytes of all compressed files, decompressed.
    unpacked: u64,
    largest: u64,
    /// What `largest` comes from.
    limit: Problem,
}

/// Where the directory is.
struct Directory {
    start: u64,
    end: u64,
    entries: u64,
    /// Where the archive begins: something else may come before it.
    base: u64,
}

impl Reader<'_> {
    fn directory(&mut self) -> Result<Directory, ImageError> {
        let end = self.end_record()?;
        let failed = |problem| ImageError::at(end, problem);
        let record = self.window.get(end, END as usize).map_err(failed)?.to_vec();
        let mut fields = Fields(&record[4..]);
        let (disk, first_disk) = (fields.u16(), fields.u16());
        let (_, entries, size, offset) = (fields.u16(), fields.u16(), fields.u32(), fields.u32());
        let (mut entries, mut size, mut offset) = (u64::from(entries), u64::from(size), u64::from(offset));
        let mut after = end;
        let large = entries == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff;
        if large && let Some((at, record)) = self.zip64(end).map_err(failed)? {
            let mut fields = Fields(&record[32..]);
            (entries, size, offset, after) = (fields.u64(), fields.u64(), fields.u64(), at);
        } else if (disk, first_disk) != (0, 0) {
            return Err(failed(Problem::Unsupported("an archive in several volumes".into())));
        }
        let start =
            after.checked_sub(size).ok_or_else(|| failed(damaged("the directory is longer than the archive")))?;
        let base = start.checked_sub(offset).ok_or_else(|| {
            // Its begin is where it says, but it is too short for that.
            failed(Problem::Truncated { missing: offset - start })
        })?;
        Ok(Directory { start, end: after, entries, base })
    }

    /// Where the record is that ends the archive.
    fn end_record(&mut self) -> Result<u64, ImageError> {
        let len = self.window.len();
        let longest = END + u64::from(u16::MAX);
        let from = len.saturating_sub(longest);
        let failed = |problem| ImageError::at(from, problem);
        let tail = self.window.get(from, (len - from) as usize).map_err(failed)?;
        let ends = |at: usize| {
            let comment = tail.get(at + 20..at + 22).map(|field| usize::from(u16::from_le_bytes([field[0], field[1]])));
            comment.map(|comment| at + END as usize + comment)
        };
        let found = || (0..tail.len()).rev().filter(|&at| tail[at..].starts_with(b"PK\x05\x06"));
        let exact = found().find(|&at| ends(at) == Some(tail.len()));
        // Something may come after it.
        let at = exact.or_else(|| found().find(|&at| ends(at).is_some_and(|end| end < tail.len())));
        // Without its end the directory is missing, and nobody can tell how much of it.
        at.map(|at| from + at as u64).ok_or_else(|| ImageError::at(len, Problem::Truncated { missing: END }))
    }

    /// The record with the large numbers, and where it is.
    fn zip64(&mut self, end: u64) -> Result<Option<(u64, Vec<u8>)>, Problem> {
        let Some(locator) = end.checked_sub(20) else { return Ok(None) };
        let record = self.window.get(locator, 20)?;
        if !record.starts_with(b"PK\x06\x07") {
            return Ok(None);
        }
        let said = Fields(&record[8..]).u64();
        // Where it says, or, if something comes before the archive, right before its locator.
        for at in [Some(said), locator.checked_sub(56)].into_iter().flatten() {
            if at.checked_add(56).is_some_and(|end| end <= locator) {
                let record = self.window.get(at, 56)?;
                if record.starts_with(b"PK\x06\x06") {
                    return Ok(Some((at, record.to_vec())));
                }
            }
        }
        Err(damaged("the record with the large numbers is not where it should be"))
    }

    /// Adds the entry at `at` of the directory; answers where the next one is.
    fn entry(&mut self, at: u64, directory: &Directory) -> Result<u64, ImageError> {
        let failed = |problem| ImageError::at(at, problem);
        let header: [u8; CENTRAL] = match self.window.get(at, CENTRAL).map(<[u8; CENTRAL]>::try_from) {
            Ok(Ok(header)) => header,
            Ok(Err(_)) => return Err(failed(damaged("a short header"))),
            Err(problem) => return Err(failed(problem)),
        };
        if !header.starts_with(b"PK\x01\x02") {
            return Err(failed(damaged("there is no entry where the directory should have one")));
        }
        let mut lengths = Fields(&header[28..]);
        let (name, extra, comment) = (lengths.u16(), lengths.u16(), lengths.u16());
        let next = at + CENTRAL as u64 + u64::from(name) + u64::from(extra) + u64::from(comment);
        if next > directory.end {
            return Err(failed(damaged("an entry is longer than the directory")));
        }
        let both = usize::from(name) + usize::from(extra);
        let text = self.window.get(at + CENTRAL as u64, both).map_err(failed)?.to_vec();
        let (name, extra) = text.split_at(usize::from(name));
        let central = Central::new(&header, extra).map_err(|problem| ImageError::of(name, at, problem))?;
        let path = central.extra.path.clone().unwrap_or_else(|| name.to_vec());
        self.add(&path, central, directory).map_err(|problem| ImageError::of(&path, at, problem))?;
        Ok(next)
    }

    fn add(&mut self, path: &[u8], central: Central, directory: &Directory) -> Result<(), Problem> {
        if path.is_empty() {
            return Err(Problem::Name("is empty"));
        }
        if central.flags & 1 != 0 {
            return Err(Problem::Unsupported("encryption".into()));
        }
        let (file_type, mode) = central.mode(path)?;
        let attributes = Attributes {
            mode,
            uid: central.extra.owner.map_or(0, |(uid, _)| uid),
            gid: central.extra.owner.map_or(0, |(_, gid)| gid),
            mtime: central.extra.mtime.unwrap_or_else(|| dos_time(central.date, central.time)),
            extra: None,
        };
        let what = match file_type {
            FileType::Directory => What::Directory,
            FileType::Fifo => What::Special { file_type, rdev: 0 },
            FileType::Symlink => {
                if central.size > 4095 {
                    return Err(damaged("the target of a symbolic link is too long"));
                }
                let target = match self.content(&central, directory)? {
                    What::Packed(packed) => packed.unpack(self.backing)?,
                    _ => self.backing.read_bytes(self.start(&central, directory)?, central.size as usize)?,
                };
                return self.builder.add(path, What::Symlink { target: &target }, attributes);
            }
            _ => self.content(&central, directory)?,
        };
        self.builder.add(path, what, attributes)
    }

    fn content(&mut self, central: &Central, directory: &Directory) -> Result<What<'static>, Problem> {
        let at = self.start(central, directory)?;
        match central.method {
            0 if central.packed != central.size => Err(damaged("a stored file with two sizes")),
            0 => Ok(What::File { at, len: central.size }),
            8 => {
                self.unpacked = self.unpacked.saturating_add(central.size);
                if self.unpacked > self.largest {
                    return Err(self.limit.clone());
                }
                let backing = self.builder.backing();
                Ok(What::Packed(Packed { at, len: central.packed, size: central.size, crc: central.crc, backing }))
            }
            method => Err(Problem::Unsupported(format!("compression method {method}").into())),
        }
    }

    /// Where the content of an entry begins, which must end before the directory begins.
    fn start(&mut self, central: &Central, directory: &Directory) -> Result<u64, Problem> {
        let wrong = || damaged("its header is not where the directory says");
        let header = central.header.checked_add(directory.base).filter(|&at| at < directory.start).ok_or_else(wrong)?;
        let local = self.window.get(header, LOCAL)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(wrong());
        }
        let mut lengths = Fields(&local[26..]);
        let at = header + LOCAL as u64 + u64::from(lengths.u16()) + u64::from(lengths.u16());
        match at.checked_add(central.packed) {
            Some(end) if end <= directory.start => Ok(at),
            _ => Err(damaged("its content is longer than the archive")),
        }
    }
}

/// What the directory says of an entry.
struct Central {
    /// Which system the attributes are of.
    system: u8,
    flags: u16,
    method: u16,
    time: u16,
    date: u16,
    crc: u32,
    /// Bytes of content as it is stored.
    packed: u64,
    /// Bytes of content.
    size: u64,
    attributes: u32,
    /// Where its own header is.
    header: u64,
    extra: Extra,
}

impl Central {
    fn new(header: &[u8; CENTRAL], extra: &[u8]) -> Result<Central, Problem> {
        let mut fields = Fields(&header[8..]);
        let (flags, method, time, date) = (fields.u16(), fields.u16(), fields.u16(), fields.u16());
        let (crc, packed, size) = (fields.u32(), fields.u32(), fields.u32());
        let mut fields = Fields(&header[38..]);
        let (attributes, offset) = (fields.u32(), fields.u32());
        let mut large = [size, packed, offset].map(u64::from);
        let extra = Extra::read(extra, &mut large)?;
        let [size, packed, header_at] = large;
        Ok(Central {
            system: header[5],
            flags,
            method,
            time,
            date,
            crc,
            packed,
            size,
            attributes,
            header: header_at,
            extra,
        })
    }

    /// The type and the permission bits.
    fn mode(&self, path: &[u8]) -> Result<(FileType, u16), Problem> {
        let slash = path.ends_with(b"/");
        // Unix, and its kin on another's machine.
        let unix = if matches!(self.system, 3 | 19) { self.attributes >> 16 } else { 0 };
        if unix == 0 {
            let directory = slash || self.attributes & 0x10 != 0;
            let (file_type, mode) = if directory { (FileType::Directory, 0o755) } else { (FileType::Regular, 0o644) };
            return Ok((file_type, if self.attributes & 1 != 0 { mode & !0o222 } else { mode }));
        }
        let file_type = match unix & 0o170_000 {
            _ if slash => FileType::Directory,
            0o040_000 => FileType::Directory,
            0o120_000 => FileType::Symlink,
            0o010_000 => FileType::Fifo,
            0 | 0o100_000 => FileType::Regular,
            _ => return Err(Problem::Unsupported("a device in a zip archive".into())),
        };
        Ok((file_type, (unix & 0o7777) as u16))
    }
}
