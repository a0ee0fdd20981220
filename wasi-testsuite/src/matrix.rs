//! The filesystems that every test runs on.

use std::{io, path::Path, sync::Arc};

use anyhow::{Context, Result};
use gangplank::seed::copy_tree;
use gangplank_vfs::{
    FileSystem, Mount, MountOptions, Place,
    host_fs::{HostFs, Options, Resolver},
    mem_fs::MemFs,
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
}

impl Fs {
    /// All of them.
    pub const ALL: [Fs; 3] = [Fs::HostOpenat2, Fs::HostPortable, Fs::Mem];

    /// As in the names of tests.
    pub fn name(self) -> &'static str {
        match self {
            Fs::HostOpenat2 => "host-openat2",
            Fs::HostPortable => "host-portable",
            Fs::Mem => "mem",
        }
    }

    /// Why it cannot be had on this system, if so.
    pub fn missing(self) -> Option<String> {
        let resolver = self.resolver()?;
        match open_host(&std::env::temp_dir(), resolver) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Some(error.to_string()),
            // Any other error is for the tests to show.
            _ => None,
        }
    }

    /// A fresh copy of a directory, to be offered to one program.
    ///
    /// # Errors
    /// If it cannot be copied.
    pub fn offer(self, root: &Path) -> Result<Offered> {
        match self.resolver() {
            Some(resolver) => {
                let copy = fresh_copy(root)?;
                let fs = open_host(copy.path(), resolver).context("cannot open the copy")?;
                Ok(Offered { fs, _copy: Some(copy) })
            }
            None => {
                let original = open_host(root, Resolver::Auto).with_context(|| format!("{}", root.display()))?;
                let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
                copy_tree(&whole(original, false), &whole(fs.clone(), false))
                    .with_context(|| format!("{}", root.display()))?;
                Ok(Offered { fs, _copy: None })
            }
        }
    }

    fn resolver(self) -> Option<Resolver> {
        match self {
            Fs::HostOpenat2 => Some(Resolver::Openat2),
            Fs::HostPortable => Some(Resolver::Portable),
            Fs::Mem => None,
        }
    }
}

/// A copy of a directory, there for as long as this is.
#[derive(Debug)]
pub struct Offered {
    fs: Arc<dyn FileSystem>,
    _copy: Option<TempDir>,
}

impl Offered {
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
