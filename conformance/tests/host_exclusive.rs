//! The kit on directories of the host that nobody else changes, whose names are remembered.

use gangplank_conformance::{HostFixture, suite};

suite! { mod host_exclusive, fixture: HostFixture::EXCLUSIVE }
