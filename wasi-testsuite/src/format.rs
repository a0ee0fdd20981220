//! The official format: `manifest.json` of a suite and the expectations beside a program.
//!
//! | key of an expectation | default | meaning |
//! |---|---|---|
//! | `args` | `[]` | arguments after the program's name |
//! | `env` | `{}` | the whole environment, in the order of its names |
//! | `root` | none | a directory beside the program, offered as `/`; without it nothing is |
//! | `exit_code` | 0 | |
//! | `stdout`, `stderr` | anything | exactly what is written |
//!
//! These are what the specification calls the legacy keys, which all tests of preview1 use. The newer form, a list of
//! `operations`, is for servers and is refused by name.
//!
//! # Ours
//! What the format lacks has keys of our own. The official runner refuses them, so they may only be used in suites
//! whose directory's name ends in `-extra`.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `dirs` | `[]` | further directories, each `{"root": …, "name": …, "read_only": …}`; those with the same `root`, that of the test included, are one filesystem |
//! | `stdin` | never written, never closed | what standard input says before it ends |
//! | `stdin_open` | false | after that it stays open, and silent |
//! | `rights` | `"ignore"` | `"enforce"`: rights are enforced |
//! | `sockets` | `[]` | further descriptors after the directories, by the kinds of `sockets.rs`; only on Unix |
//! | `fd_limit` | the usual | most descriptors at a time |

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// The version of the tests that we run.
pub const PREVIEW1: &str = "wasm32-wasip1";

/// Keys of our own.
const OUR_KEYS: [&str; 6] = ["dirs", "stdin", "stdin_open", "rights", "sockets", "fd_limit"];
/// Suites that may use them end in this.
const OUR_SUITES: &str = "-extra";

/// Keys of the newer form.
const NEW_KEYS: [&str; 4] = ["operations", "proposals", "world", "servers"];

/// What `manifest.json` says of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The suite's name, for people.
    pub name: String,
    /// The target that its programs were built for.
    pub version: String,
}

impl Manifest {
    /// Reads a `manifest.json`.
    ///
    /// # Errors
    /// If it cannot be read, is no JSON object, lacks its name, or has a key that the format does not.
    pub fn read(path: &Path) -> Result<Manifest> {
        let mut manifest = Manifest { name: String::new(), version: PREVIEW1.to_owned() };
        for (key, value) in object(path)? {
            let text = || string(&value);
            match key.as_str() {
                "name" => manifest.name = text().with_context(|| at(path, &key))?,
                "version" => manifest.version = text().with_context(|| at(path, &key))?,
                _ => bail!("{}: a manifest has no such key", at(path, &key)),
            }
        }
        if manifest.name.is_empty() {
            bail!("{}: not given", at(path, "name"));
        }
        Ok(manifest)
    }
}

/// How to run a program and what to expect of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expectation {
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The directory offered as `/`, relative to the program.
    pub root: Option<String>,
    /// The exit code.
    pub exit_code: u32,
    /// All of standard output.
    pub stdout: Option<String>,
    /// All of standard error.
    pub stderr: Option<String>,
    /// Directories besides `root`.
    pub dirs: Vec<Dir>,
    /// What standard input says before it ends; without it, it says nothing and does not end.
    pub stdin: Option<String>,
    /// Whether standard input stays open after that.
    pub stdin_open: bool,
    /// Whether rights are enforced.
    pub enforce_rights: bool,
    /// Kinds of sockets that it is given after the directories.
    pub sockets: Vec<String>,
    /// Most descriptors open at a time.
    pub fd_limit: Option<u32>,
}

/// A directory that is offered besides `root`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dir {
    /// Relative to the program.
    pub root: String,
    /// What the guest knows it as.
    pub name: String,
    /// Whether nothing in it can be changed.
    pub read_only: bool,
}

impl Dir {
    fn of(value: &Value) -> Result<Dir> {
        let mut dir = Dir::default();
        for (key, value) in value.as_object().context("not an object")? {
            match key.as_str() {
                "root" => dir.root = string(value)?,
                "name" => dir.name = string(value)?,
                "read_only" => dir.read_only = value.as_bool().context("not a boolean")?,
                _ => bail!("`{key}`: a directory has no such key"),
            }
        }
        if dir.root.is_empty() || dir.name.is_empty() {
            bail!("a directory needs `root` and `name`");
        }
        Ok(dir)
    }
}

