//! The kit on overlays in memory, over an empty layer.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_mem, fixture: OverlayFixture::Mem }
