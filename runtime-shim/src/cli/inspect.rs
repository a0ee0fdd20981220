//! `gangplank inspect`.

use core::fmt::Write as _;

use gangplank::{
    ModuleInfo,
    module_info::{Entry, ExternType},
};

use super::{
    args::Inspect,
    report::{Failure, print},
};

pub(crate) fn inspect(args: &Inspect) -> Result<u8, Failure> {
    let wasm = gangplank::read_module(&args.program)?;
    let info = ModuleInfo::parse(&wasm)
        .map_err(|error| gangplank::LoadError { path: Some(args.program.clone()), reason: error.into() })?;
    print(&describe(&info, wasm.len()))
}

fn describe(info: &ModuleInfo, size: usize) -> String {
    let mut text = String::new();
    let out = &mut text;
    let _ = writeln!(out, "size:     {size} bytes, {} functions, {} bytes of code", info.functions, info.code_size);
    let entry = match info.entry {
        Entry::Command => "a program (_start)",
        Entry::Reactor => "a library (_initialize)",
        Entry::None => "neither _start nor _initialize",
    };
    let _ = writeln!(out, "kind:     {entry}{}", if info.start { ", with a start function" } else { "" });
    let _ = writeln!(out, "imports:  {} ({})", info.flavour, info.imports.len());
    for import in &info.imports {
        match import.missing() {
            None => {
                let _ = writeln!(out, "  ok       {}::{} {}", import.module, import.name, import.ty);
            }
            Some(missing) => {
                let _ = writeln!(out, "  missing  {missing}");
            }
        }
    }
    for memory in &info.memories {
        let _ = writeln!(out, "memory:   {memory}");
    }
    let _ = writeln!(out, "exports:  ({})", info.exports.len());
    for export in &info.exports {
        let kind = if matches!(export.ty, ExternType::Func(_)) { "" } else { ": " };
        let _ = writeln!(out, "  {}{kind}{}", export.name.escape_debug(), export.ty);
    }
    if !info.custom_sections.is_empty() {
        let _ = writeln!(out, "sections:");
        for section in &info.custom_sections {
            let _ = writeln!(out, "  {} ({} bytes)", section.name.escape_debug(), section.size);
        }
    }
    text
}
