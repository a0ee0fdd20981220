//! [`HostFs`]: a directory of the host.
//!
//! # Confinement
//! The directory it is opened on is a capability. From then on every syscall gets a descriptor that we opened inside
//! that directory and one [`Name`] (or, under `openat2` beneath, a plain run of names), never follows a symbolic link,
//! and never takes `..` from the kernel unchecked (`parent`). Symbolic links are read, and resolved above, in the
//! guest's own tree. Nothing remembers a path: what is unlinked or renamed is what the caller names, or holds. Names are
//! remembered only where that is promised to be the truth ([`Options::exclusive`], `dentries`), each with its directory.
//!
//! # What the host decides
//! New files belong to the host's user whatever [`Cred`](crate::Cred) says, and get no permission bit that the umask of
//! the host process takes away; permission bits are the host's and enforced by it. Set-user-ID, set-group-ID and sticky
//! bits are never created. Several attributes in one `setattr` are several syscalls. Device nodes and sockets are not
//! opened (`NXIO`), nor devices made (`NOTSUP`), unless [`Options::devices`] allows devices. (To learn what a name is, it
//! is opened; a driver for which that alone has effects does not belong into a guest's directory.) FIFOs are streams and never wait; writing to
//! one that nobody reads raises `SIGPIPE`, which every Rust program ignores from its start: an embedder in another
//! language must, too. The limit on the size of files (`RLIMIT_FSIZE`) is read when the filesystem is opened, and
//! answered as `FBIG` without the signal.
//!
//! # Identities
//! A node's number is the host's inode number on the device of the root, and elsewhere a hash of device and inode.
//! `d_ino` agrees, but for a directory on which the host itself has mounted something, and where an overlayfs over
//! several devices gives its entries other numbers than its nodes. Numbers of nodes that nobody holds can come back,
//! as the host reuses them.
//!
//! # Lock order
//! `Inner::table`, then `Node::parent`. The lock of `Inner::dentries`, under which a walk asks what is mounted, is held
//! with neither. A directory's listing and a file's append lock are held across syscalls, never together with another.
//! No descriptor is closed under `Inner::table` or that of the dentries.

mod caps;
mod create;
mod dentries;
mod dir;
mod file;
mod io;
#[cfg(target_os = "linux")]
mod linux;
mod meta;
mod node;
mod parent;
mod portable;
#[cfg(shuttle)]
mod scheduled;
#[cfg(unix)]
mod stream;
mod sys;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod walk;
#[cfg(target_os = "linux")]
mod xattr;

use std::{fs::File, path::Path, sync::Arc};

use bytes::Bytes;

use self::{
    caps::{TMPFS, caps, fs_kind, name_max},
    dentries::Dentries,
    meta::{Attr, Identity, Key, check_attr},
    node::{Node, Table},
    sys::{Request, Sys},
};
use crate::{
    Components, Ctx, Entry, Errno, FileSystem, FileType, FsInfo, Goal, Metadata, MountPoints, Name, NewNode, NodeId,
    OpenFlags, OpenHow, Opened, Remove, Rename, Result, SetAttr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
    sync::Mutex,
};

/// How names are resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Resolver {
    /// The best that the system offers.
    #[default]
    Auto,
    /// Linux' `openat2`; opening fails with `Unsupported` where there is none.
    Openat2,
    /// The `cap-primitives` crate, name by name: what systems other than Linux use.
    Portable,
}

/// How to open a [`HostFs`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// How names are resolved.
    pub resolver: Resolver,
    /// Make device nodes, where the host lets us, and open them: character devices as streams, block devices as files.
    /// Off by default, because a device can do anything. A character device with number 0, which does nothing, is made
    /// without it, too: a whiteout.
    pub devices: bool,
    /// Extended attributes under `trusted.overlay.` too, which only root has: how Linux's overlayfs marks its layers
    /// unless it is told otherwise. For a layer of an overlay with that prefix, and for nothing that a guest sees. Off
    /// by default.
    pub overlay_xattrs: bool,
    /// A promise: as long as the filesystem is open, nobody changes names in this directory but through it, nor who may
    /// search a directory, and names in it are told apart by their bytes (not so on filesystems that ignore the case of
    /// letters). What names lead to is remembered then, so that a path of any depth costs as little as a name: `stat` is
    /// one system call instead of three, opening and closing are two instead of three, and a name that does not exist is
    /// none. Contents, sizes and times are asked for each time, and may be changed by anybody. Holds up to a quarter of
    /// the descriptors that the process may have, 2048 at most. Where the promise is broken, a path may lead where it
    /// led: a directory that somebody moves out of this one is still found, as by whoever has it open, and a file that
    /// somebody puts there is not; nothing that was never in it is. Off by default.
    pub exclusive: bool,
}

