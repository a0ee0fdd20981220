//! Modules as we give them to JavaScriptCore, which can neither interrupt a guest, nor count its instructions, nor ask
//! before its memory grows. Where that is wanted, the guest's code does it itself:
//!
//! * A variable of its own, the meter, is lowered in each function and at each turn of a loop by the number of
//!   instructions there ([`Plan`]). Below zero, an import of ours is called, which fills it up or does not return.
//! * `memory.grow` and `table.grow` become calls of functions that ask an import of ours first.
//! * A start function becomes an export, which we call. It would run before we could know the memory.
//!
//! New imports come after the module's own, so that the indices of its functions move up; all else that is new comes
//! at the end. Whatever is given to [`rewrite`] has been validated before: an index out of bounds would become one of
//! something of ours.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    Instruction, Module, RawSection, RefType, SectionId, TypeSection, ValType,
    reencode::{Error, Reencode},
};
use wasmparser::{CompositeInnerType, FunctionBody, KnownCustom, Operator, Parser, Payload};

use super::meter::Plan;
use crate::module_info::{ExternType, ModuleInfo};

/// The module that our imports come from.
pub(super) const HOOKS: &str = "gangplank";
/// `(i32) -> i32`: see [`bind::refill`](super::bind::refill).
pub(super) const REFILL: &str = "refill";
/// `(i32, i32, i32) -> i32`: see [`bind::grow`](super::bind::grow).
pub(super) const GROW: &str = "grow";
/// `(i32, i32, i32)`: see [`bind::undo`](super::bind::undo).
pub(super) const UNDO: &str = "undo";

/// What is wanted of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wanted {
    pub(super) meter: Meter,
    /// To ask before memory and tables grow.
    pub(super) limit: bool,
}

/// What the meter is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Meter {
    /// There is none.
    #[default]
    None,
    /// To come by from time to time: functions that cannot run for long need not be measured.
    Interrupt,
    /// To count.
    Fuel,
}

impl Wanted {
    /// How many of our imports that makes.
    pub(super) fn hooks(self) -> u32 {
        u32::from(self.meter != Meter::None) + if self.limit { 2 } else { 0 }
    }
}

/// A module of ours.
pub(super) struct Rewritten {
    pub(super) wasm: Vec<u8>,
    /// The export that is the start function.
    pub(super) start: Option<String>,
}

/// Does what is wanted, and makes a start function an export.
///
/// # Errors
/// If it is invalid, which it should not be; in words.
pub(super) fn rewrite(wasm: &[u8], info: &ModuleInfo, wanted: Wanted) -> Result<Rewritten, String> {
    // Without code there is nothing to measure and nothing that grows.
    let wanted = if info.functions == 0 { Wanted::default() } else { wanted };
    let is = |func: fn(&ExternType) -> bool| info.imports.iter().filter(move |import| func(&import.ty)).count() as u32;
    let imported = is(|ty| matches!(ty, ExternType::Func(_)));
    let globals = is(|ty| matches!(ty, ExternType::Global { .. }));
    let mut rewriter = Rewriter {
        info,
        wanted,
        imported,
        helpers: imported + wanted.hooks() + info.functions,
        meter: globals,
        types: 0,
        params: Vec::new(),
        tables: Vec::new(),
        start: None,
        done: 0,
        module: Module::new(),
    };
    rewriter.all(wasm).map_err(|error| error.to_string())?;
    let start = rewriter.start.map(|_| start_name(info));
    Ok(Rewritten { wasm: rewriter.module.finish(), start })
}

type Done = Result<(), Error>;

struct Rewriter<'a> {
    info: &'a ModuleInfo,
    wanted: Wanted,
    /// Functions that the module imports.
    imported: u32,
    /// The function that grows the memory; after it those for the tables.
    helpers: u32,
    /// The global that is the meter.
    meter: u32,
    /// The first of our types.
    types: u32,
    /// How many parameters each function has that the module defines.
    params: Vec<u32>,
    /// Of what the tables are.
    tables: Vec<RefType>,
    start: Option<u32>,
    /// The position of the latest section.
    done: u8,
    module: Module,
}

// Our types, from `Rewriter::types` on; one for each table follows.
const ONE_TO_ONE: u32 = 0;
const THREE_TO_ONE: u32 = 1;
const THREE: u32 = 2;
const GROW_TABLE: u32 = 3;

// Our imports that are about growth, from the last one back.
const FROM_END_GROW: u32 = 2;
const FROM_END_UNDO: u32 = 1;

