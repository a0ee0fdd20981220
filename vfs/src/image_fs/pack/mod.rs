//! [`pack`]: a tree as a tar archive; [`pack_layer`]: changes as a layer of an OCI image.
//!
//! What is written is POSIX's `pax` format: a `ustar` header, and for what does not fit an extended header: long names,
//! times to the nanosecond, extended attributes (`SCHILY.xattr.`), large numbers, and holes (as GNU tar 1.0 writes
//! them). It is written as it goes: memory is needed for one piece of a file, the listings of the directories above
//! it, and the names of files that have several.

mod header;
mod layer;

use core::{fmt, ops::Range};
use std::{
    collections::HashMap,
    io::{self, Write},
};

use flate2::{GzBuilder, write::GzEncoder};

use self::header::{Entry, kind, pad};
use super::options::{OnProgress, Progress};
use crate::{
    Ctx, Errno, FileType, FsCaps, Metadata, NodeId, OpenFlags, Place, Seek, Time, Tree, TreeError, VirtualFile,
};
pub use layer::{LayerEntry, LayerKind, pack_layer};

/// Bytes moved at a time.
const CHUNK: usize = 1 << 20;
/// Holes that are shorter are written as zeros.
const HOLE: u64 = 4096;
/// The most pieces of one file; what comes after is written with its holes.
const PIECES_MAX: usize = 1 << 16;

/// How an archive is written.
#[derive(Default)]
pub struct PackOptions<'p> {
    gzip: bool,
    times: Option<Time>,
    owner: Option<(u32, u32)>,
    progress: Option<OnProgress<'p>>,
}

impl<'p> PackOptions<'p> {
    /// Not compressed, with the times and owners that files have. Entries are always sorted by name, so that the same
    /// tree makes the same archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compressed with gzip.
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// With this as the time of everything, so that trees that differ in nothing else make the same archive.
    pub fn times(mut self, time: Time) -> Self {
        self.times = Some(time);
        self
    }

    /// With this as the owner and group of everything.
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = Some((uid, gid));
        self
    }

    /// Who is told of progress: entries, and bytes of content.
    pub fn progress(mut self, progress: OnProgress<'p>) -> Self {
        self.progress = Some(progress);
        self
    }
}

impl fmt::Debug for PackOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PackOptions { gzip, times, owner, .. } = self;
        f.debug_struct("PackOptions")
            .field("gzip", gzip)
            .field("times", times)
            .field("owner", owner)
            .finish_non_exhaustive()
    }
}

/// What has been packed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Packed {
    /// Entries, the root and whiteouts included.
    pub entries: u64,
    /// Bytes of content, holes not counted.
    pub bytes: u64,
    /// Paths of what was left out, because tar archives cannot hold it: sockets.
    pub skipped: Vec<Vec<u8>>,
}

/// Why packing stopped.
#[derive(Debug)]
pub enum PackError {
    /// What was to be packed could not be read.
    Tree(TreeError),
    /// The archive could not be written.
    Write(io::Error),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::Tree(e) => e.fmt(f),
            PackError::Write(e) => write!(f, "cannot write the archive: {e}"),
        }
    }
}

impl core::error::Error for PackError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            PackError::Tree(e) => Some(e),
            PackError::Write(e) => Some(e),
        }
    }
}

impl From<TreeError> for PackError {
    fn from(e: TreeError) -> PackError {
        PackError::Tree(e)
    }
}

impl From<io::Error> for PackError {
    fn from(e: io::Error) -> PackError {
        PackError::Write(e)
    }
}

/// Writes everything in `tree` as a tar archive, the directory itself first, then by name. Several names of a file stay
/// such; what is mounted inside is packed as it is seen.
///
/// A tree that changes meanwhile is packed as it is met; each file with the size that it has when its turn comes, filled
/// with zeros if it becomes shorter.
///
/// # Errors
/// [`PackError`]; the archive then lacks its end mark.
pub fn pack(tree: &Tree, out: &mut dyn Write, options: PackOptions<'_>) -> Result<Packed, PackError> {
    finished(out, options, |writer| {
        writer.node(b"", tree.place())?;
        let mut walk = tree.walk("")?;
        while let Some(met) = walk.next_place() {
            let (entry, place) = met?;
            writer.node(&entry.path, &place)?;
        }
        Ok(())
    })
}

