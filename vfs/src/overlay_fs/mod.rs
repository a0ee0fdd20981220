//! [`OverlayFs`]: a writable view of filesystems that are not written to.
//!
//! Any number of *lower* layers lie under one *upper* layer, which takes every change. A directory that several layers
//! have shows what all of them hold; of anything else the topmost is shown. Without an upper layer the view is
//! read-only.
//!
//! # Shape
//! ```text
//! OverlayFs → Shared ─ layers: Arc<Layers>   the lower roots; shared by all forks
//!                    ├ upper: Upper           a filesystem with two directories: the visible tree, and work
//!                    └ tree: RwLock<Tree>     a cache: which name leads to which Node
//! OverlayFile, OverlayDir ─ Arc<Node>         where a node is in the layers; reading and writing need no other lock
//! ```
//! Everything that must last is in the upper layer, as [`marks`]; the rest is a cache. So to open the same layers again
//! is to have the same filesystem, numbers included, and a [fork](OverlayFs::fork) is a fork of the upper layer and an
//! empty cache.
//!
//! # What is kept
//! * A node keeps its number, times and birth when it is copied up, and its number through remount and fork. A node of
//!   a lower layer that has several names keeps them all.
//! * Of its permission bits a file loses set-user-ID and set-group-ID when it is copied up, as it does in Linux when it is
//!   written by somebody without privileges.
//! * Content is copied when it is first written to, not when it is opened; not at all if it is cut off; between memory
//!   filesystems its chunks are shared. Who opened the file before sees what is written afterwards.
//! * A directory is renamed without copying what is in it.
//! * Guests neither see nor make marks: a whiteout is no entry, a device that would be one is marked as none, and
//!   attributes that look like marks are kept under other names.
//!
//! # Layers that change underneath
//! A lower layer that can be frozen ([`Snapshots`]) is, when the overlay is made: what happens to it later does not
//! show. Of others, and of the upper layer, what is shown after somebody else has changed them is not defined: old, new
//! or an error, but never another file's content, and never a panic.
//!
//! # Where it differs from Linux's overlayfs
//! Files opened for reading see later writes; numbers last under every kind of layer; hard links below stay hard links
//! without an option; renames of directories need none either; copies are never set-user-ID. See [`marks`] for what the two say of each other's
//! layers. A directory with which something merges has one link, as there.
//!
//! # Lock order
//! 1. `Node::copy_up`, while content is copied; never two at a time
//! 2. `Shared::tree`
//! 3. `Node::listing`, while the layers below are listed; `OverlayDir::stream` comes before `tree`, and is held while an
//!    open directory is listed
//! 4. the locks of the layers, which were there before the overlay and never call up
//! 5. `Shadow::state`, under which nothing is called
//!
//! A later one may be taken while an earlier one is held, never the other way round. `tree` is held for reading by walks
//! whose names are all known, and for writing by everything that finds or changes a name, calls into the layers
//! included; content is read and written without it.

mod copy_up;
mod create;
mod file;
mod fork;
#[cfg(all(feature = "host", any(unix, windows)))]
mod host;
mod layer;
mod lookup;
pub mod marks;
mod node;
mod options;
mod parts;
mod readdir;
mod remove;
mod rename;
mod shared;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod work;
mod xattr;

use std::sync::Arc;

use bytes::Bytes;

use self::shared::Shared;
pub use self::{
    marks::{Marks, Prefix},
    options::{Builder, OverlayError},
};
use crate::{
    Components, Ctx, Entry, FileSystem, FsCaps, FsInfo, Goal, Metadata, Mount, MountOptions, MountPoints, Name,
    NewNode, NodeId, OpenFlags, Place, Remove, Rename, Result, SetAttr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
};

/// What an overlay says that it is, and what hands its calls on, too: a quota, for example.
const FS_TYPE: &str = "overlay";

/// A writable view of filesystems that are not written to.
#[derive(Debug)]
pub struct OverlayFs {
    shared: Arc<Shared>,
}

