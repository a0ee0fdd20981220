//! The kit on overlays in memory over an archive.

use gangplank_conformance::{ImageFixture, suite};

suite! { mod overlay_image, fixture: ImageFixture::Under }
