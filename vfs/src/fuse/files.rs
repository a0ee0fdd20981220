//! [`Files`]: what is open, under the numbers that the kernel has for it; and what can be done to it.

use std::{
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fuser::FileHandle;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::{At, Bytes, Errno, NodeId, Result, Seek, VirtualFile};

/// An open file or directory.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) file: Arc<dyn VirtualFile>,
    /// Of a directory: itself.
    pub(super) dir: Option<NodeId>,
}

/// All that is open. Numbers are not used again.
#[derive(Debug, Default)]
pub(super) struct Files {
    next: AtomicU64,
    open: RwLock<HashMap<u64, Arc<Handle>, foldhash::fast::RandomState>>,
}

impl Files {
    pub(super) fn add(&self, handle: Handle) -> FileHandle {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.write().insert(number, Arc::new(handle));
        FileHandle(number)
    }

    /// # Errors
    /// `BADF` for what is not open.
    pub(super) fn get(&self, handle: FileHandle) -> Result<Arc<Handle>> {
        self.open.read().get(&handle.0).cloned().ok_or(Errno::BADF)
    }

    pub(super) fn remove(&self, handle: FileHandle) -> Result<()> {
        let gone = self.open.write().remove(&handle.0);
        gone.map(drop).ok_or(Errno::BADF)
    }
}

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

impl Handle {
    pub(super) fn read(&self, offset: u64, len: u32) -> Result<Bytes> {
        self.file.read_bytes(offset, len as usize)
    }

    /// Writes all that fits.
    pub(super) fn write(&self, data: &[u8], at: At) -> Result<u32> {
        let (written, _) = self.file.write_at(&[IoSlice::new(data)], at)?;
        u32::try_from(written).map_err(|_| Errno::IO)
    }

    /// Reserves space (`fallocate(2)`).
    ///
    /// # Errors
    /// `NOTSUP` for every mode but the plain one.
    pub(super) fn allocate(&self, offset: u64, len: u64, mode: i32) -> Result<()> {
        if mode != 0 {
            return Err(Errno::NOTSUP);
        }
        self.file.allocate(offset, len)
    }

    /// The next data or hole; the kernel sees to all other ways of `lseek(2)`.
    pub(super) fn seek(&self, offset: i64, whence: i32) -> Result<i64> {
        const SEEK_DATA: i32 = 3;
        const SEEK_HOLE: i32 = 4;

        let what = match whence {
            SEEK_DATA => Seek::Data,
            SEEK_HOLE => Seek::Hole,
            _ => return Err(Errno::INVAL),
        };
        let found = self.file.seek_data(u64::try_from(offset).map_err(|_| Errno::NXIO)?, what)?;
        i64::try_from(found).map_err(|_| Errno::OVERFLOW)
    }

    /// Copies up to `len` bytes, and answers how many (`copy_file_range(2)`). Less if the source ends, or the target is
    /// full after a part.
    pub(super) fn copy(&self, from: u64, to: &Handle, at: u64, len: u64) -> Result<u32> {
        // What can be answered is 32 bits; the caller asks again for the rest.
        let len = len.min(1 << 30);
        let mut done = 0;
        while done < len {
            let chunk = self.file.read_bytes(from + done, CHUNK.min((len - done) as usize))?;
            if chunk.is_empty() {
                break;
            }
            match to.write(&chunk, At::Offset(at + done)) {
                Ok(0) => break,
                Ok(written) => done += u64::from(written),
                Err(_) if done > 0 => break,
                Err(e) => return Err(e),
            }
        }
        Ok(done as u32)
    }
}
