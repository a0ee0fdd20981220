//! Reading tar archives: `ustar`, GNU tar, `pax`, and the seventh edition's.
//!
//! Headers are read, content is not: an entry becomes a range of the archive.

mod header;
mod pax;
mod sparse;

use super::{
    backing::{Backing, Window},
    build::{Attributes, Builder, What},
    error::{ImageError, Problem},
    index::Extra,
    options::{ImageOptions, Progress},
};
use crate::{FileType, Time};
pub(super) use header::BLOCK;
use header::Header;
use pax::Pax;

/// The longest extended header or long name that is read: what it says is kept in memory.
const EXTENDED_MAX: u64 = 8 << 20;
/// Entries between two reports of progress.
const OFTEN: u64 = 256;

/// What names that begin with `.wh.` mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whiteouts {
    /// Nothing.
    Names,
    /// That something in the layers below is hidden.
    Layers,
}

/// Adds what is in an archive to `builder`.
pub(super) fn read(
    backing: &Backing,
    builder: &mut Builder,
    whiteouts: Whiteouts,
    options: &mut ImageOptions<'_>,
) -> Result<(), ImageError> {
    let window = Window::new(backing).map_err(|e| ImageError::at(0, e))?;
    builder.layer(backing.clone()).map_err(|problem| ImageError::at(0, problem))?;
    let mut reader = Reader {
        window,
        builder,
        whiteouts,
        global: Pax::default(),
        local: Pax::default(),
        at: 0,
        begin: 0,
        entries: 0,
    };
    reader.run(options)
}

struct Reader<'a> {
    window: Window<'a>,
    builder: &'a mut Builder,
    whiteouts: Whiteouts,
    /// What holds for all entries from here on.
    global: Pax,
    /// What holds for the next entry.
    local: Pax,
    /// The next block.
    at: u64,
    /// The first block of the present entry, extended headers included.
    begin: u64,
    entries: u64,
}

