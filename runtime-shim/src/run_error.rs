//! [`RunError`]: why a run could not be begun.

use core::fmt;

use gangplank_vfs::Errno;
use gangplank_wasi::BuildError;

use crate::engine::EngineError;

/// Why a run could not be begun.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The module exports no function `_start` without parameters and results.
    NoStart {
        /// It exports `_initialize`.
        reactor: bool,
        /// It exports another kind of `_start`.
        odd: bool,
    },
    /// It exports no function of this name without parameters and results.
    NoExport(String),
    /// The engine could not.
    Engine(EngineError),
    /// A directory could not be mounted where [`Runner::mount`](crate::Runner::mount) was told to.
    Mount {
        /// The path of the guest's.
        path: Vec<u8>,
        /// `NOENT` if nothing that is preopened holds it; else what the filesystem says.
        errno: Errno,
    },
    /// The process could not be made.
    Process(BuildError),
    /// The host has no thread to watch the time.
    NoThread,
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> RunError {
        RunError::Engine(error)
    }
}

impl From<BuildError> for RunError {
    fn from(error: BuildError) -> RunError {
        RunError::Process(error)
    }
}

impl RunError {
    /// What to do about it, where there is advice.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            RunError::NoStart { odd: false, .. } => Some("build it as a program with a `main`, not as a library"),
            _ => None,
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::NoStart { odd: true, .. } => {
                f.write_str("its export `_start` is not a function without parameters and results")
            }
            RunError::NoStart { reactor: true, .. } => {
                f.write_str("it is a library (it exports `_initialize`), not a program: it exports no `_start`")
            }
            RunError::NoStart { .. } => f.write_str("it is not a program: it exports no `_start`"),
            RunError::NoExport(name) => {
                write!(f, "it exports no function `{}` without parameters and results", name.escape_debug())
            }
            RunError::Engine(error) => error.fmt(f),
            RunError::Mount { path, errno } => {
                write!(f, "nothing can be mounted on `{}`: {}", String::from_utf8_lossy(path), errno.message())
            }
            RunError::Process(error) => error.fmt(f),
            RunError::NoThread => f.write_str("the host has no thread left to watch the time"),
        }
    }
}

impl std::error::Error for RunError {}
