//! The kit on overlays in memory, over two layers.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_buried, fixture: OverlayFixture::Buried }
