//! The module that stands between a guest and our imports.
//!
//! A 64-bit integer would come to us as a BigInt, which costs an object for each argument and needs macOS 15. So for
//! each import that has one, the adapter has a function with the import's signature, which calls a function of ours
//! with halves. And it has one that traps: see [`TRAP`].

use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, ImportSection, Instruction, Module, TypeSection,
    ValType,
};

use gangplank_wasi::abi::ValType as Ty;

use super::bind::Provided;

/// A function without parameters that traps. What is thrown then is kept, and thrown again to end a guest: code of
/// wasm can catch whatever JavaScript throws, but not a trap.
pub(super) const TRAP: &str = "trap";
/// The module that the adapter's imports come from; they are called `0`, `1` …, as are the exports that call them.
pub(super) const OURS: &str = "ours";

/// An adapter for these imports, all of them wide.
pub(super) fn adapter(wide: &[Provided]) -> Vec<u8> {
    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let count = wide.len() as u32;
    for (provided, at) in wide.iter().zip(0..) {
        let import = provided.import;
        let results: Vec<ValType> = import.results.iter().map(|ty| val_type(*ty)).collect();
        let params = || import.params.iter().map(|param| param.kind.val_type());
        let halves = params().flat_map(|ty| if ty == Ty::I64 { vec![ValType::I32; 2] } else { vec![ValType::I32] });
        types.ty().function(halves.collect::<Vec<_>>(), results.iter().copied());
        types.ty().function(params().map(val_type).collect::<Vec<_>>(), results);
        let name = at.to_string();
        imports.import(OURS, &name, wasm_encoder::EntityType::Function(2 * at));
        functions.function(2 * at + 1);
        exports.export(&name, ExportKind::Func, count + at);
        let mut function = Function::new([]);
        for (ty, local) in params().zip(0..) {
            function.instruction(&Instruction::LocalGet(local));
            if ty == Ty::I64 {
                function
                    .instruction(&Instruction::I32WrapI64)
                    .instruction(&Instruction::LocalGet(local))
                    .instruction(&Instruction::I64Const(32))
                    .instruction(&Instruction::I64ShrU)
                    .instruction(&Instruction::I32WrapI64);
            }
        }
        function.instruction(&Instruction::Call(at)).instruction(&Instruction::End);
        code.function(&function);
    }
    types.ty().function([], []);
    functions.function(2 * count);
    exports.export(TRAP, ExportKind::Func, 2 * count);
    let mut function = Function::new([]);
    function.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module.finish()
}

fn val_type(ty: Ty) -> ValType {
    match ty {
        Ty::I32 => ValType::I32,
        Ty::I64 => ValType::I64,
    }
}
