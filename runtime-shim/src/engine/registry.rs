//! The engines by name.

use std::sync::Arc;

use super::{Engine, EngineError, EngineOptions};

type Make = fn(&EngineOptions) -> Result<Arc<dyn Engine>, EngineError>;

/// An engine that we know, built in or not.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The name to choose it by.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// How to get it, where it is not built in.
    how: &'static str,
    make: Option<Make>,
}

impl Known {
    /// Whether this build contains it.
    pub fn is_built_in(&self) -> bool {
        self.make.is_some()
    }
}

/// All engines that we know; the first that is built in is the default.
pub const ENGINES: &[Known] = &[
    Known {
        name: "cranelift",
        about: "Cranelift, through wasmtime: optimising, ahead of time",
        how: "build it with `--features cranelift`",
        #[cfg(feature = "cranelift")]
        make: Some(crate::cranelift::engine),
        #[cfg(not(feature = "cranelift"))]
        make: None,
    },
    Known {
        name: "jsc",
        about: "JavaScriptCore, the engine of WebKit",
        how: "build it with `--features jsc`",
        #[cfg(feature = "jsc")]
        make: Some(crate::jsc::engine),
        #[cfg(not(feature = "jsc"))]
        make: None,
    },
];

/// Makes the engine of that name; without a name the default one.
///
/// # Errors
/// [`EngineError::Unknown`], [`EngineError::NotBuiltIn`], [`EngineError::Setup`].
pub fn engine(name: Option<&str>, options: &EngineOptions) -> Result<Arc<dyn Engine>, EngineError> {
    let known = match name {
        Some(name) => ENGINES.iter().find(|known| known.name == name),
        None => ENGINES.iter().find(|known| known.is_built_in()).or(ENGINES.first()),
    };
    let known = known.ok_or_else(|| EngineError::Unknown { name: name.unwrap_or_default().to_owned() })?;
    let make = known.make.ok_or(EngineError::NotBuiltIn { name: known.name, how: known.how })?;
    make(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_found_by_name_or_refused_in_words() {
        let options = EngineOptions::default();
        let unknown = engine(Some("v9"), &options).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no engine `v9`; known engines: cranelift, jsc");
        for known in ENGINES.iter().filter(|known| !known.is_built_in()) {
            let error = engine(Some(known.name), &options).unwrap_err().to_string();
            assert!(error.contains("does not contain the engine"), "{error}");
            assert!(error.contains(&format!("`--features {}`", known.name)), "{error}");
        }
        if cfg!(feature = "cranelift") {
            assert_eq!(engine(None, &options).unwrap().name(), "cranelift");
        }
    }
}
