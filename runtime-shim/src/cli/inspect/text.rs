//! For people.

use core::fmt::Write as _;

use gangplank::module_info::{Entry, ExternType, Near};

use super::{Inspected, by_module};

/// Writing to a string does not fail.
pub(super) fn describe(module: &Inspected<'_>) -> String {
    let Inspected { info, size, obstacles } = module;
    let mut text = String::new();
    let out = &mut text;
    match obstacles.as_slice() {
        [] => out.push_str("runs:     yes\n"),
        reasons => {
            let _ = writeln!(out, "runs:     no: {}", reasons.join("; "));
        }
    }
    let entry = match info.entry {
        Entry::Command => "a program (_start)",
        Entry::Reactor => "a library (_initialize)",
        Entry::None => "neither _start nor _initialize",
    };
    let _ = write!(out, "kind:     {entry}");
    for (is, what) in [
        (info.start, ", with a start function"),
        (info.threads, ", makes threads"),
        (info.asyncify, ", can be suspended (Asyncify)"),
    ] {
        out.push_str(if is { what } else { "" });
    }
    let _ = writeln!(out, "\nflavour:  {}", info.flavour);
    let functions = info.functions;
    let _ = writeln!(
        out,
        "size:     {size} bytes: {functions} functions of {} bytes, {} bytes of data",
        info.code_size, info.data_size
    );
    for memory in &info.memories {
        let _ = writeln!(out, "memory:   {memory}");
    }
    for table in &info.tables {
        let _ = writeln!(out, "table:    {table}");
    }
    for producer in &info.producers {
        let space = if producer.version.is_empty() { "" } else { " " };
        let (name, version) = (producer.name.escape_debug(), producer.version.escape_debug());
        let _ = writeln!(out, "made by:  {name}{space}{version} ({})", producer.field);
    }
    imports(out, module);
    let _ = writeln!(out, "exports:  {}", info.exports.len());
    for export in &info.exports {
        let kind = if matches!(export.ty, ExternType::Func(_)) { "" } else { ": " };
        let _ = writeln!(out, "  {}{kind}{}", export.name.escape_debug(), export.ty);
    }
    if !info.custom_sections.is_empty() {
        let _ = writeln!(out, "sections: {} of no meaning for running it", info.custom_sections.len());
    }
    for section in &info.custom_sections {
        let _ = writeln!(out, "  {} ({} bytes)", section.name.escape_debug(), section.size);
    }
    text
}

fn imports(out: &mut String, module: &Inspected<'_>) {
    let imports = &module.info.imports;
    let missing = imports.iter().filter(|import| import.missing().is_some()).count();
    let _ = match missing {
        0 => writeln!(out, "imports:  {}", imports.len()),
        _ => writeln!(out, "imports:  {}, {missing} of them missing here", imports.len()),
    };
    for (name, group) in by_module(imports) {
        let _ = writeln!(out, "  from {}:", name.escape_debug());
        for import in group {
            let (name, ty) = (import.name.escape_debug(), &import.ty);
            let _ = match import.missing().map(|missing| missing.near) {
                None => writeln!(out, "    ok       {name} {ty}"),
                Some(Near::Nothing) => writeln!(out, "    missing  {name} {ty}"),
                Some(near) => writeln!(out, "    missing  {name} {ty}; {near}"),
            };
        }
    }
}