/// A directory of the host as a filesystem.
#[derive(Debug)]
pub struct HostFs {
    inner: Arc<Inner>,
}

/// What open files share with their filesystem.
#[derive(Debug)]
struct Inner {
    sys: Box<dyn Sys>,
    table: Mutex<Table>,
    /// Under [`Options::exclusive`].
    dentries: Option<Dentries>,
    root: NodeId,
    /// Where nearly every walk begins; in the table as long as there is one, whoever holds it.
    root_node: Arc<Node>,
    root_key: Key,
    info: FsInfo,
    options: Options,
    /// `RLIMIT_FSIZE`: writing beyond it would raise a signal.
    size_limit: Option<u64>,
    /// The largest position in a directory on the device of the root.
    max_cookie: u64,
}

impl HostFs {
    /// The directory at this path of the host: the only path this filesystem ever gives to the host.
    ///
    /// # Errors
    /// Those of opening a directory.
    pub fn open(path: impl AsRef<Path>) -> std::io::Result<Arc<HostFs>> {
        HostFs::open_with(path, Options::default())
    }

    /// As [`open`](HostFs::open), with options.
    ///
    /// # Errors
    /// Those of opening a directory; `Unsupported` for a resolver that does not exist here.
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> std::io::Result<Arc<HostFs>> {
        let dir = cap_primitives::fs::open_ambient_dir(path.as_ref(), cap_primitives::ambient_authority())?;
        HostFs::from_dir(dir, options)
    }

    /// A directory that is open already.
    ///
    /// # Errors
    /// `NotADirectory`; `Unsupported` for a resolver that does not exist here.
    pub fn from_dir(dir: File, options: Options) -> std::io::Result<Arc<HostFs>> {
        let sys = choose(&dir, options.resolver)?;
        HostFs::with_sys(dir, options, sys)
    }

    fn with_sys(dir: File, options: Options, sys: Box<dyn Sys>) -> std::io::Result<Arc<HostFs>> {
        let attr = Attr::of(&dir).map_err(io_error)?;
        if attr.file_type != FileType::Directory {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        let root_file = Arc::new(dir);
        // Beyond its last position a tmpfs begins anew.
        let max_cookie = if fs_kind(&root_file) == TMPFS { i32::MAX as u64 } else { i64::MAX as u64 };
        let info = FsInfo {
            fs_type: "host",
            dev: FsInfo::fresh_dev(),
            caps: caps(&root_file, options),
            name_max: name_max(&root_file),
            time_granularity_ns: if cfg!(windows) { 100 } else { 1 },
            max_file_size: i64::MAX as u64,
        };
        let mut table = Table::default();
        let root_node = Arc::new(Node::new(attr.identity(), Some(root_file), None));
        let root = table.intern(root_node.clone(), attr.key.dev);
        #[cfg(shuttle)]
        let sys = Box::new(scheduled::Scheduled::new(sys));
        let inner = Inner {
            sys,
            table: Mutex::new(table),
            dentries: options.exclusive.then(Dentries::new),
            root,
            root_node,
            root_key: attr.key,
            info,
            options,
            size_limit: file::size_limit(),
            max_cookie,
        };
        Ok(Arc::new(HostFs { inner: Arc::new(inner) }))
    }
}

fn choose(root: &File, resolver: Resolver) -> std::io::Result<Box<dyn Sys>> {
    #[cfg(target_os = "linux")]
    if resolver != Resolver::Portable {
        let linux = linux::Linux::default();
        return if resolver == Resolver::Auto || linux.has_openat2(root) {
            Ok(Box::new(linux))
        } else {
            Err(std::io::ErrorKind::Unsupported.into())
        };
    }
    let _ = root;
    match resolver {
        Resolver::Openat2 => Err(std::io::ErrorKind::Unsupported.into()),
        Resolver::Auto | Resolver::Portable => Ok(Box::new(portable::Portable)),
    }
}

fn io_error(e: Errno) -> std::io::Error {
    // On Linux the numbers are the host's own.
    if cfg!(target_os = "linux") { std::io::Error::from_raw_os_error(e.raw().into()) } else { std::io::Error::other(e) }
}

impl Inner {
    fn get(&self, id: NodeId) -> Result<Arc<Node>> {
        if id == self.root {
            return Ok(self.root_node.clone());
        }
        self.table.lock().get(id)
    }

