//! Compiled modules and their instances.
//!
//! JavaScriptCore's compiled code belongs to the machine that it was compiled in. Each instance has a machine of its
//! own, so that any number of them run at the same time, and everything of theirs is freed in the end. The machine in
//! which a module was found to be valid becomes that of its first instance.

use core::fmt;
use std::sync::Arc;

use gangplank_wasi::Thread;
use parking_lot::Mutex;
use wasmparser::{Validator, WasmFeatures};

use super::{
    NAME,
    adapter::{self, adapter},
    bind::{self, Provided},
    guest::{Ended, Guest, Limit},
    machine::{Kept, Machine},
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
    let source = Source { wasm: wasm.into(), info: info.clone() };
    let wanted = Wanted { meter, limit: false };
    let code = source.code(wanted)?;
    let adapter = adapter(&wide).into();
    let compiled =
        Compiled { library, capabilities, source, wanted, code, provided, wide, adapter, spare: None.into() };
    let ready = Ready::new(&compiled, &compiled.code)?;
    *compiled.spare.lock() = Some(ready);
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
    code: Code,
    /// What we provide for each import.
    provided: Vec<Provided>,
    /// Those of them with 64-bit parameters, once each.
    wide: Vec<Provided>,
    adapter: Arc<[u8]>,
    /// For the first instance.
    spare: Mutex<Option<Ready>>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("engine", &NAME).finish_non_exhaustive()
    }
}

/// The module as it was given to us.
struct Source {
    wasm: Arc<[u8]>,
    info: ModuleInfo,
}

/// The module as we give it to the library.
#[derive(Clone)]
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
        let ready = match options.memory {
            Some(_) => {
                let code = self.source.code(Wanted { limit: true, ..self.wanted })?;
                Ready::new(self, &code)?
            }
            None => match self.spare.lock().take() {
                Some(ready) => ready,
                None => Ready::new(self, &self.code)?,
            },
        };
        let mut guest = Guest::new(thread, ready.exit, self.library.values_are_as_known);
        guest.fuel.set(options.fuel);
        guest.limit = options.memory.clone().map(|limit| Limit::new(limit, &self.source.info));
        let imported = self.provided.len() as u32;
        Ok(Box::new(Running {
            module: ready.module,
            imports: ready.imports,
            exports: None,
            start: ready.code.start,
            info: self.source.info.clone(),
            imported,
            hooks: if self.source.info.functions == 0 { 0 } else { ready.code.wanted.hooks() },
            guest: Box::new(guest),
        }))
    }
}

/// A module that is compiled in a machine of its own, with everything that it imports.
struct Ready {
    code: Code,
    module: Kept,
    imports: Kept,
    /// What ends a guest when it is thrown.
    exit: Kept,
}

impl Ready {
    fn new(compiled: &Compiled, code: &Code) -> Result<Ready, EngineError> {
        let machine = Machine::new(compiled.library.api);
        let wasm = Wasm::of(&machine).map_err(|thrown| refused(trap::message(&thrown)))?;
        let module = wasm.module(&code.wasm).map_err(|thrown| refused(trap::message(&thrown)))?;
        let linked = compiled.link(&machine, &wasm);
        let (imports, exit) = linked.map_err(|thrown| no_instance(trap::message(&thrown)))?;
        Ok(Ready { code: code.clone(), module, imports, exit })
    }
}

impl Compiled {
    /// What the guest imports, and what ends it when it is thrown.
    fn link(&self, machine: &Machine, wasm: &Wasm) -> Result<(Kept, Kept), Kept> {
        let ours = machine.object();
        for (provided, at) in self.wide.iter().zip(0..) {
            ours.set(&at.to_string(), &machine.function(provided.import.name, provided.callback))?;
        }
        let imports = machine.object();
        imports.set(adapter::OURS, &ours)?;
        let adapter = wasm.instance(&wasm.module(&self.adapter)?, &imports)?.get("exports")?;
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
    module: Kept,
    imports: Kept,
    exports: Option<Kept>,
    start: Option<String>,
    info: ModuleInfo,
    /// Functions that the module imports, and how many of ours come after them.
    imported: u32,
    hooks: u32,
    /// In a box: calls of the guest's find it by its address.
    guest: Box<Guest>,
}

impl Running {
    fn instantiate(&self) -> Result<Kept, Kept> {
        let wasm = Wasm::of(self.module.machine())?;
        let exports = wasm.instance(&self.module, &self.imports)?.get("exports")?;
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
