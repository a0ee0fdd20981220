//! What can go wrong before a program runs.

use core::fmt;
use std::{io, path::PathBuf};

use crate::{
    artifact::PrecompiledError,
    engine::EngineError,
    module_info::{MissingImport, ModuleError},
};

/// Why a program cannot be loaded.
#[derive(Debug)]
pub struct LoadError {
    /// The file, if it came from one.
    pub path: Option<PathBuf>,
    /// Why.
    pub reason: Reason,
}

/// Why a program cannot be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The file does not exist.
    NotFound,
    /// It is a directory.
    Directory,
    /// It is neither a file nor a pipe.
    NotAFile,
    /// It cannot be read.
    Read(io::Error),
    /// It is not a module, or not a good one.
    Module(ModuleError),
    /// It imports what we do not provide.
    Imports(Vec<MissingImport>),
    /// It was compiled ahead of time, but not for us.
    Precompiled(PrecompiledError),
    /// The engine refuses it.
    Engine(EngineError),
}

impl LoadError {
    pub(crate) fn new(reason: impl Into<Reason>) -> LoadError {
        LoadError { path: None, reason: reason.into() }
    }

    /// What to do about it, where there is advice.
    pub fn help(&self) -> Option<&'static str> {
        match &self.reason {
            Reason::NotFound => Some("give the path of a .wasm file; names are not searched for in PATH"),
            Reason::Module(ModuleError::NotWasm(what)) => what.help(),
            Reason::Precompiled(PrecompiledError::Foreign) => None,
            Reason::Precompiled(_) => Some("compile the module again, here: `gangplank compile`"),
            Reason::Module(ModuleError::Truncated { .. }) => Some("copy, download or build it again"),
            _ => None,
        }
    }
}

impl From<ModuleError> for Reason {
    fn from(error: ModuleError) -> Reason {
        Reason::Module(error)
    }
}

impl From<PrecompiledError> for Reason {
    fn from(error: PrecompiledError) -> Reason {
        Reason::Precompiled(error)
    }
}

impl From<EngineError> for Reason {
    fn from(error: EngineError) -> Reason {
        Reason::Engine(error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "cannot load `{}`: {}", path.display(), self.reason),
            None => write!(f, "cannot load the program: {}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotFound => f.write_str("there is no such file"),
            Reason::Directory => f.write_str("it is a directory"),
            Reason::NotAFile => f.write_str("it is not a regular file"),
            Reason::Read(error) => write!(f, "it cannot be read: {error}"),
            Reason::Module(error) => error.fmt(f),
            Reason::Imports(missing) => {
                match missing.len() {
                    1 => f.write_str("it imports something that we do not provide")?,
                    n => write!(f, "it imports {n} things that we do not provide")?,
                }
                missing.iter().try_for_each(|missing| write!(f, "\n  {missing}"))
            }
            Reason::Precompiled(error) => error.fmt(f),
            Reason::Engine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Read(error) => Some(error),
            Reason::Module(error) => Some(error),
            Reason::Precompiled(error) => Some(error),
            Reason::Engine(error) => Some(error),
            _ => None,
        }
    }
}
