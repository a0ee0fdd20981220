//! What a run is given: mounts, outputs, clocks, trees.
#![cfg(feature = "cranelift")]

mod common;

use std::sync::Arc;

use common::{PRINT_ARGS, program, reader, writer};
use gangplank::{
    Program, RunError,
    engine::{EngineOptions, engine},
    vfs::{Errno, MemFsOptions, MountOptions, Namespace, Tree, dir, mem_fs::MemFs},
};

fn load(text: &str) -> Program {
    let engine = engine(Some("cranelift"), &EngineOptions::default()).unwrap();
    Program::new(&*engine, "prog", &wat::parse_str(text).unwrap()).unwrap()
}

#[test]
fn output_comes_with_the_result_up_to_its_limit() {
    let program = load(&program(PRINT_ARGS));
    let mut runner = program.runner();
    let result = runner.capture_output(100).run().unwrap();
    assert_eq!((&*result.stdout, &*result.stderr), (&b"prog\0"[..], &b""[..]));
    let result = runner.capture_output(3).run().unwrap();
    assert_eq!(result.stdout, b"pro");
    assert_eq!(runner.run().unwrap(), result, "each run has its own");
}

#[test]
fn what_was_done_to_a_tree_is_told() {
    let files = dir! { "hello.txt": "x" }.tree().unwrap();
    let before = files.fork().unwrap();
    load(&writer()).runner().preopen("/", &files).run().unwrap();
    let changes: Vec<_> = files.changes_since(&before).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["+ out.txt"]);
    assert_eq!(files.read("out.txt").unwrap(), "hello\n");
}

#[test]
fn limits_of_a_filesystem_are_met_by_the_guest_alone() {
    let full = Tree::new(Arc::new(MemFsOptions::new().max_nodes(Some(1)).build()));
    let status = load(&writer()).runner().preopen("/", &full).run().unwrap().status;
    // WASI's number of NOSPC or DQUOT.
    assert!([51, 19].contains(&status.exit_code()), "{status:?}");
}

/// Prints `sub/hello.txt` of descriptor 3.
fn reads_below() -> String {
    reader()
        .replace("hello.txt", "sub/hello.txt")
        .replace("(i32.const 64) (i32.const 9)", "(i32.const 64) (i32.const 13)")
}

#[test]
fn directories_are_mounted_inside_of_preopens() {
    let program = load(&reads_below());
    let (root, below) = (dir! { "sub": {} }.tree().unwrap(), dir! { "hello.txt": "mounted" }.tree().unwrap());
    for (name, at) in [("/", "/sub"), ("/work/", "/work/sub/"), (".", "sub"), ("x", "x//sub")] {
        let mut runner = program.runner();
        let result = runner.preopen(name, &root).mount(at, &below).capture_output(100).run().unwrap();
        assert_eq!(result.stdout, b"mounted", "{name} {at}");
    }
    assert!(!root.exists("sub/hello.txt").unwrap(), "only the runs saw it");
    for (at, errno) in [("/nowhere", Errno::NOENT), ("elsewhere", Errno::NOENT), ("/sub/../..", Errno::PERM)] {
        let error = program.runner().preopen("/", &root).mount(at, &below).run().unwrap_err();
        assert_eq!(error, RunError::Mount { path: at.into(), errno }, "{error}");
    }
    let error = program.runner().preopen("/", &root).mount("/no", &below).run().unwrap_err().to_string();
    assert_eq!(error, "nothing can be mounted on `/no`: no such file or directory");
}

#[test]
fn a_namespace_of_ones_own_is_seen_and_not_changed() {
    let root = dir! { "sub": { "on": {} } }.tree().unwrap();
    let namespace = Namespace::new();
    let fs: Arc<MemFs> = Arc::new(dir! { "hello.txt": "from the namespace" }.build().unwrap());
    namespace.mount(root.dir("sub").unwrap().place(), fs, MountOptions::default()).unwrap();
    let program = load(&reads_below());
    let mut runner = program.runner();
    runner.preopen("/", &root).namespace(&namespace).capture_output(100);
    assert_eq!(runner.run().unwrap().stdout, b"from the namespace");
    // On what is mounted already: the copy of the namespace has both.
    let error = runner.mount("/sub/hello.txt", &root).run().unwrap_err();
    assert!(matches!(error, RunError::Mount { errno: Errno::NOTDIR, .. }), "{error}");
}

/// Writes 8 random bytes and the time of day.
const ASKS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\10\00\00\00")
    (func (export "_start")
        (drop (call $random (i32.const 64) (i32.const 8)))
        (drop (call $time (i32.const 0) (i64.const 1) (i32.const 72)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))"#;

#[test]
fn deterministic_runs_are_the_same() {
    let program = load(ASKS);
    let run = |seed| program.runner().deterministic(seed).capture_output(100).run().unwrap().stdout;
    assert_eq!(run(1), run(1));
    assert_eq!(run(1).len(), 16);
    assert_ne!(run(1), run(2));
    let mut runner = program.runner();
    runner.deterministic(1).capture_output(100);
    assert_eq!(runner.run().unwrap(), runner.run().unwrap(), "each run begins anew");
}