/// Writes an archive, compressed or not, with its end mark.
fn finished(
    out: &mut dyn Write,
    options: PackOptions<'_>,
    write: impl FnOnce(&mut Writer<'_, '_>) -> Result<(), PackError>,
) -> Result<Packed, PackError> {
    let mut out = match options.gzip {
        // Without a name and a time: the same tree makes the same archive.
        true => Out::Gzip(GzBuilder::new().mtime(0).write(out, flate2::Compression::default())),
        false => Out::Plain(out),
    };
    let mut writer = Writer { out: &mut out, options, links: HashMap::new(), packed: Packed::default() };
    write(&mut writer)?;
    let packed = writer.packed;
    out.write_all(&[0; 2 * super::tar::BLOCK as usize])?;
    match out {
        Out::Plain(out) => out.flush()?,
        Out::Gzip(encoder) => encoder.finish()?.flush()?,
    }
    Ok(packed)
}

enum Out<'o> {
    Plain(&'o mut dyn Write),
    Gzip(GzEncoder<&'o mut dyn Write>),
}

impl Write for Out<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Out::Plain(out) => out.write(buf),
            Out::Gzip(out) => out.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Out::Plain(out) => out.flush(),
            Out::Gzip(out) => out.flush(),
        }
    }
}

struct Writer<'w, 'p> {
    out: &'w mut dyn Write,
    options: PackOptions<'p>,
    /// The first path of each file that has further names.
    links: HashMap<(u64, NodeId), Link>,
    packed: Packed,
}

/// The node is held, so that its identity is not reused.
struct Link {
    path: Vec<u8>,
    _held: Place,
}

impl Writer<'_, '_> {
    /// Writes one node, the empty path being the root.
    fn node(&mut self, path: &[u8], place: &Place) -> Result<(), PackError> {
        let failed = |what, errno| PackError::Tree(TreeError { path: path.to_vec(), what, errno });
        let metadata = place.metadata().map_err(|e| failed("examine", e))?;
        let Some(kind) = kind(metadata.file_type) else {
            self.packed.skipped.push(path.to_vec());
            return Ok(());
        };
        let mut name = if path.is_empty() { b".".to_vec() } else { path.to_vec() };
        if metadata.file_type == FileType::Directory {
            name.push(b'/');
        }
        let mut entry = Entry::new(&name, kind, &metadata);
        entry.mtime = self.options.times.unwrap_or(metadata.mtime);
        entry.owner = self.options.owner.unwrap_or(entry.owner);
        if metadata.file_type != FileType::Directory && metadata.nlink > 1 {
            let key = (metadata.dev, metadata.ino);
            if let Some(first) = self.links.get(&key) {
                Entry { kind: b'1', link: &first.path, ..entry }.write(self.out)?;
                return self.done(0);
            }
            self.links.insert(key, Link { path: path.to_vec(), _held: place.clone() });
        }
        entry.records = xattrs(place).map_err(|e| failed("read the attributes of", e))?;
        match metadata.file_type {
            FileType::Regular => self.file(path, entry, place),
            FileType::Symlink => {
                let target = place.fs().readlink(place.node()).map_err(|e| failed("read the link", e))?;
                Entry { link: &target, ..entry }.write(self.out)?;
                self.done(0)
            }
            _ => {
                entry.write(self.out)?;
                self.done(0)
            }
        }
    }

