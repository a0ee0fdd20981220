//! [`OverlayFixture`]: overlays of every make.

use std::sync::Arc;

use gangplank_vfs::{
    Ctx, FileSystem, FileType, ManualClock, Mount, MountOptions, Name, NewNode, NodeId, OpenFlags, OverlayFs, Remove,
    SetAttr, SetTime, host_fs::HostFs, overlay_fs::Builder,
};

use crate::{
    Fixture, Made,
    adversary::{Canaries, Untouched},
    differential::{Rng, Script, prepare},
    fixture::{MAX_BYTES, SMALL, options},
};

/// Overlays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OverlayFixture {
    /// Memory over memory, of which the lower one is empty.
    Mem,
    /// Memory over memory that holds nodes of every kind under the names that cases use, all of which have been removed
    /// through the overlay: so every case works over whiteouts and opaque directories.
    Emptied,
    /// The same, from which an overlay of three layers is opened, the whiteouts in the middle.
    Buried,
    /// A fork of an overlay that lives on and changes.
    Fork,
    /// Memory over a directory of the host.
    MemOverHost,
    /// A directory of the host over another.
    Host,
    /// A directory of the host over another that has been emptied through an overlay, which is opened again.
    HostEmptied,
}

use OverlayFixture::{Buried, Emptied, Fork, Host, HostEmptied, Mem, MemOverHost};

/// The names that cases use most.
const NAMES: [&str; 24] = [
    "a", "b", "c", "d", "e", "f", "g", "p", "q", "x", "y", "file", "dir", "old", "new", "one", "two", "s", "l", "0",
    "1", "hard", "target", "w",
];

fn name(text: &str) -> Name<'_> {
    Name::new(text.as_bytes()).expect("a name")
}

/// Fills a directory with a file, a directory with things in it, and a link, in turn, under the usual names.
fn populate(fs: &dyn FileSystem) {
    populate_some(fs, NAMES.len());
}

fn populate_some(fs: &dyn FileSystem, count: usize) {
    let cx = Ctx::ROOT;
    let make = |dir: NodeId, text: &str, new: &NewNode<'_>| {
        let made = fs.create(&cx, dir, name(text), new).expect("make a node below");
        fs.forget(made.node, 1);
        made.node
    };
    let file = NewNode::Regular { mode: 0o600 };
    for (i, text) in NAMES.into_iter().take(count).enumerate() {
        match i % 3 {
            0 => {
                let made = fs.create(&cx, fs.root(), name(text), &file).expect("make a file below");
                let open = fs.open(&cx, made.node, OpenFlags::WRITE).expect("open it");
                fs.forget(made.node, 1);
                let bytes = std::io::IoSlice::new(b"from below");
                open.write_at(&[bytes], gangplank_vfs::At::Offset(0)).expect("fill it");
            }
            1 => {
                let made = fs.create(&cx, fs.root(), name(text), &NewNode::Directory { mode: 0o700 });
                let dir = made.expect("make a directory below").node;
                for inner in ["a", "b", "x"] {
                    make(dir, inner, &file);
                }
                let made = fs.create(&cx, dir, name("d"), &NewNode::Directory { mode: 0o700 });
                let deep = made.expect("make a directory below").node;
                make(deep, "y", &file);
                fs.forget(deep, 1);
                fs.forget(dir, 1);
            }
            _ => {
                make(fs.root(), text, &NewNode::Symlink { target: b"from/below" });
            }
        }
    }
}

/// Removes everything, through the traits.
pub(crate) fn empty(fs: &dyn FileSystem, dir: NodeId) {
    let cx = Ctx::ROOT;
    let mut found = vec![];
    let open = fs.open(&cx, dir, OpenFlags::READ).expect("open a directory");
    open.readdir(gangplank_vfs::Cookie::START, &mut |e| {
        found.push((e.name.as_bytes().to_vec(), e.file_type));
        core::ops::ControlFlow::Continue(())
    })
    .expect("list it");
    for (bytes, file_type) in found {
        let name = Name::new(&bytes).expect("a name");
        if file_type == FileType::Directory {
            let inner = fs.lookup(&cx, dir, name).expect("look up a directory").node;
            empty(fs, inner);
            fs.forget(inner, 1);
            fs.remove(&cx, dir, name, Remove::Directory).expect("remove a directory");
        } else {
            fs.remove(&cx, dir, name, Remove::NonDirectory).expect("remove a node");
        }
    }
}

/// A memory filesystem with a clock of its own.
fn mem() -> (Arc<dyn FileSystem>, Arc<ManualClock>) {
    let (options, clock) = options(MAX_BYTES, None);
    (Arc::new(options.build()), clock)
}

