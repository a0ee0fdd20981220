//! The fuzz targets of `gangplank_conformance::fuzz`, for cargo-fuzz: `cargo xtask fuzz --help`.
//!
//! A target is run under the heap limit that it declares. `tests/fuzz` of the conformance kit does the same with
//! [`heap`].

mod heap;

use gangplank_conformance::fuzz;

/// Runs the target of this name.
///
/// # Panics
/// If something is wrong, or there is no such target.
pub fn run(name: &str, bytes: &[u8]) {
    let target = fuzz::find(name).unwrap_or_else(|| panic!("there is no target {name}"));
    heap::limited(target, bytes);
}
