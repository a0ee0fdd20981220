//! [`SourceFs`]: a read-only filesystem of whatever can answer three questions.
//!
//! A [`FileSystem`] of one's own has twenty methods, and most of them are about changing things. For trees that are
//! computed, or come out of a database or an archive, a [`Source`] is enough: what is at this path, what is in this
//! directory, what does this file hold.
//!
//! ```
//! use gangplank_vfs::{Bytes, Errno, Tree, source_fs::{Found, Source, SourceFs}};
//!
//! /// `squares/0` … `squares/9`.
//! #[derive(Debug)]
//! struct Squares;
//!
//! fn content(path: &[u8]) -> Option<String> {
//!     let number: u32 = std::str::from_utf8(path.strip_prefix(b"squares/")?).ok()?.parse().ok()?;
//!     (number < 10).then(|| (number * number).to_string())
//! }
//!
//! impl Source for Squares {
//!     fn find(&self, path: &[u8]) -> Result<Found, Errno> {
//!         match path {
//!             b"" | b"squares" => Ok(Found::Directory),
//!             path => content(path).map(|c| Found::File { size: c.len() as u64 }).ok_or(Errno::NOENT),
//!         }
//!     }
//!
//!     fn list(&self, path: &[u8], entry: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
//!         match path {
//!             b"" => entry(b"squares"),
//!             _ => (0..10).for_each(|number: u32| entry(number.to_string().as_bytes())),
//!         }
//!         Ok(())
//!     }
//!
//!     fn read(&self, path: &[u8]) -> Result<Bytes, Errno> {
//!         content(path).map(Bytes::from).ok_or(Errno::NOENT)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tree = Tree::new(SourceFs::shared(Squares));
//! assert_eq!(tree.read("squares/7")?, "49");
//! assert_eq!(tree.walk("")?.count(), 11);
//! assert_eq!(tree.write("squares/7", "50").unwrap_err().to_string(), "cannot write `squares/7`: read-only filesystem");
//! # Ok(())
//! # }
//! ```
//!
//! # Lock order
//! `Shared::nodes` is a leaf, not held while the source is asked. So is `SourceDir::names`.

mod open;

use core::{fmt, num::NonZeroU64};
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;

use crate::{
    Components, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, Goal, Metadata, MountPoints, NAME_MAX, Name,
    NodeId, OpenFlags, Result, Snapshots, StatFs, Time, VirtualFile, Walked, Xattrs, sync::Mutex, walk_by_lookup,
};
use open::{SourceDir, SourceFile};

/// A tree that can be looked at. Paths are names with `/` between them; the root is the empty path. A question is asked
/// only of what [`find`](Source::find) has found.
///
/// The answers may change from one question to the next. An open file keeps what it held when it was opened.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// What is at `path`.
    ///
    /// # Errors
    /// `NOENT` if there is nothing.
    fn find(&self, path: &[u8]) -> Result<Found>;

    /// Calls `entry` with each name in a directory. What is no [`Name`], and what `find` does not find, is left out.
    ///
    /// # Errors
    /// Its own.
    fn list(&self, path: &[u8], entry: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// The content of a file.
    ///
    /// # Errors
    /// Its own.
    fn read(&self, path: &[u8]) -> Result<Bytes>;
}

/// What a [`Source`] has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Bytes of content: as many as `read` will answer.
        size: u64,
    },
}

impl Found {
    fn file_type(self) -> FileType {
        match self {
            Found::Directory => FileType::Directory,
            Found::File { .. } => FileType::Regular,
        }
    }
}

/// A read-only filesystem over a [`Source`]. Whatever would change it is `ROFS`.
///
/// It remembers the path of each node that was ever looked up or listed, so that identities stay what they are: memory
/// for as many paths as guests have found. All times are 1970, files have mode 0444, directories 0555.
#[derive(Debug)]
pub struct SourceFs<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    source: S,
    info: FsInfo,
    nodes: Mutex<Nodes>,
}

/// Paths that have been found; the number of a node is its index and 1.
#[derive(Debug)]
struct Nodes {
    paths: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, NodeId, foldhash::fast::RandomState>,
}

const ROOT: NodeId = NodeId(NonZeroU64::MIN);

impl<S: Source> SourceFs<S> {
    /// The filesystem of `source`, whose root must be a directory.
    pub fn new(source: S) -> SourceFs<S> {
        let info = FsInfo {
            fs_type: "source",
            dev: FsInfo::fresh_dev(),
            caps: FsCaps::UNLINKED_OPEN,
            name_max: NAME_MAX as u16,
            time_granularity_ns: 1,
            max_file_size: i64::MAX as u64,
        };
        let root: Arc<[u8]> = Arc::from(&b""[..]);
        let mut numbers = HashMap::default();
        numbers.insert(Arc::clone(&root), ROOT);
        let nodes = Mutex::new(Nodes { paths: vec![root], numbers });
        SourceFs { shared: Arc::new(Shared { source, info, nodes }) }
    }

