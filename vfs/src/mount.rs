//! [`Mount`], [`Place`] and [`Namespace`]: filesystems put together into one tree.
//!
//! # Lock order
//! `Namespace::table` is the only lock, is taken for a pointer copy, and is never held across a call into a
//! filesystem.

use core::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::{
    Errno, FileSystem, FileType, Metadata, MountPoints, NodeId, Result,
    sync::{
        RwLock,
        atomic::{AtomicBool, Ordering},
        process,
    },
};

/// Properties of one mount, whatever the filesystem itself allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MountOptions {
    /// Every change through this mount is refused with `ROFS`. Reading changes nothing either: it implies `noatime`.
    pub read_only: bool,
    /// What is opened through this mount never updates its `atime` when it is read or listed
    /// ([`OpenFlags::NOATIME`](crate::OpenFlags::NOATIME)); nor does a symbolic link, if its filesystem can help it.
    pub noatime: bool,
}

/// A filesystem, or a part of one, made visible.
pub struct Mount {
    id: u64,
    fs: Arc<dyn FileSystem>,
    /// The number of the filesystem, which opening wants each time.
    dev: u64,
    /// With a reference, given back on drop.
    root: NodeId,
    options: MountOptions,
}

impl Mount {
    fn new(fs: Arc<dyn FileSystem>, root: NodeId, options: MountOptions) -> Arc<Mount> {
        static NEXT: process::AtomicU64 = process::AtomicU64::new(1);
        fs.retain(root);
        let dev = fs.info().dev;
        Arc::new(Mount { id: NEXT.fetch_add(1, Ordering::Relaxed), fs, dev, root, options })
    }

    /// Mounts `fs` nowhere: the place returned is its root, and `..` ends there. A WASI preopen is such a place.
    pub fn detached(fs: Arc<dyn FileSystem>, options: MountOptions) -> Place {
        let root = fs.root();
        Place::root(Mount::new(fs, root, options))
    }

    /// Mounts the directory `root` of `fs`, to which the caller has a reference, nowhere: `..` ends there.
    pub fn subtree(fs: Arc<dyn FileSystem>, root: NodeId, options: MountOptions) -> Place {
        Place::root(Mount::new(fs, root, options))
    }

    /// The filesystem.
    #[inline]
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Its properties.
    pub fn options(&self) -> MountOptions {
        self.options
    }

    /// Whether it changes nothing about what is asked of the filesystem.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        !self.options.read_only && !self.options.noatime
    }

    #[inline]
    pub(crate) fn dev(&self) -> u64 {
        self.dev
    }

    /// Whether changes are refused.
    #[inline]
    pub fn read_only(&self) -> bool {
        self.options.read_only
    }

    /// Whether reading leaves no trace.
    pub fn noatime(&self) -> bool {
        self.options.noatime || self.options.read_only
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.fs.forget(self.root, 1);
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ro = if self.read_only() { ",ro" } else { "" };
        let noatime = if self.options.noatime { ",noatime" } else { "" };
        write!(f, "Mount({}{ro}{noatime} {}{:?})", self.id, self.fs.info().fs_type, self.root)
    }
}

/// A node as seen through a mount (Linux's `struct path`): holds the node, and the mount, alive.
pub struct Place {
    mount: Arc<Mount>,
    node: NodeId,
}

impl Place {
    /// Takes over the reference to `node` that a filesystem returned.
    #[inline]
    pub(crate) fn adopt(mount: &Arc<Mount>, node: NodeId) -> Place {
        let place = Place { mount: Arc::clone(mount), node };
        if place.is_mount_root() {
            // The mount has a reference already; a place at its root needs none of its own.
            mount.fs.forget(node, 1);
        }
        place
    }

    fn root(mount: Arc<Mount>) -> Place {
        let node = mount.root;
        Place { mount, node }
    }

    /// Through which mount.
    #[inline]
    pub fn mount(&self) -> &Arc<Mount> {
        &self.mount
    }

