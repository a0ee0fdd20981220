//! What an adversary would try, and how it is seen if he succeeds.
//!
//! `ADVERSARY.md` lists the attacks, where each comes from, and which test makes it. This module has what the tests
//! share:
//! * [`Canaries`]: files and directories of the host around what a guest may see. Whoever reads, lists, changes or only
//!   touches one is found out afterwards. Every fixture on the host has some, so every case of the kit is also a test
//!   that nothing leaves the root.
//! * [`Cage`]: the same inside of any filesystem, around a directory that paths are confined to.
//! * [`attempt`]: every operation that takes a path, with all that it tells.
//! * [`race`]: threads and a process that exchange directories and links under the feet of who resolves paths.

mod attempt;
mod cage;
mod canary;
#[cfg(target_os = "linux")]
pub mod race;

pub use attempt::{Learned, attempt};
pub use cage::Cage;
pub use canary::{Canaries, Untouched};
