//! What a WebAssembly engine is to us. Everything above these traits is the same for every engine.
//!
//! * An [`Engine`] compiles. A [`Module`] is compiled code, shared by any number of runs and threads. An [`Instance`]
//!   is one thread's module, memory and calls.
//! * The engine binds the table of `gangplank-wasi`, and lends each handler the guest's memory for the length of the
//!   call; it may have moved since the last one.
//! * Hostcalls block. An engine need not be able to suspend one.
//! * Everything about the module itself comes from [`ModuleInfo`], not from the engine.
//! * What an engine can do beyond that is declared in [`Capabilities`], and asking for what it lacks is an
//!   [`EngineError::Missing`].

mod memory_limit;
mod profile;
mod registry;
mod trap;

use core::{fmt, num::NonZeroU32};
use std::sync::Arc;

use gangplank_wasi::Thread;

pub use memory_limit::MemoryLimit;
pub use profile::{Call, Profile};
pub use registry::{ENGINES, Known, engine};
pub use trap::{Frame, Trap, TrapKind, demangle};

use crate::ModuleInfo;

/// A compiler and what runs its output. Made by name with [`engine`].
pub trait Engine: fmt::Debug + Send + Sync {
    /// The name it is chosen by: `cranelift`, `jsc`.
    fn name(&self) -> &'static str;

    /// What it is and which version, for people: `wasmtime 48.0.8`.
    fn version(&self) -> String;

    /// What it can do, with the options it was made with.
    fn capabilities(&self) -> Capabilities;

    /// Compiles a module. `info` is of the same bytes; its imports have been checked.
    ///
    /// # Errors
    /// [`EngineError::Compile`] if the module is invalid, or uses what this engine does not know.
    fn compile(&self, wasm: &[u8], info: &ModuleInfo) -> Result<Arc<dyn Module>, EngineError>;

    /// A hash over everything that compiled code depends on: version, options, features of the machine. Engines of the
    /// same name for which it is the same can load each other's code.
    ///
    /// # Errors
    /// [`EngineError::Missing`] without [`Capabilities::CACHE`].
    fn compatibility(&self) -> Result<[u8; 32], EngineError>;

    /// Makes a module of what [`Module::serialize`] gave, without compiling.
    ///
    /// # Safety
    /// `code` is what `serialize` of a module of an engine of this name and version gave, unchanged: it will be run as
    /// it is.
    ///
    /// # Errors
    /// [`EngineError::Missing`] without [`Capabilities::CACHE`]; [`EngineError::Compile`] if it was made with other
    /// options or for another machine.
    unsafe fn deserialize(&self, code: &[u8]) -> Result<Arc<dyn Module>, EngineError>;
}

/// Compiled code. Dropping the last `Arc` frees it.
pub trait Module: fmt::Debug + Send + Sync {
    /// The engine's name.
    fn engine(&self) -> &'static str;

    /// The compiled code as bytes, for a cache.
    ///
    /// # Errors
    /// [`EngineError::Missing`] without [`Capabilities::CACHE`].
    fn serialize(&self) -> Result<Vec<u8>, EngineError>;

    /// Makes an instance for `thread`, with these limits. No code of the guest's runs yet. Once the thread's process is
    /// over, by its own will on another thread or canceled, each call of the instance ends: soon where the engine has
    /// [`Capabilities::INTERRUPT`] (it watches the process's [`Life`](gangplank_wasi::Life)), else at the next
    /// hostcall.
    ///
    /// # Errors
    /// [`EngineError::Missing`] if the engine lacks what `options` ask for; [`EngineError::Instantiate`] if the module
    /// wants what cannot be had.
    fn instance(&self, thread: Thread, options: &InstanceOptions) -> Result<Box<dyn Instance>, EngineError>;
}

/// One thread's module, memory and calls.
///
/// It stays on the thread that made it: engines keep thread-local state.
pub trait Instance {
    /// Fills memory and tables and runs the start function, if the module has one. Called once, before any `call`.
    ///
    /// # Errors
    /// As `call`; [`Stop::Failed`] if there is not enough memory for it.
    fn start(&mut self) -> Result<(), Stop>;

