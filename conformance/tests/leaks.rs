//! Nothing is left of what has been removed, closed and given back.
//!
//! # What they see
//! Of what `faults.rs` was tried with, these saw the references that `walk_by_lookup` kept after a lookup or an open that
//! failed (`a_walk_by_lookup_gives_everything_back`), and the one of the quota (`a_quota_gives_everything_back`); the node
//! and the link that a quota counted though they were not made; and, which a sweep of single lines does not see, a name
//! that it took off before it was removed (`a_quota_counts_what_is_there`).

use std::sync::Arc;

use gangplank_conformance::{
    Fixture, ForkFixture, Made, MemFixture,
    faults::{Stack, plant},
    leaks,
};
use gangplank_vfs::{
    Ctx, FileSystem, MemFs, MemFsOptions, Mount, MountOptions, Name, NewNode, OverlayFs,
    layers::{
        fault::FaultFs,
        quota::{QuotaFs, QuotaOptions},
    },
};

fn with_quota(fs: Arc<dyn FileSystem>) -> Arc<dyn FileSystem> {
    Arc::new(QuotaFs::new(fs, QuotaOptions { bytes: Some(1 << 30), nodes: Some(1 << 20) }))
}

/// A quota on memory.
struct Quota;

impl Fixture for Quota {
    fn name(&self) -> &str {
        "quota"
    }

    fn make(&self) -> Made {
        let made = MemFixture.make();
        Made { fs: with_quota(made.fs.clone()), ..made }
    }
}

fn scripts(fixture: &dyn Fixture) {
    for seed in 0..60 {
        leaks::script(fixture, 8_000_000 + seed, 120);
    }
}

#[test]
fn memory_uses_what_is_there() {
    scripts(&MemFixture);
}

#[test]
fn a_fork_uses_what_is_there() {
    scripts(&ForkFixture);
}

#[test]
fn a_quota_counts_what_is_there() {
    scripts(&Quota);
}

/// Random scripts on a stack whose lowest filesystem, with a tree in it, fails now and then.
fn references(top: impl Fn(FaultFs) -> Arc<dyn FileSystem>) {
    let tree = Arc::new(MemFs::new());
    plant(&(tree.clone() as Arc<dyn FileSystem>));
    for seed in 0..80 {
        let fs = FaultFs::new(Arc::new(tree.fork()));
        let faults = fs.faults().clone();
        leaks::references(Stack { top: Made::new(top(fs)), faults, exact: false, undoes: true }, 9_000_000 + seed, 120);
    }
}

#[test]
fn the_resolver_gives_everything_back() {
    references(|fs| Arc::new(fs));
}

#[test]
fn a_walk_by_lookup_gives_everything_back() {
    references(|fs| Arc::new(fs.by_lookup()));
}

#[test]
fn a_quota_gives_everything_back() {
    references(|fs| with_quota(Arc::new(fs)));
}

#[test]
fn an_overlay_gives_its_lower_layer_everything_back() {
    references(|fs| {
        let fs = OverlayFs::builder().lower(Arc::new(fs)).upper_mem(MemFsOptions::new()).build();
        Arc::new(fs.expect("an overlay"))
    });
}

#[test]
fn an_overlay_gives_its_upper_layer_everything_back() {
    let lower = Arc::new(MemFs::new());
    plant(&(lower.clone() as Arc<dyn FileSystem>));
    references(|fs| {
        let fs: Arc<dyn FileSystem> = Arc::new(fs);
        let place = |name: &'static str| {
            let (cx, name) = (Ctx::ROOT, Name::new(name.as_bytes()).expect("a name"));
            let made = fs.create(&cx, fs.root(), name, &NewNode::Directory { mode: 0o755 }).expect("a directory");
            let place = Mount::subtree(fs.clone(), made.node, MountOptions::default());
            fs.forget(made.node, 1);
            place
        };
        let builder = OverlayFs::builder().lower(lower.clone()).upper_at(place("upper"), place("work"));
        Arc::new(builder.build().expect("an overlay"))
    });
}
