//! Open files and directories of a [`SourceFs`](super::SourceFs).

use core::ops::ControlFlow;
use std::{io::IoSliceMut, sync::Arc};

use bytes::{Buf as _, Bytes};

use super::{Shared, Source};
use crate::{
    Cookie, DirEntry, Errno, FileType, Metadata, Name, NodeId, OpenFlags, Result, Seek, VirtualFile, sync::Mutex,
};

/// An open file, with what it held when it was opened.
#[derive(Debug)]
pub(super) struct SourceFile {
    metadata: Metadata,
    content: Bytes,
    flags: OpenFlags,
}

impl SourceFile {
    pub(super) fn new(metadata: Metadata, content: Bytes, flags: OpenFlags) -> SourceFile {
        SourceFile { metadata, content, flags }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    /// What is there from `offset` on.
    fn after(&self, offset: u64) -> Result<Bytes> {
        self.needs(OpenFlags::READ)?;
        if offset > i64::MAX as u64 {
            return Err(Errno::INVAL);
        }
        let at = usize::try_from(offset).unwrap_or(usize::MAX).min(self.content.len());
        Ok(self.content.slice(at..))
    }
}

impl VirtualFile for SourceFile {
    crate::regular_shape!(needs);
    crate::eager_append!();
    crate::read_only_file!();

    fn node(&self) -> Option<NodeId> {
        Some(self.metadata.ino)
    }

    fn getattr(&self) -> Result<Metadata> {
        Ok(self.metadata)
    }

    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let mut rest = self.after(offset)?;
        let before = rest.len();
        for buf in bufs {
            let n = buf.len().min(rest.len());
            rest.copy_to_slice(&mut buf[..n]);
        }
        Ok(before - rest.len())
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        let rest = self.after(offset)?;
        Ok(rest.slice(..len.min(rest.len())))
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        crate::mem_fs::set_image(target, self.content.clone())
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        match (offset < self.metadata.size, what) {
            (false, _) => Err(Errno::NXIO),
            (true, Seek::Data) => Ok(offset),
            (true, Seek::Hole) => Ok(self.metadata.size),
        }
    }
}

/// An open directory. A listing is a picture of it, made when it begins.
#[derive(Debug)]
pub(super) struct SourceDir<S> {
    shared: Arc<Shared<S>>,
    node: NodeId,
    path: Arc<[u8]>,
    flags: OpenFlags,
    names: Mutex<Option<Arc<Vec<Listed>>>>,
}

#[derive(Debug)]
struct Listed {
    name: Vec<u8>,
    node: NodeId,
    file_type: FileType,
}

impl<S: Source> SourceDir<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, node: NodeId, path: Arc<[u8]>, flags: OpenFlags) -> SourceDir<S> {
        SourceDir { shared, node, path, flags, names: Mutex::new(None) }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }

    fn list(&self) -> Result<Vec<Listed>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        match self.shared.source.list(&self.path, &mut |name| names.push(name.to_vec())) {
            // Gone: an empty directory.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(e),
        }
        names.sort_unstable();
        names.dedup();
        let mut listed = Vec::new();
        for bytes in names {
            let Ok(name) = Name::new(&bytes) else { continue };
            match self.shared.child(&self.path, name) {
                Ok((path, found)) => {
                    let node = self.shared.number(&path);
                    listed.push(Listed { name: bytes, node, file_type: found.file_type() });
                }
                Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(listed)
    }
}

impl<S: Source> VirtualFile for SourceDir<S> {
    crate::directory_shape!(needs);
    crate::read_only_directory!();

    fn node(&self) -> Option<NodeId> {
        Some(self.node)
    }

    fn getattr(&self) -> Result<Metadata> {
        Ok(self.shared.metadata(self.node, super::Found::Directory))
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        let known = self.names.lock().as_ref().filter(|_| from != Cookie::START).map(Arc::clone);
        let listed = match known {
            Some(listed) => listed,
            None => {
                let listed = Arc::new(self.list()?);
                *self.names.lock() = Some(Arc::clone(&listed));
                listed
            }
        };
        let begin = usize::try_from(from.0).unwrap_or(usize::MAX);
        for (entry, next) in listed.iter().zip(1..).skip(begin) {
            let Ok(name) = Name::new(&entry.name) else { continue };
            let shown = DirEntry { name, node: entry.node, file_type: entry.file_type, next: Cookie(next) };
            if sink(shown).is_break() {
                break;
            }
        }
        Ok(())
    }
}
