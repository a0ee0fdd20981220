//! `module`: WebAssembly modules.
//!
//! Bytes that are no module are refused with words. What `wasmparser` finds valid can be read, and what has been read is
//! what `wasmparser` knows of it. What the engine JavaScriptCore can run is still valid once it has been rewritten, in
//! every way it can be wanted, with the same imports before ours, and with all of its exports.

use gangplank::{
    ModuleInfo, jsc,
    module_info::{ExternType, Flavour, ModuleError},
};
use wasmparser::{Validator, WasmFeatures, types::Types};

/// How much memory is in order: what the validator and the rewriter make of a module. `wasmparser` makes room for as many
/// types as a recursive group claims to have, a million at most, before it reads the first; it does not touch that room.
pub(super) fn heap(len: usize) -> usize {
    const TYPES: usize = 1_000_000 * 96;
    (16 << 20) + TYPES + 1024 * len
}

/// Bytes as a module.
pub fn run(bytes: &[u8]) {
    let read = ModuleInfo::parse(bytes);
    // What the rewriter is given has been validated so.
    let features = WasmFeatures::default() | WasmFeatures::LEGACY_EXCEPTIONS;
    let valid = Validator::new_with_features(features).validate_all(bytes);
    match (&read, &valid) {
        (Ok(info), Ok(types)) => {
            agrees(info, types);
            if is_for_jsc(info) {
                rewritten(bytes, info, features);
            }
        }
        (Err(ModuleError::NotWasm(_)), _) => {}
        (Err(error), Ok(_)) => panic!("it is valid, but cannot be read: {error}"),
        (_, Err(_)) => {}
    }
    if let Err(error) = &read {
        assert!(!error.to_string().is_empty());
    }
    if ModuleInfo::validate(bytes).is_ok() {
        assert!(valid.is_ok(), "with fewer features more is valid");
    }
}

fn agrees(info: &ModuleInfo, types: &Types) {
    let types = types.as_ref();
    assert_eq!(info.memories.len() as u32, types.memory_count(), "memories");
    assert_eq!(info.tables.len() as u32, types.table_count(), "tables");
    let imported = info.imports.iter().filter(|import| matches!(import.ty, ExternType::Func(_))).count() as u32;
    assert_eq!(imported + info.functions, types.function_count(), "functions");
    let known = types.core_imports().expect("it is a module").count();
    assert_eq!(info.imports.len(), known, "imports");
    let mut exports: Vec<&str> = types.core_exports().expect("it is a module").map(|(name, _)| name).collect();
    let mut read: Vec<&str> = info.exports.iter().map(|export| &*export.name).collect();
    exports.sort_unstable();
    read.sort_unstable();
    assert_eq!(read, exports, "exports");
    let wasi = info.imports.iter().any(|import| import.module.starts_with("wasi_"));
    assert!(info.flavour == Flavour::None || wasi || info.flavour == Flavour::Wasix);
}

/// Whether JavaScriptCore could run it: it imports functions only, and there is one memory of 32 bits at most.
fn is_for_jsc(info: &ModuleInfo) -> bool {
    info.imports.iter().all(|import| matches!(import.ty, ExternType::Func(_)))
        && info.memories.len() <= 1
        && info.memories.iter().all(|memory| !memory.memory64)
}

fn rewritten(bytes: &[u8], info: &ModuleInfo, features: WasmFeatures) {
    for (interrupt, fuel) in [(false, false), (true, false), (false, true)] {
        for limit in [false, true] {
            let what = format!("rewritten, interrupt {interrupt}, fuel {fuel}, limit {limit}");
            let wasm = match jsc::rewritten(bytes, info, interrupt, fuel, limit) {
                Ok(wasm) => wasm,
                Err(why) => panic!("it is valid, but cannot be {what}: {why}"),
            };
            let valid = Validator::new_with_features(features).validate_all(&wasm);
            valid.unwrap_or_else(|e| panic!("{what}: {e}"));
            let now = ModuleInfo::parse(&wasm).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(now.imports.starts_with(&info.imports), "{what}: imports");
            assert!(now.exports.starts_with(&info.exports), "{what}: exports");
            assert_eq!((now.start, &now.memories, &now.tables), (false, &info.memories, &info.tables), "{what}");
        }
    }
}