pub(crate) fn populated() -> Arc<dyn FileSystem> {
    let fs = mem().0;
    populate(&*fs);
    fs
}

pub(crate) fn in_memory(builder: Builder, max_bytes: u64, max_nodes: Option<u64>) -> (OverlayFs, Arc<ManualClock>) {
    let (options, clock) = options(max_bytes, max_nodes);
    (builder.upper_mem(options).build().expect("an overlay in memory"), clock)
}

/// Directories of the host, below, upper and work, with canaries around them.
struct Directories {
    /// Dropped first, and looked at then.
    _canaries: Canaries,
    dir: tempfile::TempDir,
}

fn directories() -> Directories {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let names = ["lower", "upper", "work"];
    let canaries = Canaries::plant(dir.path(), &names).expect("plant canaries");
    for sub in names {
        std::fs::create_dir(dir.path().join(sub)).expect("a directory in it");
    }
    Directories { _canaries: canaries, dir }
}

impl Directories {
    fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    fn lower(&self) -> Arc<HostFs> {
        HostFs::open(self.path().join("lower")).expect("open the lower directory")
    }
}

fn on_host(dir: &Directories) -> Builder {
    // What is synced is tested where the host may crash; here it would only take time.
    OverlayFs::builder().lower(dir.lower()).sync(false)
}

impl Fixture for OverlayFixture {
    fn name(&self) -> &str {
        match self {
            Mem => "overlay",
            Emptied => "overlay (emptied)",
            Buried => "overlay (buried)",
            Fork => "overlay (fork)",
            MemOverHost => "overlay (mem over host)",
            Host => "overlay (host)",
            HostEmptied => "overlay (host, emptied)",
        }
    }

    fn make(&self) -> Made {
        match self {
            Mem | Emptied => {
                let below = if *self == Mem { mem().0 } else { populated() };
                let untouched = Untouched::new(below.clone());
                let (fs, clock) = in_memory(OverlayFs::builder().lower(below), MAX_BYTES, None);
                empty(&fs, fs.root());
                Made::new(Arc::new(fs)).with_clock(clock).keeping(untouched)
            }
            Buried => {
                let below = populated();
                let (first, _) = in_memory(OverlayFs::builder().lower(below.clone()), MAX_BYTES, None);
                empty(&first, first.root());
                let middle = first.upper().expect("the upper layer");
                let untouched = [&below, middle.fs()].map(|fs| Untouched::new(fs.clone()));
                let builder = OverlayFs::builder().lower_at(middle).lower(below);
                let (fs, clock) = in_memory(builder, MAX_BYTES, None);
                Made::new(Arc::new(fs)).with_clock(clock).keeping(untouched)
            }
            Fork => {
                let (original, clock) = in_memory(OverlayFs::builder().lower(populated()), MAX_BYTES, None);
                empty(&original, original.root());
                let fork = original.fork().expect("a fork");
                populate(&original);
                Made::new(Arc::new(fork)).with_clock(clock).keeping(original)
            }
            MemOverHost => {
                let dir = directories();
                let untouched = Untouched::new(dir.lower());
                let (fs, clock) = in_memory(on_host(&dir), MAX_BYTES, None);
                Made::new(Arc::new(fs)).with_clock(clock).keeping((untouched, dir))
            }
            Host => {
                let dir = directories();
                let untouched = Untouched::new(dir.lower());
                let builder = on_host(&dir).upper_host(dir.path().join("upper"), dir.path().join("work"));
                Made::new(Arc::new(builder.build().expect("an overlay on the host"))).keeping((untouched, dir))
            }
            HostEmptied => {
                let dir = directories();
                populate_some(&*dir.lower(), 6);
                let untouched = Untouched::new(dir.lower());
                let build = || {
                    let builder = on_host(&dir).upper_host(dir.path().join("upper"), dir.path().join("work"));
                    builder.build().expect("an overlay on the host")
                };
                let first = build();
                empty(&first, first.root());
                drop(first);
                let fs = build();
                Made::new(Arc::new(fs)).keeping((untouched, dir))
            }
        }
    }

    fn make_small(&self) -> Option<Made> {
        let builder = match self {
            Mem | Fork => OverlayFs::builder().lower(mem().0),
            _ => return None,
        };
        let (fs, clock) = in_memory(builder, SMALL.0, Some(SMALL.1));
        let fs = if *self == Fork { fs.fork().expect("a fork") } else { fs };
        Some(Made::new(Arc::new(fs)).with_clock(clock))
    }
}

