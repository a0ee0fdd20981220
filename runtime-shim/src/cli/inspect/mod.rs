//! `gangplank inspect`: what a module is, and whether it would run.

mod json;
mod text;

use gangplank::{
    LoadError, ModuleInfo,
    module_info::{Entry, ExternType, Import, Signature},
};

use super::{
    args::Inspect,
    report::{Failure, print},
};

pub(crate) fn inspect(args: &Inspect) -> Result<u8, Failure> {
    let wasm = gangplank::read_module(&args.program)?;
    let info = ModuleInfo::parse(&wasm)
        .map_err(|error| LoadError { path: Some(args.program.clone()), reason: error.into() })?;
    let obstacles = obstacles(&info, &wasm);
    let module = Inspected { info: &info, size: wasm.len(), obstacles };
    print(&if args.json { json::describe(&module) } else { text::describe(&module) })
}

/// A module, and what we think of it.
struct Inspected<'a> {
    info: &'a ModuleInfo,
    /// Bytes of the file.
    size: usize,
    /// Why `gangplank run` would refuse it; nothing if it would not.
    obstacles: Vec<String>,
}

/// Every reason that is known without compiling it: the engine may know others.
fn obstacles(info: &ModuleInfo, wasm: &[u8]) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Err(error) = ModuleInfo::validate(wasm) {
        reasons.push(error.to_string());
    }
    match info.missing_imports().len() {
        0 => {}
        1 => reasons.push("it imports something that we do not provide".to_owned()),
        n => reasons.push(format!("it imports {n} things that we do not provide")),
    }
    if info.entry != Entry::Command {
        let error = gangplank::RunError::NoStart {
            reactor: info.entry == Entry::Reactor,
            odd: info.export("_start").is_some(),
        };
        reasons.push(error.to_string());
    }
    reasons
}

/// The imports by the module that they are wanted from, in the order of their first.
fn by_module(imports: &[Import]) -> Vec<(&str, Vec<&Import>)> {
    let mut groups: Vec<(&str, Vec<&Import>)> = Vec::new();
    for import in imports {
        match groups.iter_mut().find(|(module, _)| *module == import.module) {
            Some((_, group)) => group.push(import),
            None => groups.push((&import.module, vec![import])),
        }
    }
    groups
}

/// The kind of an import or export, and its signature if it has one.
fn kind(ty: &ExternType) -> (&'static str, Option<&Signature>) {
    match ty {
        ExternType::Func(signature) => ("func", Some(signature)),
        ExternType::Memory(_) => ("memory", None),
        ExternType::Table(_) => ("table", None),
        ExternType::Global { .. } => ("global", None),
        ExternType::Tag(signature) => ("tag", Some(signature)),
    }
}
