//! Compiled modules and their instances.
//!
//! JavaScriptCore's compiled code belongs to the heap that it was compiled in, and one heap does one thing at a time.
//! So each instance has a heap of its own, where the module is compiled and a new context made for the instance. Once
//! it has ended and everything of its is freed, the heap goes back to the program with the compiled module in it, and
//! what has been found to be hot and compiled well is so for the next instance too: [`Version`].

use core::fmt;
use std::sync::{Arc, Weak};

use gangplank_wasi::Thread;
use parking_lot::Mutex;
use wasmparser::{Validator, WasmFeatures};

use super::{
    NAME,
    adapter::{self, adapter},
    bind::{self, Provided},
    guest::{Ended, Guest, Limit},
    heap::Heap,
    machine::{Counted, Kept, Machine},
    probe::Library,
    rewrite::{GROW, HOOKS, Meter, REFILL, Rewritten, UNDO, Wanted, rewrite},
    trap,
};
use crate::{
    ModuleInfo,
    engine::{Capabilities, EngineError, Instance, InstanceOptions, Module, Stop, Trap, TrapKind},
    module_info::ExternType,
};

/// Compiles.
pub(super) fn compile(
    library: &'static Library,
    capabilities: Capabilities,
    meter: Meter,
    wasm: &[u8],
    info: &ModuleInfo,
) -> Result<Arc<dyn Module>, EngineError> {
    let provided: Option<Vec<_>> = info.imports.iter().map(bind::find).collect();
    let provided = provided.ok_or_else(|| refused("it imports what we do not provide".to_owned()))?;
    let mut wide: Vec<Provided> = Vec::new();
    for provided in provided.iter().filter(|provided| provided.is_wide()) {
        if !wide.iter().any(|known| core::ptr::eq(known.import, provided.import)) {
            wide.push(*provided);
        }
    }
    let source = Source { wasm: wasm.into(), info: Arc::new(info.clone()) };
    let wanted = Wanted { meter, limit: false };
    let plain = Version::new(source.code(wanted)?);
    let adapter = adapter(&wide).into();
    let compiled =
        Compiled { library, capabilities, source, wanted, plain, limited: None.into(), provided, wide, adapter };
    let ready = Ready::new(&compiled, &compiled.plain.code)?;
    compiled.plain.put_back(&ready.into());
    Ok(Arc::new(compiled))
}

fn refused(message: String) -> EngineError {
    EngineError::Compile { engine: NAME, message }
}

fn no_instance(message: String) -> EngineError {
    EngineError::Instantiate { engine: NAME, message }
}

struct Compiled {
    library: &'static Library,
    /// Those of the engine, with the options it was made with.
    capabilities: Capabilities,
    source: Source,
    wanted: Wanted,
    plain: Arc<Version>,
    /// As it is where memory is limited, once somebody has wanted that.
    limited: Mutex<Option<Arc<Version>>>,
    /// What we provide for each import.
    provided: Vec<Provided>,
    /// Those of them with 64-bit parameters, once each.
    wide: Vec<Provided>,
    adapter: Arc<[u8]>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("engine", &NAME).finish_non_exhaustive()
    }
}

/// The module as it was given to us.
struct Source {
    wasm: Arc<[u8]>,
    info: Arc<ModuleInfo>,
}

/// The module as we give it to the library.
struct Code {
    wasm: Arc<[u8]>,
    /// The export that is the start function.
    start: Option<String>,
    wanted: Wanted,
}

impl Source {
    fn code(&self, wanted: Wanted) -> Result<Code, EngineError> {
        if wanted == Wanted::default() && !self.info.start {
            return Ok(Code { wasm: Arc::clone(&self.wasm), start: None, wanted });
        }
        // What is wrong with it, `Program` says better.
        let features = WasmFeatures::default() | WasmFeatures::LEGACY_EXCEPTIONS;
        let valid = Validator::new_with_features(features).validate_all(&self.wasm);
        valid.map_err(|error| refused(error.to_string()))?;
        let Rewritten { wasm, start } = rewrite(&self.wasm, &self.info, wanted).map_err(refused)?;
        Ok(Code { wasm: wasm.into(), start, wanted })
    }
}

