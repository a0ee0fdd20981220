//! [`Paths`]: the hands of a case that is about paths. Everything goes through the resolver.

use core::fmt;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use gangplank_vfs::{
    Ctx, FileSystem, Metadata, Mount, MountOptions, Namespace, NewNode, OpenFile, OpenFlags, OpenHow, Place, Rename,
    Result, Scope, SetAttr, Start,
};

use crate::World;

/// A namespace, the directory that paths start from, and the one they may not leave.
#[derive(Clone)]
pub struct Paths {
    /// Whose mounts are seen.
    pub namespace: Arc<Namespace>,
    /// Where relative paths start.
    pub start: Place,
    /// Where they must stay.
    pub root: Place,
    /// Whether leaving it is an error (`Scope::Beneath`) or impossible (`Scope::Root`).
    pub beneath: bool,
}

impl fmt::Debug for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} below {:?}", self.start, self.root)
    }
}

impl World {
    /// Paths that start at the root and may not leave it: a WASI preopen.
    pub fn beneath(&self) -> Paths {
        Paths::of(self.fs().clone(), MountOptions::default())
    }

    /// Paths that start at the root, whose parent is itself, as in a `chroot`.
    pub fn rooted(&self) -> Paths {
        Paths { beneath: false, ..self.beneath() }
    }

    /// Paths through a mount that is read-only.
    pub fn read_only(&self) -> Paths {
        Paths::of(self.fs().clone(), MountOptions { read_only: true, ..MountOptions::default() })
    }
}

/// A path as bytes.
type P<'a> = &'a str;

impl Paths {
    /// Paths in a filesystem of their own.
    pub fn of(fs: Arc<dyn FileSystem>, options: MountOptions) -> Paths {
        let root = Mount::detached(fs, options);
        Paths { namespace: Namespace::new(), start: root.clone(), root, beneath: true }
    }

    /// The same, beginning in another directory.
    ///
    /// # Panics
    /// If there is no such directory.
    #[track_caller]
    pub fn at(&self, path: P<'_>) -> Paths {
        Paths { start: self.place(path).expect("a directory to start from"), ..self.clone() }
    }

    /// The same, beginning in another directory and confined to it.
    ///
    /// # Panics
    /// If there is no such directory.
    #[track_caller]
    pub fn confined(&self, path: P<'_>) -> Paths {
        let start = self.place(path).expect("a directory to start from");
        Paths { root: start.clone(), start, ..self.clone() }
    }