impl OverlayFs {
    /// Says what layers it is to have.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A copy whose changes the original does not see, nor the other way round, in a time that does not depend on the
    /// size: it has the same lower layers, and a fork of the upper one. Nodes keep their numbers; open files and
    /// references stay with the original.
    ///
    /// # Errors
    /// `NOTSUP` if the upper layer has no [`Snapshots`], as a directory of the host; without an upper layer the copy is
    /// one more view of the same.
    pub fn fork(&self) -> Result<OverlayFs> {
        Ok(OverlayFs { shared: Arc::new(self.shared.fork()?) })
    }

    /// The visible tree of the upper layer as it is there, marks and all ([`marks`](Self::marks) reads them): what has
    /// been changed. Not to be written to.
    pub fn upper(&self) -> Option<Place> {
        let upper = self.shared.upper.as_ref()?;
        Some(Mount::subtree(
            upper.fs.clone(),
            upper.root.id,
            MountOptions { read_only: true, ..MountOptions::default() },
        ))
    }

    /// The lower layers as the overlay reads them, topmost first: what can be frozen, frozen. Nodes have the numbers
    /// they have in the filesystems that were given.
    pub fn lowers(&self) -> Vec<Place> {
        let place = |root: &layer::NodeRef| {
            Mount::subtree(root.fs.clone(), root.id, MountOptions { read_only: true, ..MountOptions::default() })
        };
        self.shared.layers.lowers.iter().map(|lower| place(&lower.node)).collect()
    }

    /// How the layers' marks are read.
    pub fn marks(&self) -> &Marks {
        &self.shared.layers.marks
    }
}

impl FileSystem for OverlayFs {
    fn info(&self) -> &FsInfo {
        &self.shared.info
    }

    fn root(&self) -> NodeId {
        self.shared.root
    }

    fn retain(&self, node: NodeId) {
        self.shared.retain(node);
    }

    fn forget(&self, node: NodeId, n: u64) {
        self.shared.forget(node, n);
    }

    fn lookup(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        self.shared.lookup(dir, name)
    }

    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        self.shared.parent(dir)
    }

    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        walk::walk(&self.shared, cx, dir, path, mounts, goal)
    }

    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.shared.readlink(&*self.shared.get(node)?)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.shared.read().by_id(node)?.metadata(self.shared.info.dev)
    }

    fn setattr(&self, cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.shared.setattr(cx, node, attr)
    }

    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.shared.create(cx, dir, name, new)
    }

    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.shared.make(cx, dir, name, new)
    }

    fn link(&self, _: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.shared.link(node, dir, name)
    }

    fn remove(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.shared.remove(dir, name, what)
    }

    fn rename(&self, _: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.shared.rename(from, to, how)
    }

    fn open(&self, cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        walk::open(&self.shared, cx, node, flags)
    }

    fn statfs(&self) -> Result<StatFs> {
        match (&self.shared.upper, self.shared.layers.lowers.first()) {
            (Some(upper), _) => upper.fs.statfs(),
            (None, Some(lower)) => Ok(StatFs { bfree: 0, bavail: 0, ffree: 0, ..lower.node.fs.statfs()? }),
            (None, None) => Err(crate::Errno::IO),
        }
    }

    fn sync(&self) -> Result<()> {
        self.shared.upper.as_ref().map_or(Ok(()), |upper| upper.fs.sync())
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        self.shared.info.caps.contains(FsCaps::XATTR).then_some(&*self.shared as &dyn Xattrs)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.shared.info.caps.contains(FsCaps::SNAPSHOT).then_some(self as &dyn Snapshots)
    }
}

impl Snapshots for OverlayFs {
    fn fork(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(Arc::new(OverlayFs::fork(self)?))
    }

    fn freeze(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(Arc::new(OverlayFs { shared: Arc::new(self.shared.freeze()?) }))
    }
}
