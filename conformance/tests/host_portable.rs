//! The kit on directories of the host, with the portable resolver forced.

use gangplank_conformance::{HostFixture, suite};

suite! { mod host_portable, fixture: HostFixture::PORTABLE }
