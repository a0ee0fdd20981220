//! The kit on overlays of directories of the host.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_host, fixture: OverlayFixture::Host }
