//! [`Fixture`]: where the kit gets its filesystems from; and the fixtures of Gangplank's own.

use std::{any::Any, fmt, path::PathBuf, sync::Arc};

use gangplank_vfs::{
    Ctx, FileSystem, ManualClock, Name, NewNode, Remove,
    host_fs::{HostFs, Options, Resolver},
    layers::quota::{QuotaFs, QuotaOptions},
    mem_fs::{MemFs, MemFsOptions},
};

use crate::adversary::Canaries;

/// Makes filesystems of one kind.
pub trait Fixture: Send + Sync {
    /// For people.
    fn name(&self) -> &str;

    /// A new, empty filesystem that shares nothing with any other.
    fn make(&self) -> Made;

    /// A new, empty filesystem that holds between 128 KiB and 2 MiB of content, and between 10 and 1000 nodes; `None`
    /// if there is no such thing.
    fn make_small(&self) -> Option<Made> {
        None
    }
}

/// A filesystem, fresh from a [`Fixture`].
pub struct Made {
    /// The filesystem.
    pub fs: Arc<dyn FileSystem>,
    /// Its clock, if it can be moved by hand; else the kit sleeps for a few milliseconds where time must pass.
    pub clock: Option<Arc<ManualClock>>,
    /// Whether a node that is referenced, but has no name any more and is not open, can still be used. A host that
    /// cannot hold nodes without opening them loses them.
    pub holds_removed: bool,
    /// Whatever must live as long as the filesystem: a temporary directory, for example.
    pub keep: Box<dyn Any + Send + Sync>,
    /// Makes the filesystem that is meant, which cannot be changed, of the one that has been filled; if it is another.
    pub seal: Option<Seal>,
    /// Whether it comes with a tree of its own and cannot be changed.
    pub filled: bool,
}

/// Makes a filesystem of another.
pub type Seal = fn(&Arc<dyn FileSystem>) -> Arc<dyn FileSystem>;

impl Made {
    /// A filesystem that needs nothing else.
    pub fn new(fs: Arc<dyn FileSystem>) -> Made {
        Made { fs, clock: None, holds_removed: true, keep: Box::new(()), seal: None, filled: false }
    }

    /// With a clock.
    pub fn with_clock(self, clock: Arc<ManualClock>) -> Made {
        Made { clock: Some(clock), ..self }
    }

    /// That loses what is referenced, but neither named nor open.
    pub fn losing_removed(self) -> Made {
        Made { holds_removed: false, ..self }
    }

    /// That is only filled, and then made into the one that is meant. The laws know of it, and no other cases.
    pub fn sealed_by(self, seal: Seal) -> Made {
        Made { seal: Some(seal), ..self }
    }

    /// That comes with a tree of its own and cannot be changed: for `suite! { …, read_only: … }`.
    pub fn filled(self) -> Made {
        Made { filled: true, ..self }
    }

    /// With something to keep.
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Made {
        Made { keep: Box::new(keep), ..self }
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("fs", &self.fs).field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Limit of a [`MemFs`] under test: enough for every case, and small enough to tell what is counted.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Bytes and nodes of a small one.
pub(crate) const SMALL: (u64, u64) = (1 << 20, 60);

pub(crate) fn options(max_bytes: u64, max_nodes: Option<u64>) -> (MemFsOptions, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1_700_000_000_123_456_789));
    (MemFsOptions::new().clock(clock.clone()).max_bytes(Some(max_bytes)).max_nodes(max_nodes), clock)
}

fn mem(max_bytes: u64, max_nodes: Option<u64>) -> (MemFs, Arc<ManualClock>) {
    let (options, clock) = options(max_bytes, max_nodes);
    (options.build(), clock)
}

/// Memory filesystems.
#[derive(Clone, Copy, Debug)]
pub struct MemFixture;

impl Fixture for MemFixture {
    fn name(&self) -> &str {
        "mem"
    }

    fn make(&self) -> Made {
        let (fs, clock) = mem(MAX_BYTES, None);
        Made::new(Arc::new(fs)).with_clock(clock)
    }

    fn make_small(&self) -> Option<Made> {
        let (fs, clock) = mem(SMALL.0, Some(SMALL.1));
        Some(Made::new(Arc::new(fs)).with_clock(clock))
    }
}

/// Forks of memory filesystems, whose originals live on and are full of other things under the names that cases use.
#[derive(Clone, Copy, Debug)]
pub struct ForkFixture;

impl Fixture for ForkFixture {
    fn name(&self) -> &str {
        "fork"
    }