    fn file(&mut self, path: &[u8], mut entry: Entry<'_>, place: &Place) -> Result<(), PackError> {
        let failed = |what, errno| PackError::Tree(TreeError { path: path.to_vec(), what, errno });
        let file = place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ).map_err(|e| failed("open", e))?;
        let metadata: Metadata = file.getattr().map_err(|e| failed("examine", e))?;
        let size = metadata.size;
        let holes = place.fs().info().caps.contains(FsCaps::SEEK_HOLE);
        let pieces = if holes { pieces(&*file, size) } else { Ok(None) }.map_err(|e| failed("read", e))?;
        let Some(pieces) = pieces else {
            entry.size = size;
            entry.write(self.out)?;
            self.content(&*file, 0..size).map_err(|e| e.named(path))?;
            pad(self.out, size)?;
            return self.done(size);
        };
        let mut map = format!("{}\n", pieces.len());
        for piece in &pieces {
            map += &format!("{}\n{}\n", piece.start, piece.end - piece.start);
        }
        let data: u64 = pieces.iter().map(|piece| piece.end - piece.start).sum();
        entry.size = (map.len() as u64).next_multiple_of(super::tar::BLOCK) + data;
        for (key, value) in [("major", b"1".to_vec()), ("minor", b"0".to_vec()), ("realsize", size.to_string().into())]
        {
            entry.records.push((format!("GNU.sparse.{key}").into(), value));
        }
        entry.records.push((b"GNU.sparse.name".to_vec(), entry.path.to_vec()));
        entry.write(self.out)?;
        self.out.write_all(map.as_bytes())?;
        pad(self.out, map.len() as u64)?;
        for piece in pieces {
            self.content(&*file, piece).map_err(|e| e.named(path))?;
        }
        pad(self.out, data)?;
        self.done(data)
    }

    /// Writes a range of a file; zeros where it has become shorter.
    fn content(&mut self, file: &dyn VirtualFile, range: Range<u64>) -> Result<(), Failed> {
        let mut at = range.start;
        while at < range.end {
            let want = usize::try_from(range.end - at).unwrap_or(CHUNK).min(CHUNK);
            let bytes = file.read_bytes(at, want).map_err(Failed::Read)?;
            let bytes = if bytes.is_empty() { vec![0; want].into() } else { bytes };
            self.out.write_all(&bytes).map_err(Failed::Write)?;
            at += bytes.len() as u64;
            let bytes = self.packed.bytes + (at - range.start);
            if let Some(tell) = &mut self.options.progress {
                tell(Progress { entries: self.packed.entries, bytes, total: None });
            }
        }
        Ok(())
    }

    fn done(&mut self, bytes: u64) -> Result<(), PackError> {
        self.packed.entries += 1;
        self.packed.bytes += bytes;
        if let Some(tell) = &mut self.options.progress {
            tell(Progress { entries: self.packed.entries, bytes: self.packed.bytes, total: None });
        }
        Ok(())
    }
}

enum Failed {
    Read(Errno),
    Write(io::Error),
}

impl Failed {
    fn named(self, path: &[u8]) -> PackError {
        match self {
            Failed::Read(errno) => PackError::Tree(TreeError { path: path.to_vec(), what: "read", errno }),
            Failed::Write(e) => PackError::Write(e),
        }
    }
}

/// Where a file has data; `None` if it is not worth telling.
fn pieces(file: &dyn VirtualFile, size: u64) -> Result<Option<Vec<Range<u64>>>, Errno> {
    let mut pieces: Vec<Range<u64>> = Vec::new();
    let (mut at, mut holes) = (0, 0);
    while at < size {
        let data = match file.seek_data(at, Seek::Data) {
            Ok(data) => data.clamp(at, size),
            Err(Errno::NXIO) => size,
            Err(e) => return Err(e),
        };
        if data == size {
            holes += size - at;
            break;
        }
        let end = match pieces.len() {
            PIECES_MAX.. => size,
            _ => file.seek_data(data, Seek::Hole).unwrap_or(size).clamp(data + 1, size),
        };
        match pieces.last_mut() {
            Some(last) if data - last.end < HOLE => last.end = end,
            _ => {
                holes += data - at;
                pieces.push(data..end);
            }
        }
        at = end;
    }
    if pieces.last().is_none_or(|last| last.end < size) {
        // GNU tar makes a file as long as its last piece says.
        pieces.push(size..size);
    }
    Ok((holes >= HOLE).then_some(pieces))
}

fn xattrs(place: &Place) -> Result<Vec<header::Record>, Errno> {
    let Some(xattrs) = place.fs().xattrs() else { return Ok(Vec::new()) };
    let mut names: Vec<Vec<u8>> = Vec::new();
    match xattrs.list(place.node(), &mut |name| names.push(name.to_vec())) {
        // Not for this kind of node.
        Ok(()) | Err(Errno::NOTSUP) => {}
        Err(e) => return Err(e),
    }
    names.sort_unstable();
    let mut records = Vec::new();
    for name in names {
        match xattrs.get(place.node(), &name) {
            // A name with a `=` in it has no place in a record.
            Ok(value) if !name.contains(&b'=') => records.push(([b"SCHILY.xattr.", &*name].concat(), value.to_vec())),
            // Removed since, or none of our business.
            Ok(_) | Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(records)
}