impl Reader<'_> {
    fn run(&mut self, options: &mut ImageOptions<'_>) -> Result<(), ImageError> {
        let total = self.window.len();
        let mut pending = false;
        loop {
            if !pending {
                self.begin = self.at;
            }
            if total == 0 {
                return Err(ImageError::at(0, Problem::Unknown));
            }
            if self.at >= total {
                return match pending || !options.unterminated {
                    true => Err(ImageError::at(self.begin, Problem::Unterminated)),
                    false => Ok(()),
                };
            }
            let block = match self.window.get(self.at, BLOCK as usize) {
                Ok(block) => <[u8; BLOCK as usize]>::try_from(block).unwrap_or([0; BLOCK as usize]),
                Err(problem) => return Err(ImageError::at(self.at, problem)),
            };
            let header = match Header::new(&block) {
                Ok(Some(header)) => header,
                Ok(None) if pending => {
                    let problem = Problem::Damaged("an extended header without an entry".into());
                    return Err(ImageError::at(self.begin, problem));
                }
                Ok(None) => {
                    options.tell(Progress { entries: self.entries, bytes: total, total: Some(total) });
                    return Ok(());
                }
                Err(_) if self.at == 0 => return Err(ImageError::at(0, Problem::Unknown)),
                Err(problem) => return Err(ImageError::at(self.at, problem)),
            };
            self.at += BLOCK;
            pending = match self.entry(header) {
                Ok(pending) => pending,
                Err(problem) => {
                    let name = self.local.path.clone().unwrap_or_else(|| header.path());
                    return Err(ImageError::of(&name, self.begin, problem));
                }
            };
            if !pending {
                self.local = Pax::default();
                self.entries += 1;
                if self.entries.is_multiple_of(OFTEN) {
                    options.tell(Progress { entries: self.entries, bytes: self.at, total: Some(total) });
                }
            }
        }
    }

    /// Deals with one header and what follows it. Whether it belongs to an entry that comes after it.
    fn entry(&mut self, header: Header<'_>) -> Result<bool, Problem> {
        match header.kind() {
            b'x' | b'X' => {
                let data = self.extended(header.size()?)?;
                self.local.read(&data)?;
                return Ok(true);
            }
            b'g' => {
                let data = self.extended(header.size()?)?;
                self.global.read(&data)?;
                // It need not be followed by anything.
                return Ok(false);
            }
            b'L' => {
                self.local.path = Some(self.long_name(header)?);
                return Ok(true);
            }
            b'K' => {
                self.local.link = Some(self.long_name(header)?);
                return Ok(true);
            }
            b'M' => return Err(Problem::Unsupported("an archive in several volumes".into())),
            b'V' | b'N' => {
                self.skip(header.size()?)?;
                return Ok(false);
            }
            _ => {}
        }
        let local = core::mem::take(&mut self.local);
        let path = local.sparse.name.clone().or(local.path.clone()).or(self.global.path.clone());
        let path = path.unwrap_or_else(|| header.path());
        // For the message, should there be one.
        self.local.path = Some(path.clone());
        self.node(header, &path, local)?;
        Ok(false)
    }

    fn node(&mut self, header: Header<'_>, path: &[u8], local: Pax) -> Result<(), Problem> {
        if path.is_empty() {
            return Err(Problem::Name("is empty"));
        }
        let global = &self.global;
        let stored = match local.size.or(global.size) {
            Some(size) => size,
            None => header.size()?,
        };
        let mtime = match local.mtime.or(global.mtime) {
            Some(time) => time,
            None => Time::from_parts(header.mtime()?, 0),
        };
        let (atime, ctime) = (local.atime.or(global.atime), local.ctime.or(global.ctime));
        let mut xattrs = local.xattrs;
        for (name, value) in &global.xattrs {
            if let Err(at) = xattrs.binary_search_by(|(known, _)| known.cmp(name)) {
                xattrs.insert(at, (name.clone(), value.clone()));
            }
        }
        let extra = Extra { atime, ctime, xattrs };
        let plain = extra.atime.is_none() && extra.ctime.is_none() && extra.xattrs.is_empty();
        let attributes = Attributes {
            mode: header.mode()?,
            uid: local.uid.or(global.uid).map_or_else(|| header.uid(), Ok)?,
            gid: local.gid.or(global.gid).map_or_else(|| header.gid(), Ok)?,
            mtime,
            extra: (!plain).then_some(extra),
        };
        let link = local.link.or(global.link.clone());
        let link = link.as_deref().unwrap_or(header.link());
        let special = |file_type, rdev| What::Special { file_type, rdev };
        let what = match header.kind() {
            b'1' => {
                if self.hides(path) {
                    return Ok(());
                }
                return self.builder.link(path, link, mtime);
            }
            b'2' => What::Symlink { target: link },
            b'3' => special(FileType::CharDevice, header.device()?),
            b'4' => special(FileType::BlockDevice, header.device()?),
            b'5' => What::Directory,
            b'6' => special(FileType::Fifo, 0),
            b'D' => {
                // A list of names comes with it, for those who restore a whole directory.
                self.skip(stored)?;
                What::Directory
            }
            // The seventh edition knew no directories but by their names.
            0 | b'0' if path.ends_with(b"/") => {
                self.skip(stored)?;
                What::Directory
            }
            b'S' => self.gnu_sparse(header, stored)?,
            _ if local.sparse.major.is_some() || local.sparse.map.is_some() => self.pax_sparse(local.sparse, stored)?,
            // What is not known counts as a regular file, says POSIX.
            _ => {
                let at = self.at;
                self.skip(stored)?;
                What::File { at, len: stored }
            }
        };
        if self.hides(path) {
            return Ok(());
        }
        self.builder.add(path, what, attributes)
    }

    /// Whether the entry stands for something that is hidden, which is done then.
    fn hides(&mut self, path: &[u8]) -> bool {
        if self.whiteouts == Whiteouts::Names {
            return false;
        }
        let path = &path[..path.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1)];
        let name = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
        // What else aufs, which invented these names, keeps in its layers: nobody's files.
        let foreign = |dir: &[u8]| dir.split(|&b| b == b'/').any(|name| name.starts_with(b".wh..wh."));
        if foreign(&path[..name]) {
            return true;
        }
        match path[name..].strip_prefix(b".wh.") {
            Some(b".wh..opq") => self.builder.opaque(&path[..name]),
            Some(hidden) if hidden.starts_with(b".wh.") => {}
            Some(hidden) if !matches!(hidden, b"" | b"." | b"..") => {
                self.builder.whiteout(&[&path[..name], hidden].concat());
            }
            _ => return false,
        }
        true
    }

    /// Goes on after so many bytes of content.
    fn skip(&mut self, size: u64) -> Result<(), Problem> {
        let end = self.at.saturating_add(size);
        if end > self.window.len() {
            return Err(Problem::Truncated { missing: end - self.window.len() });
        }
        self.at = end.next_multiple_of(BLOCK);
        Ok(())
    }

    /// The content of an extended header.
    fn extended(&mut self, size: u64) -> Result<Vec<u8>, Problem> {
        if size > EXTENDED_MAX {
            return Err(Problem::Limit { what: "extended header", limit: EXTENDED_MAX });
        }
        let at = self.at;
        self.skip(size)?;
        Ok(self.window.get(at, size as usize)?.to_vec())
    }

    fn long_name(&mut self, header: Header<'_>) -> Result<Vec<u8>, Problem> {
        let mut name = self.extended(header.size()?)?;
        let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
        name.truncate(end);
        Ok(name)
    }
}
