//! Compiled modules and their instances.

use core::any::Any;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    task::{Wake, Waker},
    thread,
};

use gangplank_wasi::{Life, Thread, WatchKey};
use wasmtime::{InstancePre, Linker, Store, UpdateDeadline, WasmBacktrace};

use super::{Ctx, Exited, NAME, limiter::Limiter, trap};
use crate::engine::{
    Call, Capabilities, EngineError, Instance, InstanceOptions, Module, Profile, Stop, Trap, TrapKind,
};

/// Compiles, and looks up the imports once for all instances.
pub(super) fn compile(
    engine: &wasmtime::Engine,
    linker: &Linker<Ctx>,
    capabilities: Capabilities,
    wasm: &[u8],
) -> Result<Arc<dyn Module>, EngineError> {
    link(linker, capabilities, wasmtime::Module::from_binary(engine, wasm).map_err(refused)?)
}

/// Loads what was compiled before.
///
/// # Safety
/// As [`Engine::deserialize`](crate::engine::Engine::deserialize).
pub(super) unsafe fn deserialize(
    engine: &wasmtime::Engine,
    linker: &Linker<Ctx>,
    capabilities: Capabilities,
    code: &[u8],
) -> Result<Arc<dyn Module>, EngineError> {
    // SAFETY: by the caller's promise, `serialize` below gave `code`; and it is copied before it is run.
    let module = unsafe { wasmtime::Module::deserialize(engine, code) }.map_err(refused)?;
    link(linker, capabilities, module)
}

fn link(
    linker: &Linker<Ctx>,
    capabilities: Capabilities,
    module: wasmtime::Module,
) -> Result<Arc<dyn Module>, EngineError> {
    let pre = linker.instantiate_pre(&module).map_err(refused)?;
    Ok(Arc::new(Compiled { pre, capabilities }))
}

fn refused(error: wasmtime::Error) -> EngineError {
    EngineError::Compile { engine: NAME, message: format!("{error:#}") }
}

struct Compiled {
    pre: InstancePre<Ctx>,
    /// Those of the engine, with the options it was made with.
    capabilities: Capabilities,
}

impl core::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Compiled").field("engine", &NAME).finish_non_exhaustive()
    }
}

impl Module for Compiled {
    fn engine(&self) -> &'static str {
        NAME
    }

    fn serialize(&self) -> Result<Vec<u8>, EngineError> {
        self.pre.module().serialize().map_err(refused)
    }

    fn instance(&self, thread: Thread, options: &InstanceOptions) -> Result<Box<dyn Instance>, EngineError> {
        let mut wants = Capabilities::empty();
        wants.set(Capabilities::FUEL, options.fuel.is_some());
        wants.set(Capabilities::PROFILE, options.profile.is_some());
        EngineError::require(NAME, self.capabilities, wants)?;
        let engine = self.pre.module().engine();
        let life = Arc::clone(thread.process().life());
        let limiter = Limiter::new(options.memory.clone());
        let mut store = Store::new(engine, Ctx::of_one_instance(thread, limiter));
        store.limiter(|ctx| ctx.limiter());
        // SAFETY: `Ctx::limiter` says so to the context, which nobody takes out of the store.
        unsafe { store.data_mut().remember_memory() };
        if self.capabilities.contains(Capabilities::FUEL) {
            let failed = |e: wasmtime::Error| EngineError::Instantiate { engine: NAME, message: format!("{e:#}") };
            store.set_fuel(options.fuel.unwrap_or(u64::MAX)).map_err(failed)?;
        }
        let watch = self.capabilities.contains(Capabilities::INTERRUPT).then(|| {
            let process = Arc::clone(&life);
            let profile = options.profile.clone();
            // First the deadline, then the watch: an end in between raises the counter past the deadline.
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |store| {
                if process.is_over() {
                    return Err(wasmtime::Error::new(Exited));
                }
                if let Some(profile) = &profile {
                    sample(&WasmBacktrace::force_capture(store), profile);
                }
                Ok(UpdateDeadline::Continue(1))
            });
            let raise = Arc::new(RaiseEpoch(engine.clone()));
            life.watch(&Waker::from(raise))
        });
        let ticker = options.profile.as_ref().map(|profile| Ticker::start(engine, profile)).transpose()?;
        Ok(Box::new(Running { store, pre: self.pre.clone(), instance: None, life, watch, _ticker: ticker }))
    }
}

