//! [`ModuleInfo`]: what a module is, read once by our own parser, above all engines.

mod imports;
mod read;
mod sniff;
mod types;

use core::fmt;

use wasmparser::{Parser, Validator, WasmFeatures};

pub use imports::{MissingImport, Near};
pub use sniff::NotWasm;
pub use types::{ExternType, MemoryType, Signature, TableType, ValType};

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
    /// Its tables, imported ones first.
    pub tables: Vec<TableType>,
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
    /// Bytes of its data section.
    pub data_size: u64,
    /// Its custom sections, in order.
    pub custom_sections: Vec<CustomSection>,
    /// What made it, from the custom section `producers`; nothing if there is none, or it cannot be read.
    pub producers: Vec<Producer>,
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

/// Something that took part in making a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Producer {
    /// What it is: `language`, `processed-by` or `sdk`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version, or nothing.
    pub version: String,
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
        let mut reader = read::Reader::default();
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
                (memory (export "memory") 2 7) (data (i32.const 0) "four")
                (table (export "table") 1 3 funcref) (table 2 externref)
                (global (export "g") (mut i64) (i64.const 0))
                (func (export "_start"))
                (func $begin) (start $begin)
                (@custom "hello" "12345") (@producers (language "C11" "") (processed-by "clang" "19.1.5")))"#,
        )
        .unwrap();
        assert_eq!(info.flavour, Flavour::Preview1);
        assert_eq!(info.entry, Entry::Command);
        assert_eq!((info.start, info.threads, info.asyncify, info.functions), (true, true, false, 2));
        assert_eq!(info.memories.len(), 1);
        assert_eq!(info.export("memory").unwrap().to_string(), "memory, 2 pages, at most 7");
        assert_eq!(info.tables.len(), 2);
        assert_eq!(info.export("table").unwrap().to_string(), "table of funcref, 1 element, at most 3");
        assert_eq!(info.data_size, 10, "one segment: count, kind, offset with its end, length, content");
        assert_eq!(info.export("g").unwrap().to_string(), "mutable global i64");
        assert_eq!(info.imports[0].ty.to_string(), "(i32) -> i32");
        assert_eq!(info.custom_sections.iter().find(|s| s.name == "hello").unwrap().size, 5);
        let made: Vec<_> = info.producers.iter().map(|p| (&*p.field, &*p.name, &*p.version)).collect();
        assert_eq!(made, [("language", "C11", ""), ("processed-by", "clang", "19.1.5")]);
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
    fn a_damaged_producers_section_is_none() {
        for damage in ["\\02\\08language\\01\\01C\\00", "\\ff\\ff\\ff\\ff\\0f", "\\01\\03odd\\00", ""] {
            let info = parse(&format!(r#"(module (@custom "producers" "{damage}"))"#)).unwrap();
            assert!(info.producers.len() <= 1, "{damage}: {:?}", info.producers);
        }
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
