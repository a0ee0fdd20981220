//! What every guest program shares: the 46 imports of `wasi_snapshot_preview1` as they are on the wire, thin calls over
//! them, and checks that say file and line on stderr.
//!
//! Nothing here uses `std` or a heap, so that a test asks the host for exactly what it spells out, and stays small.
#![no_std]

mod abi;
mod call;
mod dir;
mod path;
mod poll;
pub mod raw;
mod report;
mod sock;
pub mod unstable;

pub use abi::*;
pub use call::*;
pub use dir::*;
pub use path::*;
pub use poll::*;
pub use report::*;
pub use sock::*;

/// Names the function that the program runs; exits with 1 if any check failed.
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        #[unsafe(no_mangle)]
        pub extern "C" fn _start() {
            $run();
            $crate::finish();
        }
    };
}

/// A new empty directory of this program under the preopen, opened. Its name ends in `.cleanup`, which is what the
/// official runner removes afterwards.
#[macro_export]
macro_rules! scratch {
    () => {
        $crate::make_dir($crate::ROOT, concat!(env!("CARGO_BIN_NAME"), ".cleanup"))
    };
}
