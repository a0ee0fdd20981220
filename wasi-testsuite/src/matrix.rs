//! The filesystems that every test runs on.

use std::{fs, io, path::Path, sync::Arc};

use anyhow::{Context, Result};
use gangplank::seed::copy_tree;
use gangplank_vfs::{
    FileSystem, Mount, MountOptions, OverlayFs, Place, Tree,
    host_fs::{HostFs, Options, Resolver},
    image_fs::{ImageFs, ImageOptions, PackOptions, pack},
    mem_fs::{MemFs, MemFsOptions},
    overlay_fs::Builder,
};
use tempfile::TempDir;

use crate::fixture::fresh_copy;

/// A way to offer a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fs {
    /// The host's, paths resolved by the kernel's `openat2`.
    HostOpenat2,
    /// The host's, paths resolved by our own steps, as on systems without `openat2`.
    HostPortable,
    /// In memory.
    Mem,
    /// A fork of what is in memory.
    MemFork,
    /// A view of what is in memory; changes go to memory.
    OverlayMemMem,
    /// A view of the host's directory; changes go to memory.
    OverlayMemHost,
    /// A view of the host's directory; changes go to another one.
    OverlayHostHost,
    /// A view of a tar; changes go to memory.
    OverlayMemTar,
    /// A fork of such a view.
    OverlayFork,
}

impl Fs {
    /// All of them.
    pub const ALL: [Fs; 9] = [
        Fs::HostOpenat2,
        Fs::HostPortable,
        Fs::Mem,
        Fs::MemFork,
        Fs::OverlayMemMem,
        Fs::OverlayMemHost,
        Fs::OverlayHostHost,
        Fs::OverlayMemTar,
        Fs::OverlayFork,
    ];

    /// As in the names of tests.
    pub fn name(self) -> &'static str {
        match self {
            Fs::HostOpenat2 => "host-openat2",
            Fs::HostPortable => "host-portable",
            Fs::Mem => "mem",
            Fs::MemFork => "mem-fork",
            Fs::OverlayMemMem => "overlay-mem-mem",
            Fs::OverlayMemHost => "overlay-mem-host",
            Fs::OverlayHostHost => "overlay-host-host",
            Fs::OverlayMemTar => "overlay-mem-tar",
            Fs::OverlayFork => "overlay-fork",
        }
    }

    /// Why it cannot be had on this system, if so.
    pub fn missing(self) -> Option<String> {
        match self {
            Fs::HostOpenat2 | Fs::HostPortable => match open_host(&std::env::temp_dir(), self.resolver()) {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => Some(error.to_string()),
                // Any other error is for the tests to show.
                _ => None,
            },
            // It needs extended attributes.
            Fs::OverlayHostHost => {
                let empty = tempfile::tempdir().ok()?;
                self.offer(empty.path()).err().map(|error| format!("{error:#}"))
            }
            _ => None,
        }
    }

    /// A fresh copy of a directory, or a view of it, to be offered to one program.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn offer(self, root: &Path) -> Result<Offered> {
        let original = || open_host(root, Resolver::Auto).with_context(|| format!("{}", root.display()));
        let below = |lower: Arc<dyn FileSystem>| OverlayFs::builder().lower(lower);
        Ok(match self {
            Fs::HostOpenat2 | Fs::HostPortable => {
                let copy = fresh_copy(root)?;
                let fs = open_host(copy.path(), self.resolver()).context("cannot open the copy")?;
                Offered { fs, _dir: Some(copy) }
            }
            Fs::Mem => Offered { fs: in_memory(root)?, _dir: None },
            Fs::MemFork => Offered::of(in_memory(root)?.fork()),
            Fs::OverlayMemMem => Offered::of(view(below(in_memory(root)?))?),
            Fs::OverlayMemHost => Offered::of(view(below(original()?))?),
            Fs::OverlayHostHost => {
                let dir = tempfile::Builder::new().prefix("gangplank-suite-").tempdir()?;
                let (upper, work) = (dir.path().join("upper"), dir.path().join("work"));
                fs::create_dir(&upper)?;
                fs::create_dir(&work)?;
                Offered { fs: Arc::new(below(original()?).upper_host(upper, work).build()?), _dir: Some(dir) }
            }
            Fs::OverlayMemTar => {
                let mut tar = Vec::new();
                pack(&Tree::new(original()?), &mut tar, PackOptions::new())?;
                Offered::of(view(below(Arc::new(ImageFs::open(tar, ImageOptions::new())?)))?)
            }
            Fs::OverlayFork => Offered::of(view(below(original()?))?.fork()?),
        })
    }

    fn resolver(self) -> Resolver {
        match self {
            Fs::HostOpenat2 => Resolver::Openat2,
            Fs::HostPortable => Resolver::Portable,
            _ => Resolver::Auto,
        }
    }
}

fn in_memory(root: &Path) -> Result<Arc<MemFs>> {
    let shown = || format!("{}", root.display());
    let original = open_host(root, Resolver::Auto).with_context(shown)?;
    let copy = Arc::new(MemFs::new());
    copy_tree(&whole(original, false), &whole(copy.clone(), false)).with_context(shown)?;
    Ok(copy)
}

fn view(builder: Builder) -> Result<OverlayFs> {
    Ok(builder.upper_mem(MemFsOptions::new()).build()?)
}

/// A directory to offer, there for as long as this is.
#[derive(Debug)]
pub struct Offered {
    fs: Arc<dyn FileSystem>,
    _dir: Option<TempDir>,
}

impl Offered {
    fn of(fs: impl FileSystem) -> Offered {
        Offered { fs: Arc::new(fs), _dir: None }
    }

    /// What it is in, and nothing else is.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Its top, in a mount of its own.
    pub fn place(&self, read_only: bool) -> Place {
        whole(self.fs.clone(), read_only)
    }
}

fn open_host(path: &Path, resolver: Resolver) -> io::Result<Arc<HostFs>> {
    HostFs::open_with(path, Options { resolver, ..Options::default() })
}

fn whole(fs: Arc<dyn FileSystem>, read_only: bool) -> Place {
    Mount::detached(fs, MountOptions { read_only, ..MountOptions::default() })
}
