//! WASI preview1 against `gangplank-vfs`, for any WebAssembly engine.

mod fault;
mod life;
#[cfg(all(unix, feature = "host"))]
pub mod net;
pub mod pipes;
pub mod stdio;
pub mod wait;

pub use fault::{Fault, SysResult};
pub use life::{Cancel, Canceller, ExitStatus, Life, WatchKey};
