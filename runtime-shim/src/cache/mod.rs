//! [`Cache`]: compiled modules on disk, so that a program is compiled once and not in every run.
//!
//! A file is found by a hash over the module's bytes, the engine, its version and options and our own version. So
//! nothing is ever invalidated: what no longer fits is not found, and goes when there is no room.
//!
//! # Who is trusted
//! A cached file is native code, which the engine runs as it is. So it is used only if it is whole (a checksum), if
//! it is the file of this key, and if nobody else could have written it: the directory and the file are owned by our
//! user and writable by nobody else, and symbolic links are not followed. A program that runs as our user could
//! write one; it could as well replace this program.
//!
//! Every failure of the cache is a miss: the program is compiled, as without one.

#[cfg(unix)]
mod directory;
#[cfg(not(unix))]
#[path = "nowhere.rs"]
mod directory;

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use directory::Directory;

use crate::{
    ModuleInfo,
    artifact::{self, Artifact, Maker},
    engine::{Capabilities, Engine, EngineError, Module},
};

/// What a cache holds at most, unless told otherwise: 2 GiB.
const MAX_BYTES: u64 = 2 << 30;

/// Files that were written or used so recently are never removed to make room.
const GRACE: Duration = Duration::from_secs(300);

/// A directory of compiled modules. A clone is the same cache. Any number of processes may use the directory at a
/// time.
///
/// ```no_run
/// use gangplank::{Cache, Program, engine::{EngineOptions, engine}, read_module};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::at("/var/cache/my-program/wasm")?.max_bytes(256 << 20);
/// let engine = engine(None, &EngineOptions::default())?;
/// let program = Program::cached(&*engine, &cache, "plugin", &read_module("plugin.wasm")?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    directory: Arc<Directory>,
    counts: Arc<Counts>,
    max_bytes: u64,
}

#[derive(Default, Debug)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    rejected: AtomicU64,
}

/// What a cache has done in this process.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct CacheStats {
    /// Modules that were found.
    pub hits: u64,
    /// Modules that were not there.
    pub misses: u64,
    /// Modules that were there, but damaged, or not safe to use; they were compiled again.
    pub rejected: u64,
}

impl Cache {
    /// Uses this directory, and makes it with mode 0700 if it is not there.
    ///
    /// # Errors
    /// [`CacheError`] if it cannot be made or opened, if it is a symbolic link, or if somebody else owns it or may
    /// write to it.
    pub fn at(directory: impl AsRef<Path>) -> Result<Cache, CacheError> {
        let path = directory.as_ref();
        let directory = Directory::open(path).map_err(|why| CacheError { path: path.to_owned(), why })?;
        Ok(Cache { directory: Arc::new(directory), counts: Arc::default(), max_bytes: MAX_BYTES })
    }

    /// Sets how many bytes it holds at most; the least recently used files go first. Whatever was written or used in
    /// the last five minutes stays even so. Default: 2 GiB.
    pub fn max_bytes(mut self, bytes: u64) -> Cache {
        self.max_bytes = bytes;
        self
    }

    /// What it has done in this process.
    pub fn stats(&self) -> CacheStats {
        let Counts { hits, misses, rejected } = &*self.counts;
        CacheStats { hits: hits.load(Relaxed), misses: misses.load(Relaxed), rejected: rejected.load(Relaxed) }
    }

