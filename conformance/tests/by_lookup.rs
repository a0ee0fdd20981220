//! The kit on a filesystem that takes every walk name by name, with `walk_by_lookup`: what most third parties will do.

use std::sync::Arc;

use bytes::Bytes;
use gangplank_conformance::{Fixture, Made, MemFixture, suite};
use gangplank_vfs::{
    Components, Ctx, Entry, FileSystem, FsInfo, Goal, Metadata, MountPoints, Name, NewNode, NodeId, OpenFlags, Remove,
    Rename, Result, SetAttr, Snapshots, StatFs, VirtualFile, Walked, Xattrs, walk_by_lookup,
};

/// Another filesystem, but for its walk.
#[derive(Debug)]
struct ByLookup(Arc<dyn FileSystem>);

impl FileSystem for ByLookup {
    fn info(&self) -> &FsInfo {
        self.0.info()
    }
    fn root(&self) -> NodeId {
        self.0.root()
    }
    fn retain(&self, node: NodeId) {
        self.0.retain(node);
    }
    fn forget(&self, node: NodeId, n: u64) {
        self.0.forget(node, n);
    }
    fn lookup(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.0.lookup(cx, dir, name)
    }
    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        self.0.parent(dir)
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
        self.0.readlink(node)
    }
    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.0.getattr(node)
    }
    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.0.setattr(cx, node, attr)
    }
    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.0.create(cx, dir, name, new)
    }
    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.0.make(cx, dir, name, new)
    }
    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.0.link(cx, node, dir, name)
    }
    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.0.remove(cx, dir, name, what)
    }
    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.0.rename(cx, from, to, how)
    }
    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        self.0.open(cx, node, flags)
    }
    fn statfs(&self) -> Result<StatFs> {
        self.0.statfs()
    }
    fn sync(&self) -> Result<()> {
        self.0.sync()
    }
    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.0.xattrs()
    }
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.0.snapshots()
    }
}

struct ByLookupFixture;

impl Fixture for ByLookupFixture {
    fn name(&self) -> &str {
        "by lookup"
    }
    fn make(&self) -> Made {
        let made = MemFixture.make();
        Made { fs: Arc::new(ByLookup(made.fs.clone())), ..made }
    }
}

suite! { mod by_lookup, fixture: ByLookupFixture }

#[test]
fn differs_in_nothing() {
    gangplank_conformance::differential::fuzz(&[&MemFixture, &ByLookupFixture], 5_000_000, 200, 60);
}
