//! Runs WebAssembly programs over virtual filesystems, on the engine of your choice.

mod artifact;
pub mod cache;
#[cfg(feature = "cranelift")]
pub mod cranelift;
pub mod engine;
mod error;
#[cfg(feature = "jsc")]
pub mod jsc;
pub mod module_info;
mod mounts;
mod precompiled;
mod program;
mod run_error;
mod runner;
mod stats;
mod strace;
mod trace_all;

pub use artifact::PrecompiledError;
pub use cache::Cache;
pub use error::{LoadError, Reason};
pub use module_info::ModuleInfo;
pub use program::{Program, read_module};
pub use run_error::RunError;
pub use runner::{Limits, Run, RunResult, Runner, Status};
pub use stats::{CallStats, Stats};
pub use strace::Strace;
pub use trace_all::TraceAll;

/// A copy of a tree in another filesystem: see [`vfs::tree`].
pub mod seed {
    pub use gangplank_vfs::{
        TreeError as CopyError,
        tree::{Copied, copy_tree},
    };
}

/// The filesystems.
pub use gangplank_vfs as vfs;
/// The system calls.
pub use gangplank_wasi as wasi;

// The examples in the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
