//! The conformance kit: proves that a filesystem is a filesystem.
//!
//! A filesystem passes if every case passes on it. The cases ask for nothing but what the documentation of
//! [`FileSystem`](gangplank_vfs::FileSystem) and [`VirtualFile`](gangplank_vfs::VirtualFile) promises, each with the
//! page of POSIX or of Linux that it comes from. What a filesystem does not claim in its
//! [capabilities](gangplank_vfs::FsCaps) must fail, with the errno that the documentation names.
//!
//! # Running the kit on a filesystem of your own
//! Write a [`Fixture`] that makes an empty one, and name it in a file under `tests/`. Every case becomes a `#[test]`
//! of its own, `my_fs::rename::onto_an_ancestor` for example.
//!
//! ```no_run
//! use gangplank_conformance::{Fixture, Made, suite};
//! use gangplank_vfs::mem_fs::MemFs;
//!
//! struct MyFixture;
//!
//! impl Fixture for MyFixture {
//!     fn name(&self) -> &str {
//!         "my_fs"
//!     }
//!     fn make(&self) -> Made {
//!         Made::new(std::sync::Arc::new(MemFs::new()))
//!     }
//! }
//!
//! suite! { mod my_fs, fixture: MyFixture }
//! # fn main() {}
//! ```
//!
//! What the filesystem can do may be stated, so that it cannot lose a capability, and with it the cases, unseen:
//! `suite! { mod my_fs, fixture: MyFixture, caps: FsCaps::HARD_LINKS | FsCaps::SYMLINKS }`. A filesystem that cannot be
//! changed, and comes with a tree of its own, has a suite of its own: `suite! { mod my_fs, read_only: MyFixture }`.
//!
//! The same as a program, for whoever has no `cargo test` at hand: [`sanity`].
//!
//! # Levels
//! * L0, [`cases::laws`]: two ways to learn the same thing agree.
//! * L1, the rest of [`cases`]: one file for each operation, through the traits, and (`path_*`) through the resolver.
//! * L2, [`model`]: what every script must answer, from nothing but the specifications; random scripts against it are
//!   part of every suite.
//! * L3, [`state_machine`]: the same drawn by proptest, one transition after the other, as the model's state allows it.
//! * L5, [`concurrent`]: what several threads see at once can have happened one after the other.
//! * L6, [`faults`]: every call that a layer makes into the one below it fails in turn; [`leaks`]: nothing is left of
//!   what has been removed, closed and given back.
//! * [`adversary`]: ways out, canaries around every root, and who swaps directories while paths are resolved;
//!   `ADVERSARY.md` has the list.
//! * [`layers`]: random layers for overlays.
//! * [`exhaustive`]: all sequences of a few operations, on several filesystems at once.
//! * [`differential`]: random scripts, fixed by a seed, on several filesystems at once.
//! * [`scoreboard`]: all of it on everything that is ours, as a table. `cargo xtask scoreboard` writes it.
//! * `acceptance`, with the feature `fuse`, on Linux: other people's suites and programs, on mounts.
//! * `fuzz`, with the feature of that name: targets for fuzzers.

#[macro_use]
mod macros;

#[cfg(all(feature = "fuse", target_os = "linux"))]
pub mod acceptance;
pub mod adversary;
pub mod cases;
pub mod concurrent;
pub mod differential;
pub mod exhaustive;
pub mod faults;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod layers;
pub mod leaks;
pub mod model;
pub mod report;
pub mod sanity;
pub mod scoreboard;
#[cfg(feature = "state-machine")]
pub mod state_machine;

mod asked;
mod fixture;
mod image;
mod overlay;
mod paths;
mod world;

pub use asked::Asked;
pub use fixture::{DirFixture, Fixture, ForkFixture, HostFixture, Made, MemFixture, QuotaFixture, Seal};
pub use image::{ImageFixture, image_of};
pub use overlay::{OverlayFixture, Prepared, Where};
pub use paths::Paths;
pub use world::{File, Listed, Node, World};

/// One case of the kit.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// File it lives in, and its own name: `rename::onto_an_ancestor`.
    pub name: &'static str,
    /// What it demands, for people; with the page it comes from, if that is not the one of the whole file.
    pub what: &'static str,
    /// The page of POSIX or Linux that the whole file comes from, or the part of our own documentation.
    pub reference: &'static str,
    /// The case. Panics if the filesystem is wrong.
    pub run: fn(&World),
}

/// Runs one case on a new filesystem, and says which of them it was if it fails.
///
/// # Panics
/// If the case fails.
pub fn run(fixture: &dyn Fixture, case: fn(&World)) {
    run_and_note(fixture, case);
}

/// As [`run`], and answers what the case has asked, and left out.
///
/// # Panics
/// If the case fails.
pub fn run_and_note(fixture: &dyn Fixture, case: fn(&World)) -> Asked {
    let mut world = World::new(fixture.make());
    world.set_small(fixture.make_small().map(World::new));
    case(&world);
    world.asked()
}
