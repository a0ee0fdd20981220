//! [`STACKS`]: what of ours lies on other filesystems, each over one that fails.

use std::sync::Arc;

use gangplank_vfs::{
    Ctx, FileSystem, ManualClock, MemFs, MemFsOptions, Mount, MountOptions, Name, NewNode, OverlayFs,
    layers::{
        fault::FaultFs,
        quota::{QuotaFs, QuotaOptions},
    },
};

use super::{Stack, plant};
use crate::Made;

/// A kind of stack, and what makes them: each time a new one, in the same state.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Short, without blanks.
    pub name: &'static str,
    /// What lies on what, in a few words.
    pub what: &'static str,
    /// Answers a function that makes them, all from one tree.
    pub maker: fn() -> Maker,
}

/// Makes stacks.
pub type Maker = Box<dyn Fn() -> Stack>;

impl core::fmt::Debug for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).field("what", &self.what).finish_non_exhaustive()
    }
}

/// All that are ours.
pub const STACKS: &[Kind] = &[
    Kind { name: "resolver", what: "the resolver over memory that fails", maker: || over(false, |fs| Arc::new(fs)) },
    Kind {
        name: "by_lookup",
        what: "the resolver, name by name, over memory that fails",
        maker: || over(true, |fs| Arc::new(fs.by_lookup())),
    },
    Kind { name: "quota", what: "a quota over memory that fails", maker: || over(true, with_quota) },
    Kind {
        name: "overlay_lower",
        what: "an overlay in memory over a lower layer that fails",
        maker: || overlay(Layer::Lower),
    },
    Kind { name: "overlay_upper", what: "an overlay whose upper layer fails", maker: || overlay(Layer::Upper) },
];

impl Kind {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        STACKS.iter().find(|kind| kind.name == name)
    }
}

fn memory(clock: &Arc<ManualClock>) -> MemFs {
    MemFsOptions::new().clock(clock.clone()).max_bytes(Some(1 << 30)).max_nodes(Some(1 << 20)).build()
}

/// The tree in memory, made once; it is later then.
fn planted() -> (Arc<MemFs>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(1_700_000_000_123_456_789));
    let fs = Arc::new(memory(&clock));
    plant(&(fs.clone() as Arc<dyn FileSystem>));
    clock.advance(1_000_000_007);
    (fs, clock)
}

/// Stacks whose top is made of a memory filesystem that fails.
fn over(undoes: bool, top: impl Fn(FaultFs) -> Arc<dyn FileSystem> + 'static) -> Maker {
    let (tree, clock) = planted();
    Box::new(move || {
        let fs = FaultFs::new(Arc::new(tree.fork()));
        let faults = fs.faults().clone();
        Stack { top: Made::new(top(fs)).with_clock(clock.clone()), faults, exact: true, undoes }
    })
}

fn with_quota(fs: FaultFs) -> Arc<dyn FileSystem> {
    let options = QuotaOptions { bytes: Some(1 << 24), nodes: Some(1000) };
    Arc::new(QuotaFs::new(Arc::new(fs), options))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layer {
    Lower,
    Upper,
}

/// Overlays in memory on memory, one layer of which fails.
fn overlay(fails: Layer) -> Maker {
    let (tree, clock) = planted();
    // The directories of the upper layer and its work area, made once, too.
    let above = memory(&clock);
    for name in ["upper", "work"] {
        let name = Name::new(name.as_bytes()).expect("a name");
        above.make(&Ctx::ROOT, above.root(), name, &NewNode::Directory { mode: 0o755 }).expect("a directory");
    }
    Box::new(move || {
        let (lower, upper) = (Arc::new(tree.fork()), Arc::new(above.fork()));
        let failing = FaultFs::new(if fails == Layer::Lower { lower.clone() } else { upper.clone() });
        let faults = failing.faults().clone();
        let failing: Arc<dyn FileSystem> = Arc::new(failing);
        let (lower, upper): (Arc<dyn FileSystem>, Arc<dyn FileSystem>) =
            if fails == Layer::Lower { (failing, upper) } else { (lower, failing) };
        let place = |name: &'static str| {
            let name = Name::new(name.as_bytes()).expect("a name");
            let found = upper.lookup(&Ctx::ROOT, upper.root(), name).expect("a directory");
            let place = Mount::subtree(upper.clone(), found.node, MountOptions::default());
            upper.forget(found.node, 1);
            place
        };
        let fs = OverlayFs::builder().lower(lower).upper_at(place("upper"), place("work")).build();
        let top = Made::new(Arc::new(fs.expect("an overlay"))).with_clock(clock.clone());
        Stack { top, faults, exact: false, undoes: true }
    })
}
