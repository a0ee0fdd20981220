//! The kit on forks of memory filesystems.

use gangplank_conformance::{ForkFixture, suite};

suite! { mod fork, fixture: ForkFixture }
