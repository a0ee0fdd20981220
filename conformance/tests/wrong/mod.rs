//! Filesystems that are wrong on purpose, each in one way: a memory filesystem with a layer that spoils one thing.

use std::{io::IoSlice, sync::Arc};

use gangplank_conformance::{
    Fixture, Made, MemFixture,
    differential::{Op, Player, Rules, Run},
    model::{Model, ModelPlayer},
};
use gangplank_vfs::{
    At, Cookie, Ctx, FileSystem, FsCaps, Metadata, Name, NodeId, OpenFlags, Remove, Rename, Result, Snapshots,
    VirtualFile, forward_file, forward_fs,
};

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// A rename that must not replace replaces.
    Replaces,
    /// What is appended overwrites the beginning.
    Overwrites,
    /// A file that grows is not zero where it has grown.
    GrowsDirty,
    /// A removed directory is not asked whether it is empty.
    RemovesFull,
    /// A fork is the filesystem itself.
    SharesForks,
    /// A hard link is not counted.
    CountsOne,
}

impl Wrong {
    /// All of them, and the most lines that are needed to show it.
    pub(crate) const ALL: [(Wrong, usize); 6] = [
        (Wrong::Replaces, 2),
        (Wrong::Overwrites, 3),
        (Wrong::GrowsDirty, 3),
        (Wrong::RemovesFull, 3),
        (Wrong::SharesForks, 1),
        (Wrong::CountsOne, 2),
    ];
}

impl Fixture for Wrong {
    fn name(&self) -> &str {
        "wrong"
    }

    fn make(&self) -> Made {
        let made = MemFixture.make();
        Made { fs: Arc::new(Spoilt { inner: made.fs.clone(), wrong: *self }), ..made }
    }
}

#[derive(Debug)]
struct Spoilt {
    inner: Arc<dyn FileSystem>,
    wrong: Wrong,
}

impl Spoilt {
    /// Removes what a directory holds.
    fn empty(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<()> {
        let found = self.inner.lookup(cx, dir, name)?;
        let mut names = vec![];
        self.inner.open(cx, found.node, OpenFlags::READ)?.readdir(Cookie::START, &mut |e| {
            names.push(e.name.as_bytes().to_vec());
            core::ops::ControlFlow::Continue(())
        })?;
        for name in &names {
            let name = Name::new(name)?;
            for what in [Remove::NonDirectory, Remove::Directory] {
                let _ = self.inner.remove(cx, found.node, name, what);
            }
        }
        self.inner.forget(found.node, 1);
        Ok(())
    }
}

impl FileSystem for Spoilt {
    forward_fs! { inner: info, root, retain, forget, lookup, parent, walk_by_lookup, readlink, setattr, create, make,
    link, statfs, sync, xattrs }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        let metadata = self.inner.getattr(node)?;
        let nlink = if self.wrong == Wrong::CountsOne { metadata.nlink.min(1) } else { metadata.nlink };
        Ok(Metadata { nlink, ..metadata })
    }

    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        Ok(Arc::new(SpoiltFile { inner: self.inner.open(cx, node, flags)?, wrong: self.wrong }))
    }

    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        if self.wrong == Wrong::RemovesFull && what == Remove::Directory {
            let _ = self.empty(cx, dir, name);
        }
        self.inner.remove(cx, dir, name, what)
    }

    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        let how = if self.wrong == Wrong::Replaces { Rename::Replace } else { how };
        self.inner.rename(cx, from, to, how)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        if self.wrong == Wrong::SharesForks { Some(self) } else { self.inner.snapshots() }
    }
}

impl Snapshots for Spoilt {
    fn fork(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(self.inner.clone())
    }

    fn freeze(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(self.inner.clone())
    }
}

#[derive(Debug)]
struct SpoiltFile {
    inner: Arc<dyn VirtualFile>,
    wrong: Wrong,
}

impl VirtualFile for SpoiltFile {
    gangplank_vfs::eager_append!();
    forward_file! { inner: node, seekable, getattr, setattr, read_at, read_bytes, allocate, seek_data, readdir, sync, poll,
    read_stream, write_stream, flush, set_flags, advise, socket, is_terminal }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        let at = if self.wrong == Wrong::Overwrites && at == At::End { At::Offset(0) } else { at };
        self.inner.write_at(bufs, at)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let before = self.inner.getattr()?.size;
        self.inner.set_len(len)?;
        if self.wrong == Wrong::GrowsDirty && len > before {
            self.inner.write_at(&[IoSlice::new(b"?")], At::Offset(len - 1))?;
        }
        Ok(())
    }

    fn clone_to(&self, _: &dyn VirtualFile) -> Result<()> {
        Err(gangplank_vfs::Errno::XDEV)
    }
}

/// A player that says of one verb what the model says, and does not do it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgets(pub(crate) &'static str);

/// All verbs that change a tree, or where one stands in it.
pub(crate) const CHANGE_PATHS: &[&str] = &[
    "mkdir",
    "put",
    "symlink",
    "link",
    "linkfollow",
    "unlink",
    "rmdir",
    "rename",
    "noreplace",
    "exchange",
    "truncate",
    "chmod",
    "touch",
    "cd",
    "home",
    "fork",
    "mount",
];

/// All that change an open file, or what a slot shows.
pub(crate) const CHANGE_HANDLES: &[&str] =
    &["open", "close", "dup", "fread", "fwrite", "pwrite", "seek", "seekend", "setlen", "allocate"];

impl Player for Forgets {
    fn name(&self) -> &str {
        self.0
    }

    fn caps(&self) -> FsCaps {
        ModelPlayer.caps()
    }

    fn rooted(&self) -> bool {
        ModelPlayer.rooted()
    }

    fn mounts(&self) -> bool {
        ModelPlayer.mounts()
    }

    fn start(&self, rules: Rules) -> Box<dyn Run + '_> {
        Box::new(Forgetful { verb: self.0, knows: Model::new(rules), does: ModelPlayer.start(rules) })
    }
}

struct Forgetful<'p> {
    verb: &'static str,
    knows: Model,
    does: Box<dyn Run + 'p>,
}

impl Run for Forgetful<'_> {
    fn step(&mut self, op: &Op) -> String {
        let right = self.knows.answer(op);
        if op.verb == self.verb { right } else { self.does.step(op) }
    }

    fn tree(&mut self) -> String {
        self.does.tree()
    }
}