impl Module for Compiled {
    fn engine(&self) -> &'static str {
        NAME
    }

    fn serialize(&self) -> Result<Vec<u8>, EngineError> {
        Err(EngineError::Missing { engine: NAME, what: Capabilities::CACHE })
    }

    fn instance(&self, thread: Thread, options: &InstanceOptions) -> Result<Box<dyn Instance>, EngineError> {
        let mut wants = Capabilities::empty();
        wants.set(Capabilities::FUEL, options.fuel.is_some());
        wants.set(Capabilities::PROFILE, options.profile.is_some());
        EngineError::require(NAME, self.capabilities, wants)?;
        let version = match options.memory {
            Some(_) => self.limited()?,
            None => Arc::clone(&self.plain),
        };
        let ready = Lent::of(&version, self)?;
        let (imports, exit) = self.link(&ready.ready).map_err(|thrown| no_instance(trap::message(&thrown)))?;
        let mut guest = Guest::new(thread, exit, self.library.values_are_as_known);
        guest.fuel.set(options.fuel);
        guest.limit = options.memory.clone().map(|limit| Limit::new(limit, &self.source.info));
        let imported = self.provided.len() as u32;
        Ok(Box::new(Running {
            imports,
            exports: None,
            start: version.code.start.clone(),
            info: Arc::clone(&self.source.info),
            imported,
            hooks: if self.source.info.functions == 0 { 0 } else { version.code.wanted.hooks() },
            guest: Box::new(guest),
            ready,
        }))
    }
}

/// The module as it is to run, and heaps in which that is compiled.
struct Version {
    code: Code,
    /// Nobody else has one of these.
    idle: Mutex<Vec<Arc<Ready>>>,
}

/// Most heaps that a version keeps, and the most that the module may take up in them, in bytes of wasm; one is kept
/// whatever its size. Compiled, and run for a while, it takes several times as much.
const MOST_IDLE: usize = 16;
const MOST_IDLE_BYTES: usize = 64 << 20;

impl Version {
    fn new(code: Code) -> Arc<Version> {
        Arc::new(Version { code, idle: Mutex::default() })
    }

    /// Keeps it for the next instance, if there is room.
    fn put_back(&self, ready: &Arc<Ready>) {
        let mut idle = self.idle.lock();
        let count = idle.len();
        if count == 0 || count < MOST_IDLE && (count + 1) * self.code.wasm.len() <= MOST_IDLE_BYTES {
            idle.push(Arc::clone(ready));
        }
    }
}

/// A heap in which the module is compiled.
struct Ready {
    module: Kept,
    adapter: Kept,
    _counted: Counted,
    // The last, so that the heap is cleared of the modules.
    heap: Heap,
}

impl Ready {
    fn new(compiled: &Compiled, code: &Code) -> Result<Ready, EngineError> {
        let heap = Heap::take(compiled.library.api);
        let compile = || {
            let wasm = Wasm::of(heap.base())?;
            Ok((wasm.module(&code.wasm)?, wasm.module(&compiled.adapter)?))
        };
        let (module, adapter) = compile().map_err(|thrown: Kept| refused(trap::message(&thrown)))?;
        Ok(Ready { module, adapter, _counted: Counted::module(), heap })
    }
}

/// One that an instance has, to be given back.
struct Lent {
    ready: Arc<Ready>,
    version: Weak<Version>,
}

impl Lent {
    fn of(version: &Arc<Version>, compiled: &Compiled) -> Result<Lent, EngineError> {
        let idle = version.idle.lock().pop();
        let ready = match idle {
            Some(ready) => ready,
            None => Ready::new(compiled, &version.code)?.into(),
        };
        Ok(Lent { ready, version: Arc::downgrade(version) })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Nothing of the instance is left: all that it kept, it has dropped before.
        if let Some(version) = self.version.upgrade()
            && self.ready.heap.clear()
        {
            version.put_back(&self.ready);
        }
    }
}

impl Compiled {
    fn limited(&self) -> Result<Arc<Version>, EngineError> {
        let mut limited = self.limited.lock();
        if let Some(version) = &*limited {
            return Ok(Arc::clone(version));
        }
        let version = Version::new(self.source.code(Wanted { limit: true, ..self.wanted })?);
        Ok(Arc::clone(limited.insert(version)))
    }

