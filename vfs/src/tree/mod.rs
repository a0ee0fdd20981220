//! [`Tree`]: a directory as a host uses it, with whole paths and whole files, on any filesystem.
//!
//! This is the convenience above the traits: what an embedder does before and after a run. It needs nothing that the
//! traits do not have, so it works on every filesystem, and it runs wherever they run. Every error names the path it is
//! about.
//!
//! ```
//! use gangplank_vfs::dir;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let before = dir! {
//!     "config.toml": "debug = true\n",
//!     "data": { "a.csv": "1,2\n", "b.csv": "3,4\n" },
//! }
//! .tree()?;
//!
//! // A fork costs the same whatever the size; what is done to it is not done to the original.
//! let after = before.fork()?;
//! after.write("config.toml", "debug = false\n")?;
//! after.remove_all("data")?;
//! after.create_dir_all("out/today")?;
//!
//! let changes: Vec<String> = after.changes_since(&before)?.iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     changes,
//!     ["~ config.toml (content)", "- data/ (2 entries below)", "+ out/", "+ out/today/"]
//! );
//! # Ok(())
//! # }
//! ```

mod copy;
mod literal;
mod remove;
#[cfg(test)]
mod tests;
mod walk;

use core::fmt;
use std::{io::IoSlice, sync::Arc};

use bytes::{Bytes, BytesMut};

use crate::{
    Ctx, Errno, FileSystem, FileType, MemFs, Metadata, Mount, MountOptions, Namespace, NewNode, OpenFile, OpenFlags,
    OpenHow, Place, Rename, Scope, SetAttr, Start,
    diff::{self, Changes},
};
pub use copy::{Copied, copy_tree, copy_tree_with};
pub use literal::{Dir, Node};
pub use walk::{Walk, WalkEntry};

/// Where and why something stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreeError {
    /// From the top; empty for the top itself.
    pub path: Vec<u8>,
    /// What failed: `read`, `create`, …
    pub what: &'static str,
    /// Why.
    pub errno: Errno,
}

impl TreeError {
    pub(crate) fn new(what: &'static str, path: &[u8], errno: Errno) -> TreeError {
        TreeError { path: path.to_vec(), what, errno }
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { b".".as_slice() } else { &self.path };
        write!(f, "cannot {} `{}`: {}", self.what, String::from_utf8_lossy(path), self.errno.message())
    }
}

impl core::error::Error for TreeError {}

/// What the methods of [`Tree`] answer.
pub type Result<T, E = TreeError> = core::result::Result<T, E>;

/// Bytes moved at a time where whole files are read.
const CHUNK: usize = copy::CHUNK;

/// A directory, and everything below it, for a host.
///
/// Paths are bytes or text, relative or absolute, which is the same: the directory is `/` and its own parent, as after
/// `chroot(2)`, for symbolic links too. `""` is the directory itself. What is made belongs to 0:0, with mode 0644 or
/// 0755.
///
/// Each call is one operation of the filesystem, or a series of them; a guest may be at work in between. A clone is the
/// same directory.
#[derive(Clone, Debug)]
pub struct Tree {
    place: Place,
    namespace: Arc<Namespace>,
}

impl Tree {
    /// The whole of a filesystem.
    pub fn new(fs: Arc<dyn FileSystem>) -> Tree {
        Tree::of(Mount::detached(fs, MountOptions::default()))
    }

    /// An empty filesystem in memory, without limits.
    pub fn in_memory() -> Tree {
        Tree::new(Arc::new(MemFs::new()))
    }

    /// A directory, as that mount shows it: through a read-only one nothing can be changed.
    pub fn of(place: Place) -> Tree {
        Tree { place, namespace: Namespace::new() }
    }

    /// The same directory, as whoever has this namespace sees it.
    pub fn with_namespace(mut self, namespace: &Arc<Namespace>) -> Tree {
        self.namespace = Arc::clone(namespace);
        self
    }

