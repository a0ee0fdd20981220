//! JavaScriptCore, the engine of WebKit, from the system's library.
//!
//! * Each instance has a virtual machine of its own, for the thread that runs it. Nothing of it remains when it is
//!   dropped, but that up to 16 machines are kept, empty, for instances to come.
//! * A system call takes its arguments out of JavaScriptCore's values in place, and calls nothing of the library but
//!   the function that tells whether the guest's memory has moved.
//! * `proc_exit` unwinds the guest with the object of a trap, which no code of the guest's can catch.
//! * The library cannot interrupt wasm, and neither count instructions nor limit memory. So the guest's code is
//!   rewritten to do that itself, where it is asked for.
//! * It has no way to keep compiled code: [`Capabilities::CACHE`] is missing, and so is [`Capabilities::PROFILE`].
//! * The guest's stack is that of its thread, of which JavaScriptCore uses 5 MiB at most;
//!   [`EngineOptions::stack`] means nothing to it.

mod adapter;
mod bind;
mod group;
mod guest;
mod machine;
mod module;
mod probe;
mod rewrite;
mod sys;
mod trap;
mod value;

use std::sync::Arc;

pub use machine::{Held, held};

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
    let meter = match (options.fuel, options.interruptible) {
        (true, _) => Meter::Fuel,
        (false, true) => Meter::Interrupt,
        (false, false) => Meter::None,
    };
    Ok(Arc::new(Jsc { library, meter }))
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
            None => api.library.to_owned(),
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
