//! What the tests of the command line share.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A directory that goes with the test.
pub(crate) struct Sandbox(TempDir);

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        Sandbox(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and answers its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Compiles a module from text into a file, and answers its path.
    pub(crate) fn wasm(&self, name: &str, text: &str) -> PathBuf {
        self.file(name, wat::parse_str(text).unwrap())
    }

    /// The command, in this directory, without anything to read.
    pub(crate) fn gangplank(&self) -> Command {
        self.here(Command::new(env!("CARGO_BIN_EXE_gangplank")))
    }

    /// The same, to be ended by Ctrl-C though whoever runs the tests ignores it: a shell in the background, or `nohup`.
    #[cfg(unix)]
    #[allow(dead_code, reason = "not every test binary interrupts one")]
    pub(crate) fn interruptible(&self) -> Command {
        if !cfg!(target_os = "linux") {
            return self.gangplank();
        }
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_gangplank")]);
        self.here(command)
    }

    fn here(&self, mut command: Command) -> Command {
        // Its cache goes with the test as well.
        command.current_dir(self.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", self.path().join(".cache"));
        command
    }

    /// Runs `gangplank` with these words; `run` on the engine that is asked for, unless they name one.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let mut command = self.gangplank();
        match (words, engine()) {
            (["run", rest @ ..], Some(engine)) if !words.contains(&"--engine") => {
                command.args(["run", "--engine", &engine]).args(rest)
            }
            _ => command.args(words),
        };
        Ran::of(command.output().unwrap())
    }
}

/// The engine to run programs on instead of the default one: `cargo xtask test` runs these tests once more with it.
pub(crate) fn engine() -> Option<String> {
    std::env::var("GANGPLANK_TEST_ENGINE").ok()
}

/// What came out of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It failed with this code, and one message that holds all these words.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.err.matches("error:").count(), 1, "one message: {self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in {self:?}");
        }
    }
}

/// Imports and helpers for modules in text: `$puts` writes bytes to a descriptor, `$ok` exits with the errno unless it
/// is 0. Memory from 0 to 63 is theirs.
pub(crate) const PRELUDE: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
        (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory"
        (func $path_create_directory (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_recv" (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_send" (func $sock_send (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_shutdown" (func $sock_shutdown (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 2)
    (func $ok (param $errno i32)
        (if (local.get $errno) (then (call $proc_exit (local.get $errno)) unreachable)))
    (func $puts (param $fd i32) (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $len))
        (call $ok (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
"#;

/// A program of that body, after [`PRELUDE`].
pub(crate) fn program(body: &str) -> String {
    format!("(module {PRELUDE} {body})")
}

/// Writes what it is given to `out.txt` in descriptor 3, and exits with the errno of the first thing that fails.
pub(crate) fn writer() -> String {
    program(
        r#"(data (i32.const 64) "out.txt") (data (i32.const 96) "hello\n")
        (func (export "_start")
            (call $ok (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 7)
                (i32.const 1) (i64.const 0x42) (i64.const 0) (i32.const 0) (i32.const 16)))
            (call $puts (i32.load (i32.const 16)) (i32.const 96) (i32.const 6)))"#,
    )
}

/// Prints `hello.txt` of descriptor 3.
pub(crate) fn reader() -> String {
    program(
        r#"(data (i32.const 64) "hello.txt")
        (func (export "_start")
            (call $ok (call $path_open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 9)
                (i32.const 0) (i64.const 0x2) (i64.const 0) (i32.const 0) (i32.const 16)))
            (i32.store (i32.const 0) (i32.const 1024))
            (i32.store (i32.const 4) (i32.const 1024))
            (call $ok (call $fd_read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 8))))"#,
    )
}

/// Prints its arguments, each with its NUL.
pub(crate) const PRINT_ARGS: &str = r#"
    (func (export "_start")
        (call $ok (call $args_sizes_get (i32.const 16) (i32.const 20)))
        (call $ok (call $args_get (i32.const 1024) (i32.const 4096)))
        (call $puts (i32.const 1) (i32.const 4096) (i32.load (i32.const 20))))"#;

/// Prints its environment, each entry with its NUL.
pub(crate) const PRINT_ENV: &str = r#"
    (func (export "_start")
        (call $ok (call $environ_sizes_get (i32.const 16) (i32.const 20)))
        (call $ok (call $environ_get (i32.const 1024) (i32.const 4096)))
        (call $puts (i32.const 1) (i32.const 4096) (i32.load (i32.const 20))))"#;
