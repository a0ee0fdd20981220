//! [`ModuleInfo`]: what a module is, read once by our own parser, above all engines.

mod imports;
mod sniff;
mod types;

use core::fmt;

use wasmparser::{CompositeInnerType, Encoding, ExternalKind, Parser, Payload, TypeRef, Validator, WasmFeatures};

pub use imports::{MissingImport, Near};
pub use sniff::NotWasm;
pub use types::{ExternType, MemoryType, Signature, ValType};

/// Imports, exports, and what follows from them.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// What it imports, in order.
    pub imports: Vec<Import>,
    /// What it exports, in order.
    pub exports: Vec<Export>,
    /// Its memories, imported ones first.
    pub memories: Vec<MemoryType>,
    /// Whose system calls it makes.
    pub flavour: Flavour,
    /// How it is run.
    pub entry: Entry,
    /// Whether it has a start function, which runs before all else.
    pub start: bool,
    /// Whether it imports the `thread-spawn` of wasi-threads or WASIX.
    pub threads: bool,
    /// Whether it exports the functions of Binaryen's Asyncify.
    pub asyncify: bool,
    /// Number of functions that it defines.
    pub functions: u32,
    /// Bytes of its code section.
    pub code_size: u64,
    /// Its custom sections, in order.
    pub custom_sections: Vec<CustomSection>,
}

/// An import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// The module it is wanted from.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Its type.
    pub ty: ExternType,
}

/// An export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: ExternType,
}

/// A custom section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// Bytes of its content.
    pub size: u64,
}

/// Whose system calls a module makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flavour {
    /// None of WASI's.
    None,
    /// Those of `wasi_unstable`, the snapshot before preview1.
    Unstable,
    /// Those of `wasi_snapshot_preview1`.
    Preview1,
    /// Those of WASIX, perhaps besides preview1's.
    Wasix,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Flavour::None => "none",
            Flavour::Unstable => "wasi_unstable",
            Flavour::Preview1 => "wasi_snapshot_preview1",
            Flavour::Wasix => "wasix",
        })
    }
}

/// How a module is run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// A program: it exports `_start`.
    Command,
    /// A library: it exports `_initialize`, to be called before its other exports.
    Reactor,
    /// Neither.
    None,
}

/// Why bytes are no module.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ModuleError {
    /// It is something else.
    NotWasm(NotWasm),
    /// It begins well, but is not all there.
    Truncated {
        /// How much of it there is, in bytes.
        size: u64,
    },
    /// It breaks the rules of the format.
    Invalid {
        /// Which.
        message: String,
        /// Where, in bytes from its beginning.
        offset: u64,
    },
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleError::NotWasm(what) => what.fmt(f),
            ModuleError::Truncated { size } => {
                write!(f, "it is a WebAssembly module that has been cut off: it ends too early, at byte {size}")
            }
            ModuleError::Invalid { message, offset } => {
                write!(f, "it is not a valid WebAssembly module: {message} (at byte {offset:#x})")
            }
        }
    }
}

impl std::error::Error for ModuleError {}

impl From<wasmparser::Error> for ModuleError {
    fn from(error: wasmparser::Error) -> ModuleError {
        ModuleError::Invalid { message: error.message().to_owned(), offset: error.offset() }
    }
}

impl ModuleInfo {
    /// Reads a module. Looks at its sections but not into its code: that is the engine's, see
    /// [`validate`](Self::validate).
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn parse(wasm: &[u8]) -> Result<ModuleInfo, ModuleError> {
        if let Some(what) = sniff::sniff(wasm) {
            return Err(ModuleError::NotWasm(what));
        }
        let mut reader = Reader::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload {
                Ok(payload) => reader.payload(payload)?,
                // A section that is not all there, or one missing that an earlier one needs.
                Err(e) if e.message().starts_with("unexpected end") || e.offset() >= wasm.len() as u64 => {
                    return Err(ModuleError::Truncated { size: wasm.len() as u64 });
                }
                Err(e) => return Err(e.into()),
            }
        }
        reader.finish()
    }

    /// Checks all of a module, code included. Engines do that too; this one says where in the file, for all alike.
    ///
    /// # Errors
    /// [`ModuleError::Invalid`].
    pub fn validate(wasm: &[u8]) -> Result<(), ModuleError> {
        Validator::new_with_features(WasmFeatures::default()).validate_all(wasm)?;
        Ok(())
    }

    /// The type of the export of this name.
    pub fn export(&self, name: &str) -> Option<&ExternType> {
        self.exports.iter().find(|export| export.name == name).map(|export| &export.ty)
    }

    /// Whether there is an exported function of this name without parameters and results.
    pub fn has_plain_function(&self, name: &str) -> bool {
        matches!(self.export(name), Some(ExternType::Func(ty)) if *ty == Signature::default())
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    /// By type index; `None` for what is no function.
    types: Vec<Option<Signature>>,
    /// By function index: type index.
    functions: Vec<u32>,
    globals: Vec<(ValType, bool)>,
    tags: Vec<u32>,
    memories: Vec<MemoryType>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    custom_sections: Vec<CustomSection>,
    start: bool,
    defined: u32,
    code_size: u64,
}

