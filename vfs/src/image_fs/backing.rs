//! [`Backing`]: where the bytes of an archive are.

use std::{
    io::{self, IoSliceMut, Read, Seek, SeekFrom},
    sync::Arc,
};

use bytes::Bytes;

use super::error::Problem;
use crate::{Errno, OpenFile, Result, VirtualFile};

/// Where the bytes of an archive are.
#[derive(Clone, Debug)]
pub enum Backing {
    /// In memory. Content is handed out without copying.
    Bytes(Bytes),
    /// In a file that was opened for reading. Content is read when it is asked for; the file must not change.
    File(Arc<dyn VirtualFile>),
}

impl From<Bytes> for Backing {
    fn from(bytes: Bytes) -> Backing {
        Backing::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Backing {
    fn from(bytes: Vec<u8>) -> Backing {
        Backing::Bytes(bytes.into())
    }
}

impl From<Arc<dyn VirtualFile>> for Backing {
    fn from(file: Arc<dyn VirtualFile>) -> Backing {
        Backing::File(file)
    }
}

impl From<&OpenFile> for Backing {
    fn from(file: &OpenFile) -> Backing {
        Backing::File(Arc::clone(file.file()))
    }
}

impl Backing {
    /// How many bytes there are now.
    pub(super) fn len(&self) -> Result<u64> {
        match self {
            Backing::Bytes(bytes) => Ok(bytes.len() as u64),
            Backing::File(file) => Ok(file.getattr()?.size),
        }
    }

    /// `IO` if there are fewer bytes than that: the file has been cut.
    pub(super) fn read_exact(&self, mut buf: &mut [u8], mut at: u64) -> Result<()> {
        while !buf.is_empty() {
            let n = self.read_at(&mut [IoSliceMut::new(buf)], at)?;
            if n == 0 {
                return Err(Errno::IO);
            }
            buf = buf.get_mut(n..).unwrap_or_default();
            at += n as u64;
        }
        Ok(())
    }

    pub(super) fn read_at(&self, bufs: &mut [IoSliceMut<'_>], at: u64) -> Result<usize> {
        match self {
            Backing::Bytes(bytes) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let mut rest = bytes.get(at..).unwrap_or_default();
                let before = rest.len();
                for buf in bufs {
                    let (now, later) = rest.split_at(buf.len().min(rest.len()));
                    buf[..now.len()].copy_from_slice(now);
                    rest = later;
                }
                Ok(before - rest.len())
            }
            Backing::File(file) => file.read_at(bufs, at),
        }
    }

    pub(super) fn read_bytes(&self, at: u64, len: usize) -> Result<Bytes> {
        match self {
            Backing::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(start..start.saturating_add(len).min(bytes.len())))
            }
            Backing::File(file) => file.read_bytes(at, len),
        }
    }
}

/// Bytes read ahead at most.
const LARGEST: usize = 64 << 10;
/// Bytes read where nothing is known of what comes after.
const SMALLEST: usize = 2 << 10;

/// A view of a backing for those who read headers: few system calls where headers are close to each other, few bytes
/// where they are not.
#[derive(Debug)]
pub(super) struct Window<'b> {
    backing: &'b Backing,
    len: u64,
    at: u64,
    held: Bytes,
    ahead: usize,
    cursor: u64,
}

impl<'b> Window<'b> {
    pub(super) fn new(backing: &'b Backing) -> Result<Window<'b>> {
        let len = backing.len()?;
        Ok(Window { backing, len, at: 0, held: Bytes::new(), ahead: SMALLEST, cursor: 0 })
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes at `at`; `Truncated` if there are not that many.
    pub(super) fn get(&mut self, at: u64, len: usize) -> Result<&[u8], Problem> {
        let end = at.saturating_add(len as u64);
        if end > self.len {
            return Err(Problem::Truncated { missing: end - self.len });
        }
        if at < self.at || end > self.at + self.held.len() as u64 {
            self.fill(at, len)?;
        }
        let start = (at - self.at) as usize;
        self.held.get(start..start + len).ok_or(Problem::Read(Errno::IO))
    }

    fn fill(&mut self, at: u64, len: usize) -> Result<()> {
        if let Backing::Bytes(bytes) = self.backing {
            (self.at, self.held) = (0, bytes.clone());
            return Ok(());
        }
        let near = at >= self.at && at <= self.at + (self.held.len() + self.ahead) as u64;
        self.ahead = if near { (self.ahead * 2).min(LARGEST) } else { SMALLEST };
        let want = usize::try_from(self.len - at).unwrap_or(usize::MAX).min(len.max(self.ahead));
        let mut buf = vec![0; want];
        self.backing.read_exact(&mut buf, at)?;
        (self.at, self.held) = (at, buf.into());
        Ok(())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = usize::try_from(self.len.saturating_sub(self.cursor)).unwrap_or(usize::MAX).min(buf.len()).min(LARGEST);
        let at = self.cursor;
        let bytes = self.get(at, n).map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        buf[..n].copy_from_slice(bytes);
        self.cursor += n as u64;
        Ok(n)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.cursor.checked_add_signed(by),
        };
        self.cursor = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.cursor)
    }
}