/// Filesystems that begin with the same random tree: a plain one, which is what the others, overlays over it, have to
/// agree with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// What the tree is made from.
    pub seed: u64,
    /// Where it lies.
    pub place: Where,
    /// Whether there are hard links in it.
    pub links: bool,
}

/// Where a prepared tree lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Where {
    /// In a memory filesystem, to be changed there.
    Itself,
    /// Under an overlay in memory.
    Below,
    /// In two layers under an overlay in memory, of which the upper one was written by another overlay.
    InTwoLayers,
    /// In the upper layer of an overlay, which is opened again.
    Above,
    /// On the host, under an overlay in memory.
    OnHost,
    /// On the host, under an overlay of the host.
    UnderHost,
}

impl Prepared {
    /// Both halves of the tree: the second changes the first.
    fn scripts(self) -> [Script; 2] {
        let caps = mem().0.info().caps;
        let script = |seed, len| {
            let mut script = Script::random(&mut Rng::new(seed), len, caps);
            // Another filesystem in the place of this one is not what is to be prepared.
            script.0.retain(|op| op.verb != "fork");
            // A layer that is taken without the work directory beside it does not tell which names below its copies had.
            script.0.retain(|op| self.links || !op.verb.starts_with("link"));
            script
        };
        [script(self.seed, 60), script(self.seed ^ 0x5eed, 30)]
    }
}

impl Fixture for Prepared {
    fn name(&self) -> &str {
        match self.place {
            Where::Itself => "prepared",
            Where::Below => "below an overlay",
            Where::InTwoLayers => "in two layers",
            Where::Above => "above",
            Where::OnHost => "on the host",
            Where::UnderHost => "on the host, under the host",
        }
    }

    fn make(&self) -> Made {
        let [first, second] = self.scripts();
        let both = |fs: &Arc<dyn FileSystem>| {
            prepare(&first, fs.clone());
            prepare(&second, fs.clone());
        };
        match self.place {
            Where::Itself => {
                let (fs, clock) = mem();
                both(&fs);
                Made::new(fs).with_clock(clock)
            }
            Where::Below => {
                let below = mem().0;
                both(&below);
                let (fs, clock) = in_memory(OverlayFs::builder().lower(below), MAX_BYTES, None);
                Made::new(Arc::new(fs)).with_clock(clock)
            }
            Where::InTwoLayers | Where::Above => {
                let below = mem().0;
                prepare(&first, below.clone());
                let upper = mem().0;
                // The root of an overlay is that of its upper layer, which is to be as the one below it was left.
                let root = below.getattr(below.root()).expect("stat the root");
                let mtime = SetTime::To(root.mtime);
                let as_below = SetAttr { mode: Some(root.mode), mtime, ..SetAttr::default() };
                let dir = |text| {
                    let new = NewNode::Directory { mode: root.mode };
                    let node = upper.create(&Ctx::ROOT, upper.root(), name(text), &new).expect("a directory").node;
                    upper.setattr(&Ctx::ROOT, node, &as_below).expect("make it alike");
                    let place = Mount::subtree(upper.clone(), node, MountOptions::default());
                    upper.forget(node, 1);
                    place
                };
                let (top, work) = (dir("top"), dir("work"));
                let build = || {
                    let builder = OverlayFs::builder().lower(below.clone()).upper_at(top.clone(), work.clone());
                    Arc::new(builder.build().expect("an overlay"))
                };
                prepare(&second, build());
                if self.place == Where::Above {
                    return Made::new(build());
                }
                let builder = OverlayFs::builder().lower_at(top.clone()).lower(below.clone());
                let (fs, clock) = in_memory(builder, MAX_BYTES, None);
                Made::new(Arc::new(fs)).with_clock(clock)
            }
            Where::OnHost | Where::UnderHost => {
                let dir = directories();
                let lower: Arc<dyn FileSystem> = dir.lower();
                both(&lower);
                if self.place == Where::OnHost {
                    let (fs, clock) = in_memory(on_host(&dir), MAX_BYTES, None);
                    return Made::new(Arc::new(fs)).with_clock(clock).keeping(dir);
                }
                // The root of an overlay is that of its upper layer.
                let mode = std::fs::metadata(dir.path().join("lower")).expect("the lower directory").permissions();
                std::fs::set_permissions(dir.path().join("upper"), mode).expect("the upper directory");
                let builder = on_host(&dir).upper_host(dir.path().join("upper"), dir.path().join("work"));
                Made::new(Arc::new(builder.build().expect("an overlay on the host"))).keeping(dir)
            }
        }
    }
}