    /// Takes a reference.
    fn intern(&self, node: Arc<Node>) -> NodeId {
        self.table.lock().intern(node, self.root_key.dev)
    }

    /// The node with this identity, if somebody holds it.
    fn held(&self, key: Key) -> Option<Arc<Node>> {
        self.table.lock().by_key(key, self.root_key.dev)
    }

    /// Does what makes, removes or changes these names, for all who remember them.
    fn changing<T>(&self, names: &[(Key, Name<'_>)], act: impl FnOnce() -> T) -> T {
        match &self.dentries {
            Some(dentries) => dentries.change(names, act).0,
            None => act(),
        }
    }

    /// Changes attributes, after which directories may be closed to us.
    fn changing_access<T>(&self, file_type: FileType, attr: &SetAttr, act: impl FnOnce() -> T) -> T {
        let access = attr.mode.is_some() || attr.uid.is_some() || attr.gid.is_some();
        match &self.dentries {
            Some(dentries) if access && file_type == FileType::Directory => dentries.change_all(act),
            _ => act(),
        }
    }

    fn metadata(&self, attr: &Attr) -> Metadata {
        attr.metadata(self.info.dev, attr.key.id(self.root_key.dev))
    }

    /// Makes an open file of what the host opened.
    fn opened(
        self: &Arc<Self>,
        file: File,
        id: Identity,
        how: &OpenHow<'_>,
        parent: Option<&Arc<Node>>,
    ) -> Result<Opened> {
        let is_dir = id.file_type == FileType::Directory;
        let takes_writing = OpenFlags::WRITE | OpenFlags::TRUNC;
        if is_dir && (how.create.is_some() || how.flags.intersects(takes_writing)) {
            return Err(Errno::ISDIR);
        }
        if how.flags & takes_writing == OpenFlags::TRUNC {
            return Err(Errno::INVAL);
        }
        let file_type = id.file_type;
        if !is_dir {
            let node = id.key.id(self.root_key.dev);
            let file = self.file_object(file, id, how.flags)?;
            return Ok(Opened { file, node, file_type });
        }
        let file = Arc::new(file);
        let node = self.intern(Arc::new(Node::new(id, Some(file.clone()), parent.map(parent::link_to))));
        let file = Arc::new(dir::HostDir::new(self.clone(), file, id.key, how.flags));
        Ok(Opened { file, node, file_type })
    }

    fn file_object(self: &Arc<Self>, file: File, id: Identity, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        match id.file_type {
            FileType::Regular => {}
            FileType::BlockDevice if self.options.devices => {}
            #[cfg(unix)]
            FileType::Fifo => return Ok(Arc::new(stream::HostStream::new(self.clone(), file, id, flags))),
            #[cfg(unix)]
            FileType::CharDevice if self.options.devices => {
                return Ok(Arc::new(stream::HostStream::new(self.clone(), file, id, flags)));
            }
            FileType::Directory => {
                return Ok(Arc::new(dir::HostDir::new(self.clone(), Arc::new(file), id.key, flags)));
            }
            _ => return Err(Errno::NXIO),
        }
        Ok(Arc::new(file::HostFile::new(self.clone(), file, id, flags)))
    }
}

impl FileSystem for HostFs {
    fn info(&self) -> &FsInfo {
        &self.inner.info
    }

    fn root(&self) -> NodeId {
        self.inner.root
    }

    fn retain(&self, node: NodeId) {
        if node != self.inner.root {
            self.inner.table.lock().retain(node);
        }
    }

    fn forget(&self, node: NodeId, n: u64) {
        if node != self.inner.root {
            let gone = self.inner.table.lock().forget(node, n);
            drop(gone);
        }
    }

    fn lookup(&self, _cx: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        let parent = self.inner.get(dir)?;
        let node = self.inner.sys.pin(parent.dir()?, name)?;
        if node.file_type == FileType::Directory {
            *node.parent.lock() = Some(parent::link_to(&parent));
        }
        let file_type = node.file_type;
        Ok(Entry { node: self.inner.intern(Arc::new(node)), file_type })
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
        self.inner.walk(cx, dir, path, mounts, goal)
    }

    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        self.inner.sys.readlink(&*self.inner.get(node)?)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        let attr = self.inner.get(node)?.attr()?;
        Ok(attr.metadata(self.inner.info.dev, node))
    }

    fn setattr(&self, _cx: &Ctx<'_>, node: NodeId, attr: &SetAttr) -> Result<()> {
        let node = self.inner.get(node)?;
        check_attr(attr, node.file_type)?;
        self.inner.check_size(attr.size)?;
        self.inner.changing_access(node.file_type, attr, || self.inner.sys.set_attr(&node, attr))
    }

    fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        self.inner.create(cx, dir, name, new)
    }

