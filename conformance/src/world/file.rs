//! [`File`]: an open file, and what it lists.

use core::ops::ControlFlow;
use std::{
    io::{IoSlice, IoSliceMut},
    ops::Deref,
    sync::Arc,
};

use gangplank_vfs::{At, Cookie, FileType, NodeId, Result, VirtualFile};

/// An open file.
#[derive(Clone, Debug)]
pub struct File(pub Arc<dyn VirtualFile>);

impl Deref for File {
    type Target = dyn VirtualFile;

    fn deref(&self) -> &(dyn VirtualFile + 'static) {
        &*self.0
    }
}

/// A directory entry, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name, escaped where it is not ASCII.
    pub name: String,
    /// Its name as it is.
    pub raw: Vec<u8>,
    /// Its number.
    pub node: NodeId,
    /// Its type.
    pub file_type: FileType,
    /// Where to go on.
    pub next: Cookie,
}

impl File {
    /// `read_at` into one buffer of `len` bytes.
    ///
    /// # Errors
    /// As `read_at`.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut buf = vec![0xA5; len];
        let n = self.0.read_at(&mut [IoSliceMut::new(&mut buf)], offset)?;
        buf.truncate(n);
        Ok(buf)
    }

    /// `write_at` an offset.
    ///
    /// # Errors
    /// As `write_at`.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize> {
        self.0.write_at(&[IoSlice::new(bytes)], At::Offset(offset)).map(|(n, _)| n)
    }

    /// `write_at` the end: bytes written, and the end after them.
    ///
    /// # Errors
    /// As `write_at`.
    pub fn append(&self, bytes: &[u8]) -> Result<(usize, u64)> {
        self.0.write_at(&[IoSlice::new(bytes)], At::End)
    }

    /// Its size.
    ///
    /// # Panics
    /// If it cannot be had.
    pub fn size(&self) -> u64 {
        self.0.getattr().expect("metadata of an open file").size
    }

    /// All entries, in the order of the filesystem.
    ///
    /// # Errors
    /// As `readdir`.
    pub fn list(&self) -> Result<Vec<Listed>> {
        self.list_from(Cookie::START, usize::MAX)
    }

    /// At most `limit` entries from a cookie on.
    ///
    /// # Errors
    /// As `readdir`.
    pub fn list_from(&self, from: Cookie, limit: usize) -> Result<Vec<Listed>> {
        let mut out = vec![];
        self.0.readdir(from, &mut |e| {
            if out.len() == limit {
                return ControlFlow::Break(());
            }
            out.push(Listed {
                name: e.name.as_bytes().escape_ascii().to_string(),
                raw: e.name.as_bytes().to_vec(),
                node: e.node,
                file_type: e.file_type,
                next: e.next,
            });
            ControlFlow::Continue(())
        })?;
        Ok(out)
    }

    /// All entries, in batches of `step`, calling `between` before each further batch.
    ///
    /// # Errors
    /// As `readdir`.
    pub fn list_in_steps(&self, step: usize, mut between: impl FnMut(&[Listed])) -> Result<Vec<Listed>> {
        let (mut all, mut from) = (vec![], Cookie::START);
        loop {
            let batch = self.list_from(from, step)?;
            let Some(last) = batch.last() else { return Ok(all) };
            from = last.next;
            between(&batch);
            all.extend(batch);
        }
    }
}
