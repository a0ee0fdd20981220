//! [`MemDir`]: an open directory.

use core::ops::ControlFlow;
use std::sync::Arc;

use super::shared::Shared;
use crate::{
    Cookie, Ctx, DirEntry, Errno, Metadata, NodeId, OpenFlags, Result, SetAttr, VirtualFile,
    sync::atomic::{AtomicU64, Ordering},
};

/// An open directory. It holds a reference to its node.
#[derive(Debug)]
pub(super) struct MemDir {
    fs: Arc<Shared>,
    id: NodeId,
    flags: OpenFlags,
    /// Where the listing ends that began last: what is added later is not in it, so that it ends. 0 before the first.
    end: AtomicU64,
}

impl MemDir {
    /// To be called with the tree locked.
    pub(super) fn new(fs: Arc<Shared>, id: NodeId, flags: OpenFlags) -> MemDir {
        fs.refs.add(id, 1);
        MemDir { fs, id, flags, end: AtomicU64::new(0) }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::BADF) }
    }
}

impl Drop for MemDir {
    fn drop(&mut self) {
        self.fs.release(self.id, 1);
    }
}

impl VirtualFile for MemDir {
    crate::directory_shape!(needs);

    fn node(&self) -> Option<NodeId> {
        Some(self.id)
    }

    fn getattr(&self) -> Result<Metadata> {
        self.fs.getattr(self.id)
    }

    fn setattr(&self, _: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            return self.needs(OpenFlags::WRITE).and(Err(Errno::ISDIR));
        }
        self.fs.setattr(self.id, attr)
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        // A directory is persistent: this is a picture of it, and no lock is held while it is shown.
        let dir = self.fs.tree.read().dir(self.id)?.clone();
        let mut end = self.end.load(Ordering::Relaxed);
        if from == Cookie::START || end == 0 {
            end = dir.entries.end();
            self.end.store(end, Ordering::Relaxed);
        }
        dir.entries.range(from.0, &mut |entry| {
            if entry.seq >= end {
                return ControlFlow::Break(());
            }
            sink(DirEntry {
                name: entry.name.as_name(),
                node: entry.node,
                file_type: entry.file_type,
                next: Cookie(entry.seq + 1),
            })
        });
        let unread = dir.attrs.unread();
        drop(dir);
        if let (Some(atime), false) = (unread, self.flags.contains(OpenFlags::NOATIME)) {
            self.fs.note_read(self.id, atime);
        }
        Ok(())
    }

    fn sync(&self, _: bool) -> Result<()> {
        Ok(())
    }
}
