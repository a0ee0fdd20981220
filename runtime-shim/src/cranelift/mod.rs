//! Cranelift, through the `wasmtime` crate.
//!
//! Interruption uses epochs: compiled code compares a counter of the engine with a deadline of its store at each loop
//! and function entry. When a process ends, the counter is raised; each store that notices asks its own process
//! whether it was meant, and goes on if not.

#[cfg(feature = "async")]
mod asynchronous;
mod bind;
mod limiter;
mod module;
mod trap;

use core::{
    hash::{Hash as _, Hasher},
    num::NonZeroUsize,
};
use std::sync::Arc;

#[cfg(feature = "async")]
pub use asynchronous::add_to_linker_async;
pub use bind::{Ctx, Exited, add_to_linker};

use crate::{
    ModuleInfo,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Module, POOLED_ELEMENTS, POOLED_TABLES},
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
    config.epoch_interruption(options.interruptible || options.profile);
    config.consume_fuel(options.fuel);
    config.max_wasm_stack(options.stack);
    config.wasm_backtrace_details(match options.profile {
        // Looked up anew for each frame of each sample.
        true => wasmtime::WasmBacktraceDetails::Disable,
        false => wasmtime::WasmBacktraceDetails::Enable,
    });
    if options.profile {
        config.wasm_backtrace_max_frames(NonZeroUsize::new(PROFILE_DEPTH));
    }
    // Only foreign unwinders want it: traps and exceptions have their own tables. Windows insists on it.
    if !cfg!(windows) {
        config.native_unwind_info(false);
    }
    if let Some(count) = options.pool {
        config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool(count.get())));
    }
    config
}

/// Room for `count` instances.
fn pool(count: u32) -> wasmtime::PoolingAllocationConfig {
    let mut pool = wasmtime::PoolingAllocationConfig::default();
    pool.total_core_instances(count)
        .total_memories(count)
        .total_tables(count.saturating_mul(POOLED_TABLES))
        .total_gc_heaps(count)
        .max_memories_per_module(1)
        .max_tables_per_module(POOLED_TABLES)
        .table_elements(POOLED_ELEMENTS)
        // Whatever is mapped for a memory anyway.
        .max_memory_size(1 << 32)
        // To clear a little is quicker than to have the kernel take it away and give other pages.
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(KEPT);
    pool
}

/// Bytes of a memory, and of a table, that are cleared instead of given back.
const KEPT: usize = 64 << 10;

/// Most calls of a sample, innermost ones first.
const PROFILE_DEPTH: usize = 256;

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
            | Capabilities::MEMORY64
            | Capabilities::MEMORY_LIMIT;
        capabilities.set(Capabilities::INTERRUPT, self.options.interruptible || self.options.profile);
        capabilities.set(Capabilities::PROFILE, self.options.profile);
        capabilities.set(Capabilities::FUEL, self.options.fuel);
        capabilities.set(Capabilities::POOL, self.options.pool.is_some());
        capabilities
    }

    fn compile(&self, wasm: &[u8], _info: &ModuleInfo) -> Result<Arc<dyn Module>, EngineError> {
        module::compile(&self.engine, &self.linker, self.capabilities(), wasm)
    }

    fn compatibility(&self) -> Result<[u8; 32], EngineError> {
        let mut digest = Digest(blake3::Hasher::new());
        self.engine.precompile_compatibility_hash().hash(&mut digest);
        Ok(*digest.0.finalize().as_bytes())
    }

    unsafe fn deserialize(&self, code: &[u8]) -> Result<Arc<dyn Module>, EngineError> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { module::deserialize(&self.engine, &self.linker, self.capabilities(), code) }
    }
}

/// Takes in what a `Hasher` is given, to hash it more strongly than into 64 bits.
struct Digest(blake3::Hasher);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.0.finalize().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
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
        // Code of one is not for the other.
        assert_ne!(super::engine(&counting).unwrap().compatibility(), engine.compatibility());
        assert_eq!(super::engine(&EngineOptions::default()).unwrap().compatibility(), engine.compatibility());
    }
}
