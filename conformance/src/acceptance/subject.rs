//! [`Subject`]: the filesystems that are mounted.

use core::any::Any;
use std::{
    fs::{Permissions, set_permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gangplank_vfs::{
    FileSystem, MemFs, MemFsOptions, Mount, MountOptions, OverlayFs, Tree, dir,
    fuse::{self, FuseOptions, Mounted},
    host_fs::{HostFs, Options, Resolver},
    overlay_fs::Prefix,
};
use tempfile::TempDir;

use crate::differential::kernel::mount_tmpfs;

/// What is mounted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A tmpfs of the kernel, without us: what the others are compared with.
    Tmpfs,
    /// Memory.
    Mem,
    /// A fork of a memory filesystem that lives on.
    Fork,
    /// An overlay of memory over memory.
    OverlayMem,
    /// An overlay of memory over a directory of the host.
    OverlayHost,
    /// An overlay of a directory of the host over another, marked as root's overlays are.
    OverlayOnHost,
    /// A directory of the host, on a tmpfs.
    Host,
}

/// Whether the kernel keeps content and metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cached {
    /// No: every request reaches the filesystem.
    No,
    /// Yes, as `gangplank fs mount` lets it.
    Yes,
}

/// A filesystem, mounted until this is dropped.
#[derive(Debug)]
pub struct Ready {
    path: PathBuf,
    // In this order: the mount ends before what is below it.
    mounted: Option<Mounted>,
    _keep: Box<dyn Any + Send>,
    _tmpfs: Option<Tmpfs>,
    _top: TempDir,
}

/// A tmpfs of the kernel, until this is dropped.
#[derive(Debug)]
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: &Path) -> io::Result<Tmpfs> {
        mount_tmpfs(at, "mode=0755")?;
        Ok(Tmpfs(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // It goes with the mount namespace at the latest.
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 7] = [
        Subject::Tmpfs,
        Subject::Mem,
        Subject::Fork,
        Subject::OverlayMem,
        Subject::OverlayHost,
        Subject::OverlayOnHost,
        Subject::Host,
    ];

    /// For people, and for the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Subject::Tmpfs => "tmpfs",
            Subject::Mem => "mem",
            Subject::Fork => "fork",
            Subject::OverlayMem => "overlay-mem",
            Subject::OverlayHost => "overlay-host",
            Subject::OverlayOnHost => "overlay-on-host",
            Subject::Host => "host",
        }
    }

    /// Mounts a new one. Only inside of [`isolated`](crate::differential::kernel::isolated), so that it goes however the
    /// run ends.
    ///
    /// # Errors
    /// What the system says against it.
    pub fn mount(self, cached: Cached) -> io::Result<Ready> {
        let top = tempfile::tempdir()?;
        // Suites act as other users, too.
        set_permissions(top.path(), Permissions::from_mode(0o755))?;
        let dir = |name: &str| -> io::Result<PathBuf> {
            let path = top.path().join(name);
            std::fs::create_dir(&path)?;
            Ok(path)
        };
        let path = dir("on")?;
        let mut tmpfs = None;
        let (fs, keep): (Arc<dyn FileSystem>, Box<dyn Any + Send>) = match self {
            Subject::Tmpfs => {
                let tmpfs = Some(Tmpfs::mount(&path)?);
                return Ok(Ready { path, mounted: None, _keep: Box::new(()), _tmpfs: tmpfs, _top: top });
            }
            Subject::Mem => (Arc::new(MemFs::new()), Box::new(())),
            Subject::Fork => {
                let original = Arc::new(MemFs::new());
                fill(&Tree::new(Arc::clone(&original) as Arc<dyn FileSystem>))?;
                (Arc::new(original.fork()), Box::new(original))
            }
            Subject::OverlayMem => {
                let below = Tree::in_memory();
                fill(&below)?;
                (Arc::new(over(&below)?), Box::new(below))
            }
            Subject::OverlayHost => {
                let lower = dir("lower")?;
                tmpfs = Some(Tmpfs::mount(&lower)?);
                let below = Tree::new(HostFs::open(&lower)?);
                fill(&below)?;
                (Arc::new(over(&below)?), Box::new(below))
            }
            Subject::OverlayOnHost => {
                let all = dir("layers")?;
                tmpfs = Some(Tmpfs::mount(&all)?);
                (Arc::new(on_host(&all)?), Box::new(()))
            }
            Subject::Host => {
                let source = dir("source")?;
                tmpfs = Some(Tmpfs::mount(&source)?);
                (HostFs::open_with(&source, AS_THE_KERNEL)?, Box::new(()))
            }
        };
        let (ttl, direct_io) = match cached {
            Cached::No => (Duration::ZERO, true),
            Cached::Yes => (Duration::from_secs(1), false),
        };
        let options =
            FuseOptions { ttl, direct_io, allow_other: true, source: self.name().into(), ..FuseOptions::default() };
        let mounted = fuse::mount(Mount::detached(fs, MountOptions::default()), &path, &options)?;
        Ok(Ready { path, mounted: Some(mounted), _keep: keep, _tmpfs: tmpfs, _top: top })
    }
}

impl Ready {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it, and says if that fails.
    ///
    /// # Errors
    /// Those of [`Mounted::unmount`].
    pub fn end(mut self) -> io::Result<()> {
        self.mounted.take().map_or(Ok(()), Mounted::unmount)
    }
}

/// Something to be there from the start.
fn fill(tree: &Tree) -> io::Result<()> {
    dir! { "there": { "file": "before", "deep": { "er": "still" } }, "link" => "there/file" }
        .write_to(tree)
        .map_err(io::Error::other)
}

/// What a program may make, its privileges decide; and devices can be marked.
const AS_THE_KERNEL: Options =
    Options { resolver: Resolver::Auto, devices: true, overlay_xattrs: true, exclusive: false };

/// An overlay whose layers are directories in this one.
fn on_host(all: &Path) -> io::Result<OverlayFs> {
    let fs = HostFs::open_with(all, AS_THE_KERNEL)?;
    let tree = Tree::new(fs);
    let layer = |name: &str| tree.create_dir(name).and_then(|()| tree.dir(name)).map_err(io::Error::other);
    let (lower, upper, work) = (layer("lower")?, layer("upper")?, layer("work")?);
    fill(&lower)?;
    OverlayFs::builder()
        .lower_at(lower.place().clone())
        .upper_at(upper.place().clone(), work.place().clone())
        .prefix(Prefix::Trusted)
        .sync(false)
        .build()
        .map_err(io::Error::other)
}

/// An overlay of memory over `below`.
fn over(below: &Tree) -> io::Result<OverlayFs> {
    OverlayFs::builder()
        .lower_at(below.place().clone())
        .upper_mem(MemFsOptions::new())
        .build()
        .map_err(io::Error::other)
}
