//! [`MemFs`]: a filesystem in memory.
//!
//! # Shape
//! ```text
//! MemFs → Shared ─ tree: RwLock<Tree>     Radix of slots: directories, links, special nodes, and of each file an Arc
//!                ├ refs: Mutex              references and orphans, of the nodes that have any, open files apart
//!                ├ quota: atomics           bytes and nodes
//!                └ epoch                    which files may be changed in place
//! MemFile ─ Arc<FileNode> ┬ RwLock<FileState>   attributes and content: reading and writing need no other lock
//!                         └ opens: atomic       open files of the filesystem that made it
//! ```
//! Everything below `tree` is persistent: a clone is one reference count, and a change copies what lies on its own
//! path and is still shared. So a [fork](crate::Snapshots) takes the same time whatever the size. What is changed again
//! and again stands beside the pages that may be shared, and is cloned with them: one directory of each tree
//! (`Tree::hot`), one chunk of each file (`Chunks::hot`).
//!
//! # Lock order
//! 1. `Shared::tree`
//! 2. `FileNode::state`; never two at a time
//! 3. `Shared::refs`
//! 4. `chunk::AT_HAND`, the only lock that filesystems share
//!
//! A later one may be taken while an earlier one is held, never the other way round. `quota` and `epoch` are atomics.
//! No lock is held while a sink, a clock or another filesystem is called, but for the clock, which must not call back.
//! A lock is never taken twice by one thread: the tree's read lock included.
//!
//! # Who may change what under which lock
//! * Directories, links, special nodes, names: `tree` for writing. A file's number of names: its `state` for writing
//!   besides, so that either lock is enough to read it.
//! * A file's attributes and content: its `state` for writing, if its `epoch` is the filesystem's; else it may be
//!   visible in a fork, and is superseded by a copy first, with `tree` held for writing (`Tree::file_of`).
//! * What is charged to the quota: as above, and `tree` held for reading at least; the number of nodes: `tree` for
//!   writing.
//! * Who is counted as open: more with `tree` held, so that nobody comes while a name is taken away; less at any time.
//!   Who leaves last a file without names looks, with `tree` held for writing, whether that still holds.
//!
//! # Why a fork is one point in time
//! `Shared::fork` holds `tree` for writing, sets a new epoch on both sides, then copies the tree (a root page and the
//! directory beside it) and the quota.
//!
//! * Changes under `tree` are before the fork or after it, as the lock is taken.
//! * A write in place checks the epoch under the file's lock, without `tree`. If it saw the old epoch, it held the
//!   file's lock before the fork was done, and whoever reads the file through the fork waits for that lock: the write
//!   is before the fork. If it saw the new one, it does nothing, and goes on with a copy: it is after the fork. All
//!   checks of one epoch agree on an order with the store of the new one, so no fork has a later write and lacks an
//!   earlier one.
//! * A file of the present epoch is in one filesystem only, and is superseded by nothing. So a write in place that has
//!   checked the epoch is seen by every reader of its filesystem.
//! * A reader checks under the file's lock that the file has not been superseded, which happens under the same lock. If
//!   it has, perhaps only in a fork, it finds the present one in `tree`.
//! * Open files stay with the filesystem that opened them. When that supersedes the file, the count moves from the old
//!   node to `refs`, under the lock of `refs`, and whoever closes learns from the same word where he is counted.
//! * The quota's numbers change only with `tree` held, so that they fit the tree that the fork gets.
//!
//! # Limits
//! A limit that is not set does not exist: then a guest can fill the host's memory. Whoever runs code that he does not
//! trust sets both limits. What they count: [`MemFsOptions`].

mod chunk;
mod data;
mod diff;
mod dirfile;
mod entries;
mod file;
mod fork;
mod index;
mod node;
mod ops;
mod quota;
mod radix;
pub(crate) mod ranges;
mod refs;
mod rename;
mod shared;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod xattr;

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Clock, Components, Cred, Ctx, Entry, Errno, FileSystem, FsCaps, FsInfo, Goal, Metadata, MountPoints, NAME_MAX,
    Name, NewNode, NodeId, OpenFlags, Remove, Rename, Result, SetAttr, Snapshots, StatFs, SystemClock, VirtualFile,
    Walked, Xattrs, diff::Changes, tree::TreeError,
};
pub use file::set_image;
pub use quota::Refused;
use shared::Shared;
use tree::{MAX_NODES, ROOT};

