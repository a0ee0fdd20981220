//! What a filesystem answers that lies over another and leaves most of it as it is.
//!
//! Like [`shapes`](crate::shapes), the macros stand inside an `impl`. Each is given the field that holds the other and
//! the methods that are handed on to it; a method that is neither named nor written is missing, and the compiler says
//! so. There is no list of all: whoever lies over another should have thought about each.
//!
//! ```
//! # use std::sync::Arc;
//! use gangplank_vfs::*;
//!
//! /// A filesystem in which nobody sets times, modes or owners.
//! #[derive(Debug)]
//! struct Unchanged {
//!     inner: Arc<dyn FileSystem>,
//! }
//!
//! impl FileSystem for Unchanged {
//!     forward_fs! { inner: info, root, retain, forget, lookup, parent, walk, readlink, getattr, create, make, link,
//!         remove, rename, open, statfs, sync, xattrs, snapshots }
//!
//!     fn setattr(&self, _: &Ctx<'_>, _: NodeId, _: &SetAttr) -> Result<()> {
//!         Err(Errno::PERM)
//!     }
//! }
//! ```

/// Methods of a [`FileSystem`](crate::FileSystem) that are those of a field's: `forward_fs! { field: method, … }`.
///
/// `walk` opens files, too, the other's. Who has files of its own writes `walk_by_lookup` instead, which is a `walk` that
/// asks this filesystem's own `lookup` and `open` ([`walk_by_lookup`](crate::walk_by_lookup)).
#[macro_export]
macro_rules! forward_fs {
    ($inner:tt: $($method:ident),+ $(,)?) => { $($crate::forward_fs! { @ $inner $method })+ };
    (@ $inner:tt info) => {
        fn info(&self) -> &$crate::FsInfo {
            self.$inner.info()
        }
    };
    (@ $inner:tt root) => {
        fn root(&self) -> $crate::NodeId {
            self.$inner.root()
        }
    };
    (@ $inner:tt retain) => {
        fn retain(&self, node: $crate::NodeId) {
            self.$inner.retain(node);
        }
    };
    (@ $inner:tt forget) => {
        fn forget(&self, node: $crate::NodeId, n: u64) {
            self.$inner.forget(node, n);
        }
    };
    (@ $inner:tt lookup) => {
        fn lookup(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
        ) -> $crate::Result<$crate::Entry> {
            self.$inner.lookup(cx, dir, name)
        }
    };
    (@ $inner:tt parent) => {
        fn parent(&self, dir: $crate::NodeId) -> $crate::Result<$crate::NodeId> {
            self.$inner.parent(dir)
        }
    };
    (@ $inner:tt walk) => {
        fn walk(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            path: &mut $crate::Components<'_>,
            mounts: &dyn $crate::MountPoints,
            goal: $crate::Goal<'_>,
        ) -> $crate::Result<$crate::Walked> {
            self.$inner.walk(cx, dir, path, mounts, goal)
        }
    };
    (@ $inner:tt walk_by_lookup) => {
        fn walk(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            path: &mut $crate::Components<'_>,
            mounts: &dyn $crate::MountPoints,
            goal: $crate::Goal<'_>,
        ) -> $crate::Result<$crate::Walked> {
            $crate::walk_by_lookup(self, cx, dir, path, mounts, goal)
        }
    };
    (@ $inner:tt readlink) => {
        fn readlink(&self, node: $crate::NodeId) -> $crate::Result<$crate::Bytes> {
            self.$inner.readlink(node)
        }
    };
    (@ $inner:tt getattr) => {
        fn getattr(&self, node: $crate::NodeId) -> $crate::Result<$crate::Metadata> {
            self.$inner.getattr(node)
        }
    };
    (@ $inner:tt setattr) => {
        fn setattr(&self, cx: &$crate::Ctx<'_>, node: $crate::NodeId, attr: &$crate::SetAttr) -> $crate::Result<()> {
            self.$inner.setattr(cx, node, attr)
        }
    };
    (@ $inner:tt create) => {
        fn create(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            new: &$crate::NewNode<'_>,
        ) -> $crate::Result<$crate::Entry> {
            self.$inner.create(cx, dir, name, new)
        }
    };
    (@ $inner:tt make) => {
        fn make(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            new: &$crate::NewNode<'_>,
        ) -> $crate::Result<()> {
            self.$inner.make(cx, dir, name, new)
        }
    };
    (@ $inner:tt link) => {
        fn link(
            &self,
            cx: &$crate::Ctx<'_>,
            node: $crate::NodeId,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
        ) -> $crate::Result<()> {
            self.$inner.link(cx, node, dir, name)
        }
    };
    (@ $inner:tt remove) => {
        fn remove(
            &self,
            cx: &$crate::Ctx<'_>,
            dir: $crate::NodeId,
            name: $crate::Name<'_>,
            what: $crate::Remove,
        ) -> $crate::Result<()> {
            self.$inner.remove(cx, dir, name, what)
        }
    };
    (@ $inner:tt rename) => {
        fn rename(
            &self,
            cx: &$crate::Ctx<'_>,
            from: ($crate::NodeId, $crate::Name<'_>),
            to: ($crate::NodeId, $crate::Name<'_>),
            how: $crate::Rename,
        ) -> $crate::Result<()> {
            self.$inner.rename(cx, from, to, how)
        }
    };
    (@ $inner:tt open) => {
        fn open(
            &self,
            cx: &$crate::Ctx<'_>,
            node: $crate::NodeId,
            flags: $crate::OpenFlags,
        ) -> $crate::Result<::std::sync::Arc<dyn $crate::VirtualFile>> {
            self.$inner.open(cx, node, flags)
        }
    };
    (@ $inner:tt statfs) => {
        fn statfs(&self) -> $crate::Result<$crate::StatFs> {
            self.$inner.statfs()
        }
    };
    (@ $inner:tt sync) => {
        fn sync(&self) -> $crate::Result<()> {
            self.$inner.sync()
        }
    };
    (@ $inner:tt xattrs) => {
        fn xattrs(&self) -> Option<&dyn $crate::Xattrs> {
            self.$inner.xattrs()
        }
    };
    (@ $inner:tt snapshots) => {
        fn snapshots(&self) -> Option<&dyn $crate::Snapshots> {
            self.$inner.snapshots()
        }
    };
}

/// Methods of a [`VirtualFile`](crate::VirtualFile) that are those of a field's: `forward_file! { field: method, … }`.
#[macro_export]
macro_rules! forward_file {
    ($inner:tt: $($method:ident),+ $(,)?) => { $($crate::forward_file! { @ $inner $method })+ };
    (@ $inner:tt node) => {
        fn node(&self) -> Option<$crate::NodeId> {
            self.$inner.node()
        }
    };
    (@ $inner:tt seekable) => {
        fn seekable(&self) -> bool {
            self.$inner.seekable()
        }
    };
    (@ $inner:tt getattr) => {
        fn getattr(&self) -> $crate::Result<$crate::Metadata> {
            self.$inner.getattr()
        }
    };
    (@ $inner:tt setattr) => {
        fn setattr(&self, cx: &$crate::Ctx<'_>, attr: &$crate::SetAttr) -> $crate::Result<()> {
            self.$inner.setattr(cx, attr)
        }
    };
    (@ $inner:tt read_at) => {
        fn read_at(&self, bufs: &mut [::std::io::IoSliceMut<'_>], offset: u64) -> $crate::Result<usize> {
            self.$inner.read_at(bufs, offset)
        }
    };
    (@ $inner:tt write_at) => {
        fn write_at(&self, bufs: &[::std::io::IoSlice<'_>], at: $crate::At) -> $crate::Result<(usize, u64)> {
            self.$inner.write_at(bufs, at)
        }
    };
    (@ $inner:tt append) => {
        fn append(&self, bufs: &[::std::io::IoSlice<'_>]) -> $crate::Result<(usize, Option<u64>)> {
            self.$inner.append(bufs)
        }
    };
    (@ $inner:tt appended) => {
        fn appended(&self) -> $crate::Result<u64> {
            self.$inner.appended()
        }
    };
    (@ $inner:tt read_bytes) => {
        fn read_bytes(&self, offset: u64, len: usize) -> $crate::Result<$crate::Bytes> {
            self.$inner.read_bytes(offset, len)
        }
    };
    (@ $inner:tt set_len) => {
        fn set_len(&self, len: u64) -> $crate::Result<()> {
            self.$inner.set_len(len)
        }
    };
    (@ $inner:tt allocate) => {
        fn allocate(&self, offset: u64, len: u64) -> $crate::Result<()> {
            self.$inner.allocate(offset, len)
        }
    };
    (@ $inner:tt clone_to) => {
        fn clone_to(&self, target: &dyn $crate::VirtualFile) -> $crate::Result<()> {
            self.$inner.clone_to(target)
        }
    };
    (@ $inner:tt seek_data) => {
        fn seek_data(&self, offset: u64, what: $crate::Seek) -> $crate::Result<u64> {
            self.$inner.seek_data(offset, what)
        }
    };
    (@ $inner:tt readdir) => {
        fn readdir(
            &self,
            from: $crate::Cookie,
            sink: &mut dyn FnMut($crate::DirEntry<'_>) -> ::core::ops::ControlFlow<()>,
        ) -> $crate::Result<()> {
            self.$inner.readdir(from, sink)
        }
    };
    (@ $inner:tt sync) => {
        fn sync(&self, data_only: bool) -> $crate::Result<()> {
            self.$inner.sync(data_only)
        }
    };
    (@ $inner:tt poll) => {
        fn poll(
            &self,
            interest: $crate::Events,
            waker: Option<&::core::task::Waker>,
        ) -> $crate::Result<$crate::Events> {
            self.$inner.poll(interest, waker)
        }
    };
    (@ $inner:tt read_stream) => {
        fn read_stream(&self, bufs: &mut [::std::io::IoSliceMut<'_>]) -> $crate::Result<usize> {
            self.$inner.read_stream(bufs)
        }
    };
    (@ $inner:tt write_stream) => {
        fn write_stream(&self, bufs: &[::std::io::IoSlice<'_>]) -> $crate::Result<usize> {
            self.$inner.write_stream(bufs)
        }
    };
    (@ $inner:tt flush) => {
        fn flush(&self) -> $crate::Result<()> {
            self.$inner.flush()
        }
    };
    (@ $inner:tt set_flags) => {
        fn set_flags(&self, flags: $crate::OpenFlags) -> $crate::Result<()> {
            self.$inner.set_flags(flags)
        }
    };
    (@ $inner:tt advise) => {
        fn advise(&self, offset: u64, len: u64, advice: $crate::Advice) -> $crate::Result<()> {
            self.$inner.advise(offset, len, advice)
        }
    };
    (@ $inner:tt socket) => {
        fn socket(&self) -> Option<&dyn $crate::Socket> {
            self.$inner.socket()
        }
    };
    (@ $inner:tt is_terminal) => {
        fn is_terminal(&self) -> bool {
            self.$inner.is_terminal()
        }
    };
}