impl Expectation {
    /// Reads the file beside a program; without one, the defaults hold.
    ///
    /// # Errors
    /// If it exists and cannot be read, is no JSON object, or has a key or a value that the format does not.
    pub fn beside(program: &Path) -> Result<Expectation> {
        let path = program.with_extension("json");
        if path.exists() { Expectation::read(&path) } else { Ok(Expectation::default()) }
    }

    fn read(path: &Path) -> Result<Expectation> {
        let object = object(path)?;
        if let Some(key) = object.keys().find(|key| NEW_KEYS.contains(&key.as_str())) {
            if let Some(old) = object.keys().find(|key| !NEW_KEYS.contains(&key.as_str())) {
                bail!("{}: cannot be mixed with `{old}`, which is of the other form", at(path, key));
            }
            bail!("{}: this form is for servers, which preview1 does not have", at(path, key));
        }
        let suite = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        if let Some(key) = object.keys().find(|key| OUR_KEYS.contains(&key.as_str()))
            && !suite.ends_with(OUR_SUITES)
        {
            bail!("{}: not of the official format, so only for suites called *{OUR_SUITES}", at(path, key));
        }
        let mut expectation = Expectation::default();
        for (key, value) in &object {
            expectation.set(key, value).with_context(|| at(path, key))?;
        }
        Ok(expectation)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        match key {
            "args" => self.args = strings(value)?,
            "env" => {
                let entries = value.as_object().context("not an object")?;
                self.env = entries.iter().map(|(k, v)| Ok((k.clone(), string(v)?))).collect::<Result<_>>()?;
            }
            "root" => self.root = optional(value)?,
            "exit_code" => {
                let code = value.as_u64().and_then(|code| u32::try_from(code).ok());
                self.exit_code = code.context("not a number from 0 to 2^32 - 1")?;
            }
            "stdout" => self.stdout = optional(value)?,
            "stderr" => self.stderr = optional(value)?,
            "dirs" => self.dirs = value.as_array().context("not a list")?.iter().map(Dir::of).collect::<Result<_>>()?,
            "stdin" => self.stdin = optional(value)?,
            "stdin_open" => self.stdin_open = value.as_bool().context("not a boolean")?,
            "rights" => {
                self.enforce_rights = match string(value)?.as_str() {
                    "enforce" => true,
                    "ignore" => false,
                    _ => bail!("neither \"ignore\" nor \"enforce\""),
                }
            }
            "sockets" => self.sockets = strings(value)?,
            "fd_limit" => {
                let limit = value.as_u64().and_then(|limit| u32::try_from(limit).ok());
                self.fd_limit = Some(limit.context("not a number below 2^32")?);
            }
            _ => bail!("an expectation has no such key"),
        }
        Ok(())
    }
}

fn object(path: &Path) -> Result<Map<String, Value>> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    match serde_json::from_str(&text).with_context(|| format!("{shown}: not JSON"))? {
        Value::Object(object) => Ok(object),
        _ => bail!("{shown}: not a JSON object"),
    }
}

fn string(value: &Value) -> Result<String> {
    Ok(value.as_str().context("not a string")?.to_owned())
}

fn strings(value: &Value) -> Result<Vec<String>> {
    value.as_array().context("not a list")?.iter().map(string).collect()
}

fn optional(value: &Value) -> Result<Option<String>> {
    if value.is_null() { Ok(None) } else { string(value).map(Some) }
}

