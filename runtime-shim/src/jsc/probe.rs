//! [`Library`]: JavaScriptCore as it is here, and what it turns out to be able to do.

use core::{cell::Cell, ptr};
use std::sync::{Arc, OnceLock};

use wasm_encoder::{
    BlockType, Catch, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    Instruction, MemorySection, MemoryType, Module, TypeSection,
};

use super::{
    adapter::{self, adapter},
    heap::Heap,
    machine::{Kept, Machine},
    module::Wasm,
    sys::{self, Api, Context, Object, Thrown, Value},
    trap, value,
};
use crate::engine::Capabilities;

/// The library of this process.
pub(super) struct Library {
    pub(super) api: &'static Api,
    /// What of its own it can do.
    pub(super) capabilities: Capabilities,
    /// Whether arguments and results can be read and made in place.
    pub(super) values_are_as_known: bool,
}

/// It, tried out by the first call.
///
/// # Errors
/// If it is missing, or of no use; in words.
pub(super) fn library() -> Result<&'static Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| probe(sys::api()?)).as_ref().map_err(Clone::clone)
}

fn probe(api: &'static Api) -> Result<Library, String> {
    let heap = Heap::take(api);
    let machine = heap.machine();
    let useless = |thrown: Kept| format!("its library ({}) is of no use: {}", api.library, trap::message(&thrown));
    let wasm = Wasm::of(&machine).map_err(useless)?;
    let compiles = |module: Vec<u8>| wasm.module(&module.into()).is_ok();
    let mut capabilities = Capabilities::MEMORY_LIMIT | Capabilities::BACKTRACE;
    capabilities.set(Capabilities::SIMD, compiles(body(&[Instruction::V128Const(7), Instruction::Drop])));
    capabilities.set(Capabilities::TAIL_CALL, compiles(body(&[Instruction::ReturnCall(0)])));
    capabilities.set(Capabilities::SHARED_MEMORY, compiles(memory(true, false)));
    capabilities.set(Capabilities::MEMORY64, compiles(memory(false, true)));
    for catching in [LEGACY, CURRENT] {
        let module: Arc<[u8]> = body(catching).into();
        if let Ok(module) = wasm.module(&module) {
            capabilities.insert(Capabilities::EXCEPTIONS);
            if !ends(&machine, &wasm, &module).map_err(useless)? {
                return Err(format!(
                    "its library ({}) is too old: a program could go on after its end, by catching it",
                    api.library
                ));
            }
        }
    }
    let values_are_as_known = value::is_as_known(api, machine.context());
    Ok(Library { api, capabilities, values_are_as_known })
}

/// Catch all that the import throws: as exceptions were first proposed, and as they are now.
const LEGACY: &[Instruction<'_>] =
    &[Instruction::Try(BlockType::Empty), Instruction::Call(0), Instruction::CatchAll, Instruction::End];
const CURRENT: &[Instruction<'_>] = &[
    Instruction::Block(BlockType::Empty),
    Instruction::TryTable(BlockType::Empty, std::borrow::Cow::Borrowed(&[Catch::All { label: 0 }])),
    Instruction::Call(0),
    Instruction::End,
    Instruction::End,
];

/// Whether a guest that catches everything is ended all the same.
fn ends(machine: &Machine, wasm: &Wasm, module: &Kept) -> Result<bool, Kept> {
    thread_local! {
        static EXIT: Cell<Value> = const { Cell::new(ptr::null()) };
    }
    unsafe extern "C" fn end(_: Context, _: Object, _: Object, _: usize, _: *const Value, thrown: Thrown) -> Value {
        // SAFETY: it is where the interface wants what is thrown.
        unsafe { *thrown = EXIT.get() };
        value::UNDEFINED
    }
    let adapter = wasm.instance(&wasm.module(&adapter(&[]).into())?, &machine.object())?.get("exports")?;
    let Err(exit) = adapter.get(adapter::TRAP)?.call(&[]) else { return Ok(false) };
    let (imports, ours) = (machine.object(), machine.object());
    ours.set("f", &machine.function("f", end))?;
    imports.set("m", &ours)?;
    let guest = wasm.instance(module, &imports)?.get("exports")?.get("f")?;
    EXIT.set(exit.value());
    Ok(guest.call(&[]).is_err_and(|thrown| thrown.value() == exit.value()))
}

/// A module whose function `f` has this body, and which imports another one as `m.f`.
fn body(instructions: &[Instruction<'_>]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import("m", "f", EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut exports = ExportSection::new();
    exports.export("f", ExportKind::Func, 1);
    let mut function = Function::new([]);
    for instruction in instructions {
        function.instruction(instruction);
    }
    function.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

fn memory(shared: bool, memory64: bool) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(1), memory64, shared, page_size_log2: None });
    let mut module = Module::new();
    module.section(&memories);
    module.finish()
}
