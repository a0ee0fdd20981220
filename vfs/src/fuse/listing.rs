//! Listing directories, for a kernel that wants `.` and `..` in them, and perhaps metadata.

use core::ops::ControlFlow;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use fuser::{Generation, INodeNo, ReplyDirectory, ReplyDirectoryPlus};

use super::{convert, files::Handle, server::Server};
use crate::{Cookie, Cred, Ctx, DirEntry, Errno, Name, NodeId, Result};

/// Positions of `.` and `..`; what follows has the cookie of the filesystem, and this added.
const DOTS: u64 = 2;

/// Entries that are looked up at a time, when the listing is not under way any more.
const BATCH: usize = 64;

/// An entry as it is kept for a moment.
struct Kept {
    name: Vec<u8>,
    next: Cookie,
}

impl Server {
    /// Adds entries from a position on until the reply is full, or the directory ends.
    pub(super) fn list(&self, handle: &Handle, from: u64, reply: &mut ReplyDirectory) -> Result<()> {
        let dir = handle.dir.ok_or(Errno::NOTDIR)?;
        for (at, name) in [(0, "."), (1, "..")] {
            if from <= at && reply.add(self.dot(dir, at)?, at + 1, fuser::FileType::Directory, name) {
                return Ok(());
            }
        }
        handle.file.readdir(Cookie(from.saturating_sub(DOTS)), &mut |entry: DirEntry<'_>| {
            let (ino, kind) = (self.nodes.theirs(entry.node), convert::kind(entry.file_type));
            match reply.add(ino, entry.next.0 + DOTS, kind, OsStr::from_bytes(entry.name.as_bytes())) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    }

    /// As [`list`](Self::list), and tells the kernel of each node.
    pub(super) fn list_plus(
        &self,
        who: &Cred,
        handle: &Handle,
        from: u64,
        reply: &mut ReplyDirectoryPlus,
    ) -> Result<()> {
        let dir = handle.dir.ok_or(Errno::NOTDIR)?;
        let ttl = self.options.ttl;
        for (at, name) in [(0, "."), (1, "..")] {
            if from <= at {
                // The kernel counts neither of the two as told.
                let found = self.fs().getattr(dir)?;
                let attr = convert::attr(&found, self.dot(dir, at)?);
                if reply.add(attr.ino, at + 1, name, &ttl, &attr, Generation(0)) {
                    return Ok(());
                }
            }
        }
        let mut from = Cookie(from.saturating_sub(DOTS));
        loop {
            let mut batch: Vec<Kept> = Vec::with_capacity(BATCH);
            handle.file.readdir(from, &mut |entry| {
                if batch.len() == BATCH {
                    return ControlFlow::Break(());
                }
                batch.push(Kept { name: entry.name.as_bytes().to_vec(), next: entry.next });
                ControlFlow::Continue(())
            })?;
            let Some(last) = batch.last() else { return Ok(()) };
            from = last.next;
            for entry in &batch {
                // What has gone meanwhile is not listed, as if it had gone before.
                let Ok(found) = self.fs().lookup(&Ctx { cred: who }, dir, Name::new(&entry.name)?) else { continue };
                let Ok(metadata) = self.fs().getattr(found.node) else {
                    self.fs().forget(found.node, 1);
                    continue;
                };
                let attr = self.told(found.node, &metadata);
                let name = OsStr::from_bytes(&entry.name);
                if reply.add(attr.ino, entry.next.0 + DOTS, name, &ttl, &attr, Generation(0)) {
                    self.nodes.forgotten(attr.ino, 1);
                    return Ok(());
                }
            }
        }
    }

    /// The number of `.` or `..` of a directory.
    fn dot(&self, dir: NodeId, at: u64) -> Result<INodeNo> {
        if at == 0 || dir == self.place.node() {
            return Ok(self.nodes.theirs(dir));
        }
        let parent = self.fs().parent(dir)?;
        self.fs().forget(parent, 1);
        Ok(self.nodes.theirs(parent))
    }
}
