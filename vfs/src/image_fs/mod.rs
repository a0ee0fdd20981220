//! [`ImageFs`]: an archive as a read-only filesystem.
//!
//! Mounting one costs reading its headers. The content of files stays where it is: in one [`Bytes`],
//! which is handed out without copying, or in a file, which is read when somebody asks for it.
//!
//! ```
//! use gangplank_vfs::{Tree, dir, image_fs::{ImageFs, ImageOptions, PackOptions, pack}};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tree = dir! { "etc": { "motd": "ahoy\n" }, "bin" => "usr/bin" }.tree()?;
//! let mut archive = Vec::new();
//! pack(&tree, &mut archive, PackOptions::new())?;
//!
//! let image = Tree::new(Arc::new(ImageFs::open(archive, ImageOptions::new())?));
//! assert_eq!(image.read("etc/motd")?, "ahoy\n");
//! assert!(image.changes_since(&tree)?.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # What is read
//! * tar: `ustar`, `pax`, GNU tar and the seventh edition's; plain, or compressed with gzip or zstd, in which case the
//!   whole archive is decompressed into memory, within [`ImageLimits`]. Hard links, symbolic links, devices, FIFOs,
//!   owners, times to the nanosecond, extended attributes (`SCHILY.xattr.`) and holes are kept.
//! * zip: stored files are ranges of the archive; a deflated file is decompressed when it is read for the first time.
//! * stacks of layers ([`ImageFs::layers`]) as OCI images have them: one tree, in which `.wh.` files have hidden what
//!   is below. [`ImageFs::oci`] finds them in an image layout.
//!
//! # What an archive cannot do
//! Its names lead down from its root and nowhere else: `..` is refused, a leading `/` is the root, a name below a
//! symbolic link is refused. Symbolic links have the targets that they have; the resolver keeps guests that follow them
//! inside. Of entries with the same name the last one counts. What an archive costs is bounded by [`ImageLimits`]; what
//! it says is checked before it is believed. Errors name the entry and the place in the archive ([`ImageError`]).
//!
//! # Lock order
//! There is one lock, in the cache of decompressed files of zip archives. It is a leaf, and not held while anything is
//! read or decompressed. Walks, metadata and listings take none and allocate nothing.

mod backing;
mod build;
mod compress;
mod error;
mod index;
mod oci;
mod open;
mod options;
mod pack;
mod packed;
#[cfg(all(feature = "host", any(unix, windows)))]
mod path;
mod tar;
#[cfg(test)]
mod tests;
mod walk;
mod zip;

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;

use self::{
    backing::Window,
    build::Builder,
    index::{Body, Index, ROOT, id},
    open::{ImageDir, ImageFile},
    packed::Cache,
    tar::Whiteouts,
    walk::End,
};
use crate::{
    Components, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, Goal, Metadata, MountPoints, NAME_MAX, Name,
    NodeId, OpenFlags, Opened, Result, SetXattr, Snapshots, StatFs, VirtualFile, Walked, Xattrs,
};
pub use backing::Backing;
pub use error::{ImageError, Problem};
pub use options::{ImageLimits, ImageOptions, OnProgress, Progress};
pub use pack::{LayerEntry, LayerKind, PackError, PackOptions, Packed, pack, pack_layer};

/// An archive, or several as layers, as a read-only filesystem. Whatever would change it is `ROFS`.
///
/// The numbers of nodes depend on nothing but the tree: mounted again, it has the same.
pub struct ImageFs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    info: FsInfo,
    index: Arc<Index>,
    cache: Cache,
}

impl ImageFs {
    /// Mounts an archive of any kind that is known here, which is told by its first bytes.
    ///
    /// # Errors
    /// [`ImageError`].
    pub fn open(archive: impl Into<Backing>, mut options: ImageOptions<'_>) -> Result<ImageFs, ImageError> {
        let mut builder = Builder::new(options.limits);
        add(&archive.into(), &mut builder, Whiteouts::Names, &mut options)?;
        Ok(ImageFs::new(builder))
    }

    /// Mounts layers, the bottom first, as one tree: tar archives, plain or compressed, in which a file `.wh.name`
    /// hides `name` in the layers below, and `.wh..wh..opq` all that they have in its directory.
    ///
    /// # Errors
    /// [`ImageError`], which tells the layer.
    pub fn layers(
        layers: impl IntoIterator<Item = impl Into<Backing>>,
        mut options: ImageOptions<'_>,
    ) -> Result<ImageFs, ImageError> {
        let mut builder = Builder::new(options.limits);
        for (number, layer) in layers.into_iter().enumerate() {
            add(&layer.into(), &mut builder, Whiteouts::Layers, &mut options)
                .map_err(|error| ImageError { layer: Some(number), ..error })?;
        }
        Ok(ImageFs::new(builder))
    }

    fn new(builder: Builder) -> ImageFs {
        let cache = Cache::new(builder.limits().cache);
        let info = FsInfo {
            fs_type: "image",
            dev: FsInfo::fresh_dev(),
            caps: FsCaps::STABLE_COOKIES
                | FsCaps::NS_TIMES
                | FsCaps::UNLINKED_OPEN
                | FsCaps::XATTR
                | FsCaps::LOCAL
                | FsCaps::SEEK_HOLE
                | FsCaps::DIR_NLINK,
            name_max: NAME_MAX as u16,
            time_granularity_ns: 1,
            max_file_size: i64::MAX as u64,
        };
        ImageFs { shared: Arc::new(Shared { info, index: Arc::new(builder.finish()), cache }) }
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> u64 {
        self.shared.index.nodes.len() as u64
    }

    /// How many bytes its files have together, holes included.
    pub fn content(&self) -> u64 {
        self.shared.index.content
    }
}

impl fmt::Debug for ImageFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageFs").field("nodes", &self.nodes()).field("content", &self.content()).finish()
    }
}

