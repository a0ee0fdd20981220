//! The kit on overlays in memory, over a directory of the host.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_mem_host, fixture: OverlayFixture::MemOverHost }
