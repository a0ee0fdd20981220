//! Open files and directories of an image.

use core::ops::ControlFlow;
use std::{io::IoSliceMut, sync::Arc};

use bytes::Bytes;

use super::{
    Backing, Shared,
    index::{Body, Piece, Sparse, id},
};
use crate::{Cookie, DirEntry, Errno, Metadata, Name, NodeId, OpenFlags, Result, Seek, VirtualFile, sync::OnceLock};

/// An open regular file.
#[derive(Debug)]
pub(super) struct ImageFile {
    fs: Arc<Shared>,
    node: u32,
    body: Body,
    size: u64,
    flags: OpenFlags,
    /// What a compressed file holds, once it has been read.
    content: OnceLock<Bytes>,
}

impl ImageFile {
    pub(super) fn new(fs: Arc<Shared>, node: u32, body: Body, flags: OpenFlags) -> ImageFile {
        let (size, _) = fs.index.size(body);
        ImageFile { fs, node, body, size, flags, content: OnceLock::new() }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    /// How many bytes there are from `offset` on.
    fn rest(&self, offset: u64) -> Result<u64> {
        self.needs(OpenFlags::READ)?;
        if offset > i64::MAX as u64 {
            return Err(Errno::INVAL);
        }
        Ok(self.size.saturating_sub(offset))
    }

    fn unpacked(&self, at: u32) -> Result<&Bytes> {
        if let Some(bytes) = self.content.get() {
            return Ok(bytes);
        }
        let bytes = self.fs.cache.content(&self.fs.index, at)?;
        Ok(self.content.get_or_init(|| bytes))
    }

    /// Fills `bufs`, for which there is enough content.
    fn fill(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let backing = |number: u16| self.fs.index.backings.get(usize::from(number)).ok_or(Errno::IO);
        match self.body {
            Body::File { at, backing: number, .. } => {
                let n = backing(number)?.read_at(bufs, at + offset)?;
                // The archive has been cut since it was mounted.
                if n == 0 && bufs.iter().any(|buf| !buf.is_empty()) { Err(Errno::IO) } else { Ok(n) }
            }
            Body::Packed(at) => {
                let content = self.unpacked(at)?;
                let mut rest = content.get(offset as usize..).unwrap_or_default();
                let mut done = 0;
                for buf in bufs {
                    let (now, later) = rest.split_at(buf.len().min(rest.len()));
                    buf[..now.len()].copy_from_slice(now);
                    (rest, done) = (later, done + now.len());
                }
                Ok(done)
            }
            Body::Sparse(at) => {
                let sparse = &self.fs.index.sparse[at as usize];
                let (backing, mut done) = (backing(sparse.backing)?, 0);
                for buf in bufs {
                    sparse.read(backing, buf, offset + done as u64)?;
                    done += buf.len();
                }
                Ok(done)
            }
            _ => Err(Errno::IO),
        }
    }
}

impl Sparse {
    /// The first piece that ends after `offset`.
    fn after(&self, offset: u64) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.offset + piece.len <= offset);
        self.pieces.get(first..).unwrap_or_default()
    }

    fn read(&self, backing: &Backing, mut buf: &mut [u8], mut offset: u64) -> Result<()> {
        for piece in self.after(offset) {
            let hole = piece.offset.saturating_sub(offset).min(buf.len() as u64);
            let (zeros, rest) = buf.split_at_mut(hole as usize);
            zeros.fill(0);
            offset += hole;
            if rest.is_empty() {
                return Ok(());
            }
            let skip = offset - piece.offset;
            let held = (piece.len - skip).min(rest.len() as u64);
            let (data, rest) = rest.split_at_mut(held as usize);
            backing.read_exact(data, piece.at + skip)?;
            offset += held;
            buf = rest;
        }
        buf.fill(0);
        Ok(())
    }

    fn seek(&self, offset: u64, what: Seek) -> Result<u64> {
        let mut pieces = self.after(offset).iter();
        let first = pieces.next();
        match what {
            Seek::Data => first.map(|piece| piece.offset.max(offset)).ok_or(Errno::NXIO),
            Seek::Hole => match first {
                Some(piece) if piece.offset <= offset => {
                    let mut end = piece.offset + piece.len;
                    // Pieces may touch.
                    for piece in pieces {
                        if piece.offset != end {
                            break;
                        }
                        end += piece.len;
                    }
                    Ok(end)
                }
                _ => Ok(offset),
            },
        }
    }
}

