//! Compiled code: the cache that `gangplank run` uses, `gangplank compile`, and programs compiled ahead of time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gangplank::{
    Cache, LoadError, Program,
    cache::CacheError,
    engine::{Capabilities, Engine, EngineError, EngineOptions, engine},
};

use super::{
    args::{Compile, Compiled},
    report::Failure,
};

/// Native stack for the guest: four times what the wasmtime command gives. Memory is used only as far as it is touched.
pub(crate) const STACK: usize = 2 << 20;

/// The engine as `run` uses it, so that it can load what `compile` made.
///
/// Whatever must end the guest, Ctrl-C or a time limit, may end the whole process; so its loops do without the checks
/// that can halve the speed of the tightest ones.
pub(crate) fn make_engine(name: Option<&str>, fuel: bool, profile: bool) -> Result<Arc<dyn Engine>, Failure> {
    let options = EngineOptions { interruptible: false, stack: STACK, fuel, profile, pool: None };
    engine(name, &options).map_err(|error| match error {
        EngineError::Setup { .. } => Failure::cannot_run(error),
        error => Failure::usage(error).help("`gangplank engines` lists the engines"),
    })
}

/// Loads a program: from the cache, if there is one; or as it was compiled ahead of time, if that is allowed.
pub(crate) fn load(engine: &dyn Engine, path: &Path, args: &Compiled) -> Result<Program, Failure> {
    let cache = cache(engine, args)?;
    let bytes = gangplank::read_module(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let program = if args.allow_precompiled && Program::is_precompiled(&bytes) {
        // SAFETY: who gives `--allow-precompiled` says that the file can be trusted as a native program can, which is
        // what its help asks for. Without it, `Program::new` refuses the file.
        unsafe { Program::from_precompiled(engine, name, &bytes) }
    } else {
        match cache {
            Some(cache) => Program::cached(engine, &cache, name, &bytes),
            None => Program::new(engine, name, &bytes),
        }
    };
    Ok(program.map_err(|error| LoadError { path: Some(path.to_owned()), ..error })?)
}

fn cache(engine: &dyn Engine, args: &Compiled) -> Result<Option<Cache>, Failure> {
    match &args.cache_dir {
        Some(dir) => {
            let refuse = |error: &dyn std::fmt::Display| Failure::usage(format!("`--cache-dir`: {error}"));
            EngineError::require(engine.name(), engine.capabilities(), Capabilities::CACHE).map_err(|e| refuse(&e))?;
            let why = |error: CacheError| refuse(&error).help("give a directory of your own, with mode 0700");
            Cache::at(dir).map(Some).map_err(why)
        }
        None if args.no_cache || !engine.capabilities().contains(Capabilities::CACHE) => Ok(None),
        // Nobody asked for it, so there is nothing to complain about.
        None => Ok(default_cache().and_then(Result::ok)),
    }
}

/// The cache in its usual place, or why it cannot be used; `None` if there is no such place.
pub(crate) fn default_cache() -> Option<Result<Cache, CacheError>> {
    default_dir().map(Cache::at)
}

/// `$XDG_CACHE_HOME/gangplank`, or else `~/.cache/gangplank` if there is a home directory of our own.
pub(crate) fn default_dir() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = match absolute("XDG_CACHE_HOME") {
        Some(caches) => Some(caches).filter(|caches| is_ours(caches))?,
        None => absolute("HOME").filter(|home| home.is_dir() && is_ours(home))?.join(".cache"),
    };
    Some(caches.join("gangplank"))
}

/// Whether a directory is ours, so far as it exists. In somebody else's (`sudo` may keep their `HOME`) we would make a
/// directory that they cannot use.
fn is_ours(dir: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(dir).map_or(true, |dir| dir.uid() == rustix::process::geteuid().as_raw())
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        true
    }
}

/// `gangplank compile`.
pub(crate) fn compile(args: &Compile) -> Result<u8, Failure> {
    let engine = make_engine(args.engine.as_deref(), args.fuel, false)?;
    let wasm = gangplank::read_module(&args.program)?;
    let output = args.output.clone().unwrap_or_else(|| args.program.with_extension("cwasm"));
    // Otherwise the module would be gone.
    if let (Ok(input), Ok(output)) = (args.program.canonicalize(), output.canonicalize())
        && input == output
    {
        return Err(Failure::usage(format!("`{}` is the module itself", output.display()))
            .help("give another file with `-o FILE.cwasm`"));
    }
    let code = Program::precompile(&*engine, &wasm)
        .map_err(|error| LoadError { path: Some(args.program.clone()), ..error })?;
    let failed = |error| Failure::cannot_run(format!("cannot write `{}`: {error}", output.display()));
    fs::write(&output, code).map_err(failed)?;
    Ok(0)
}
