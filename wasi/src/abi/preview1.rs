//! Entry points of `wasi_snapshot_preview1`: one function for each import, for engines that bind typed functions, and
//! [`IMPORTS`] for the others.

use super::entries::entries;

crate::for_each_preview1!(entries! {});