    /// Calls an exported function without parameters and results: `_start`, `_initialize`, or one of a reactor's.
    ///
    /// # Errors
    /// [`Stop::Exit`] if the process is over; [`Stop::Trap`]; [`Stop::Failed`] if there is no such export.
    fn call(&mut self, export: &str) -> Result<(), Stop>;
}

/// Why a call of the guest's did not return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// A syscall ended the process (`proc_exit`, or the host canceled it). The process knows its status.
    Exit,
    /// A trap.
    Trap(Trap),
    /// The engine could not do it: not enough memory for the instance, no such export.
    Failed(EngineError),
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Stop {
        Stop::Trap(trap)
    }
}

/// How an engine is to be set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineOptions {
    /// Whether guest code can be interrupted between two hostcalls, even in a loop that makes none. Costs a check in
    /// each loop and function: a few percent of most programs' speed, half the speed of the tightest loops. Default:
    /// true.
    pub interruptible: bool,
    /// Most bytes of native stack that a guest may use; Cranelift takes at most 2 MiB. The thread that runs it must
    /// have at least 256 KiB more. Default: 1 MiB, which suits the 2 MiB stacks of Rust's threads.
    pub stack: usize,
    /// Whether instructions are counted, so that a run can be given a limit of them. Costs as much as a check in each
    /// loop and function, and the counting in between. Default: false.
    pub fuel: bool,
    /// Whether runs can be profiled; they are then also interruptible, and backtraces lack files and lines.
    /// Default: false.
    pub profile: bool,
    /// Keeps room for so many instances at the same time, and uses it again and again: for hosts that run many small
    /// programs for a short while each. A run that mapped its memory anew, and gave it back, spent most of its time with
    /// that; `None`, the default, does so.
    ///
    /// * What a guest has written is gone before the next one gets the room.
    /// * One instance more is refused with [`EngineError::Instantiate`].
    /// * A memory has at most 4 GiB, a table [`POOLED_ELEMENTS`] elements; a module has at most one memory and
    ///   [`POOLED_TABLES`] tables. One that wants more to begin with is refused with [`EngineError::Compile`].
    /// * Each costs about 4 GiB of addresses, and of memory what its latest guest has used of its first 64 KiB.
    ///
    /// Engines without [`Capabilities::POOL`] ignore it.
    pub pool: Option<NonZeroU32>,
}

/// Most elements of a table in a [pool](EngineOptions::pool).
pub const POOLED_ELEMENTS: usize = 1 << 17;

/// Most tables of a module in a [pool](EngineOptions::pool).
pub const POOLED_TABLES: u32 = 4;

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions { interruptible: true, stack: 1 << 20, fuel: false, profile: false, pool: None }
    }
}

/// What an instance is given, and how much of it.
#[derive(Clone, Default, Debug)]
pub struct InstanceOptions {
    /// Instructions that it may execute, in the engine's own measure, before it traps with
    /// [`TrapKind::OutOfFuel`]; the same program with the same input always stops at the same place. `None`: any
    /// number. Needs [`Capabilities::FUEL`].
    pub fuel: Option<u64>,
    /// How much memory it may have. What would be more is answered with -1 by `memory.grow` and `table.grow`, and with
    /// [`EngineError::Instantiate`] where it is wanted to begin with. `None`: as much as the host has. Needs
    /// [`Capabilities::MEMORY_LIMIT`].
    pub memory: Option<Arc<MemoryLimit>>,
    /// Where to keep samples of what it does. Needs [`Capabilities::PROFILE`].
    pub profile: Option<Arc<Profile>>,
}

bitflags::bitflags! {
    /// What an engine can do beyond compiling and running.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct Capabilities: u32 {
        /// Compiled code can be kept as bytes.
        const CACHE = 1 << 0;
        /// Instructions can be counted and limited.
        const FUEL = 1 << 1;
        /// Guest code can be interrupted between hostcalls.
        const INTERRUPT = 1 << 2;
        /// The guest's own code can be profiled.
        const PROFILE = 1 << 3;
        /// Shared memories.
        const SHARED_MEMORY = 1 << 4;
        /// Several threads in one shared memory.
        const THREADS = 1 << 5;
        /// Traps come with a backtrace.
        const BACKTRACE = 1 << 6;
        /// SIMD.
        const SIMD = 1 << 7;
        /// Tail calls.
        const TAIL_CALL = 1 << 8;
        /// Exceptions.
        const EXCEPTIONS = 1 << 9;
        /// Memories with 64-bit addresses.
        const MEMORY64 = 1 << 10;
        /// Memory can be limited.
        const MEMORY_LIMIT = 1 << 11;
        /// Instances come from a pool.
        const POOL = 1 << 12;
    }
}

