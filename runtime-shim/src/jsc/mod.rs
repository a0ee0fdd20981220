//! JavaScriptCore, the engine of WebKit, from the system's library.
//!
//! * It is the system's library, under the names of WebKitGTK's three interfaces, or the one that the environment
//!   variable [`LIBRARY`] names.
//! * Each instance has a virtual machine of its own, for the thread that runs it. When it is dropped nothing of it
//!   remains in there. The machine stays, with the compiled module, for the next instance of the same program, or
//!   empty for another one's.
//! * A system call takes its arguments out of JavaScriptCore's values in place, and calls nothing of the library but
//!   the function that tells whether the guest's memory has moved.
//! * `proc_exit` unwinds the guest with the object of a trap, which no code of the guest's can catch.
//! * The library cannot interrupt wasm, and neither count instructions nor limit memory. So the guest's code is
//!   rewritten to do that itself, where it is asked for.
//! * It has no way to keep compiled code: [`Capabilities::CACHE`] is missing, and so is [`Capabilities::PROFILE`].
//! * Its collector interrupts threads with a signal, `SIGUSR1` unless `JSC_SIGNAL_FOR_GC` in the environment names
//!   another; and it handles `SIGSEGV` and `SIGBUS`, as wasmtime does: both can be in one process.
//! * The guest's stack is that of its thread, of which JavaScriptCore uses 5 MiB at most;
//!   [`EngineOptions::stack`] means nothing to it.

mod adapter;
mod bind;
mod guest;
mod heap;
mod machine;
mod meter;
mod module;
mod probe;
mod rewrite;
mod sys;
mod trap;
mod value;

use std::sync::Arc;

pub use machine::{Held, held};
pub use sys::LIBRARY;

use crate::{
    ModuleInfo,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Module},
};
use probe::Library;
use rewrite::Meter;

pub(crate) const NAME: &str = "jsc";

/// Makes the engine.
///
/// # Errors
/// [`EngineError::Setup`] if the library is missing, with the name of its package, or too old.
pub fn engine(options: &EngineOptions) -> Result<Arc<dyn Engine>, EngineError> {
    let library = probe::library().map_err(|message| EngineError::Setup { engine: NAME, message })?;
    Ok(Arc::new(Jsc { library, meter: meter(options.interruptible, options.fuel) }))
}

/// What becomes of a valid module whose guest shall be interruptible, counted, or asked before it grows. For those who
/// want to know whether it is still valid: nothing but the form of the module is looked at.
///
/// # Errors
/// If it is not valid; in words.
#[doc(hidden)]
pub fn rewritten(wasm: &[u8], info: &ModuleInfo, interrupt: bool, fuel: bool, limit: bool) -> Result<Vec<u8>, String> {
    let meter = meter(interrupt, fuel);
    rewrite::rewrite(wasm, info, rewrite::Wanted { meter, limit }).map(|module| module.wasm)
}

fn meter(interrupt: bool, fuel: bool) -> Meter {
    match (fuel, interrupt) {
        (true, _) => Meter::Fuel,
        (false, true) => Meter::Interrupt,
        (false, false) => Meter::None,
    }
}

struct Jsc {
    library: &'static Library,
    meter: Meter,
}

impl core::fmt::Debug for Jsc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Jsc").field("meter", &self.meter).finish_non_exhaustive()
    }
}

impl Engine for Jsc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        let api = self.library.api;
        match api.version {
            Some([major, minor, micro]) => format!("WebKitGTK {major}.{minor}.{micro} ({})", api.library),
            None => api.library.clone(),
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.library.capabilities;
        capabilities.set(Capabilities::INTERRUPT, self.meter != Meter::None);
        capabilities.set(Capabilities::FUEL, self.meter == Meter::Fuel);
        capabilities
    }

    fn compile(&self, wasm: &[u8], info: &ModuleInfo) -> Result<Arc<dyn Module>, EngineError> {
        module::compile(self.library, self.capabilities(), self.meter, wasm, info)
    }

    fn compatibility(&self) -> Result<[u8; 32], EngineError> {
        Err(EngineError::Missing { engine: NAME, what: Capabilities::CACHE })
    }

    unsafe fn deserialize(&self, _: &[u8]) -> Result<Arc<dyn Module>, EngineError> {
        Err(EngineError::Missing { engine: NAME, what: Capabilities::CACHE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Program, Status};

    /// As on a machine, or in a version, where values lie in another way.
    #[test]
    fn without_knowledge_of_its_values_it_is_asked_for_each() {
        let known = probe::library().unwrap();
        assert!(known.values_are_as_known, "so nothing would be quick here");
        let unknown = Library { api: known.api, capabilities: known.capabilities, values_are_as_known: false };
        let text = r#"(module
            (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (if (call $random (i32.const 8) (i32.const 8)) (then (call $exit (i32.const 1))))
                (if (i64.eqz (i64.load (i32.const 8))) (then (call $exit (i32.const 2))))
                ;; FAULT, for an address with its upper bit set.
                (if (i32.ne (call $random (i32.const -1) (i32.const 8)) (i32.const 21)) (then (call $exit (i32.const 3))))
                ;; BADF.
                (call $exit (call $seek (i32.const -1) (i64.const -1) (i32.const 0) (i32.const 8)))))"#;
        let library: &'static Library = Box::leak(Box::new(unknown));
        let engine = Jsc { library, meter: Meter::Interrupt };
        let program = Program::new(&engine, "asks", &wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(program.runner().run().unwrap().status, Status::Code(8));
    }
}
