//! Programs compiled ahead of time, to be run elsewhere or later without compiling.
//!
//! Such a file is native code. It says which version made it and for what, and a checksum finds what happens to files
//! by accident; but nothing in it can prove that its code was made from a module. So loading one is `unsafe`.

use wasmparser::{Parser, Payload};

use crate::{
    LoadError, ModuleInfo, Program, Reason,
    artifact::{self, Artifact, Maker, PrecompiledError},
    engine::Engine,
    module_info::ModuleError,
};

impl Program {
    /// Compiles a module into the bytes of a file for [`from_precompiled`](Program::from_precompiled), which the same
    /// version of this crate can load on machines like this one, with an engine made with the same options.
    ///
    /// # Errors
    /// As [`new`](Program::new); [`EngineError::Missing`](crate::engine::EngineError::Missing) if the engine lacks
    /// [`Capabilities::CACHE`](crate::engine::Capabilities::CACHE).
    pub fn precompile(engine: &dyn Engine, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
        let program = Program::new(engine, "", wasm)?;
        let mut code = program.module().serialize().map_err(LoadError::new)?;
        let skeleton = skeleton(wasm).map_err(LoadError::new)?;
        let version = engine.version();
        let maker = Maker::here(engine.name(), &version);
        let sizes = [program.info().code_size, program.info().data_size];
        let mut bytes = Artifact { maker, skeleton: &skeleton, key: [0; 32], sizes, code: &code }.head();
        bytes.append(&mut code);
        Ok(bytes)
    }

    /// Whether `bytes` are such a file, whole or not.
    pub fn is_precompiled(bytes: &[u8]) -> bool {
        bytes.starts_with(artifact::MAGIC)
    }

    /// Loads what [`precompile`](Program::precompile) made. Its [`info`](Program::info) lacks the custom sections and
    /// what is read from them.
    ///
    /// # Safety
    /// `bytes` were made by `precompile`, from whatever module, and nobody has changed them since: they are native code,
    /// and will be run as they are. The checks here find accidents, not intentions.
    ///
    /// # Errors
    /// [`Reason::Precompiled`] if they were made by another version, for another engine or kind of machine, or are
    /// damaged; [`Reason::Engine`] if the engine was made with other options, or the machine lacks what the code uses.
    pub unsafe fn from_precompiled(
        engine: &dyn Engine,
        name: impl Into<Vec<u8>>,
        bytes: &[u8],
    ) -> Result<Program, LoadError> {
        let artifact = artifact::read(bytes).map_err(|flaw| LoadError::new(PrecompiledError::from(flaw)))?;
        let version = engine.version();
        check(&artifact.maker, &Maker::here(engine.name(), &version)).map_err(LoadError::new)?;
        let mut info = ModuleInfo::parse(artifact.skeleton).map_err(LoadError::new)?;
        [info.code_size, info.data_size] = artifact.sizes;
        let missing = info.missing_imports();
        if !missing.is_empty() {
            return Err(LoadError::new(Reason::Imports(missing)));
        }
        // SAFETY: it is what `serialize` gave in `precompile`, by the caller's promise, for the same version of the
        // same engine; whether it was made with the same options, the engine finds out by itself.
        let module = unsafe { engine.deserialize(artifact.code) }.map_err(LoadError::new)?;
        Ok(Program::of(engine, module, info, name.into()))
    }
}

fn check(made: &Maker<'_>, here: &Maker<'_>) -> Result<(), PrecompiledError> {
    let owned = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    if made.engine != here.engine {
        let (made_for, here) = owned(made.engine, here.engine);
        return Err(PrecompiledError::Engine { made_for, here });
    }
    if (made.gangplank, made.engine_version) != (here.gangplank, here.engine_version) {
        let words = |maker: &Maker<'_>| format!("gangplank {} with {}", maker.gangplank, maker.engine_version);
        return Err(PrecompiledError::Version { made_by: words(made), here: words(here) });
    }
    if made.target != here.target {
        let (made_for, here) = owned(made.target, here.target);
        return Err(PrecompiledError::Target { made_for, here });
    }
    Ok(())
}

/// The module without its code, data and custom sections: enough for [`ModuleInfo::parse`]. Each function keeps a body
/// of three bytes, because there must be as many bodies as functions.
fn skeleton(wasm: &[u8]) -> Result<Vec<u8>, ModuleError> {
    const KEPT: [u8; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 13];
    let mut out = wasm.get(..8).unwrap_or_default().to_vec();
    let mut functions = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Payload::FunctionSection(section) = &payload {
            functions = section.count();
        }
        let Some((id, range)) = payload.as_section() else { continue };
        let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else { continue };
        if let (true, Some(content)) = (KEPT.contains(&id), wasm.get(start..end)) {
            section(&mut out, id, content);
        }
    }
    if functions > 0 {
        // Each body: its length, no locals, `end`.
        let mut bodies = Vec::new();
        leb128(&mut bodies, functions);
        (0..functions).for_each(|_| bodies.extend_from_slice(&[2, 0, 0x0b]));
        section(&mut out, 10, &bodies);
    }
    Ok(out)
}

fn section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    // A section's length is a u32 in the module that it comes from.
    leb128(out, content.len() as u32);
    out.extend_from_slice(content);
}

fn leb128(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_tells_the_same_as_the_module() {
        let text = r#"(module
            (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
            (memory (export "memory") 2 7) (table 3 funcref) (tag $t (param i32))
            (global (export "g") (mut i64) (i64.const 0))
            (func (export "_start") (drop (call 0 (i32.const 1))))
            (func $begin) (start $begin) (elem (i32.const 0) $begin)
            (data (i32.const 0) "some data") (@custom "hello" "12345"))"#;
        let wasm = wat::parse_str(text).unwrap();
        let mut whole = ModuleInfo::parse(&wasm).unwrap();
        let mut bones = ModuleInfo::parse(&skeleton(&wasm).unwrap()).unwrap();
        assert_eq!((bones.functions, bones.code_size), (2, 6));
        whole.custom_sections.clear();
        (bones.code_size, bones.data_size) = (whole.code_size, whole.data_size);
        assert_eq!(bones, whole);
    }

    #[test]
    fn others_are_refused_by_name() {
        let here = Maker { gangplank: "1.2.3", engine: "cranelift", engine_version: "wasmtime 48", target: "riscv64" };
        assert_eq!(check(&here, &here), Ok(()));
        let says = |made: Maker<'_>| check(&made, &here).unwrap_err().to_string();
        assert_eq!(
            says(Maker { gangplank: "1.2.4", ..here }),
            "it was compiled by gangplank 1.2.4 with wasmtime 48, and this is gangplank 1.2.3 with wasmtime 48"
        );
        assert!(says(Maker { engine_version: "wasmtime 49", ..here }).contains("with wasmtime 49"));
        assert!(says(Maker { engine: "jsc", ..here }).contains("for the engine `jsc`"));
        assert!(says(Maker { target: "vax", ..here }).contains("for vax, and this machine is riscv64"));
    }
}
