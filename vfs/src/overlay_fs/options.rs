//! [`Builder`]: which layers an overlay has.

use core::{fmt, hash::BuildHasher};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{
    OverlayFs,
    copy_up::copy_attributes,
    layer::{INTERNAL, Layers, Lower, NodeRef},
    marks::{Marks, Opacity, Prefix},
    node::{Key, ShadowState},
    shared::{Seed, Shared, Upper},
    tree::Tree,
    work,
};
use crate::{
    Entry, Errno, FileSystem, FileType, FsCaps, FsInfo, MemFsOptions, Mount, MountOptions, Name, NewNode, NodeId,
    Place, Remove, SetXattr,
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
};

/// Names known at once where nodes cost nothing but memory, and where each may cost a descriptor.
const CACHE_MEMORY: usize = 1 << 16;
const CACHE_HOST: usize = 192;

/// Says which layers an [`OverlayFs`] has, and makes it.
///
/// ```
/// use std::sync::Arc;
/// use gangplank_vfs::{MemFs, MemFsOptions, overlay_fs::OverlayFs};
///
/// # fn main() -> Result<(), gangplank_vfs::overlay_fs::OverlayError> {
/// let base = Arc::new(MemFs::new());
/// let fs = OverlayFs::builder().lower(base).upper_mem(MemFsOptions::new()).build()?;
/// let for_one_run = fs.fork()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    lowers: Vec<Place>,
    upper: Above,
    prefix: Prefix,
    no_sync: bool,
    cache: Option<usize>,
}

/// The upper layer that was asked for.
#[derive(Debug, Default)]
enum Above {
    #[default]
    None,
    Mem(MemFsOptions),
    At(Place, Place),
    #[cfg(all(feature = "host", any(unix, windows)))]
    Host(std::path::PathBuf, std::path::PathBuf),
}