    fn make(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        self.inner.make(cx, &*self.inner.get(dir)?, name, new)
    }

    fn link(&self, _cx: &Ctx<'_>, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        let (node, parent) = (self.inner.get(node)?, self.inner.get(dir)?);
        let dir = parent.dir()?;
        self.inner.changing(&[(parent.key, name)], || self.inner.sys.link(&node, dir, name))
    }

    fn remove(&self, _cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        let node = self.inner.get(dir)?;
        let dir = node.dir()?;
        self.inner.changing(&[(node.key, name)], || self.inner.sys.remove(dir, name, what))
    }

    fn rename(&self, _cx: &Ctx<'_>, from: (NodeId, Name<'_>), to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        let (old_node, new_node) = (self.inner.get(from.0)?, self.inner.get(to.0)?);
        let (old, new) = (old_node.dir()?, new_node.dir()?);
        // Who is moved matters only where places are remembered.
        let moved = if self.inner.sys.pins_all() { None } else { Attr::at(old, from.1).ok() };
        let names = [(old_node.key, from.1), (new_node.key, to.1)];
        self.inner.changing(&names, || self.inner.sys.rename((old, from.1), (new, to.1), how))?;
        if let Some(node) = moved.and_then(|attr| self.inner.held(attr.key)) {
            node.add_place(new, to.1.as_bytes());
        }
        Ok(())
    }

    fn open(&self, _cx: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        let node = self.inner.get(node)?;
        match node.file_type {
            FileType::Symlink => return Err(Errno::LOOP),
            FileType::Directory if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) => return Err(Errno::ISDIR),
            FileType::Directory => {}
            _ if flags.contains(OpenFlags::DIRECTORY) => return Err(Errno::NOTDIR),
            FileType::Regular | FileType::Fifo => {}
            FileType::CharDevice | FileType::BlockDevice if self.inner.options.devices => {}
            _ => return Err(Errno::NXIO),
        }
        if flags.contains(OpenFlags::TRUNC) && !flags.contains(OpenFlags::WRITE) {
            return Err(Errno::INVAL);
        }
        let file = self.inner.sys.reopen(&node, flags)?;
        let id = Identity::of(&file)?;
        self.inner.file_object(file, id, flags)
    }

    fn statfs(&self) -> Result<StatFs> {
        #[cfg(unix)]
        {
            let s = rustix::fs::fstatvfs(self.inner.root_node.dir()?)?;
            Ok(StatFs {
                bsize: u32::try_from(s.f_frsize).unwrap_or(4096),
                blocks: s.f_blocks,
                bfree: s.f_bfree,
                bavail: s.f_bavail,
                files: s.f_files,
                ffree: s.f_ffree,
            })
        }
        #[cfg(windows)]
        Err(Errno::NOTSUP)
    }

    fn sync(&self) -> Result<()> {
        let how = Request { flags: OpenFlags::READ | OpenFlags::DIRECTORY, create: None, exclusive: false };
        let dir = self.inner.sys.reopen(&self.inner.root_node, how.flags)?;
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(&dir)?;
        #[cfg(not(target_os = "linux"))]
        dir.sync_all()?;
        Ok(())
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        #[cfg(target_os = "linux")]
        if self.inner.info.caps.contains(crate::FsCaps::XATTR) {
            return Some(&*self.inner);
        }
        None
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}
