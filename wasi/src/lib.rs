//! WASI preview1 against `gangplank-vfs`, for any WebAssembly engine.
//!
//! An engine lends its guest's memory to a [`Call`] and performs imports from [`abi`]. A [`Process`] holds everything
//! that the guest can reach: descriptors, arguments, environment, clocks. Nothing of the host is visible unless it was
//! put there.
#![deny(unsafe_code)]

pub mod abi;
mod call;
mod descriptor;
mod fault;
mod fd_table;
mod held;
mod life;
mod memory;
#[cfg(all(unix, feature = "host"))]
pub mod net;
pub mod pipes;
mod process;
mod rights;
pub mod stdio;
mod sync;
mod syscalls;
pub mod system;
mod trace;
pub mod wait;

pub use call::{Call, Thread};
pub use descriptor::{Descriptor, SharedDescriptor};
pub use fault::{Fault, SysResult};
pub use fd_table::{FD_LIMIT, FdTable};
pub use life::{Cancel, Canceller, ExitStatus, Life, WatchKey};
pub use memory::{Copied, GuestMemory, IOV_MAX, IoVecs, Out, Region};
pub use process::{BuildError, Process, ProcessBuilder};
pub use rights::{RightSet, Rights};
pub use system::System;
pub use trace::{Event, Trace};
