//! Finding suites: every directory with a `manifest.json`, and the programs in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::format::{Expectation, Manifest, PREVIEW1};

/// Parts of paths that say nothing about which suite it is.
const DULL: [&str; 3] = ["tests", "testsuite", PREVIEW1];

/// A directory of tests.
#[derive(Debug)]
pub struct Suite {
    /// A short name, from its path: `rust` for `tests/rust/testsuite/wasm32-wasip1`.
    pub label: String,
    /// What its manifest says.
    pub manifest: Manifest,
    /// The programs, by name; none if we do not run this version.
    pub cases: Vec<Case>,
}

impl Suite {
    /// Why none of it is run, if so.
    pub fn skipped(&self) -> Option<String> {
        let version = &self.manifest.version;
        (version != PREVIEW1).then(|| format!("{version} is not preview1"))
    }
}

/// One program.
#[derive(Debug)]
pub struct Case {
    /// Its file's name without `.wasm`.
    pub name: String,
    /// The file.
    pub program: PathBuf,
    /// How to run it, or what is wrong with its expectations.
    pub expectation: Result<Expectation>,
}

impl Case {
    /// The directory that the program and its fixtures are in.
    pub fn dir(&self) -> &Path {
        self.program.parent().unwrap_or(Path::new(""))
    }
}

/// All suites below a directory, or in it, in the order of their paths. Links are not followed: fixtures have some.
///
/// # Errors
/// If a directory or a manifest cannot be read. What is wrong with one test is in that test.
pub fn discover(top: &Path) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    let mut todo = vec![top.to_owned()];
    while let Some(dir) = todo.pop() {
        let manifest = dir.join("manifest.json");
        if manifest.is_file() {
            suites.push((dir.clone(), suite(top, &dir, Manifest::read(&manifest)?)?));
            continue;
        }
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    suites.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(suites.into_iter().map(|(_, suite)| suite).collect())
}

fn suite(top: &Path, dir: &Path, manifest: Manifest) -> Result<Suite> {
    let mut suite = Suite { label: label(top, dir), manifest, cases: Vec::new() };
    if suite.skipped().is_some() {
        return Ok(suite);
    }
    for entry in fs::read_dir(dir)? {
        let program = entry?.path();
        if program.extension().is_some_and(|e| e == "wasm") {
            let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            suite.cases.push(Case { name, expectation: Expectation::beside(&program), program });
        }
    }
    suite.cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(suite)
}

/// The telling parts of the path below `top`; if there are none, the last one of all.
fn label(top: &Path, dir: &Path) -> String {
    let telling = |path: &Path| -> Vec<String> {
        let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        parts.filter(|part| !DULL.contains(&part.as_str())).collect()
    };
    let below = dir.strip_prefix(top).map(telling).unwrap_or_default();
    if below.is_empty() { telling(dir).pop().unwrap_or_default() } else { below.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: PathBuf, content: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn finds_suites_and_programs() {
        let top = tempfile::tempdir().unwrap();
        let rust = top.path().join("tests/rust/testsuite/wasm32-wasip1");
        file(rust.join("manifest.json"), r#"{"name": "R"}"#);
        file(rust.join("b.wasm"), "");
        file(rust.join("b.json"), r#"{"root": "fs.dir"}"#);
        file(rust.join("a.wasm"), "");
        file(rust.join("a.json"), r#"{"odd": 1}"#);
        file(rust.join("fs.dir/manifest.json"), "not a manifest: part of a fixture");
        let newer = top.path().join("tests/rust/testsuite/wasm32-wasip3");
        file(newer.join("manifest.json"), r#"{"name": "N", "version": "wasm32-wasip3"}"#);
        file(newer.join("c.wasm"), "");
        file(top.path().join("other/manifest.json"), r#"{"name": "O"}"#);

        let suites = discover(top.path()).unwrap();
        let labels: Vec<_> = suites.iter().map(|s| s.label.as_str()).collect();
        assert_eq!(labels, ["other", "rust", "rust-wasm32-wasip3"]);
        let cases: Vec<_> = suites[1].cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(cases, ["a", "b"]);
        assert!(suites[1].cases[0].expectation.is_err());
        assert_eq!(suites[1].cases[1].dir(), rust);
        assert!(suites[1].skipped().is_none());
        assert_eq!(suites[2].skipped().unwrap(), "wasm32-wasip3 is not preview1");
        assert!(suites[2].cases.is_empty());
    }

    #[test]
    fn one_suite_alone_is_found_too() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("mine/testsuite");
        file(dir.join("manifest.json"), r#"{"name": "M"}"#);
        assert_eq!(discover(&dir).unwrap()[0].label, "mine");
    }

    #[test]
    fn a_broken_manifest_is_an_error() {
        let top = tempfile::tempdir().unwrap();
        file(top.path().join("x/manifest.json"), r#"{"name": 1}"#);
        let error = format!("{:#}", discover(top.path()).unwrap_err());
        assert!(error.contains("manifest.json: `name`: not a string"), "{error}");
        assert!(discover(&top.path().join("none")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let top = tempfile::tempdir().unwrap();
        file(top.path().join("s/fs/x"), "");
        std::os::unix::fs::symlink("..", top.path().join("s/fs/up")).unwrap();
        assert!(discover(top.path()).unwrap().is_empty());
    }
}
