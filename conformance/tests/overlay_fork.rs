//! The kit on overlays that are forks.

use gangplank_conformance::{OverlayFixture, suite};

suite! { mod overlay_fork, fixture: OverlayFixture::Fork }