    /// What the guest imports, and what ends it when it is thrown.
    fn link(&self, ready: &Ready) -> Result<(Kept, Kept), Kept> {
        let machine = &ready.heap.machine();
        let ours = machine.object();
        for (provided, at) in self.wide.iter().zip(0..) {
            ours.set(&at.to_string(), &machine.function(provided.import.name, provided.callback))?;
        }
        let imports = machine.object();
        imports.set(adapter::OURS, &ours)?;
        let adapter = Wasm::of(machine)?.instance(&ready.adapter, &imports)?.get("exports")?;
        let exit = match adapter.get(adapter::TRAP)?.call(&[]) {
            Ok(nothing) => return Err(nothing),
            Err(thrown) => thrown,
        };

        let imports = machine.object();
        for (import, provided) in self.source.info.imports.iter().zip(&self.provided) {
            let known = imports.get(&import.module)?;
            let module = if known.is_true() { known } else { machine.object() };
            let row = |wide: &Provided| core::ptr::eq(wide.import, provided.import);
            let function = match self.wide.iter().position(row) {
                Some(at) => adapter.get(&at.to_string())?,
                None => machine.function(&import.name, provided.callback),
            };
            module.set(&import.name, &function)?;
            imports.set(&import.module, &module)?;
        }
        let hooks = machine.object();
        hooks.set(REFILL, &machine.function(REFILL, bind::refill))?;
        hooks.set(GROW, &machine.function(GROW, bind::grow))?;
        hooks.set(UNDO, &machine.function(UNDO, bind::undo))?;
        imports.set(HOOKS, &hooks)?;
        Ok((imports, exit))
    }
}

/// The constructors of a machine's `WebAssembly`.
pub(super) struct Wasm {
    machine: Machine,
    module: Kept,
    instance: Kept,
}

impl Wasm {
    pub(super) fn of(machine: &Machine) -> Result<Wasm, Kept> {
        let namespace = machine.global().get("WebAssembly")?;
        let (module, instance) = (namespace.get("Module")?, namespace.get("Instance")?);
        Ok(Wasm { machine: machine.clone(), module, instance })
    }

    pub(super) fn module(&self, wasm: &Arc<[u8]>) -> Result<Kept, Kept> {
        self.module.construct(&[&self.machine.bytes(wasm)?])
    }

    pub(super) fn instance(&self, module: &Kept, imports: &Kept) -> Result<Kept, Kept> {
        self.instance.construct(&[module, imports])
    }
}

struct Running {
    imports: Kept,
    exports: Option<Kept>,
    start: Option<String>,
    info: Arc<ModuleInfo>,
    /// Functions that the module imports, and how many of ours come after them.
    imported: u32,
    hooks: u32,
    /// In a box: calls of the guest's find it by its address.
    guest: Box<Guest>,
    // The last, when all of the above has been dropped.
    ready: Lent,
}

impl Running {
    fn instantiate(&self) -> Result<Kept, Kept> {
        let wasm = Wasm::of(self.imports.machine())?;
        let exports = wasm.instance(&self.ready.ready.module, &self.imports)?.get("exports")?;
        if let Some(ExternType::Memory(ty)) = self.info.export("memory") {
            self.guest.bind(exports.get("memory")?, ty.shared)?;
        }
        Ok(exports)
    }

    /// Does what may run the guest's code.
    fn guarded<R>(&self, run: impl FnOnce() -> Result<R, Kept>) -> Result<R, Stop> {
        if self.guest.thread.process().life().is_over() {
            return Err(Stop::Exit);
        }
        let result = self.guest.enter(run);
        match self.guest.why_ended(result.as_ref().err()) {
            Some(Ended::Exit) => Err(Stop::Exit),
            Some(Ended::OutOfFuel) => Err(Trap::new(TrapKind::OutOfFuel, "").into()),
            Some(Ended::Panic(words)) => Err(Trap::new(TrapKind::HostPanic, words).into()),
            None => result.map_err(|thrown| trap::trap(&thrown, self.imported, self.hooks).into()),
        }
    }

    fn call_export(&self, export: &str) -> Result<(), Stop> {
        let failed = |message: String| Stop::Failed(no_instance(message));
        let exports = self.exports.as_ref().ok_or_else(|| failed("it has not been started".to_owned()))?;
        self.guarded(|| exports.get(export)?.call(&[]).map(drop))
    }
}

impl Instance for Running {
    fn start(&mut self) -> Result<(), Stop> {
        if let Some(limit) = &self.guest.limit
            && !limit.take_initial(&self.info)
        {
            let message = "it begins with more memory than it may have".to_owned();
            return Err(Stop::Failed(no_instance(message)));
        }
        let exports = self.guarded(|| self.instantiate()).map_err(|stop| match stop {
            // Not a trap of the guest's: it has not begun to run.
            Stop::Trap(trap) if trap.kind == TrapKind::Other => Stop::Failed(no_instance(trap.message)),
            stop => stop,
        })?;
        self.exports = Some(exports);
        match self.start.take() {
            Some(start) => self.call_export(&start),
            None => Ok(()),
        }
    }

    fn call(&mut self, export: &str) -> Result<(), Stop> {
        if !self.info.has_plain_function(export) {
            return Err(Stop::Failed(no_instance(format!("there is no function `{export}` to be called"))));
        }
        self.call_export(export)
    }
}