    /// Makes room now. Otherwise that is done after writing, at most once a minute.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn evict(&self) -> io::Result<()> {
        self.directory.evict(self.max_bytes, GRACE)
    }

    /// The module as it was compiled before, or compiled now and kept. `info` is of the same bytes.
    ///
    /// # Errors
    /// [`EngineError::Missing`] if the engine lacks [`Capabilities::CACHE`]; else as [`Engine::compile`].
    pub fn module(&self, engine: &dyn Engine, wasm: &[u8], info: &ModuleInfo) -> Result<Arc<dyn Module>, EngineError> {
        EngineError::require(engine.name(), engine.capabilities(), Capabilities::CACHE)?;
        let key = key(engine, wasm)?;
        let name = format!("{}.cwasm", blake3::Hash::from_bytes(key));
        match self.load(engine, &name, &key) {
            Found::Module(module) => {
                self.counts.hits.fetch_add(1, Relaxed);
                return Ok(module);
            }
            Found::Nothing => self.counts.misses.fetch_add(1, Relaxed),
            Found::Bad => self.counts.rejected.fetch_add(1, Relaxed),
        };
        let module = engine.compile(wasm, info)?;
        // A full disk or a directory gone is no reason not to run the program.
        let _ = self.store(engine, &name, key, &*module);
        Ok(module)
    }

    fn load(&self, engine: &dyn Engine, name: &str, key: &[u8; 32]) -> Found {
        let bytes = match self.directory.read(name, self.max_bytes) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Found::Nothing,
            Err(_) => return Found::Bad,
        };
        let artifact = match artifact::read(&bytes) {
            Ok(artifact) if artifact.key == *key => artifact,
            _ => return Found::Bad,
        };
        // SAFETY: the key stands for the engine and everything that its code depends on, and the checksum says that
        // this is what we wrote under that key: `serialize` of a module of this engine's. It was read from a file that
        // only our own user could write, into memory of ours that nobody else can change since.
        match unsafe { engine.deserialize(artifact.code) } {
            Ok(module) => Found::Module(module),
            Err(_) => Found::Bad,
        }
    }

    fn store(&self, engine: &dyn Engine, name: &str, key: [u8; 32], module: &dyn Module) -> io::Result<()> {
        let code = module.serialize().map_err(io::Error::other)?;
        let version = engine.version();
        let maker = Maker::here(engine.name(), &version);
        let artifact = Artifact { maker, skeleton: &[], key, sizes: [0; 2], code: &code };
        let head = artifact.head();
        if (head.len() + code.len()) as u64 > self.max_bytes {
            return Ok(());
        }
        self.directory.write(name, &[&head, &code])?;
        match self.directory.eviction_is_due() {
            true => self.evict(),
            false => Ok(()),
        }
    }
}

enum Found {
    Module(Arc<dyn Module>),
    Nothing,
    Bad,
}

/// Stands for the module and everything else that the compiled code depends on.
fn key(engine: &dyn Engine, wasm: &[u8]) -> Result<[u8; 32], EngineError> {
    let mut hasher = blake3::Hasher::new_derive_key("gangplank 2026 compiled modules");
    let version = engine.version();
    for field in [env!("CARGO_PKG_VERSION"), artifact::TARGET, engine.name(), &version] {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.update(&engine.compatibility()?);
    hasher.update(wasm);
    Ok(*hasher.finalize().as_bytes())
}

/// Why a directory is not used as a cache.
#[derive(Debug)]
pub struct CacheError {
    /// The directory.
    pub path: PathBuf,
    /// Why.
    pub why: Unusable,
}

/// Why a directory is not used as a cache.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unusable {
    /// It cannot be made or opened.
    Io(io::Error),
    /// It is no directory, or a symbolic link to one.
    NotADirectory,
    /// Another user owns it.
    Foreign,
    /// Others may write to it.
    Writable {
        /// Its permission bits.
        mode: u32,
    },
    /// On this system we cannot tell who may write to it.
    Unsupported,
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Unusable {
        match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Unusable::NotADirectory,
            _ => Unusable::Io(error),
        }
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot hold compiled modules: ", self.path.display())?;
        match &self.why {
            Unusable::Io(error) => error.fmt(f),
            Unusable::NotADirectory => f.write_str("it is not a directory, or only a link to one"),
            Unusable::Foreign => f.write_str("it belongs to another user"),
            Unusable::Writable { mode } => {
                write!(f, "other users may write to it, and so give us code to run (its mode is {mode:o})")
            }
            Unusable::Unsupported => f.write_str("on this system we cannot tell who may write to it"),
        }
    }
}

impl std::error::Error for CacheError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Unusable::Io(error) => Some(error),
            _ => None,
        }
    }
}