impl Reader {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), ModuleError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(ModuleError::NotWasm(NotWasm::Component));
            }
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.into_types() {
                        self.types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(Signature {
                                params: ty.params().iter().map(|ty| val_type(*ty)).collect(),
                                results: ty.results().iter().map(|ty| val_type(*ty)).collect(),
                            }),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    let ty = self.import(import.ty, offset)?;
                    self.imports.push(Import { module: import.module.to_owned(), name: import.name.to_owned(), ty });
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                    self.defined += 1;
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    self.memories.push(memory_type(ty?));
                }
            }
            Payload::TagSection(section) => {
                for ty in section {
                    self.tags.push(ty?.func_type_idx);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    let ty = global?.ty;
                    self.globals.push((val_type(ty.content_type), ty.mutable));
                }
            }
            Payload::ExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let ty = self.exported(export.kind, export.index, offset)?;
                    self.exports.push(Export { name: export.name.to_owned(), ty });
                }
            }
            Payload::StartSection { .. } => self.start = true,
            Payload::CodeSectionStart { size, .. } => self.code_size = size.into(),
            Payload::CustomSection(section) => self
                .custom_sections
                .push(CustomSection { name: section.name().to_owned(), size: section.data().len() as u64 }),
            _ => {}
        }
        Ok(())
    }

    fn signature(&self, index: u32, offset: u64) -> Result<Signature, ModuleError> {
        self.types.get(index as usize).cloned().flatten().ok_or_else(|| ModuleError::Invalid {
            message: format!("type {index} is not a function's, or does not exist"),
            offset,
        })
    }

    fn import(&mut self, ty: TypeRef, offset: u64) -> Result<ExternType, ModuleError> {
        Ok(match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                self.functions.push(index);
                ExternType::Func(self.signature(index, offset)?)
            }
            TypeRef::Table(_) => ExternType::Table,
            TypeRef::Memory(ty) => {
                self.memories.push(memory_type(ty));
                ExternType::Memory(memory_type(ty))
            }
            TypeRef::Global(ty) => {
                let (value, mutable) = (val_type(ty.content_type), ty.mutable);
                self.globals.push((value, mutable));
                ExternType::Global { ty: value, mutable }
            }
            TypeRef::Tag(ty) => {
                self.tags.push(ty.func_type_idx);
                ExternType::Tag(self.signature(ty.func_type_idx, offset)?)
            }
        })
    }

    fn exported(&self, kind: ExternalKind, index: u32, offset: u64) -> Result<ExternType, ModuleError> {
        let missing = |what: &str| ModuleError::Invalid { message: format!("{what} {index} does not exist"), offset };
        let at = index as usize;
        Ok(match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let ty = self.functions.get(at).ok_or_else(|| missing("function"))?;
                ExternType::Func(self.signature(*ty, offset)?)
            }
            ExternalKind::Table => ExternType::Table,
            ExternalKind::Memory => ExternType::Memory(*self.memories.get(at).ok_or_else(|| missing("memory"))?),
            ExternalKind::Global => {
                let (ty, mutable) = *self.globals.get(at).ok_or_else(|| missing("global"))?;
                ExternType::Global { ty, mutable }
            }
            ExternalKind::Tag => {
                let ty = self.tags.get(at).ok_or_else(|| missing("tag"))?;
                ExternType::Tag(self.signature(*ty, offset)?)
            }
        })
    }

    fn finish(self) -> Result<ModuleInfo, ModuleError> {
        let mut info = ModuleInfo {
            flavour: flavour(&self.imports),
            threads: self
                .imports
                .iter()
                .any(|i| matches!(&*i.name, "thread-spawn" | "thread_spawn" | "thread_spawn_v2")),
            imports: self.imports,
            exports: self.exports,
            memories: self.memories,
            entry: Entry::None,
            start: self.start,
            asyncify: false,
            functions: self.defined,
            code_size: self.code_size,
            custom_sections: self.custom_sections,
        };
        info.asyncify =
            ["asyncify_start_unwind", "asyncify_stop_rewind"].iter().all(|name| info.export(name).is_some());
        info.entry = match () {
            () if info.has_plain_function("_start") => Entry::Command,
            () if info.has_plain_function("_initialize") => Entry::Reactor,
            () => Entry::None,
        };
        Ok(info)
    }
}