impl VirtualFile for ImageFile {
    crate::regular_shape!(needs);
    crate::eager_append!();
    crate::read_only_file!();

    fn node(&self) -> Option<NodeId> {
        Some(id(self.node))
    }

    fn getattr(&self) -> Result<Metadata> {
        self.fs.getattr(id(self.node))
    }

    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let mut rest = self.rest(offset)?;
        let wanted = bufs.iter().fold(0, |sum: u64, buf| sum.saturating_add(buf.len() as u64));
        if rest == 0 || wanted == 0 {
            return Ok(0);
        }
        if wanted <= rest {
            return self.fill(bufs, offset);
        }
        // Beyond the end of this file the archive goes on.
        let mut done = 0;
        for buf in bufs {
            let n = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
            if n == 0 {
                continue;
            }
            let filled = self.fill(&mut [IoSliceMut::new(&mut buf[..n])], offset + done as u64)?;
            done += filled;
            rest -= filled as u64;
            if filled < n {
                break;
            }
        }
        Ok(done)
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        let rest = self.rest(offset)?;
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(len);
        if len == 0 {
            return Ok(Bytes::new());
        }
        match self.body {
            Body::File { at, backing, .. } => {
                let backing = self.fs.index.backings.get(usize::from(backing)).ok_or(Errno::IO)?;
                let bytes = backing.read_bytes(at + offset, len)?;
                if bytes.is_empty() { Err(Errno::IO) } else { Ok(bytes) }
            }
            Body::Packed(at) => {
                let content = self.unpacked(at)?;
                let start = (offset as usize).min(content.len());
                Ok(content.slice(start..start.saturating_add(len).min(content.len())))
            }
            Body::Sparse(_) => {
                // A hole may be as long as an archive says.
                let mut buf = Vec::new();
                buf.try_reserve_exact(len).map_err(|_| Errno::NOMEM)?;
                buf.resize(len, 0);
                self.fill(&mut [IoSliceMut::new(&mut buf)], offset)?;
                Ok(buf.into())
            }
            _ => Err(Errno::IO),
        }
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let content = match self.body {
            Body::File { at, len, backing } => match self.fs.index.backings.get(usize::from(backing)) {
                Some(backing @ Backing::Bytes(_)) => backing.read_bytes(at, len as usize)?,
                _ => return Err(Errno::NOTSUP),
            },
            Body::Packed(at) => self.unpacked(at)?.clone(),
            _ => return Err(Errno::NOTSUP),
        };
        crate::mem_fs::set_image(target, content)
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        if offset >= self.size {
            return Err(Errno::NXIO);
        }
        match (self.body, what) {
            (Body::Sparse(at), what) => self.fs.index.sparse[at as usize].seek(offset, what),
            (_, Seek::Data) => Ok(offset),
            (_, Seek::Hole) => Ok(self.size),
        }
    }
}

/// An open directory. A cookie is the number of the entry after it.
#[derive(Debug)]
pub(super) struct ImageDir {
    fs: Arc<Shared>,
    node: u32,
    flags: OpenFlags,
}

impl ImageDir {
    pub(super) fn new(fs: Arc<Shared>, node: u32, flags: OpenFlags) -> ImageDir {
        ImageDir { fs, node, flags }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }
}

impl VirtualFile for ImageDir {
    crate::directory_shape!(needs);
    crate::read_only_directory!();

    fn node(&self) -> Option<NodeId> {
        Some(id(self.node))
    }

    fn getattr(&self) -> Result<Metadata> {
        self.fs.getattr(id(self.node))
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let entries = self.fs.index.entries(self.node);
        let begin = usize::try_from(from.0).unwrap_or(usize::MAX).min(entries.len());
        for (entry, next) in entries[begin..].iter().zip(begin as u64 + 1..) {
            let name = Name::from_checked(self.fs.index.name(entry));
            let shown = DirEntry { name, node: id(entry.node), file_type: entry.file_type, next: Cookie(next) };
            if sink(shown).is_break() {
                break;
            }
        }
        Ok(())
    }
}
