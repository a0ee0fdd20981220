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
    faults::Kind,
    leaks::{self, REFERENCES, SCRIPTS},
};
use gangplank_vfs::layers::quota::{QuotaFs, QuotaOptions};

/// A quota on memory that has limits, and so counts.
struct Quota;

impl Fixture for Quota {
    fn name(&self) -> &str {
        "quota"
    }

    fn make(&self) -> Made {
        let made = MemFixture.make();
        let options = QuotaOptions { bytes: Some(1 << 30), nodes: Some(1 << 20) };
        Made { fs: Arc::new(QuotaFs::new(made.fs.clone(), options)), ..made }
    }
}

fn scripts(fixture: &dyn Fixture) {
    for seed in SCRIPTS {
        leaks::script(fixture, seed, leaks::LEN);
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
fn references(name: &str) {
    let make = (Kind::named(name).expect("a stack of ours").maker)();
    for seed in REFERENCES {
        leaks::references(make(), seed, leaks::LEN);
    }
}

#[test]
fn the_resolver_gives_everything_back() {
    references("resolver");
}

#[test]
fn a_walk_by_lookup_gives_everything_back() {
    references("by_lookup");
}

#[test]
fn a_quota_gives_everything_back() {
    references("quota");
}

#[test]
fn an_overlay_gives_its_lower_layer_everything_back() {
    references("overlay_lower");
}

#[test]
fn an_overlay_gives_its_upper_layer_everything_back() {
    references("overlay_upper");
}