    /// The directory, to preopen or mount it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The filesystem that it is in.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        self.place.fs()
    }

    /// The same directory, through which nothing can be changed.
    pub fn read_only(&self) -> Tree {
        let options = MountOptions { read_only: true, ..self.place.mount().options() };
        let place = Mount::subtree(Arc::clone(self.fs()), self.place.node(), options);
        Tree { place, namespace: Arc::clone(&self.namespace) }
    }

    /// A directory below.
    ///
    /// # Errors
    /// Those of the resolution; `NOTDIR`.
    pub fn dir(&self, path: impl AsRef<[u8]>) -> Result<Tree> {
        let path = path.as_ref();
        let place = self.at(path, |start, path| {
            let place = start.place(path, true)?;
            match place.metadata()?.file_type {
                FileType::Directory => Ok(place),
                _ => Err(Errno::NOTDIR),
            }
        });
        let place = place.map_err(|e| TreeError::new("open the directory", path, e))?;
        Ok(Tree { place, namespace: Arc::clone(&self.namespace) })
    }

    /// Metadata, following symbolic links.
    ///
    /// # Errors
    /// Those of the resolution.
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Metadata> {
        self.on("examine", path.as_ref(), |start, path| start.stat(path, true))
    }

    /// Metadata, of a symbolic link itself.
    ///
    /// # Errors
    /// Those of the resolution.
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Metadata> {
        self.on("examine", path.as_ref(), |start, path| start.stat(path, false))
    }

    /// Whether there is anything; a dangling symbolic link is something too.
    ///
    /// # Errors
    /// Those of the resolution, but for `NOENT` and `NOTDIR`.
    pub fn exists(&self, path: impl AsRef<[u8]>) -> Result<bool> {
        match self.symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(TreeError { errno: Errno::NOENT | Errno::NOTDIR, .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Opens a file, or a directory, for whatever the rest of this type does not do.
    ///
    /// # Errors
    /// Those of [`Start::open`].
    pub fn open(&self, path: impl AsRef<[u8]>, how: &OpenHow<'_>) -> Result<OpenFile> {
        self.on("open", path.as_ref(), |start, path| start.open(path, how))
    }

    /// The content of a file, without a copy if the filesystem has it in one piece.
    ///
    /// # Errors
    /// Those of [`Start::open`] and [`VirtualFile::read_at`](crate::VirtualFile::read_at), `ISDIR` among them; `NOMEM`.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        self.on("read", path.as_ref(), |start, path| {
            let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
            content(&start.open(path, &how)?)
        })
    }

    /// The content of a file as text.
    ///
    /// # Errors
    /// As [`read`](Tree::read); `ILSEQ` if it is not UTF-8.
    pub fn read_to_string(&self, path: impl AsRef<[u8]>) -> Result<String> {
        let path = path.as_ref();
        let bytes = Vec::from(self.read(path)?);
        String::from_utf8(bytes).map_err(|_| TreeError::new("read the text of", path, Errno::ILSEQ))
    }

    /// Makes this the content of a file, which is made if there is none. The directory that holds it must exist.
    ///
    /// # Errors
    /// Those of [`Start::open`] and [`VirtualFile::write_at`](crate::VirtualFile::write_at): the file then holds what
    /// was written until then.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Result<()> {
        self.on("write", path.as_ref(), |start, path| {
            let flags = OpenFlags::WRITE | OpenFlags::TRUNC;
            let create = Some(NewNode::Regular { mode: 0o644 });
            let file = start.open(path, &OpenHow { flags, create, exclusive: false, follow: true })?;
            copy::write_all(&**file.file(), content.as_ref(), 0)?;
            file.close()
        })
    }

    /// Adds to the end of a file, which is made if there is none, in one write.
    ///
    /// # Errors
    /// As [`write`](Tree::write); `NOSPC` if only a part fits.
    pub fn append(&self, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Result<()> {
        self.on("append to", path.as_ref(), |start, path| {
            let flags = OpenFlags::WRITE | OpenFlags::APPEND;
            let create = Some(NewNode::Regular { mode: 0o644 });
            let file = start.open(path, &OpenHow { flags, create, exclusive: false, follow: true })?;
            let content = content.as_ref();
            let (written, _) = file.file().append(&[IoSlice::new(content)])?;
            if written < content.len() {
                return Err(Errno::NOSPC);
            }
            file.close()
        })
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// Those of [`Start::create_dir`].
    pub fn create_dir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.on("create the directory", path.as_ref(), |start, path| start.create_dir(path, 0o755))
    }

    /// Makes a directory, and those above it, as far as they do not exist.
    ///
    /// # Errors
    /// Those of [`Start::create_dir`]; `NOTDIR` if something else is in the way.
    pub fn create_dir_all(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        let ends = path.iter().enumerate().filter(|&(at, &b)| b == b'/' && at > 0).map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let above = &path[..end];
            match self.at(above, |start, path| start.stat(path, true)) {
                Ok(found) if found.file_type == FileType::Directory => continue,
                Ok(_) => return Err(TreeError::new("create the directory", above, Errno::NOTDIR)),
                Err(Errno::NOENT) => {}
                Err(e) => return Err(TreeError::new("create the directory", above, e)),
            }
            match self.create_dir(above) {
                // By somebody else, just now.
                Err(TreeError { errno: Errno::EXIST, .. }) if self.is_dir(above) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Whether a path leads to a directory.
    pub fn is_dir(&self, path: impl AsRef<[u8]>) -> bool {
        self.metadata(path).is_ok_and(|found| found.file_type == FileType::Directory)
    }

    /// Makes a symbolic link at `path`.
    ///
    /// # Errors
    /// Those of [`Start::symlink`].
    pub fn symlink(&self, target: impl AsRef<[u8]>, path: impl AsRef<[u8]>) -> Result<()> {
        self.on("create the link", path.as_ref(), |start, path| start.symlink(target.as_ref(), path))
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// Those of [`Start::read_link`].
    pub fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        self.on("read the link", path.as_ref(), |start, path| start.read_link(path))
    }

    /// Gives something another name, which it takes from what had it.
    ///
    /// # Errors
    /// Those of [`Start::rename`], with the old path.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        self.on("rename", from.as_ref(), |start, path| start.rename(path, start, to.as_ref(), Rename::Replace))
    }

    /// Changes metadata, following symbolic links.
    ///
    /// # Errors
    /// Those of [`Start::set_attr`].
    pub fn set_attr(&self, path: impl AsRef<[u8]>, attr: &SetAttr) -> Result<()> {
        self.on("change", path.as_ref(), |start, path| start.set_attr(path, true, attr))
    }

    /// Removes a file, a symbolic link or an empty directory.
    ///
    /// # Errors
    /// Those of [`Start::unlink`] and [`Start::remove_dir`].
    pub fn remove(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.on("remove", path.as_ref(), |start, path| match start.unlink(path) {
            Err(Errno::ISDIR) => start.remove_dir(path),
            done => done,
        })
    }

    /// Removes what is there, with everything in it; of `""` and `/` only what is in it. Follows no link, and takes no
    /// stack, however deep the tree.
    ///
    /// # Errors
    /// `NOENT` if there is nothing; `ROFS`; `BUSY` if something is mounted inside; those of
    /// [`FileSystem::remove`]. What has been removed until then stays so.
    pub fn remove_all(&self, path: impl AsRef<[u8]>) -> Result<()> {
        remove::remove_all(self, path.as_ref())
    }

    /// Everything below a directory, each entry after the directory that holds it, by name. Follows no link, takes no
    /// stack, and no more memory than the listings of the directories above an entry.
    ///
    /// What is made or removed meanwhile may or may not be met; nothing else is skipped or repeated.
    ///
    /// # Errors
    /// Those of [`dir`](Tree::dir) and of listing it. Later ones come out of the iterator, which then goes on with the
    /// next entry.
    pub fn walk(&self, path: impl AsRef<[u8]>) -> Result<Walk> {
        let path = path.as_ref();
        let top = self.dir(path)?;
        Walk::new(top, path)
    }

    /// The entries of a directory, by name.
    ///
    /// # Errors
    /// As [`walk`](Tree::walk), whichever comes first.
    pub fn entries(&self, path: impl AsRef<[u8]>) -> Result<Vec<WalkEntry>> {
        self.walk(path)?.shallow().collect()
    }

    /// Copies everything that is in `from` into this directory: [`copy_tree`]. What is mounted in either is not seen.
    ///
    /// # Errors
    /// As `copy_tree`.
    pub fn copy_from(&self, from: &Tree) -> Result<Copied> {
        copy_tree(&from.place, &self.place)
    }

    /// The same directory in a copy of the whole filesystem, which shares everything until one of the two is written
    /// to. What is mounted inside is left behind.
    ///
    /// # Errors
    /// `NOTSUP` without [`FsCaps::SNAPSHOT`](crate::FsCaps::SNAPSHOT); `NOENT` if the directory has been removed.
    pub fn fork(&self) -> Result<Tree> {
        let failed = |errno| TreeError::new("fork", b"", errno);
        let fork = self.fs().snapshots().ok_or(failed(Errno::NOTSUP))?.fork().map_err(failed)?;
        fork.getattr(self.place.node()).map_err(|_| failed(Errno::NOENT))?;
        Ok(Tree::of(Mount::subtree(fork, self.place.node(), self.place.mount().options())))
    }

    /// What is different from `before`: see [`diff::compare`].
    ///
    /// # Errors
    /// As `compare`.
    pub fn changes_since(&self, before: &Tree) -> Result<Changes> {
        diff::compare(before, self)
    }

    /// Whether more than one filesystem may be seen.
    pub(crate) fn has_mounts(&self) -> bool {
        self.namespace.table().is_some()
    }

    /// `path` as resolved from here. The empty path is the directory.
    pub(crate) fn at<T>(
        &self,
        path: &[u8],
        act: impl FnOnce(&Start<'_>, &[u8]) -> crate::Result<T>,
    ) -> crate::Result<T> {
        let start =
            Start { namespace: &self.namespace, cx: Ctx::ROOT, place: &self.place, scope: Scope::Root(&self.place) };
        act(&start, if path.is_empty() { b"." } else { path })
    }

    fn on<T>(
        &self,
        what: &'static str,
        path: &[u8],
        act: impl FnOnce(&Start<'_>, &[u8]) -> crate::Result<T>,
    ) -> Result<T> {
        self.at(path, act).map_err(|errno| TreeError::new(what, path, errno))
    }
}

impl From<Arc<dyn FileSystem>> for Tree {
    fn from(fs: Arc<dyn FileSystem>) -> Tree {
        Tree::new(fs)
    }
}

impl From<Place> for Tree {
    fn from(place: Place) -> Tree {
        Tree::of(place)
    }
}

impl From<Tree> for Place {
    fn from(tree: Tree) -> Place {
        tree.place
    }
}

impl From<&Tree> for Place {
    fn from(tree: &Tree) -> Place {
        tree.place.clone()
    }
}

/// All of a file, up to the size it has now.
fn content(file: &OpenFile) -> crate::Result<Bytes> {
    let size = file.metadata()?.size;
    let whole = usize::try_from(size).map_err(|_| Errno::NOMEM)?;
    let first = file.file().read_bytes(0, whole)?;
    if first.len() == whole || first.is_empty() {
        return Ok(first);
    }
    let mut all = BytesMut::from(&*first);
    while all.len() < whole {
        let more = file.file().read_bytes(all.len() as u64, (whole - all.len()).min(CHUNK))?;
        if more.is_empty() {
            break;
        }
        all.extend_from_slice(&more);
    }
    Ok(all.freeze())
}