/// How a [`MemFs`] is made.
///
/// * The limit on bytes counts content in chunks of 16 KiB (holes, content up to 64 bytes, and images as long as they
///   are not written to are free), targets of symbolic links, and extended attributes.
/// * The limit on nodes counts nodes, and every name of a node beyond its first, the root being the first node.
#[derive(Clone, Debug)]
pub struct MemFsOptions {
    clock: Arc<dyn Clock>,
    max_bytes: u64,
    max_nodes: u64,
    hash_seed: Option<u64>,
    atime: Atime,
    root_mode: u16,
    root_owner: (u32, u32),
}

/// When reading a file, directory or symbolic link updates its `atime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Atime {
    /// If it is not later than `mtime` and `ctime`: the first read after a change.
    #[default]
    Relatime,
    /// Never.
    Noatime,
}

impl Default for MemFsOptions {
    fn default() -> Self {
        MemFsOptions {
            clock: Arc::new(SystemClock),
            max_bytes: u64::MAX,
            max_nodes: MAX_NODES,
            hash_seed: None,
            atime: Atime::Relatime,
            root_mode: 0o755,
            root_owner: (0, 0),
        }
    }
}

impl MemFsOptions {
    /// The host's clock, no limit on bytes, 2^32 - 2 nodes, a random hash seed, `relatime`, a root with mode 0755 that
    /// belongs to 0:0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where timestamps come from.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Limit on bytes; `None` for none.
    pub fn max_bytes(mut self, limit: Option<u64>) -> Self {
        self.max_bytes = limit.unwrap_or(u64::MAX);
        self
    }

    /// Limit on nodes; `None` for 2^32 - 2.
    pub fn max_nodes(mut self, limit: Option<u64>) -> Self {
        self.max_nodes = limit.unwrap_or(MAX_NODES).min(MAX_NODES);
        self
    }

    /// Seed of the hashes of names, for reproducible runs. It has no effect that can be seen but in time.
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// When a read updates `atime`.
    pub fn atime(mut self, atime: Atime) -> Self {
        self.atime = atime;
        self
    }

    /// Permission bits and owner of the root.
    pub fn root(mut self, mode: u16, uid: u32, gid: u32) -> Self {
        self.root_mode = mode;
        self.root_owner = (uid, gid);
        self
    }

    /// Makes the filesystem.
    pub fn build(&self) -> MemFs {
        MemFs { shared: Arc::new(Shared::new(self)) }
    }
}

/// A filesystem in memory. Holds nothing but its own content, so every guest can have one, and every test.
#[derive(Debug)]
pub struct MemFs {
    shared: Arc<Shared>,
}

impl Default for MemFs {
    fn default() -> Self {
        MemFsOptions::new().build()
    }
}

impl MemFs {
    /// An empty one, with the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy that shares everything until one of the two writes, in a time that does not depend on the size. It has
    /// its own device number, the same limits, and counts what it uses by itself, starting from what the original
    /// uses. Nodes that have no names any more stay behind, with the references and open files that keep them.
    pub fn fork(&self) -> MemFs {
        MemFs { shared: Arc::new(self.shared.fork()) }
    }

    /// What is different from `before`, a fork of the same filesystem, or that filesystem itself, in a time that depends
    /// on how much was touched in either, not on their size. What is common to both is not looked at: nodes with
    /// several names excepted, whose other names have to be searched for if they have changed.
    ///
    /// Of a file that is written to meanwhile the result may be the old or the new one.
    ///
    /// # Errors
    /// `INVAL` if the two have nothing in common ([`diff::compare`](crate::diff::compare) compares any two trees);
    /// `NAMETOOLONG` if the path of a change is longer than [`PATH_MAX`](crate::PATH_MAX).
    pub fn changes_since(&self, before: &MemFs) -> Result<Changes, TreeError> {
        if !self.is_related_to(before) {
            return Err(TreeError::new("compare", b"", Errno::INVAL));
        }
        diff::changes(&before.shared, &self.shared).map(|(changes, _)| changes)
    }