fn at(path: &Path, key: &str) -> String {
    format!("{}: `{key}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(json: &str) -> Result<Expectation> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("t.json"), json).unwrap();
        Expectation::beside(&dir.path().join("t.wasm"))
    }

    fn refused(json: &str) -> String {
        format!("{:#}", expectation(json).unwrap_err())
    }

    #[test]
    fn every_key_is_read() {
        let read = expectation(
            r#"{"args": ["", "b c"], "env": {"B": "=", "A": ""}, "root": "fs.dir", "exit_code": 33, "stdout": "x\n",
                "stderr": null}"#,
        );
        let want = Expectation {
            args: vec![String::new(), "b c".to_owned()],
            env: [("A".to_owned(), String::new()), ("B".to_owned(), "=".to_owned())].into(),
            root: Some("fs.dir".to_owned()),
            exit_code: 33,
            stdout: Some("x\n".to_owned()),
            ..Expectation::default()
        };
        assert_eq!(read.unwrap(), want);
        assert_eq!(expectation("{}").unwrap(), Expectation::default());
    }

    #[test]
    fn a_program_without_expectations_has_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Expectation::beside(&dir.path().join("t.wasm")).unwrap(), Expectation::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        for (json, want) in [
            (r#"{"dir": ["a"]}"#, "`dir`: an expectation has no such key"),
            (r#"{"dirs": []}"#, "`dirs`: not of the official format"),
            (r#"{"args": "a"}"#, "`args`: not a list"),
            (r#"{"args": [1]}"#, "`args`: not a string"),
            (r#"{"env": {"A": 1}}"#, "`env`: not a string"),
            (r#"{"exit_code": -1}"#, "`exit_code`: not a number"),
            (r#"{"exit_code": 4294967296}"#, "`exit_code`: not a number"),
            (r#"{"operations": []}"#, "`operations`: this form is for servers"),
            (r#"{"args": [], "operations": []}"#, "`operations`: cannot be mixed with `args`"),
            ("[]", "not a JSON object"),
            ("{", "not JSON"),
        ] {
            let message = refused(json);
            assert!(message.contains(want) && message.contains("t.json"), "{json}: {message}");
        }
    }

    #[test]
    fn keys_of_our_own() {
        let dir = tempfile::tempdir().unwrap();
        let suite = dir.path().join("some-extra");
        fs::create_dir(&suite).unwrap();
        let read = |json: &str| {
            fs::write(suite.join("t.json"), json).unwrap();
            Expectation::beside(&suite.join("t.wasm")).map_err(|e| format!("{e:#}"))
        };
        let json = r#"{"dirs": [{"root": "a", "name": "/b", "read_only": true}], "stdin": "in", "stdin_open": true,
            "rights": "enforce", "sockets": ["echo"], "fd_limit": 9}"#;
        let want = Expectation {
            dirs: vec![Dir { root: "a".to_owned(), name: "/b".to_owned(), read_only: true }],
            stdin: Some("in".to_owned()),
            stdin_open: true,
            enforce_rights: true,
            sockets: vec!["echo".to_owned()],
            fd_limit: Some(9),
            ..Expectation::default()
        };
        assert_eq!(read(json).unwrap(), want);
        for (json, want) in [
            (r#"{"dirs": ["a"]}"#, "`dirs`: not an object"),
            (r#"{"dirs": [{"root": "a"}]}"#, "`dirs`: a directory needs"),
            (r#"{"dirs": [{"ro": true}]}"#, "`ro`: a directory has no such key"),
            (r#"{"rights": "some"}"#, "`rights`: neither"),
            (r#"{"fd_limit": -1}"#, "`fd_limit`: not a number"),
        ] {
            let message = read(json).unwrap_err();
            assert!(message.contains(want), "{json}: {message}");
        }
    }

    #[test]
    fn manifests() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.json");
        let read = |json: &str| {
            fs::write(&path, json).unwrap();
            Manifest::read(&path).map_err(|e| format!("{e:#}"))
        };
        assert_eq!(read(r#"{"name": "n", "version": "wasm32-wasip3"}"#).unwrap().version, "wasm32-wasip3");
        assert_eq!(read(r#"{"name": "n"}"#).unwrap().version, PREVIEW1);
        assert!(read(r#"{"name": "n", "extra": 1}"#).unwrap_err().contains("`extra`: a manifest has no such key"));
        assert!(read(r#"{"version": "wasm32-wasip1"}"#).unwrap_err().contains("`name`: not given"));
    }
}
