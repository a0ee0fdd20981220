//! [`Over`]: another filesystem, but for a twist. Every walk goes name by name, with `walk_by_lookup`, so that whatever
//! is twisted is seen by paths too.

use std::sync::Arc;

use gangplank_conformance::{Fixture as _, Made, MemFixture};
use gangplank_vfs::{
    Ctx, Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, Name, NewNode, NodeId, Rename, Result, Snapshots, Xattrs,
};

/// What is refused, or done otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twist {
    pub(crate) make: fn(&NewNode<'_>) -> Result<()>,
    pub(crate) link: fn() -> Result<()>,
    pub(crate) rename: fn(Rename) -> Result<Rename>,
}

impl Twist {
    pub(crate) const NONE: Twist = Twist { make: |_| Ok(()), link: || Ok(()), rename: Ok };
}

#[derive(Debug)]
pub(crate) struct Over {
    inner: Arc<dyn FileSystem>,
    info: FsInfo,
    twist: Twist,
}

impl Over {
    /// A memory filesystem that claims less by `unclaimed`.
    pub(crate) fn mem(unclaimed: FsCaps, twist: Twist) -> Made {
        let made = MemFixture.make();
        let mut info = made.fs.info().clone();
        info.caps -= unclaimed;
        Made { fs: Arc::new(Over { inner: made.fs.clone(), info, twist }), ..made }
    }

    fn may_make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        match (self.twist.make)(new) {
            Ok(()) => Ok(()),
            Err(e) => self.vacant(cx, dir, name).and(Err(e)),
        }
    }

    /// What is wrong with a new name comes before what cannot be made.
    fn vacant(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<()> {
        match self.inner.lookup(cx, dir, name) {
            Ok(entry) => {
                self.inner.forget(entry.node, 1);
                Err(Errno::EXIST)
            }
            Err(Errno::NOENT) if self.inner.getattr(dir)?.nlink > 0 => Ok(()),
            Err(e) => Err(e),
        }
    }
}

impl FileSystem for Over {
    gangplank_vfs::forward_fs! { inner: root, retain, forget, lookup, parent, walk_by_lookup, readlink, getattr, setattr,
    remove, open, statfs, sync }

    fn info(&self) -> &FsInfo {
        &self.info
    }
    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.may_make(cx, dir, name, new)?;
        self.inner.create(cx, dir, name, new)
    }
    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.may_make(cx, dir, name, new)?;
        self.inner.make(cx, dir, name, new)
    }
    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        if let Err(e) = (self.twist.link)() {
            self.vacant(cx, dir, name)?;
            let is_dir = self.inner.getattr(node)?.file_type == FileType::Directory;
            return Err(if is_dir { Errno::PERM } else { e });
        }
        self.inner.link(cx, node, dir, name)
    }
    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        let how = (self.twist.rename)(how)?;
        self.inner.rename(cx, from, to, how)
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.inner.xattrs().filter(|_| self.info.caps.contains(FsCaps::XATTR))
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner.snapshots().filter(|_| self.info.caps.contains(FsCaps::SNAPSHOT))
    }
}
