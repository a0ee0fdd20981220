//! Which of a module's imports we provide.

use core::fmt;

use super::{ExternType, Import, ModuleInfo, Signature};

/// An import that we do not provide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MissingImport {
    /// What is wanted.
    pub import: Import,
    /// What we have that comes near.
    pub near: Near,
}

/// What comes near to an import that we do not provide.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Near {
    /// Nothing.
    Nothing,
    /// The same name in the same module, with another type.
    OtherSignature(Signature),
    /// The same name in this other module.
    OtherModule(&'static str),
    /// Who else provides such things.
    Whose(&'static str),
}

impl fmt::Display for MissingImport {
    /// `module::name (i32) -> i32`, and what comes near.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Import { module, name, ty } = &self.import;
        write!(f, "{}::{} {ty}", module.escape_debug(), name.escape_debug())?;
        match &self.near {
            Near::Nothing => Ok(()),
            near => write!(f, "; {near}"),
        }
    }
}

impl fmt::Display for Near {
    /// Nothing for [`Near::Nothing`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Near::Nothing => Ok(()),
            Near::OtherSignature(ours) => write!(f, "ours is {ours}"),
            Near::OtherModule(module) => write!(f, "we have one in {module}"),
            Near::Whose(whose) => f.write_str(whose),
        }
    }
}

impl Import {
    /// `None` if we provide it.
    pub fn missing(&self) -> Option<MissingImport> {
        let near = match &self.ty {
            ExternType::Func(wanted) => match gangplank_wasi::abi::find(&self.module, &self.name) {
                Some(ours) => {
                    let ours = signature(ours);
                    if ours == *wanted {
                        return None;
                    }
                    Near::OtherSignature(ours)
                }
                None => near(&self.module, &self.name),
            },
            _ => near(&self.module, &self.name),
        };
        Some(MissingImport { import: self.clone(), near })
    }
}

impl ModuleInfo {
    /// Every import that we do not provide, in order.
    pub fn missing_imports(&self) -> Vec<MissingImport> {
        self.imports.iter().filter_map(Import::missing).collect()
    }
}

/// The type in wasm of an import of ours.
fn signature(import: &gangplank_wasi::abi::Import) -> Signature {
    Signature {
        params: import.params.iter().map(|param| param.kind.val_type().into()).collect(),
        results: import.results.iter().map(|ty| (*ty).into()).collect(),
    }
}

fn near(module: &str, name: &str) -> Near {
    match module {
        "wasi" if name == "thread-spawn" => return Near::Whose("wasi-threads, not supported yet"),
        "wasix_32v1" | "wasix_64v1" => return Near::Whose("WASIX, not supported yet"),
        "go" | "gojs" => return Near::Whose("built with Go for the browser; build with GOOS=wasip1"),
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
            return Near::Whose("built with wasm-bindgen for JavaScript; build for wasm32-wasip1");
        }
        _ if module.starts_with("wasi:") => {
            return Near::Whose("WASI 0.2 or later, for components; build for wasm32-wasip1");
        }
        "env" if name.starts_with("emscripten_") || name.starts_with("__syscall_") || name.starts_with("invoke_") => {
            return Near::Whose("built with Emscripten for JavaScript; build with -sSTANDALONE_WASM");
        }
        _ => {}
    }
    match gangplank_wasi::abi::imports().find(|ours| ours.name == name) {
        Some(ours) if ours.module != module => Near::OtherModule(ours.module),
        _ => Near::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(wat: &str) -> Vec<String> {
        let info = ModuleInfo::parse(&wat::parse_str(wat).unwrap()).unwrap();
        info.missing_imports().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn missing_imports_are_named_with_what_comes_near() {
        let missing = missing(
            r#"(module
                (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (import "wasi_unstable" "fd_close" (func (param i32) (result i32)))
                (import "wasi_unstable" "sock_accept" (func (param i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))
                (import "wasi_snapshot_preview1" "fd_frob" (func (param i32)))
                (import "env" "fd_close" (func (param i32) (result i32)))
                (import "env" "table" (table 1 funcref))
                (import "env" "g" (global i32))
                (import "env" "memory" (memory 1)))"#,
        );
        assert_eq!(
            missing,
            [
                "wasi_unstable::sock_accept (i32, i32, i32) -> i32; we have one in wasi_snapshot_preview1",
                "wasi_snapshot_preview1::fd_close (i64) -> i32; ours is (i32) -> i32",
                "wasi_snapshot_preview1::fd_frob (i32)",
                "env::fd_close (i32) -> i32; we have one in wasi_snapshot_preview1",
                "env::table table of funcref, 1 element, no maximum",
                "env::g global i32",
                "env::memory memory, 1 page, no maximum",
            ]
        );
    }
}
