//! The kit on a filesystem that takes every walk name by name, with `walk_by_lookup`: what most third parties will do.

use gangplank_conformance::{Fixture, Made, MemFixture, suite};
use gangplank_vfs::FsCaps;

mod over;

use over::{Over, Twist};

struct ByLookupFixture;

impl Fixture for ByLookupFixture {
    fn name(&self) -> &str {
        "by lookup"
    }
    fn make(&self) -> Made {
        Over::mem(FsCaps::empty(), Twist::NONE)
    }
}

suite! { mod by_lookup, fixture: ByLookupFixture }

#[test]
fn differs_in_nothing() {
    gangplank_conformance::differential::fuzz(&[&MemFixture, &ByLookupFixture], 5_000_000, 200, 60);
}
