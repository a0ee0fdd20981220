//! Cranelift, through the `wasmtime` crate.
//!
//! Interruption uses epochs: compiled code compares a counter of the engine with a deadline of its store at each loop
//! and function entry. When a process ends, the counter is raised; each store that notices asks its own process
//! whether it was meant, and goes on if not.

mod bind;
mod module;
mod trap;

use std::sync::Arc;

pub use bind::{Ctx, Exited, add_to_linker};

use crate::{
    ModuleInfo,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Module},
};

const NAME: &str = "cranelift";

/// Makes the engine.
pub(crate) fn engine(options: &EngineOptions) -> Result<Arc<dyn Engine>, EngineError> {
    let setup = |e: wasmtime::Error| EngineError::Setup { engine: NAME, message: format!("{e:#}") };
    let engine = wasmtime::Engine::new(&config(options)).map_err(setup)?;
    let mut linker = wasmtime::Linker::new(&engine);
    add_to_linker(&mut linker, |ctx: &mut Ctx| ctx).map_err(setup)?;
    Ok(Arc::new(Cranelift { engine, linker, options: options.clone() }))
}

/// Compiles on all cores, maps memories copy-on-write, keeps what a readable backtrace needs.
fn config(options: &EngineOptions) -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.epoch_interruption(options.interruptible);
    config.consume_fuel(options.fuel);
    config.max_wasm_stack(options.stack);
    config.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    // Only foreign unwinders want it: traps and exceptions have their own tables. Windows insists on it.
    if !cfg!(windows) {
        config.native_unwind_info(false);
    }
    config
}

struct Cranelift {
    engine: wasmtime::Engine,
    /// With all our imports, for every module.
    linker: wasmtime::Linker<Ctx>,
    options: EngineOptions,
}

impl core::fmt::Debug for Cranelift {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cranelift").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Engine for Cranelift {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        "wasmtime 48".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::CACHE
            | Capabilities::BACKTRACE
            | Capabilities::SIMD
            | Capabilities::TAIL_CALL
            | Capabilities::EXCEPTIONS
            | Capabilities::MEMORY64;
        capabilities.set(Capabilities::INTERRUPT, self.options.interruptible);
        capabilities.set(Capabilities::FUEL, self.options.fuel);
        capabilities
    }

    fn compile(&self, wasm: &[u8], _info: &ModuleInfo) -> Result<Arc<dyn Module>, EngineError> {
        module::compile(&self.engine, &self.linker, self.capabilities(), wasm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_tells_what_it_is() {
        let engine = engine(&EngineOptions::default()).unwrap();
        assert!(engine.version().starts_with("wasmtime 4"), "{}", engine.version());
        assert!(engine.capabilities().contains(Capabilities::INTERRUPT));
        assert!(!engine.capabilities().contains(Capabilities::FUEL));
        let counting = EngineOptions { interruptible: false, fuel: true, ..EngineOptions::default() };
        let capabilities = super::engine(&counting).unwrap().capabilities();
        assert!(!capabilities.contains(Capabilities::INTERRUPT));
        assert!(capabilities.contains(Capabilities::FUEL));
    }
}
