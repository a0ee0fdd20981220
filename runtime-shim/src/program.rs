//! [`Program`]: a compiled module, to be run any number of times.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use crate::{
    Cache, LoadError, ModuleInfo, Reason, Runner,
    engine::{Capabilities, Engine, EngineError, Module},
};

/// A module, compiled and found fit to run. A clone is the same program; runs, on any threads, share the code.
#[derive(Clone, Debug)]
pub struct Program(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    module: Arc<dyn Module>,
    info: ModuleInfo,
    capabilities: Capabilities,
    name: Vec<u8>,
}

impl Program {
    /// Compiles a module. `name` is what its runs get as `argv[0]`.
    ///
    /// # Errors
    /// [`LoadError`] if it is no valid module, or imports what we do not provide.
    pub fn new(engine: &dyn Engine, name: impl Into<Vec<u8>>, wasm: &[u8]) -> Result<Program, LoadError> {
        Program::made(engine, name.into(), wasm, |info| engine.compile(wasm, info))
    }

    /// As `new`, but takes the compiled code from the cache, or keeps it there.
    ///
    /// # Errors
    /// As `new`; [`EngineError::Missing`] if the engine lacks [`Capabilities::CACHE`].
    pub fn cached(
        engine: &dyn Engine,
        cache: &Cache,
        name: impl Into<Vec<u8>>,
        wasm: &[u8],
    ) -> Result<Program, LoadError> {
        Program::made(engine, name.into(), wasm, |info| cache.module(engine, wasm, info))
    }

    fn made(
        engine: &dyn Engine,
        name: Vec<u8>,
        wasm: &[u8],
        compile: impl FnOnce(&ModuleInfo) -> Result<Arc<dyn Module>, EngineError>,
    ) -> Result<Program, LoadError> {
        let info = ModuleInfo::parse(wasm).map_err(LoadError::new)?;
        let missing = info.missing_imports();
        if !missing.is_empty() {
            return Err(LoadError::new(Reason::Imports(missing)));
        }
        let module = compile(&info).map_err(|error| {
            // If the module is at fault, our own words say where.
            match (ModuleInfo::validate(wasm), error) {
                (Err(invalid), EngineError::Compile { .. }) => LoadError::new(invalid),
                (_, error) => LoadError::new(error),
            }
        })?;
        Ok(Program::of(engine, module, info, name))
    }

    pub(crate) fn of(engine: &dyn Engine, module: Arc<dyn Module>, info: ModuleInfo, name: Vec<u8>) -> Program {
        Program(Arc::new(Inner { module, info, capabilities: engine.capabilities(), name }))
    }

    /// Compiles a file, whose name without directories becomes `argv[0]`.
    ///
    /// # Errors
    /// As `new`, and if the file cannot be read.
    pub fn from_file(engine: &dyn Engine, path: impl AsRef<Path>) -> Result<Program, LoadError> {
        let path = path.as_ref();
        let wasm = read_module(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Program::new(engine, name, &wasm).map_err(|error| LoadError { path: Some(path.to_owned()), ..error })
    }

    /// What the module is.
    pub fn info(&self) -> &ModuleInfo {
        &self.0.info
    }

    /// The compiled code.
    pub fn module(&self) -> &Arc<dyn Module> {
        &self.0.module
    }

    /// What its engine can do.
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    /// What its runs get as `argv[0]`.
    pub fn name(&self) -> &[u8] {
        &self.0.name
    }

    /// Prepares a run: nothing of the host is visible to it until it is given.
    pub fn runner(&self) -> Runner {
        Runner::new(self)
    }
}

/// Reads a file that ought to be a module.
///
/// # Errors
/// [`LoadError`] with the path, if it cannot be read.
pub fn read_module(path: impl AsRef<Path>) -> Result<Vec<u8>, LoadError> {
    let path = path.as_ref();
    read(path).map_err(|reason| LoadError { path: Some(path.to_owned()), reason })
}

fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Reason::NotFound,
        io::ErrorKind::IsADirectory => Reason::Directory,
        _ => Reason::Read(error),
    };
    // Asked before opening: to open a device may do things.
    let kind = fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(Reason::Directory);
    }
    #[cfg(unix)]
    let pipe = std::os::unix::fs::FileTypeExt::is_fifo(&kind);
    #[cfg(not(unix))]
    let pipe = false;
    if !kind.is_file() && !pipe {
        return Err(Reason::NotAFile);
    }
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