fn flavour(imports: &[Import]) -> Flavour {
    let from = |is: fn(&str) -> bool| imports.iter().any(|import| is(&import.module));
    match () {
        () if from(|module| module.starts_with("wasix_")) => Flavour::Wasix,
        () if from(|module| module == "wasi_snapshot_preview1") => Flavour::Preview1,
        () if from(|module| module == "wasi_unstable") => Flavour::Unstable,
        () => Flavour::None,
    }
}

fn val_type(ty: wasmparser::ValType) -> ValType {
    match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(_) => ValType::Ref,
    }
}

fn memory_type(ty: wasmparser::MemoryType) -> MemoryType {
    MemoryType {
        initial: ty.initial,
        maximum: ty.maximum,
        shared: ty.shared,
        memory64: ty.memory64,
        page_size: ty.page_size_log2.map_or(65536, |log2| 1u64.checked_shl(log2).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(wat: &str) -> Result<ModuleInfo, ModuleError> {
        ModuleInfo::parse(&wat::parse_str(wat).unwrap())
    }

    #[test]
    fn a_module_is_read() {
        let info = parse(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
                (import "wasi" "thread-spawn" (func (param i32) (result i32)))
                (memory (export "memory") 2 7)
                (global (export "g") (mut i64) (i64.const 0))
                (func (export "_start"))
                (func $begin) (start $begin)
                (@custom "hello" "12345"))"#,
        )
        .unwrap();
        assert_eq!(info.flavour, Flavour::Preview1);
        assert_eq!(info.entry, Entry::Command);
        assert_eq!((info.start, info.threads, info.asyncify, info.functions), (true, true, false, 2));
        assert_eq!(info.memories.len(), 1);
        assert_eq!(info.export("memory").unwrap().to_string(), "memory, 2 pages, at most 7");
        assert_eq!(info.export("g").unwrap().to_string(), "mutable global i64");
        assert_eq!(info.imports[0].ty.to_string(), "(i32) -> i32");
        assert_eq!(info.custom_sections.iter().find(|s| s.name == "hello").unwrap().size, 5);
    }

    #[test]
    fn flavours_and_entries() {
        let wasix = parse(
            r#"(module (import "wasix_32v1" "x" (func)) (import "wasi_snapshot_preview1" "y" (func))
                (func (export "_initialize")))"#,
        )
        .unwrap();
        assert_eq!((wasix.flavour, wasix.entry), (Flavour::Wasix, Entry::Reactor));
        let none = parse(r#"(module (func (export "_start") (param i32)))"#).unwrap();
        assert_eq!((none.flavour, none.entry), (Flavour::None, Entry::None));
    }

    #[test]
    fn every_truncation_is_one() {
        let whole = wat::parse_str(
            r#"(module (import "a" "b" (func)) (memory 1) (func (export "_start") call 0) (data (i32.const 0) "x"))"#,
        )
        .unwrap();
        assert!(ModuleInfo::parse(&whole).is_ok());
        for len in 1..whole.len() {
            match ModuleInfo::parse(&whole[..len]) {
                Err(ModuleError::Truncated { size }) => assert_eq!(size, len as u64),
                // Cut between two sections, it is well-formed; the validator misses what is gone.
                Ok(_) => {}
                Err(e) => panic!("{len}: {e}"),
            }
        }
    }

    #[test]
    fn no_byte_makes_it_panic() {
        let whole = wat::parse_str(
            r#"(module (import "a" "b" (func (param i32))) (memory (export "m") 1) (global (export "g") i32 (i32.const 1))
                (func (export "_start")))"#,
        )
        .unwrap();
        for at in 0..whole.len() {
            for value in [0, 1, 0x40, 0x7f, 0x80, 0xff] {
                let mut bad = whole.clone();
                bad[at] = value;
                let _ = ModuleInfo::parse(&bad);
            }
        }
    }

    #[test]
    fn an_invalid_body_is_found_by_the_validator() {
        let wasm = wat::parse_str("(module (func (result i32) i64.const 1))").unwrap();
        assert!(ModuleInfo::parse(&wasm).is_ok());
        let error = ModuleInfo::validate(&wasm).unwrap_err();
        assert!(error.to_string().contains("type mismatch"), "{error}");
    }
}