/// Adds an archive of any kind.
fn add(
    archive: &Backing,
    builder: &mut Builder,
    whiteouts: Whiteouts,
    options: &mut ImageOptions<'_>,
) -> Result<(), ImageError> {
    let failed = |problem| ImageError::at(0, problem);
    let mut window = Window::new(archive).map_err(|e| failed(e.into()))?;
    let start = window.len().min(tar::BLOCK) as usize;
    let start = window.get(0, start).map_err(failed)?;
    // Layers are tar archives, whatever they begin with.
    if whiteouts == Whiteouts::Names && zip::is_zip(start) {
        return zip::read(archive, builder, options);
    }
    if let Some(how) = compress::detect(start).map_err(failed)? {
        let whole = Backing::Bytes(compress::decompress(archive, how, options)?);
        return tar::read(&whole, builder, whiteouts, options);
    }
    tar::read(archive, builder, whiteouts, options)
}

impl Shared {
    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        let (at, node) = self.index.node(node)?;
        Ok(self.index.metadata(self.info.dev, at, node))
    }

    fn open(self: &Arc<Self>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        let (at, node) = self.index.node(node)?;
        let body = node.body;
        let changes = flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC);
        match body.file_type() {
            FileType::Symlink => Err(Errno::LOOP),
            FileType::Directory if changes => Err(Errno::ISDIR),
            FileType::Directory => Ok(Arc::new(ImageDir::new(Arc::clone(self), at, flags))),
            _ if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::NOTDIR),
            FileType::Regular if changes => Err(Errno::ROFS),
            FileType::Regular => Ok(Arc::new(ImageFile::new(Arc::clone(self), at, body, flags))),
            // Nobody is at the other end of a FIFO in an archive.
            _ => Err(Errno::NXIO),
        }
    }
}

impl FileSystem for ImageFs {
    crate::read_only_fs!();

    fn info(&self) -> &FsInfo {
        &self.shared.info
    }

    fn root(&self) -> NodeId {
        id(ROOT)
    }

    // Nodes stay for as long as the filesystem does.
    fn retain(&self, _: NodeId) {}

    fn forget(&self, _: NodeId, _: u64) {}

    fn lookup(&self, _: &Ctx<'_>, dir: NodeId, name: Name<'_>) -> Result<Entry> {
        let index = &self.shared.index;
        let found = index.find(index.dir(dir)?, name).ok_or(Errno::NOENT)?;
        Ok(Entry { node: id(found.node), file_type: found.file_type })
    }

    fn parent(&self, dir: NodeId) -> Result<NodeId> {
        match self.shared.index.node(dir)?.1.body {
            Body::Dir { parent, .. } => Ok(id(parent)),
            _ => Err(Errno::NOTDIR),
        }
    }

    fn walk(
        &self,
        _: &Ctx<'_>,
        dir: NodeId,
        path: &mut Components<'_>,
        mounts: &dyn MountPoints,
        goal: Goal<'_>,
    ) -> Result<Walked> {
        match walk::walk(&self.shared.index, self.shared.info.dev, dir, path, mounts, goal)? {
            End::Walked(walked) => Ok(walked),
            End::Open { node, file_type, flags } => {
                let file = self.shared.open(node, flags)?;
                Ok(Walked::Opened(Opened { file, node, file_type }))
            }
        }
    }

    fn readlink(&self, node: NodeId) -> Result<Bytes> {
        match self.shared.index.node(node)?.1.body {
            Body::Symlink { at, len } => Ok(self.shared.index.target(at, len)),
            _ => Err(Errno::INVAL),
        }
    }

    fn getattr(&self, node: NodeId) -> Result<Metadata> {
        self.shared.getattr(node)
    }

    fn open(&self, _: &Ctx<'_>, node: NodeId, flags: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
        self.shared.open(node, flags)
    }

    fn statfs(&self) -> Result<StatFs> {
        const BSIZE: u64 = 4096;
        let blocks = self.content().div_ceil(BSIZE);
        Ok(StatFs { bsize: BSIZE as u32, blocks, bfree: 0, bavail: 0, files: self.nodes(), ffree: 0 })
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn xattrs(&self) -> Option<&dyn Xattrs> {
        Some(&*self.shared)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }
}

impl Xattrs for Shared {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        let (_, node) = self.index.node(node)?;
        let xattrs = self.index.extra(node).map_or(&[][..], |extra| &extra.xattrs);
        let found = xattrs.binary_search_by(|(known, _)| (**known).cmp(name));
        found.map(|at| xattrs[at].1.clone()).map_err(|_| Errno::NODATA)
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        if name.is_empty() || name.len() > 255 {
            return Err(Errno::RANGE);
        }
        if value.len() > 64 << 10 {
            return Err(Errno::TOOBIG);
        }
        match (self.get(node, name), how) {
            (Ok(_), SetXattr::Create) => Err(Errno::EXIST),
            (Err(e), SetXattr::Replace) => Err(e),
            _ => Err(Errno::ROFS),
        }
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        self.get(node, name).and(Err(Errno::ROFS))
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (_, node) = self.index.node(node)?;
        if let Some(extra) = self.index.extra(node) {
            extra.xattrs.iter().for_each(|(name, _)| sink(name));
        }
        Ok(())
    }
}