impl Rewriter<'_> {
    fn all(&mut self, wasm: &[u8]) -> Done {
        // What the sections before the start section need to know of it.
        let mut types = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group?.into_types() {
                            types.push(match ty.composite_type.inner {
                                CompositeInnerType::Func(ty) => ty.params().len() as u32,
                                _ => 0,
                            });
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        self.params.push(types.get(ty? as usize).copied().unwrap_or(0));
                    }
                }
                Payload::StartSection { func, .. } => self.start = Some(func),
                Payload::TableSection(section) => {
                    for table in section {
                        let ty = self.ref_type(table?.ty.element_type)?;
                        self.tables.push(ty);
                    }
                }
                Payload::GlobalSection(section) => self.meter += section.count(),
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        for payload in Parser::new(0).parse_all(wasm) {
            self.payload(payload?, wasm)?;
        }
        self.before(u8::MAX)
    }

    fn payload(&mut self, payload: Payload<'_>, wasm: &[u8]) -> Done {
        if let Some((id, _)) = payload.as_section()
            && id != SectionId::Custom as u8
        {
            self.before(position(id))?;
        }
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    self.types += group?.into_types().len() as u32;
                }
                let mut types = TypeSection::new();
                self.parse_type_section(&mut types, section)?;
                self.add_types(&mut types);
                self.module.section(&types);
            }
            Payload::ImportSection(section) => {
                let mut imports = wasm_encoder::ImportSection::new();
                self.parse_import_section(&mut imports, section)?;
                self.add_imports(&mut imports);
                self.module.section(&imports);
            }
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                self.parse_function_section(&mut functions, section)?;
                if self.wanted.limit {
                    functions.function(self.types + ONE_TO_ONE);
                    (0..self.tables.len() as u32).for_each(|table| {
                        functions.function(self.types + GROW_TABLE + table);
                    });
                }
                self.module.section(&functions);
            }
            Payload::TableSection(section) => {
                let mut tables = wasm_encoder::TableSection::new();
                self.parse_table_section(&mut tables, section)?;
                self.module.section(&tables);
            }
            Payload::GlobalSection(section) => {
                let mut globals = GlobalSection::new();
                self.parse_global_section(&mut globals, section)?;
                self.add_global(&mut globals);
                self.module.section(&globals);
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                self.parse_export_section(&mut exports, section)?;
                self.add_export(&mut exports)?;
                self.module.section(&exports);
            }
            Payload::StartSection { .. } => {}
            Payload::ElementSection(section) => {
                let mut elements = wasm_encoder::ElementSection::new();
                self.parse_element_section(&mut elements, section)?;
                self.module.section(&elements);
            }
            Payload::DataSection(section) => {
                let mut data = wasm_encoder::DataSection::new();
                self.parse_data_section(&mut data, section)?;
                self.module.section(&data);
            }
            Payload::CodeSectionStart { unchecked_range, .. } => {
                self.before(position(SectionId::Code as u8))?;
                self.code(wasm, unchecked_range)?;
            }
            Payload::CodeSectionEntry(_) => {}
            Payload::CustomSection(section) => {
                // The names of functions move with them; all other custom sections may be about positions that change.
                // Names that cannot be read name nothing.
                if let KnownCustom::Name(names) = section.as_known()
                    && let Ok(names) = self.custom_name_section(names)
                {
                    self.module.section(&names);
                }
            }
            payload => {
                // Memories, tags, the number of data segments: no indices in them that move.
                if let Some((id, range)) = payload.as_section() {
                    let data = wasm.get(range.start as usize..range.end as usize).unwrap_or_default();
                    self.module.section(&RawSection { id, data });
                }
            }
        }
        Ok(())
    }

    fn code(&mut self, wasm: &[u8], range: core::ops::Range<u64>) -> Done {
        let data = wasm.get(range.start as usize..range.end as usize).unwrap_or_default();
        let reader = Parser::new(0).binary_reader(data, range.start);
        let mut code = CodeSection::new();
        for (at, body) in wasmparser::CodeSectionReader::new(reader)?.into_iter().enumerate() {
            self.body(&mut code, &body?, self.params.get(at).copied().unwrap_or(0))?;
        }
        if self.wanted.limit {
            self.add_helpers(&mut code);
        }
        self.module.section(&code);
        Ok(())
    }

    /// Adds those of our sections that the module lacks and that come before this position.
    fn before(&mut self, position_of_next: u8) -> Done {
        let latest = core::mem::replace(&mut self.done, position_of_next);
        let lacks = |id: SectionId| (latest + 1..position_of_next).contains(&position(id as u8));
        if lacks(SectionId::Import) && self.wanted.hooks() > 0 {
            let mut imports = wasm_encoder::ImportSection::new();
            self.add_imports(&mut imports);
            self.module.section(&imports);
        }
        if lacks(SectionId::Global) && self.wanted.meter != Meter::None {
            let mut globals = GlobalSection::new();
            self.add_global(&mut globals);
            self.module.section(&globals);
        }
        if lacks(SectionId::Export) && self.start.is_some() {
            let mut exports = ExportSection::new();
            self.add_export(&mut exports)?;
            self.module.section(&exports);
        }
        Ok(())
    }

    fn add_types(&self, types: &mut TypeSection) {
        const I32: ValType = ValType::I32;
        if self.wanted.hooks() == 0 {
            return;
        }
        types.ty().function([I32], [I32]);
        types.ty().function([I32; 3], [I32]);
        types.ty().function([I32; 3], []);
        for table in &self.tables {
            types.ty().function([ValType::Ref(*table), I32], [I32]);
        }
    }

    fn add_imports(&self, imports: &mut wasm_encoder::ImportSection) {
        let mut add = |name, ty| {
            imports.import(HOOKS, name, wasm_encoder::EntityType::Function(self.types + ty));
        };
        if self.wanted.meter != Meter::None {
            add(REFILL, ONE_TO_ONE);
        }
        if self.wanted.limit {
            add(GROW, THREE_TO_ONE);
            add(UNDO, THREE);
        }
    }

    fn add_global(&self, globals: &mut GlobalSection) {
        if self.wanted.meter != Meter::None {
            let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
            globals.global(ty, &ConstExpr::i32_const(0));
        }
    }

    fn add_export(&mut self, exports: &mut ExportSection) -> Done {
        if let Some(start) = self.start {
            let start = self.function_index(start)?;
            exports.export(&start_name(self.info), ExportKind::Func, start);
        }
        Ok(())
    }

    fn body(&mut self, code: &mut CodeSection, body: &FunctionBody<'_>, params: u32) -> Done {
        let mut locals = Vec::new();
        let mut count = params;
        for local in body.get_locals_reader()? {
            let (more, ty) = local?;
            count = count.saturating_add(more);
            locals.push((more, self.val_type(ty)?));
        }
        let mut plan = Plan::new(self.wanted.meter, body, self.meter, count, self.imported)?;
        if plan.wants_local() {
            locals.push((1, ValType::I32));
        }
        let mut function = Function::new(locals);
        plan.begin(&mut function);
        let mut depth = 0_u32;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let operator = reader.read()?;
            plan.before(&mut function, &operator, depth);
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => depth += 1,
                Operator::End | Operator::Delegate { .. } => depth = depth.saturating_sub(1),
                _ => {}
            }
            match operator {
                Operator::MemoryGrow { .. } if self.wanted.limit => {
                    function.instruction(&Instruction::Call(self.helpers));
                }
                Operator::TableGrow { table } if self.wanted.limit => {
                    function.instruction(&Instruction::Call(self.helpers + 1 + table));
                }
                ref operator => {
                    function.instruction(&self.instruction(operator.clone())?);
                }
            }
            plan.after(&mut function, &operator);
        }
        code.function(&function);
        Ok(())
    }

    /// The functions that ask, grow, and say so if that failed: of the memory, then of each table. Their last parameter
    /// is how much more, and their last local what came out.
    fn add_helpers(&self, code: &mut CodeSection) {
        let mut add = |which: u32, more: u32, size: Instruction<'_>, grow: &[Instruction<'_>]| {
            let result = more + 1;
            let hooks = self.imported + self.wanted.hooks();
            let mut function = Function::new([(1, ValType::I32)]);
            let asked = [
                Instruction::I32Const(which.cast_signed()),
                size.clone(),
                Instruction::LocalGet(more),
                Instruction::Call(hooks - FROM_END_GROW),
                Instruction::I32Eqz,
                Instruction::If(BlockType::Empty),
                Instruction::I32Const(-1),
                Instruction::Return,
                Instruction::End,
            ];
            let told = [
                Instruction::LocalTee(result),
                Instruction::I32Const(-1),
                Instruction::I32Eq,
                Instruction::If(BlockType::Empty),
                Instruction::I32Const(which.cast_signed()),
                size,
                Instruction::LocalGet(more),
                Instruction::Call(hooks - FROM_END_UNDO),
                Instruction::End,
                Instruction::LocalGet(result),
                Instruction::End,
            ];
            for instruction in asked.iter().chain(grow).chain(&told) {
                function.instruction(instruction);
            }
            code.function(&function);
        };
        match self.info.memories.is_empty() {
            false => add(0, 0, Instruction::MemorySize(0), &[Instruction::LocalGet(0), Instruction::MemoryGrow(0)]),
            // Nothing calls it; the functions of the tables have their places after it.
            true => add(0, 0, Instruction::I32Const(0), &[Instruction::I32Const(-1)]),
        }
        for table in 0..self.tables.len() as u32 {
            let grow = [Instruction::LocalGet(0), Instruction::LocalGet(1), Instruction::TableGrow(table)];
            add(table + 1, 1, Instruction::TableSize(table), &grow);
        }
    }
}

impl Reencode for Rewriter<'_> {
    type Error = core::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        Ok(if index < self.imported { index } else { index + self.wanted.hooks() })
    }
}

/// A name that the module does not export anything under.
fn start_name(info: &ModuleInfo) -> String {
    let mut name = "start".to_owned();
    while info.export(&name).is_some() {
        name.push('\'');
    }
    name
}

/// Where a section stands in the order of sections.
fn position(id: u8) -> u8 {
    const ORDER: [SectionId; 13] = [
        SectionId::Type,
        SectionId::Import,
        SectionId::Function,
        SectionId::Table,
        SectionId::Memory,
        SectionId::Tag,
        SectionId::Global,
        SectionId::Export,
        SectionId::Start,
        SectionId::Element,
        SectionId::DataCount,
        SectionId::Code,
        SectionId::Data,
    ];
    ORDER.iter().position(|&known| known as u8 == id).map_or(u8::MAX - 1, |at| at as u8 + 1)
}
