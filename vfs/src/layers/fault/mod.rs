//! [`FaultFs`]: a filesystem on which any call can be made to fail, for tests of whatever lies above one: an overlay, a
//! quota, the resolver, a runtime.
//!
//! Two things are asked of those above. An operation that fails leaves everything as it was, whichever of the calls
//! that it consists of has failed; [`Faults`] makes each of them fail in turn, until one more is never reached. And
//! whatever was handed out is given back; [`Ledger`] keeps the books.
//!
//! ```
//! use std::sync::Arc;
//! use gangplank_vfs::{Errno, MemFs, Tree, layers::fault::{Calls, Fault, FaultFs}};
//!
//! let fs = FaultFs::new(Arc::new(MemFs::new()));
//! let faults = fs.faults().clone();
//! let tree = Tree::new(Arc::new(fs));
//! faults.arm(Calls::CHANGES, 2, Fault::Fail(Errno::NOSPC));
//! tree.create_dir("a").unwrap();
//! assert_eq!(tree.create_dir("b").unwrap_err().errno, Errno::NOSPC);
//! tree.create_dir("b").unwrap();
//! drop(tree);
//! assert!(faults.ledger().held().is_empty());
//! ```
//!
//! # What is a call
//! Every method of [`FileSystem`], [`VirtualFile`], [`Xattrs`] and [`Snapshots`] that can fail. The sockets of a file
//! are handed on as they are. A [`Fault::Fail`] answers whatever it is told to, whether or not the method documents
//! that error; a [`Fault::Short`] breaks the promise of [`VirtualFile::read_at`] to be short only at the end of the
//! file, which filesystems over a network have been known to do.

mod file;
mod ledger;
mod plan;

use std::sync::Arc;

use bytes::Bytes;

use self::file::FaultFile;
pub use self::{
    ledger::{Held, Ledger},
    plan::{Calls, Fault, Faults},
};
use crate::{
    Components, Ctx, Entry, Errno, FileSystem, FsInfo, Goal, Metadata, MountPoints, Name, NewNode, NodeId, OpenFlags,
    OpenHow, Opened, Remove, Rename, Result, SetAttr, SetXattr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
    walk_by_lookup,
};

/// A filesystem on which calls fail: [`fault`](self).
#[derive(Debug)]
pub struct FaultFs {
    inner: Arc<dyn FileSystem>,
    faults: Faults,
    by_lookup: bool,
}

impl FaultFs {
    /// Around `inner`, with nothing armed.
    pub fn new(inner: Arc<dyn FileSystem>) -> FaultFs {
        FaultFs { inner, faults: Faults::default(), by_lookup: false }
    }

    /// Walks name by name ([`walk_by_lookup`]), so that each name is a call, instead of handing a walk on as one.
    pub fn by_lookup(self) -> FaultFs {
        FaultFs { by_lookup: true, ..self }
    }

    /// What to arm it with.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn took(&self, entry: Entry) -> Entry {
        self.faults.ledger().took(entry.node);
        entry
    }

    fn wrap(&self, node: NodeId, inner: Arc<dyn VirtualFile>) -> Arc<dyn VirtualFile> {
        Arc::new(FaultFile::new(inner, node, self.faults.clone()))
    }

    fn around(&self, inner: Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
        Arc::new(FaultFs { inner, faults: self.faults.clone(), by_lookup: self.by_lookup })
    }

    fn inner_xattrs(&self) -> Result<&dyn Xattrs> {
        self.inner.xattrs().ok_or(Errno::NOTSUP)
    }

    fn inner_snapshots(&self) -> Result<&dyn Snapshots> {
        self.inner.snapshots().ok_or(Errno::NOTSUP)
    }
}

/// What opening with these flags is.
fn opening(flags: OpenFlags) -> Calls {
    if flags.contains(OpenFlags::TRUNC) { Calls::CHANGES } else { Calls::LOOKS }
}

fn walking(goal: Goal<'_>) -> Calls {
    match goal {
        Goal::Open(OpenHow { create: Some(_), .. }) => Calls::CHANGES,
        Goal::Open(how) => opening(how.flags),
        Goal::Node { .. } | Goal::Stat { .. } => Calls::LOOKS,
    }
}

impl FileSystem for FaultFs {
    fn info(&self) -> &FsInfo {
        self.inner.info()
    }

    fn root(&self) -> NodeId {
        self.inner.root()
    }

    fn retain(&self, node: NodeId) {
        self.faults.ledger().took(node);
        self.inner.retain(node);
    }

    fn forget(&self, node: NodeId, n: u64) {
        self.faults.ledger().gave(node, n);
        self.inner.forget(node, n);
    }

    fn lookup(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.lookup(cx, dir, name).map(|entry| self.took(entry))
    }

    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.parent(dir).inspect(|&parent| self.faults.ledger().took(parent))
    }

    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        if self.by_lookup {
            return walk_by_lookup(self, cx, dir, path, mounts, goal);
        }
        self.faults.pass(walking(goal))?;
        let walked = self.inner.walk(cx, dir, path, mounts, goal)?;
        let ledger = self.faults.ledger();
        match walked {
            Walked::Node(Entry { node, .. }) | Walked::MountPoint(node) | Walked::Symlink { dir: node, .. } => {
                ledger.took(node);
            }
            Walked::Opened(Opened { file, node, file_type }) => {
                if file_type == crate::FileType::Directory {
                    ledger.took(node);
                }
                return Ok(Walked::Opened(Opened { file: self.wrap(node, file), node, file_type }));
            }
            Walked::Stat(_) | Walked::Missing => {}
        }
        Ok(walked)
    }

    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.readlink(node)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.getattr(node)
    }

    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.setattr(cx, node, attr)
    }

    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.create(cx, dir, name, new).map(|entry| self.took(entry))
    }

    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.make(cx, dir, name, new)
    }

    fn link(&self, cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.link(cx, node, dir, name)
    }

    fn remove(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.remove(cx, dir, name, what)
    }

    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.rename(cx, from, to, how)
    }

    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        self.faults.pass(opening(flags))?;
        self.inner.open(cx, node, flags).map(|file| self.wrap(node, file))
    }

    fn statfs(&self) -> Result<StatFs> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.statfs()
    }

    fn sync(&self) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.sync()
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.inner.xattrs().map(|_| self as &dyn Xattrs)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner.snapshots().map(|_| self as &dyn Snapshots)
    }
}

impl Xattrs for FaultFs {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner_xattrs()?.get(node, name)
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner_xattrs()?.set(node, name, value, how)
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner_xattrs()?.remove(node, name)
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner_xattrs()?.list(node, sink)
    }
}

impl Snapshots for FaultFs {
    /// The fork has the same handle: what is armed for one is armed for both.
    fn fork(&self) -> Result<Arc<dyn FileSystem>> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner_snapshots()?.fork().map(|fork| self.around(fork))
    }

    fn freeze(&self) -> Result<Arc<dyn FileSystem>> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner_snapshots()?.freeze().map(|frozen| self.around(frozen))
    }
}