    /// What the operations take.
    pub fn to_start(&self) -> Start<'_> {
        let scope = if self.beneath { Scope::Beneath(&self.root) } else { Scope::Root(&self.root) };
        Start { namespace: &self.namespace, cx: Ctx::ROOT, place: &self.start, scope }
    }

    /// `stat`.
    ///
    /// # Errors
    /// As `Start::stat`.
    pub fn stat(&self, path: P<'_>) -> Result<Metadata> {
        self.to_start().stat(path.as_bytes(), true)
    }

    /// `lstat`.
    ///
    /// # Errors
    /// As `Start::stat`.
    pub fn lstat(&self, path: P<'_>) -> Result<Metadata> {
        self.to_start().stat(path.as_bytes(), false)
    }

    /// The number of the node that a path leads to, following links.
    ///
    /// # Errors
    /// As `Start::stat`.
    pub fn ino(&self, path: P<'_>) -> Result<u64> {
        self.stat(path).map(|m| m.ino.get())
    }

    /// The place that a path leads to, following links.
    ///
    /// # Errors
    /// As `Start::place`.
    pub fn place(&self, path: P<'_>) -> Result<Place> {
        self.to_start().place(path.as_bytes(), true)
    }

    /// `open` of what is there, following links.
    ///
    /// # Errors
    /// As `Start::open`.
    pub fn open(&self, path: P<'_>, flags: OpenFlags) -> Result<OpenFile> {
        self.open_how(path, OpenHow { flags, create: None, exclusive: false, follow: true })
    }

    /// `open` with `O_CREAT`, and perhaps `O_EXCL`, for reading and writing.
    ///
    /// # Errors
    /// As `Start::open`.
    pub fn creat(&self, path: P<'_>, exclusive: bool) -> Result<OpenFile> {
        let flags = OpenFlags::READ | OpenFlags::WRITE;
        self.open_how(path, OpenHow { flags, create: Some(NewNode::Regular { mode: 0o644 }), exclusive, follow: true })
    }

    /// `open`.
    ///
    /// # Errors
    /// As `Start::open`.
    pub fn open_how(&self, path: P<'_>, how: OpenHow<'_>) -> Result<OpenFile> {
        self.to_start().open(path.as_bytes(), &how)
    }

    /// Makes a file with this content.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn put(&self, path: P<'_>, content: &str) {
        let file = self.creat(path, true).expect("make a file");
        assert_eq!(write(&file, content), Ok(content.len()));
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// As `Start::open`.
    pub fn read(&self, path: P<'_>) -> Result<String> {
        let file = self.open(path, OpenFlags::READ)?;
        let len = file.metadata()?.size as usize;
        read(&file, len)
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As `Start::open`.
    pub fn names(&self, path: P<'_>) -> Result<Vec<String>> {
        let dir = self.open(path, OpenFlags::READ | OpenFlags::DIRECTORY)?;
        let mut names = vec![];
        dir.readdir(gangplank_vfs::Cookie::START, &mut |e| {
            names.push(e.name.as_bytes().escape_ascii().to_string());
            core::ops::ControlFlow::Continue(())
        })?;
        names.sort();
        Ok(names)
    }

    /// `mkdir`.
    ///
    /// # Errors
    /// As `Start::create_dir`.
    pub fn mkdir(&self, path: P<'_>) -> Result<()> {
        self.to_start().create_dir(path.as_bytes(), 0o755)
    }

    /// `symlink`.
    ///
    /// # Errors
    /// As `Start::symlink`.
    pub fn symlink(&self, target: P<'_>, path: P<'_>) -> Result<()> {
        self.to_start().symlink(target.as_bytes(), path.as_bytes())
    }

    /// `readlink`.
    ///
    /// # Errors
    /// As `Start::read_link`.
    pub fn readlink(&self, path: P<'_>) -> Result<String> {
        self.to_start().read_link(path.as_bytes()).map(|t| t.escape_ascii().to_string())
    }

    /// `unlink`.
    ///
    /// # Errors
    /// As `Start::unlink`.
    pub fn unlink(&self, path: P<'_>) -> Result<()> {
        self.to_start().unlink(path.as_bytes())
    }

    /// `rmdir`.
    ///
    /// # Errors
    /// As `Start::remove_dir`.
    pub fn rmdir(&self, path: P<'_>) -> Result<()> {
        self.to_start().remove_dir(path.as_bytes())
    }

    /// `rename` that replaces.
    ///
    /// # Errors
    /// As `Start::rename`.
    pub fn mv(&self, from: P<'_>, to: P<'_>) -> Result<()> {
        self.rename(from, to, Rename::Replace)
    }

    /// `rename`.
    ///
    /// # Errors
    /// As `Start::rename`.
    pub fn rename(&self, from: P<'_>, to: P<'_>, how: Rename) -> Result<()> {
        self.to_start().rename(from.as_bytes(), &self.to_start(), to.as_bytes(), how)
    }

    /// `link` that does not follow.
    ///
    /// # Errors
    /// As `Start::link`.
    pub fn link(&self, from: P<'_>, to: P<'_>) -> Result<()> {
        self.to_start().link(from.as_bytes(), false, &self.to_start(), to.as_bytes())
    }

    /// `setattr`.
    ///
    /// # Errors
    /// As `Start::set_attr`.
    pub fn set_attr(&self, path: P<'_>, follow: bool, attr: SetAttr) -> Result<()> {
        self.to_start().set_attr(path.as_bytes(), follow, &attr)
    }

    /// Mounts a filesystem on a directory.
    ///
    /// # Errors
    /// As `Namespace::mount`.
    pub fn mount(&self, at: P<'_>, fs: Arc<dyn FileSystem>, read_only: bool) -> Result<Place> {
        self.namespace.mount(&self.place(at)?, fs, MountOptions { read_only, ..MountOptions::default() })
    }
}

/// Reads at the cursor.
///
/// # Errors
/// As `OpenFile::read`.
pub(crate) fn read(file: &OpenFile, len: usize) -> Result<String> {
    let mut buf = vec![0; len];
    let n = file.read(&mut [IoSliceMut::new(&mut buf)])?;
    Ok(String::from_utf8_lossy(&buf[..n]).into_owned())
}

/// Writes at the cursor, or the end.
///
/// # Errors
/// As `OpenFile::write`.
pub(crate) fn write(file: &OpenFile, text: &str) -> Result<usize> {
    file.write(&[IoSlice::new(text.as_bytes())])
}