impl Capabilities {
    /// Each single capability with its name for people, in the order to show them.
    pub const NAMED: &'static [(Capabilities, &'static str)] = &[
        (Capabilities::CACHE, "cache"),
        (Capabilities::FUEL, "fuel"),
        (Capabilities::INTERRUPT, "interrupt"),
        (Capabilities::MEMORY_LIMIT, "memory-limit"),
        (Capabilities::PROFILE, "profile"),
        (Capabilities::SHARED_MEMORY, "shared-memory"),
        (Capabilities::THREADS, "threads"),
        (Capabilities::BACKTRACE, "backtrace"),
        (Capabilities::SIMD, "simd"),
        (Capabilities::TAIL_CALL, "tail-call"),
        (Capabilities::EXCEPTIONS, "exceptions"),
        (Capabilities::MEMORY64, "memory64"),
        (Capabilities::POOL, "pool"),
    ];
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMED.iter().filter(|(one, _)| self.contains(*one)).map(|(_, name)| *name);
        f.write_str(names.next().unwrap_or("none"))?;
        names.try_for_each(|name| write!(f, ", {name}"))
    }
}

/// What an engine can fail with before a guest runs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// There is no engine of that name.
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// We know the engine, but this build does not contain it.
    NotBuiltIn {
        /// Its name.
        name: &'static str,
        /// How to get it.
        how: &'static str,
    },
    /// The engine cannot do what was asked of it.
    Missing {
        /// Its name.
        engine: &'static str,
        /// What it lacks.
        what: Capabilities,
    },
    /// The engine could not be set up here.
    Setup {
        /// Its name.
        engine: &'static str,
        /// Its own words.
        message: String,
    },
    /// The engine refused the module.
    Compile {
        /// Its name.
        engine: &'static str,
        /// Its own words.
        message: String,
    },
    /// The engine could not make an instance.
    Instantiate {
        /// Its name.
        engine: &'static str,
        /// Its own words.
        message: String,
    },
}

impl EngineError {
    /// `Missing`, unless `has` holds all of `wants`.
    ///
    /// # Errors
    /// That.
    pub fn require(engine: &'static str, has: Capabilities, wants: Capabilities) -> Result<(), EngineError> {
        match wants.difference(has) {
            what if what.is_empty() => Ok(()),
            what => Err(EngineError::Missing { engine, what }),
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::Unknown { name } => {
                write!(f, "there is no engine `{name}`; known engines: ")?;
                for (i, known) in ENGINES.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, known.name)?;
                }
                Ok(())
            }
            EngineError::NotBuiltIn { name, how } => {
                write!(f, "this build of gangplank does not contain the engine `{name}`; {how}")
            }
            EngineError::Missing { engine, what } => {
                write!(f, "the engine `{engine}` cannot do this, or was not set up for it: {what}")
            }
            EngineError::Setup { engine, message } => write!(f, "the engine `{engine}` cannot be set up: {message}"),
            EngineError::Compile { engine, message } => write!(f, "the engine `{engine}` refuses it: {message}"),
            EngineError::Instantiate { engine, message } => {
                write!(f, "the engine `{engine}` cannot make an instance of it: {message}")
            }
        }
    }
}

impl std::error::Error for EngineError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let has = Capabilities::CACHE | Capabilities::SIMD;
        assert_eq!(EngineError::require("x", has, Capabilities::SIMD), Ok(()));
        let error = EngineError::require("x", has, Capabilities::FUEL | Capabilities::SIMD).unwrap_err();
        assert_eq!(error.to_string(), "the engine `x` cannot do this, or was not set up for it: fuel");
        assert_eq!(Capabilities::empty().to_string(), "none");
        assert_eq!(has.to_string(), "cache, simd");
    }

    #[test]
    fn every_capability_has_a_name() {
        let named = Capabilities::NAMED.iter().fold(Capabilities::empty(), |all, (one, _)| all | *one);
        assert_eq!(named, Capabilities::all());
    }
}