    /// Which node.
    #[inline]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The filesystem it is in.
    #[inline]
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.mount.fs
    }

    /// Its metadata.
    ///
    /// # Errors
    /// None but those of the medium.
    pub fn metadata(&self) -> Result<Metadata> {
        self.mount.fs.getattr(self.node)
    }

    /// Whether the two are the same node seen through the same mount.
    #[inline]
    pub fn is_same(&self, other: &Place) -> bool {
        self.mount.id == other.mount.id && self.node == other.node
    }

    /// Whether it is the root of its mount.
    #[inline]
    pub fn is_mount_root(&self) -> bool {
        self.node == self.mount.root
    }
}

impl Clone for Place {
    fn clone(&self) -> Place {
        if !self.is_mount_root() {
            self.mount.fs.retain(self.node);
        }
        Place { mount: Arc::clone(&self.mount), node: self.node }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_mount_root() {
            self.mount.fs.forget(self.node, 1);
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.node, self.mount)
    }
}

/// Which mounts are where. Immutable: the namespace replaces it whole, so that a walk sees one state from begin to end.
#[derive(Clone, Default)]
pub(crate) struct MountTable {
    /// By mount and node: what is mounted there.
    over: HashMap<(u64, NodeId), Arc<Mount>, foldhash::fast::FixedState>,
    /// By mount: where it is mounted.
    point: HashMap<u64, Place, foldhash::fast::FixedState>,
}

impl MountTable {
    /// What is visible at `place`: the root of the topmost mount there, or the place itself.
    pub(crate) fn cross(&self, mut place: Place) -> Place {
        while let Some(mount) = self.over.get(&(place.mount.id, place.node)) {
            place = Place::root(Arc::clone(mount));
        }
        place
    }

    /// Where `mount` is mounted; `None` if nowhere.
    pub(crate) fn point(&self, mount: &Mount) -> Option<&Place> {
        self.point.get(&mount.id)
    }

    /// Whether something is mounted on this node.
    pub(crate) fn covers(&self, mount: &Mount, node: NodeId) -> bool {
        self.over.contains_key(&(mount.id, node))
    }
}

/// The mount points of one mount.
pub(crate) struct PointsOf<'a>(pub(crate) &'a MountTable, pub(crate) &'a Mount);

impl MountPoints for PointsOf<'_> {
    fn is_empty(&self) -> bool {
        self.0.over.is_empty()
    }

    fn contains(&self, node: NodeId) -> bool {
        self.0.covers(self.1, node)
    }
}

/// What one process, or several, see as the tree: a table of mounts.
#[derive(Default)]
pub struct Namespace {
    table: RwLock<Arc<MountTable>>,
    /// Whether the table has, or had, an entry: most namespaces never do, and their walks skip the lock.
    used: AtomicBool,
}

impl Namespace {
    /// A namespace without mounts: every place is what its own mount shows.
    pub fn new() -> Arc<Namespace> {
        Arc::default()
    }

    /// Mounts the root of `fs` on the directory `at`, and answers the place of that root.
    ///
    /// # Errors
    /// `NOTDIR` if `at` is no directory; `BUSY` if something is mounted exactly there already.
    pub fn mount(&self, at: &Place, fs: Arc<dyn FileSystem>, options: MountOptions) -> Result<Place> {
        let root = fs.root();
        self.attach(at, Mount::new(fs, root, options))
    }

    /// Mounts the directory `what` on the directory `at`: both then show the same. Mounts inside of `what` are not
    /// taken along (Linux's `MS_BIND` without `MS_REC`).
    ///
    /// # Errors
    /// `NOTDIR` if one of the two is no directory; `BUSY` if something is mounted exactly at `at` already. What the
    /// mount of `what` refuses or leaves out stays so, whatever the options say.
    pub fn bind(&self, at: &Place, what: &Place, options: MountOptions) -> Result<Place> {
        if what.metadata()?.file_type != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        let above = what.mount.options;
        let options =
            MountOptions { read_only: options.read_only || above.read_only, noatime: options.noatime || above.noatime };
        self.attach(at, Mount::new(Arc::clone(&what.mount.fs), what.node, options))
    }

