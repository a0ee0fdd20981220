//! [`Over`]: another filesystem, but for a twist. Every walk goes name by name, with `walk_by_lookup`, so that whatever
//! is twisted is seen by paths too.

use std::sync::Arc;

use gangplank_conformance::{Fixture as _, Made, MemFixture};
use gangplank_vfs::{
    Bytes, Components, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, Goal, Metadata, MountPoints, Name,
    NewNode, NodeId, OpenFlags, Remove, Rename, Result, SetAttr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
    walk_by_lookup,
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
    fn info(&self) -> &FsInfo {
        &self.info
    }
    fn root(&self) -> NodeId {
        self.inner.root()
    }
    fn retain(&self, node: NodeId) {
        self.inner.retain(node);
    }
    fn forget(&self, node: NodeId, n: u64) {
        self.inner.forget(node, n);
    }
    fn lookup(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.inner.lookup(cx, dir, name)
    }
    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        self.inner.parent(dir)
    }
    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        walk_by_lookup(self, cx, dir, path, mounts, goal)
    }
    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.inner.readlink(node)
    }
    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.inner.getattr(node)
    }
    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.inner.setattr(cx, node, attr)
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
    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.inner.remove(cx, dir, name, what)
    }
    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        let how = (self.twist.rename)(how)?;
        self.inner.rename(cx, from, to, how)
    }
    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        self.inner.open(cx, node, flags)
    }
    fn statfs(&self) -> Result<StatFs> {
        self.inner.statfs()
    }
    fn sync(&self) -> Result<()> {
        self.inner.sync()
    }
    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.inner.xattrs().filter(|_| self.info.caps.contains(FsCaps::XATTR))
    }
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner.snapshots().filter(|_| self.info.caps.contains(FsCaps::SNAPSHOT))
    }
}
