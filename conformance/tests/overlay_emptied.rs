//! The kit on overlays in memory, over whiteouts.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_emptied, fixture: OverlayFixture::Emptied }