    /// The same, to be mounted.
    pub fn shared(source: S) -> Arc<dyn FileSystem> {
        Arc::new(SourceFs::new(source))
    }

    /// What it shows.
    pub fn source(&self) -> &S {
        &self.shared.source
    }
}

impl<S: Source> Shared<S> {
    fn path(&self, node: NodeId) -> Result<Arc<[u8]>> {
        let index = usize::try_from(node.get() - 1).map_err(|_| Errno::NOENT)?;
        self.nodes.lock().paths.get(index).map(Arc::clone).ok_or(Errno::NOENT)
    }

    fn number(&self, path: &[u8]) -> NodeId {
        let mut nodes = self.nodes.lock();
        if let Some(&number) = nodes.numbers.get(path) {
            return number;
        }
        let path: Arc<[u8]> = Arc::from(path);
        nodes.paths.push(Arc::clone(&path));
        let number = NodeId::new(nodes.paths.len() as u64).unwrap_or(ROOT);
        nodes.numbers.insert(path, number);
        number
    }

    /// The path of a directory, as it is now.
    fn directory(&self, node: NodeId) -> Result<Arc<[u8]>> {
        let path = self.path(node)?;
        match self.source.find(&path)? {
            Found::Directory => Ok(path),
            Found::File { .. } => Err(Errno::NOTDIR),
        }
    }

    fn child(&self, dir: &[u8], name: Name<'_>) -> Result<(Vec<u8>, Found)> {
        let path = match dir {
            b"" => name.as_bytes().to_vec(),
            dir => [dir, b"/", name.as_bytes()].concat(),
        };
        let found = self.source.find(&path)?;
        Ok((path, found))
    }

    fn metadata(&self, node: NodeId, found: Found) -> Metadata {
        let (mode, size) = match found {
            Found::Directory => (0o555, 0),
            Found::File { size } => (0o444, size),
        };
        Metadata {
            dev: self.info.dev,
            ino: node,
            file_type: found.file_type(),
            mode,
            nlink: 1,
            uid: 0,
            gid: 0,
            size,
            blocks: size.div_ceil(512),
            rdev: 0,
            atime: Time::EPOCH,
            mtime: Time::EPOCH,
            ctime: Time::EPOCH,
            btime: Time::EPOCH,
        }
    }
}

impl<S: Source> FileSystem for SourceFs<S> {
    crate::read_only_fs!();

    fn info(&self) -> &FsInfo {
        &self.shared.info
    }

    fn root(&self) -> NodeId {
        ROOT
    }

    // Nodes stay for as long as the filesystem does.
    fn retain(&self, _: NodeId) {}

    fn forget(&self, _: NodeId, _: u64) {}

    fn lookup(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        let dir = self.shared.directory(dir)?;
        let (path, found) = self.shared.child(&dir, name)?;
        Ok(Entry { node: self.shared.number(&path), file_type: found.file_type() })
    }

    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        let path = self.shared.directory(dir)?;
        let end = path.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Ok(self.shared.number(&path[..end]))
    }

    fn walk(
        &self,
        cx: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        walk_by_lookup(self, cx, dir, path, mounts, goal)
    }

    fn readlink(&self, _: NodeId) -> Result<Bytes> {
        Err(Errno::INVAL)
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        let found = self.shared.source.find(&self.shared.path(node)?)?;
        Ok(self.shared.metadata(node, found))
    }

    fn open(&self, _: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        let path = self.shared.path(node)?;
        let found = self.shared.source.find(&path)?;
        let changes = flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC);
        match found {
            Found::Directory if changes => Err(Errno::ISDIR),
            Found::Directory => Ok(Arc::new(SourceDir::new(Arc::clone(&self.shared), node, path, flags))),
            Found::File { .. } if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::NOTDIR),
            Found::File { .. } if changes => Err(Errno::ROFS),
            Found::File { .. } => {
                let content = self.shared.source.read(&path)?;
                let metadata = self.shared.metadata(node, Found::File { size: content.len() as u64 });
                Ok(Arc::new(SourceFile::new(metadata, content, flags)))
            }
        }
    }

    fn statfs(&self) -> Result<StatFs> {
        Ok(StatFs { bsize: 512, blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0 })
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        None
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}