    /// Whether they are forks of one filesystem.
    pub(crate) fn is_related_to(&self, other: &MemFs) -> bool {
        self.shared.family == other.shared.family
    }

    /// Which of its limits have refused something: whoever gave them can tell why a guest saw `NOSPC`.
    pub fn refused(&self) -> Refused {
        self.shared.quota.refused()
    }

    /// Makes a regular file with this content, which is shared and not copied: a write to the file copies the 16 KiB
    /// it touches. Permission bits are taken as they are. The identity comes without a reference.
    ///
    /// # Errors
    /// As [`FileSystem::create`]; `FBIG` over [`FsInfo::max_file_size`].
    pub fn add_image(&self, dir: NodeId, name: Name<'_>, mode: u16, content: Bytes) -> Result<NodeId> {
        let cred = Cred { umask: 0, ..Cred::ROOT };
        self.shared.create_file(&cred, dir, name, mode, content)
    }
}

/// The changes, and how many pages were looked at to find them.
#[cfg(test)]
pub(crate) fn pages_compared(before: &MemFs, after: &MemFs) -> Result<(Changes, u64), TreeError> {
    diff::changes(&before.shared, &after.shared)
}

impl FileSystem for MemFs {
    fn info(&self) -> &FsInfo {
        &self.shared.info
    }

    fn root(&self) -> NodeId {
        ROOT
    }

    fn retain(&self, node: NodeId) {
        self.shared.refs.add(node, 1);
    }

    fn forget(&self, node: NodeId, n: u64) {
        self.shared.release(node, n);
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
        self.shared.readlink(node)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.shared.getattr(node)
    }

    fn setattr(&self, _: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        self.shared.setattr(node, attr)
    }

    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.shared.create(cx.cred, dir, name, new)
    }

    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.shared.create_in(&mut self.shared.tree.write(), cx.cred, dir, name, new).map(drop)
    }

    fn link(&self, _: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        self.shared.link(node, dir, name)
    }

    fn remove(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        self.shared.remove(dir, name, what)
    }

    fn rename(&self, cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.shared.rename(cx.cred, from, to, how)
    }

    fn open(&self, _: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        walk::open(&self.shared, node, flags)
    }

    fn statfs(&self) -> Result<StatFs> {
        const BSIZE: u64 = 4096;
        let quota = &self.shared.quota;
        let blocks = quota.max_bytes() / BSIZE;
        let free = (quota.max_bytes() - quota.used_bytes()) / BSIZE;
        let ffree = quota.max_nodes() - quota.used_nodes();
        Ok(StatFs { bsize: BSIZE as u32, blocks, bfree: free, bavail: free, files: quota.max_nodes(), ffree })
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        Some(&*self.shared)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }
}

impl Snapshots for MemFs {
    fn fork(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(Arc::new(MemFs::fork(self)))
    }

    fn freeze(&self) -> Result<Arc<dyn FileSystem>> {
        Ok(Arc::new(MemFs { shared: Arc::new(self.shared.fork_with(Atime::Noatime)) }))
    }
}

/// What every memory filesystem can do.
fn info(dev: u64) -> FsInfo {
    FsInfo {
        fs_type: "mem",
        dev,
        caps: FsCaps::HARD_LINKS
            | FsCaps::SYMLINKS
            | FsCaps::EXCHANGE
            | FsCaps::STABLE_COOKIES
            | FsCaps::NS_TIMES
            | FsCaps::UNLINKED_OPEN
            | FsCaps::XATTR
            | FsCaps::SNAPSHOT
            | FsCaps::LOCAL
            | FsCaps::FIFOS
            | FsCaps::SOCKETS
            | FsCaps::DEVICES
            | FsCaps::ALLOCATE
            | FsCaps::SEEK_HOLE
            | FsCaps::DIR_NLINK
            | FsCaps::NO_REPLACE
            | FsCaps::WHITEOUT
            | FsCaps::CLONE,
        name_max: NAME_MAX as u16,
        time_granularity_ns: 1,
        max_file_size: data::MAX_SIZE,
    }
}
