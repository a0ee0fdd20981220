//! [`Packed`]: a file that is compressed by itself, and [`Cache`]: those that were decompressed last.

use bytes::Bytes;
use hashbrown::HashMap;

use super::{backing::Backing, index::Index};
use crate::{Errno, Result, sync::Mutex};

/// A compressed file in a zip archive.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// Where it is, compressed.
    pub(super) at: u64,
    /// How long it is, compressed.
    pub(super) len: u64,
    /// How long it is.
    pub(super) size: u64,
    pub(super) crc: u32,
    pub(super) backing: u16,
}

/// Decompressed files, the least recently used of which go when there are too many bytes of them.
#[derive(Debug)]
pub(super) struct Cache {
    limit: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By place in `Index::packed`.
    files: HashMap<u32, (Bytes, u64), foldhash::fast::RandomState>,
    bytes: u64,
    uses: u64,
}

impl Cache {
    pub(super) fn new(limit: u64) -> Cache {
        Cache { limit, state: Mutex::default() }
    }

    /// The content of a file. Two who ask for the same at the same time may both decompress it.
    pub(super) fn content(&self, index: &Index, at: u32) -> Result<Bytes> {
        {
            let mut state = self.state.lock();
            state.uses += 1;
            let now = state.uses;
            if let Some((bytes, used)) = state.files.get_mut(&at) {
                *used = now;
                return Ok(bytes.clone());
            }
        }
        let packed = index.packed.get(at as usize).ok_or(Errno::IO)?;
        let backing = index.backings.get(usize::from(packed.backing)).ok_or(Errno::IO)?;
        let bytes = packed.unpack(backing)?;
        self.keep(at, &bytes);
        Ok(bytes)
    }

    fn keep(&self, at: u32, bytes: &Bytes) {
        let size = bytes.len() as u64;
        if size > self.limit {
            return;
        }
        let mut state = self.state.lock();
        let now = state.uses;
        if state.files.insert(at, (bytes.clone(), now)).is_none() {
            state.bytes += size;
        }
        if state.bytes <= self.limit {
            return;
        }
        // A quarter at once, so that not every file that comes has to look for the oldest.
        let mut by_use: Vec<(u64, u32)> = state.files.iter().map(|(&at, &(_, used))| (used, at)).collect();
        by_use.sort_unstable();
        for (_, oldest) in by_use {
            if state.bytes <= self.limit / 4 * 3 {
                return;
            }
            let gone = state.files.remove(&oldest);
            state.bytes -= gone.map_or(0, |(bytes, _)| bytes.len() as u64);
        }
    }
}

impl Packed {
    /// `IO` if what comes out is not what the archive promises.
    pub(super) fn unpack(&self, backing: &Backing) -> Result<Bytes> {
        let size = usize::try_from(self.size).map_err(|_| Errno::NOMEM)?;
        let len = usize::try_from(self.len).map_err(|_| Errno::NOMEM)?;
        let bytes = backing.read_bytes(self.at, len)?;
        if bytes.len() < len {
            return Err(Errno::IO);
        }
        let content = super::compress::inflate(&bytes, size).ok_or(Errno::IO)?;
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        if crc.sum() != self.crc {
            return Err(Errno::IO);
        }
        Ok(content.into())
    }
}
