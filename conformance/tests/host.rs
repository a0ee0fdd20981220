//! The kit on directories of the host, through `openat2` where there is one.

use gangplank_conformance::{HostFixture, suite};

suite! { mod host, fixture: HostFixture::BEST }