/// Wakes every guest of the engine, so that those look around whose process is over.
struct RaiseEpoch(wasmtime::Engine);

impl Wake for RaiseEpoch {
    fn wake(self: Arc<Self>) {
        self.0.increment_epoch();
    }
}

struct Running {
    store: Store<Ctx>,
    pre: InstancePre<Ctx>,
    instance: Option<wasmtime::Instance>,
    life: Arc<Life>,
    watch: Option<WatchKey>,
    _ticker: Option<Ticker>,
}

/// Raises the counter at the intervals of a profile, until it is dropped.
struct Ticker(#[expect(dead_code, reason = "its drop is the message")] mpsc::Sender<()>);

impl Ticker {
    fn start(engine: &wasmtime::Engine, profile: &Profile) -> Result<Ticker, EngineError> {
        let (alive, dropped) = mpsc::channel::<()>();
        let (engine, interval) = (engine.clone(), profile.interval());
        profile.begin();
        let tick = move || {
            while dropped.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        };
        let failed = |e: io::Error| EngineError::Instantiate { engine: NAME, message: format!("no thread: {e}") };
        thread::Builder::new().name("profile".to_owned()).spawn(tick).map_err(failed)?;
        Ok(Ticker(alive))
    }
}

fn sample(backtrace: &WasmBacktrace, profile: &Profile) {
    let call = |frame: &wasmtime::FrameInfo| (frame.func_index(), frame.func_name().map(str::to_owned));
    let calls: Vec<_> = backtrace.frames().iter().rev().map(call).collect();
    profile.add(calls.iter().map(|(function, symbol)| Call { function: *function, symbol: symbol.as_deref() }));
}

impl Running {
    /// Does what may run the guest's code. A panic in a handler, which wasmtime carries through the guest's frames,
    /// ends the guest, not the host.
    fn guarded<R>(&mut self, run: impl FnOnce(&mut Self) -> wasmtime::Result<R>) -> Result<R, Stop> {
        if self.life.is_over() {
            return Err(Stop::Exit);
        }
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(result) => result.map_err(|error| trap::stop(&error)),
            Err(panic) => Err(Trap::new(TrapKind::HostPanic, words(&*panic)).into()),
        }
    }
}

impl Instance for Running {
    fn start(&mut self) -> Result<(), Stop> {
        let instance = self.guarded(|this| {
            let instance = this.pre.instantiate(&mut this.store)?;
            // The first syscall would find it too, but more slowly.
            let memory = instance.get_export(&mut this.store, "memory");
            this.store.data_mut().bind(memory);
            Ok(instance)
        });
        let instance = instance.map_err(|stop| match stop {
            // Not a trap of the guest's: it has not begun to run.
            Stop::Trap(trap) if trap.kind == TrapKind::Other && trap.backtrace.is_empty() => {
                Stop::Failed(EngineError::Instantiate { engine: NAME, message: trap.message })
            }
            stop => stop,
        })?;
        self.instance = Some(instance);
        Ok(())
    }

    fn call(&mut self, export: &str) -> Result<(), Stop> {
        let failed = |message: String| Stop::Failed(EngineError::Instantiate { engine: NAME, message });
        let instance = self.instance.ok_or_else(|| failed("it has not been started".to_owned()))?;
        let function = instance
            .get_typed_func::<(), ()>(&mut self.store, export)
            .map_err(|e| failed(format!("the export `{export}` cannot be called: {e:#}")))?;
        self.guarded(|this| function.call(&mut this.store, ()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(key) = self.watch.take() {
            self.life.unwatch(key);
        }
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => (*words).to_owned(),
        (_, Some(words)) => words.clone(),
        _ => "a panic without words".to_owned(),
    }
}
