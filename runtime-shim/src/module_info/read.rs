//! The sections of a module, one after the other.

use wasmparser::{CompositeInnerType, Encoding, ExternalKind, KnownCustom, Payload, ProducersSectionReader, TypeRef};

use super::{
    CustomSection, Entry, Export, ExternType, Flavour, Import, MemoryType, ModuleError, ModuleInfo, NotWasm, Producer,
    Signature, TableType, ValType,
};

/// What has been read so far.
#[derive(Default)]
pub(super) struct Reader {
    /// By type index; `None` for what is no function.
    types: Vec<Option<Signature>>,
    /// By function index: type index.
    functions: Vec<u32>,
    globals: Vec<(ValType, bool)>,
    tags: Vec<u32>,
    memories: Vec<MemoryType>,
    tables: Vec<TableType>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    custom_sections: Vec<CustomSection>,
    producers: Vec<Producer>,
    start: bool,
    defined: u32,
    code_size: u64,
    data_size: u64,
}

impl Reader {
    pub(super) fn payload(&mut self, payload: Payload<'_>) -> Result<(), ModuleError> {
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
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table_type(table?.ty));
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
            Payload::DataSection(section) => self.data_size = section.range().end - section.range().start,
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known() {
                    // Only people read it: what is wrong with it does not matter.
                    let _ = self.producers(fields);
                }
                let size = section.data().len() as u64;
                self.custom_sections.push(CustomSection { name: section.name().to_owned(), size });
            }
            _ => {}
        }
        Ok(())
    }

    fn producers(&mut self, fields: ProducersSectionReader<'_>) -> wasmparser::Result<()> {
        for field in fields {
            let field = field?;
            for value in field.values {
                let value = value?;
                self.producers.push(Producer {
                    field: field.name.to_owned(),
                    name: value.name.to_owned(),
                    version: value.version.to_owned(),
                });
            }
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
            TypeRef::Table(ty) => {
                self.tables.push(table_type(ty));
                ExternType::Table(table_type(ty))
            }
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
            ExternalKind::Table => ExternType::Table(self.tables.get(at).ok_or_else(|| missing("table"))?.clone()),
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

    pub(super) fn finish(self) -> Result<ModuleInfo, ModuleError> {
        let mut info = ModuleInfo {
            flavour: flavour(&self.imports),
            threads: self
                .imports
                .iter()
                .any(|i| matches!(&*i.name, "thread-spawn" | "thread_spawn" | "thread_spawn_v2")),
            imports: self.imports,
            exports: self.exports,
            memories: self.memories,
            tables: self.tables,
            entry: Entry::None,
            start: self.start,
            asyncify: false,
            functions: self.defined,
            code_size: self.code_size,
            data_size: self.data_size,
            custom_sections: self.custom_sections,
            producers: self.producers,
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

fn table_type(ty: wasmparser::TableType) -> TableType {
    TableType { element: ty.element_type.to_string(), initial: ty.initial, maximum: ty.maximum }
}