    fn attach(&self, at: &Place, mount: Arc<Mount>) -> Result<Place> {
        if at.metadata()?.file_type != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        let point = at.clone();
        let mut table = self.table.write();
        if table.covers(&at.mount, at.node) {
            return Err(Errno::BUSY);
        }
        let mut next = MountTable::clone(&table);
        next.over.insert((at.mount.id, at.node), Arc::clone(&mount));
        next.point.insert(mount.id, point);
        *table = Arc::new(next);
        self.used.store(true, Ordering::Release);
        Ok(Place::root(mount))
    }

    /// Takes away the mount whose root is `root`. Open files and directories in it go on working.
    ///
    /// # Errors
    /// `INVAL` if it is not the root of a mount in this namespace; `BUSY` if something is mounted inside of it.
    pub fn unmount(&self, root: &Place) -> Result<()> {
        let mut table = self.table.write();
        let Some(point) = table.point(&root.mount).filter(|_| root.is_mount_root()) else {
            return Err(Errno::INVAL);
        };
        if table.over.keys().any(|(below, _)| *below == root.mount.id) {
            return Err(Errno::BUSY);
        }
        let key = (point.mount.id, point.node);
        let mut next = MountTable::clone(&table);
        next.over.remove(&key);
        next.point.remove(&root.mount.id);
        let old = core::mem::replace(&mut *table, Arc::new(next));
        drop(table);
        // Dropping a place calls into a filesystem: not under the lock.
        drop(old);
        Ok(())
    }

    /// What is visible at `place`: the root of what is mounted there, or the place itself.
    pub fn top(&self, place: &Place) -> Place {
        match self.table() {
            Some(table) => table.cross(place.clone()),
            None => place.clone(),
        }
    }

    /// A copy: later mounts in one of the two are not seen in the other (`CLONE_NEWNS`).
    pub fn fork(&self) -> Arc<Namespace> {
        Arc::new(Namespace {
            table: RwLock::new(Arc::clone(&self.table.read())),
            used: AtomicBool::new(self.used.load(Ordering::Acquire)),
        })
    }

    /// The mounts as they are now; `None` if there never was one.
    pub(crate) fn table(&self) -> Option<Arc<MountTable>> {
        self.used.load(Ordering::Acquire).then(|| Arc::clone(&self.table.read()))
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.read();
        f.debug_map().entries(table.over.iter().map(|((id, node), mount)| ((id, node), mount))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, ManualClock, MemFsOptions, OpenFlags, OpenHow, Scope, Start, Tree};

    /// What reading does to a memory filesystem through an ordinary mount, it does not do through a quiet one.
    #[test]
    fn a_quiet_mount_keeps_every_atime() {
        let clock = Arc::new(ManualClock::new(1_000_000_000_000));
        let fs: Arc<dyn FileSystem> = Arc::new(MemFsOptions::new().clock(clock.clone()).build());
        let tree = Tree::new(fs.clone());
        tree.write("f", "content").unwrap();
        tree.symlink("f", "l").unwrap();
        clock.advance(1_000_000_000);
        let atimes = || ["", "f", "l"].map(|path| tree.symlink_metadata(path).unwrap().atime);
        let read = |options: MountOptions| {
            let (place, namespace) = (Mount::detached(fs.clone(), options), Namespace::new());
            let start =
                Start { namespace: &namespace, cx: crate::Ctx::ROOT, place: &place, scope: Scope::Root(&place) };
            let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
            assert_eq!(start.open(b"l", &how).unwrap().file().read_bytes(0, 9).unwrap(), "content");
            assert_eq!(start.read_link(b"l").unwrap(), "f");
            assert_eq!(start.read_link(b"f"), Err(Errno::INVAL));
            let listing = start.open(b".", &how).unwrap();
            listing.readdir(crate::Cookie::START, &mut |_| core::ops::ControlFlow::Continue(())).unwrap();
        };
        let before = atimes();
        read(MountOptions { noatime: true, ..MountOptions::default() });
        read(MountOptions { read_only: true, ..MountOptions::default() });
        assert_eq!(atimes(), before);
        read(MountOptions::default());
        assert_eq!(atimes(), [clock.now(); 3]);
    }
}
