//! For programs. `gangplank inspect --help` documents the keys; those that are there stay, others may come.

use gangplank::module_info::{Entry, ExternType, Flavour, Near, Signature};
use serde_json::{Map, Value, json};

use super::{Inspected, kind};

pub(super) fn describe(module: &Inspected<'_>) -> String {
    let info = module.info;
    let imports = info.imports.iter().map(|import| {
        let missing = import.missing();
        let mut value = described(&import.name, &import.ty);
        value.insert("module".to_owned(), import.module.as_str().into());
        value.insert("provided".to_owned(), missing.is_none().into());
        let why = match missing.map(|missing| missing.near) {
            None => Value::Null,
            Some(Near::Nothing) => "we have nothing like it".into(),
            Some(near) => near.to_string().into(),
        };
        value.insert("why_not".to_owned(), why);
        Value::Object(value)
    });
    let exports = info.exports.iter().map(|export| Value::Object(described(&export.name, &export.ty)));
    let document = json!({
        "format": 1,
        "runs": module.obstacles.is_empty(),
        "obstacles": module.obstacles,
        "entry": match info.entry {
            Entry::Command => "command",
            Entry::Reactor => "reactor",
            Entry::None => "none",
        },
        "flavour": match info.flavour {
            Flavour::None => "none",
            Flavour::Unstable => "unstable",
            Flavour::Preview1 => "preview1",
            Flavour::Wasix => "wasix",
        },
        "start": info.start,
        "threads": info.threads,
        "asyncify": info.asyncify,
        "size": module.size,
        "functions": info.functions,
        "code_size": info.code_size,
        "data_size": info.data_size,
        "imports": imports.collect::<Vec<_>>(),
        "exports": exports.collect::<Vec<_>>(),
        "memories": info.memories.iter().map(|memory| json!({
            "initial": memory.initial,
            "maximum": memory.maximum,
            "shared": memory.shared,
            "memory64": memory.memory64,
            "page_size": memory.page_size,
        })).collect::<Vec<_>>(),
        "tables": info.tables.iter().map(|table| json!({
            "element": table.element,
            "initial": table.initial,
            "maximum": table.maximum,
        })).collect::<Vec<_>>(),
        "producers": info.producers.iter().map(|producer| json!({
            "field": producer.field,
            "name": producer.name,
            "version": producer.version,
        })).collect::<Vec<_>>(),
        "custom_sections": info.custom_sections.iter().map(|section| json!({
            "name": section.name,
            "size": section.size,
        })).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

/// Name and type; of functions also what they take and return.
fn described(name: &str, ty: &ExternType) -> Map<String, Value> {
    let (kind, signature) = kind(ty);
    let mut value = Map::new();
    value.insert("name".to_owned(), name.into());
    value.insert("kind".to_owned(), kind.into());
    value.insert("type".to_owned(), ty.to_string().into());
    if let Some(Signature { params, results }) = signature {
        let types =
            |types: &[gangplank::module_info::ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>();
        value.insert("params".to_owned(), types(params).into());
        value.insert("results".to_owned(), types(results).into());
    }
    value
}
