//! The kit on memory filesystems.

use gangplank_conformance::{MemFixture, suite};

suite! { mod mem, fixture: MemFixture }