/// Why an overlay cannot be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum OverlayError {
    /// There is neither a lower nor an upper layer.
    NoLayers,
    /// The upper layer and its work directory are not in one filesystem, so that nothing could be renamed from one into
    /// the other.
    TwoFilesystems,
    /// Of the upper layer and its work directory, one is inside of the other, or they are the same.
    Nested,
    /// A layer is no directory.
    NotADirectory {
        /// Which.
        layer: &'static str,
    },
    /// The upper layer cannot do what an overlay needs of it.
    Lacks {
        /// What that is.
        what: &'static str,
        /// What the layer said.
        errno: Errno,
    },
    /// A layer failed.
    Layer {
        /// What for.
        what: &'static str,
        /// With what.
        errno: Errno,
    },
    /// A directory of the host cannot be opened.
    Host {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl fmt::Display for OverlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OverlayError::NoLayers => f.write_str("an overlay needs a lower or an upper layer"),
            OverlayError::TwoFilesystems => {
                f.write_str("the upper directory and the work directory of an overlay must be on one filesystem")
            }
            OverlayError::Nested => {
                f.write_str("the upper directory and the work directory of an overlay must lie beside each other")
            }
            OverlayError::NotADirectory { layer } => write!(f, "the {layer} of an overlay is no directory"),
            OverlayError::Lacks { what, errno } => {
                write!(f, "the upper layer of an overlay needs {what}, which its filesystem refuses: {errno}")
            }
            OverlayError::Layer { what, errno } => write!(f, "{what}: {errno}"),
            OverlayError::Host { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl core::error::Error for OverlayError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            OverlayError::Host { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<Errno> for OverlayError {
    fn from(errno: Errno) -> OverlayError {
        OverlayError::Layer { what: "a layer of the overlay failed", errno }
    }
}

impl Builder {
    /// One more lower layer, below those that have been named: the root of a filesystem.
    pub fn lower(self, fs: Arc<dyn FileSystem>) -> Builder {
        self.lower_at(Mount::detached(fs, MountOptions { read_only: true, ..MountOptions::default() }))
    }

    /// One more lower layer, below those that have been named: a directory.
    pub fn lower_at(mut self, dir: Place) -> Builder {
        self.lowers.push(dir);
        self
    }

    /// A new memory filesystem as the upper layer. Its options hold for the overlay: limits, clock, `atime`.
    pub fn upper_mem(mut self, options: MemFsOptions) -> Builder {
        self.upper = Above::Mem(options);
        self
    }

    /// Two directories of one filesystem as the upper layer: the visible tree, perhaps that of an earlier overlay over
    /// the same lower layers, and a directory for work, beside it. The filesystem needs
    /// [`XATTR`](FsCaps::XATTR) and [`EXCHANGE`](FsCaps::EXCHANGE). No other overlay may have the same at the same time.
    pub fn upper_at(mut self, upper: Place, work: Place) -> Builder {
        self.upper = Above::At(upper, work);
        self
    }

    /// Two directories of the host as the upper layer, on one filesystem and neither inside of the other, as
    /// `upperdir=` and `workdir=` of Linux's overlayfs.
    #[cfg(all(feature = "host", any(unix, windows)))]
    pub fn upper_host(mut self, upper: impl Into<std::path::PathBuf>, work: impl Into<std::path::PathBuf>) -> Builder {
        self.upper = Above::Host(upper.into(), work.into());
        self
    }

    /// In which name space the marks are, in all layers. [`Prefix::User`] if nothing is said. Lower layers on the host
    /// need [`overlay_xattrs`](crate::host_fs::Options::overlay_xattrs) for the other.
    pub fn prefix(mut self, prefix: Prefix) -> Builder {
        self.prefix = prefix;
        self
    }

    /// Whether content that is copied up is made durable before it gets its name, where the upper layer is durable at
    /// all: then a crash of the host leaves the old file or the new one. On if nothing is said.
    pub fn sync(mut self, sync: bool) -> Builder {
        self.no_sync = !sync;
        self
    }

    /// How many names are known at once, beyond what is held anyway. Each may cost a descriptor for each layer that is
    /// on the host: so it is 192 if there is one, else 65536.
    pub fn cache(mut self, names: usize) -> Builder {
        self.cache = Some(names.max(16));
        self
    }

    /// Makes it. What an earlier overlay left in the work directory is removed.
    ///
    /// # Errors
    /// [`OverlayError`].
    pub fn build(self) -> Result<OverlayFs, OverlayError> {
        if self.lowers.is_empty() && matches!(self.upper, Above::None) {
            return Err(OverlayError::NoLayers);
        }
        let marks = Marks::new(self.prefix);
        let count = self.lowers.len() as u32;
        let mut lowers = Vec::with_capacity(self.lowers.len());
        for (i, place) in self.lowers.iter().enumerate() {
            lowers.push(lower(place, count - i as u32, &marks)?);
        }
        let (upper, made) = match self.upper {
            Above::None => (None, false),
            Above::Mem(options) => (Some(mem_upper(&options)?), true),
            Above::At(upper, work) => (Some((upper, work)), false),
            #[cfg(all(feature = "host", any(unix, windows)))]
            Above::Host(upper, work) => (Some(super::host::upper(&upper, &work, self.prefix)?), false),
        };
        let (top, upper) = match upper {
            Some((root, work)) => {
                let top = NodeRef::retain(root.fs(), root.node());
                (Some(top), Some(open_upper(&root, &work, &marks, !self.no_sync)?))
            }
            None => (None, None),
        };
        let mut born = None;
        if let (true, Some(top), Some(lower)) = (made, &top, lowers.first()) {
            // A view of a directory looks like it.
            let below = lower.node.getattr()?;
            copy_attributes(top, &below)?;
            born = Some(below.btime);
        }
        let info = info(&lowers, top.as_ref().map(|top| &top.fs));
        let limit = self.cache.unwrap_or(if info.caps.contains(FsCaps::LOCAL) { CACHE_MEMORY } else { CACHE_HOST });
        let indexed = match &upper {
            Some(upper) => !work::is_bare(&upper.index)?,
            None => false,
        };
        let first = top.as_ref().or(lowers.first().map(|lower| &lower.node)).ok_or(OverlayError::NoLayers)?;
        let layer = if top.is_some() { 0 } else { count };
        let key = Key { layer, ino: first.id.get() };
        let opacity = match &top {
            Some(top) => marks.opacity(&*top.fs, top.id)?,
            None => Opacity::Clear,
        };
        let shadow = born.map(|born| Box::new(ShadowState { born: Some(born), ..ShadowState::default() }));
        let (opaque, marked) = (opacity == Opacity::Opaque, opacity == Opacity::Marked);
        let seed = foldhash::quality::RandomState::default().hash_one(0);
        let shared = Shared {
            info,
            layers: Arc::new(Layers { lowers, marks }),
            upper,
            root: key.id(),
            seed: Seed { key, opaque, marked, impure: false, shadow },
            tree: RwLock::new(Tree::new(FixedState::with_seed(seed), limit)),
            next_temp: AtomicU64::new(0),
            indexed: AtomicBool::new(indexed),
            temps: AtomicUsize::new(0),
        };
        Ok(OverlayFs { shared: Arc::new(shared) })
    }
}

fn directory(place: &Place, layer: &'static str) -> Result<(), OverlayError> {
    match place.metadata() {
        Ok(m) if m.file_type == FileType::Directory => Ok(()),
        Ok(_) => Err(OverlayError::NotADirectory { layer }),
        Err(errno) => Err(OverlayError::Layer { what: "a layer of the overlay cannot be read", errno }),
    }
}

fn lower(place: &Place, layer: u32, marks: &Marks) -> Result<Lower, OverlayError> {
    directory(place, "lower layer")?;
    let frozen = match place.fs().snapshots() {
        Some(snapshots) => match snapshots.freeze() {
            Ok(frozen) => Some(frozen),
            Err(Errno::NOTSUP) => None,
            Err(e) => return Err(e.into()),
        },
        None => None,
    };
    let given = NodeRef::retain(place.fs(), place.node());
    let node = match &frozen {
        Some(frozen) => given.in_copy(frozen)?,
        None => given,
    };
    let marked = marks.opacity(&*node.fs, node.id)? == Opacity::Marked;
    Ok(Lower { layer, node, marked })
}

/// A new memory filesystem with the two directories.
fn mem_upper(options: &MemFsOptions) -> Result<(Place, Place), OverlayError> {
    let fs: Arc<dyn FileSystem> = Arc::new(options.build());
    let place = |name: &[u8]| -> Result<Place, OverlayError> {
        let dir = sub_directory(&fs, fs.root(), name, 0o755)?;
        Ok(Mount::subtree(fs.clone(), dir.id, MountOptions::default()))
    };
    let (upper, work) = (place(b"upper")?, place(b"work")?);
    // The overlay's root has the mode and the owner that the options ask for.
    copy_attributes(&NodeRef::retain(&fs, upper.node()), &fs.getattr(fs.root())?)?;
    Ok((upper, work))
}

/// The directory of this name, which is made if it is not there.
fn sub_directory(fs: &Arc<dyn FileSystem>, dir: NodeId, name: &[u8], mode: u16) -> Result<NodeRef, OverlayError> {
    let name = Name::from_checked(name);
    let entry = match fs.create(&INTERNAL, dir, name, &NewNode::Directory { mode }) {
        Err(Errno::EXIST) => fs.lookup(&INTERNAL, dir, name),
        made => made,
    };
    let what = "the work directory of the overlay cannot be used";
    let Entry { node, file_type } = entry.map_err(|errno| OverlayError::Layer { what, errno })?;
    let node = NodeRef::adopt(fs, node);
    if file_type == FileType::Directory {
        Ok(node)
    } else {
        Err(OverlayError::NotADirectory { layer: "work directory" })
    }
}

/// Checks that the layer can do what is needed of it, and cleans up.
fn open_upper(root: &Place, work: &Place, marks: &Marks, sync: bool) -> Result<Upper, OverlayError> {
    directory(root, "upper layer")?;
    directory(work, "work directory")?;
    if !Arc::ptr_eq(root.fs(), work.fs()) {
        return Err(OverlayError::TwoFilesystems);
    }
    let fs = root.fs();
    for (one, other) in [(root, work), (work, root)] {
        let (mut at, top) = (NodeRef::retain(fs, one.node()), fs.root());
        loop {
            if at.id == other.node() {
                return Err(OverlayError::Nested);
            }
            if at.id == top {
                break;
            }
            at = NodeRef::adopt(fs, fs.parent(at.id)?);
        }
    }
    let caps = fs.info().caps;
    if !caps.contains(FsCaps::XATTR) {
        return Err(OverlayError::Lacks { what: "extended attributes", errno: Errno::NOTSUP });
    }
    if !caps.contains(FsCaps::EXCHANGE) {
        return Err(OverlayError::Lacks { what: "to exchange two names (RENAME_EXCHANGE)", errno: Errno::INVAL });
    }
    // Beside each other, under the names that the kernel uses for the first.
    let temps = sub_directory(fs, work.node(), b"work", 0o700)?;
    work::clear_work(&temps)?;
    let index = sub_directory(fs, work.node(), b"gangplank-index", 0o700)?;
    work::sweep_index(&index, marks)?;
    probe_xattrs(&temps, marks)?;
    let devices = caps.contains(FsCaps::WHITEOUT) && can_make_devices(&temps);
    let sync = sync && caps.contains(FsCaps::DURABLE);
    let root = NodeRef::retain(fs, root.node());
    Ok(Upper { fs: fs.clone(), root, work: temps, index, devices, sync })
}

fn probe_xattrs(dir: &NodeRef, marks: &Marks) -> Result<(), OverlayError> {
    let name = marks.probe();
    let xattrs = dir.fs.xattrs();
    let set = xattrs.ok_or(Errno::NOTSUP).and_then(|xattrs| {
        xattrs.set(dir.id, &name, b"y", SetXattr::Any)?;
        xattrs.remove(dir.id, &name)
    });
    set.map_err(|errno| OverlayError::Lacks { what: marks.what(), errno })
}

/// Some sandboxes forbid it, though the filesystem could.
fn can_make_devices(dir: &NodeRef) -> bool {
    let name = Name::from_checked(b"#probe");
    let new = NewNode::Special { file_type: FileType::CharDevice, mode: 0, rdev: 0 };
    match dir.fs.create(&INTERNAL, dir.id, name, &new) {
        Ok(made) => {
            dir.fs.forget(made.node, 1);
            let _ = dir.fs.remove(&INTERNAL, dir.id, name, Remove::NonDirectory);
            true
        }
        Err(_) => false,
    }
}

/// What the view can do: what the upper layer can, as far as it does not depend on those below.
fn info(lowers: &[Lower], upper: Option<&Arc<dyn FileSystem>>) -> FsInfo {
    let layers = || upper.into_iter().chain(lowers.iter().map(|lower| &lower.node.fs)).map(|fs| fs.info());
    let all = layers().fold(FsCaps::all(), |all, info| all & info.caps);
    let top = upper.map_or(all, |fs| fs.info().caps);
    let of_top = FsCaps::HARD_LINKS
        | FsCaps::SYMLINKS
        | FsCaps::EXCHANGE
        | FsCaps::NS_TIMES
        | FsCaps::DURABLE
        | FsCaps::XATTR
        | FsCaps::FIFOS
        | FsCaps::SOCKETS
        | FsCaps::DEVICES
        | FsCaps::ALLOCATE
        | FsCaps::STABLE_COOKIES
        | FsCaps::SNAPSHOT;
    let of_all = FsCaps::UNLINKED_OPEN | FsCaps::LOCAL | FsCaps::SEEK_HOLE;
    // Under the lock of the tree.
    let ours = FsCaps::NO_REPLACE;
    let mut caps = (top & of_top) | (all & of_all) | ours;
    if upper.is_none() {
        // Nothing can be changed, and one more view is a copy.
        caps |= FsCaps::SNAPSHOT | FsCaps::STABLE_COOKIES;
    }
    FsInfo {
        fs_type: super::FS_TYPE,
        dev: FsInfo::fresh_dev(),
        caps,
        name_max: layers().map(|info| info.name_max).min().unwrap_or(255),
        time_granularity_ns: layers().map(|info| info.time_granularity_ns).max().unwrap_or(1),
        max_file_size: upper.map_or(i64::MAX as u64, |fs| fs.info().max_file_size),
    }
}