    fn make(&self) -> Made {
        let (original, clock) = mem(MAX_BYTES, None);
        let (cx, root) = (Ctx::ROOT, original.root());
        let make = |name: &'static str, new| {
            let name = Name::new(name.as_bytes()).expect("a name");
            let made = original.create(&cx, root, name, &new).expect("make a node");
            original.forget(made.node, 1);
        };
        make("old", NewNode::Regular { mode: 0o644 });
        make("older", NewNode::Directory { mode: 0o755 });
        for (name, what) in [("old", Remove::NonDirectory), ("older", Remove::Directory)] {
            original.remove(&cx, root, Name::new(name.as_bytes()).expect("a name"), what).expect("remove it");
        }
        let fork = original.fork();
        for name in ["a", "b", "f", "file"] {
            make(name, NewNode::Regular { mode: 0o600 });
        }
        for name in ["d", "e", "p"] {
            make(name, NewNode::Directory { mode: 0o700 });
        }
        Made::new(Arc::new(fork)).with_clock(clock).keeping(original)
    }

    fn make_small(&self) -> Option<Made> {
        let (original, clock) = mem(SMALL.0, Some(SMALL.1));
        Some(Made::new(Arc::new(original.fork())).with_clock(clock).keeping(original))
    }
}

/// Temporary directories of the host, with [canaries](Canaries) around them.
#[derive(Clone, Copy, Debug)]
pub struct HostFixture {
    resolver: Resolver,
    exclusive: bool,
}

impl HostFixture {
    /// With the resolver that the system prefers: `openat2`, on Linux.
    pub const BEST: HostFixture = HostFixture { resolver: Resolver::Auto, exclusive: false };
    /// With the portable resolver, name by name.
    pub const PORTABLE: HostFixture = HostFixture { resolver: Resolver::Portable, exclusive: false };
    /// With the promise that nobody else changes them, so that names are remembered.
    pub const EXCLUSIVE: HostFixture = HostFixture { resolver: Resolver::Auto, exclusive: true };
}

impl Fixture for HostFixture {
    fn name(&self) -> &str {
        match self {
            HostFixture { resolver: Resolver::Portable, .. } => "host (portable)",
            HostFixture { exclusive: true, .. } => "host (exclusive)",
            _ => "host",
        }
    }

    fn make(&self) -> Made {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let canaries = Canaries::plant(dir.path(), &["root"]).expect("plant canaries");
        let root = dir.path().join("root");
        std::fs::create_dir(&root).expect("make the root");
        let options = Options { resolver: self.resolver, exclusive: self.exclusive, ..Options::default() };
        let fs = HostFs::open_with(root, options).expect("open the temporary directory");
        let made = Made::new(fs).keeping((canaries, dir));
        if self.resolver == Resolver::Portable { made.losing_removed() } else { made }
    }
}

/// Filesystems of another fixture, with a quota around them.
#[derive(Clone, Copy, Debug)]
pub struct QuotaFixture<F>(pub F);

impl<F: Fixture> QuotaFixture<F> {
    fn around(&self, options: QuotaOptions) -> Made {
        let made = self.0.make();
        Made { fs: Arc::new(QuotaFs::new(made.fs.clone(), options)), ..made }
    }
}

impl<F: Fixture> Fixture for QuotaFixture<F> {
    fn name(&self) -> &str {
        "quota"
    }

    fn make(&self) -> Made {
        self.around(QuotaOptions::default())
    }

    fn make_small(&self) -> Option<Made> {
        Some(self.around(QuotaOptions { bytes: Some(SMALL.0), nodes: Some(SMALL.1) }))
    }
}

/// New directories in a directory of the host: of whatever filesystem is mounted there.
#[derive(Clone, Debug)]
pub struct DirFixture {
    name: String,
    parent: PathBuf,
}

impl DirFixture {
    /// In this directory.
    ///
    /// # Errors
    /// If no directory can be made in it, or [`HostFs`] cannot open it.
    pub fn new(parent: impl Into<PathBuf>) -> std::io::Result<DirFixture> {
        let parent = parent.into();
        let dir = tempfile::tempdir_in(&parent)?;
        HostFs::open(dir.path())?;
        Ok(DirFixture { name: format!("host {}", parent.display()), parent })
    }
}

impl Fixture for DirFixture {
    fn name(&self) -> &str {
        &self.name
    }

    fn make(&self) -> Made {
        let dir = tempfile::tempdir_in(&self.parent).expect("a directory as before");
        Made::new(HostFs::open(dir.path()).expect("open it as before")).keeping(dir)
    }
}
