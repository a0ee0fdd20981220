//! The kit on overlays of directories of the host, over whiteouts.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_host_emptied, fixture: OverlayFixture::HostEmptied }
