//! `gangplank inspect`: on modules that would run, on those that would not, and on what is no module.

mod common;

use common::Sandbox;
use serde_json::{Value, json};

const SOME: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
    (import "env" "what" (func (param f64)))
    (import "wasi_snapshot_preview1" "fd_sync" (func (param i64) (result i32)))
    (import "other" "fd_tell" (func (param i32 i32) (result i32)))
    (memory (export "memory") 3 9) (table 2 funcref) (global (export "g\1b") (mut i64) (i64.const 0))
    (func (export "_start")) (func $begin) (start $begin)
    (data (i32.const 0) "hello")
    (@custom "note" "12345") (@producers (language "Rust" "2021") (processed-by "rustc" "1.95.0")))"#;

#[test]
fn a_module_for_people() {
    let sandbox = Sandbox::new();
    sandbox.wasm("some.wasm", SOME);
    let ran = sandbox.run(&["inspect", "some.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    for line in [
        "runs:     no: it imports 3 things that we do not provide\n",
        "kind:     a program (_start), with a start function\n",
        "flavour:  wasi_snapshot_preview1\n",
        "memory:   3 pages, at most 9\n",
        "table:    of funcref, 2 elements, no maximum\n",
        "made by:  Rust 2021 (language)\nmade by:  rustc 1.95.0 (processed-by)\n",
        "imports:  4, 3 of them missing here\n",
        "  from wasi_snapshot_preview1:\n    ok       fd_close (i32) -> i32\n",
        "    missing  fd_sync (i64) -> i32; ours is (i32) -> i32\n  from env:\n    missing  what (f64)\n",
        "  from other:\n    missing  fd_tell (i32, i32) -> i32; we have one in wasi_snapshot_preview1\n",
        "exports:  3\n  memory: memory, 3 pages, at most 9\n  g\\u{1b}: mutable global i64\n  _start()\n",
        "  note (5 bytes)\n",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
}

/// What `--json` prints of a module.
fn json_of(text: &str) -> Value {
    let sandbox = Sandbox::new();
    sandbox.wasm("m.wasm", text);
    let ran = sandbox.run(&["inspect", "--json", "m.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn a_module_for_programs() {
    let value = json_of(SOME);
    assert_eq!(value["format"], 1);
    assert_eq!(
        (&value["runs"], &value["entry"], &value["flavour"]),
        (&false.into(), &"command".into(), &"preview1".into())
    );
    assert_eq!(value["obstacles"], json!(["it imports 3 things that we do not provide"]));
    assert_eq!((&value["start"], &value["threads"], &value["asyncify"]), (&true.into(), &false.into(), &false.into()));
    assert_eq!((&value["functions"], &value["data_size"]), (&2.into(), &11.into()));
    assert_eq!(
        value["imports"][0],
        json!({"module": "wasi_snapshot_preview1", "name": "fd_close", "kind": "func", "type": "(i32) -> i32",
            "params": ["i32"], "results": ["i32"], "provided": true, "why_not": null})
    );
    assert_eq!(value["imports"][1]["why_not"], "we have nothing like it");
    assert_eq!(value["imports"][2]["why_not"], "ours is (i32) -> i32");
    assert_eq!(value["exports"][1], json!({"name": "g\u{1b}", "kind": "global", "type": "mutable global i64"}));
    assert_eq!(
        value["memories"],
        json!([{"initial": 3, "maximum": 9, "shared": false, "memory64": false, "page_size": 65536}])
    );
    assert_eq!(value["tables"], json!([{"element": "funcref", "initial": 2, "maximum": null}]));
    assert_eq!(value["producers"][1], json!({"field": "processed-by", "name": "rustc", "version": "1.95.0"}));
    let sections = value["custom_sections"].as_array().unwrap();
    assert!(sections.contains(&json!({"name": "note", "size": 5})), "{sections:?}");
}

#[test]
fn every_key_is_documented() {
    let help = Sandbox::new().run(&["inspect", "--help"]).out;
    let value = json_of(SOME);
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    for list in ["imports", "exports", "memories", "tables", "producers", "custom_sections"] {
        keys.extend(value[list][0].as_object().unwrap().keys().cloned());
    }
    for key in keys {
        assert!(help.contains(&key), "{key} is not in {help}");
    }
}

#[test]
fn modules_that_would_run_or_not() {
    for (text, runs, entry, flavour, why) in [
        (r#"(module (func (export "_start")))"#, true, "command", "none", ""),
        (r#"(module (func (export "_initialize")))"#, false, "reactor", "none", "it is a library"),
        (r#"(module (func (export "_start") (param i32)))"#, false, "none", "none", "without parameters"),
        (r#"(module)"#, false, "none", "none", "exports no `_start`"),
        (
            r#"(module (import "wasix_32v1" "x" (func)) (func (export "_start")))"#,
            false,
            "command",
            "wasix",
            "something",
        ),
        (
            r#"(module (func (export "_start") i32.const 1))"#,
            false,
            "command",
            "none",
            "not a valid WebAssembly module",
        ),
    ] {
        let value = json_of(text);
        assert_eq!(
            (&value["runs"], &value["entry"], &value["flavour"]),
            (&runs.into(), &entry.into(), &flavour.into())
        );
        assert!(value["obstacles"].to_string().contains(why), "{value}");
    }
    let suspends = ["asyncify_start_unwind", "asyncify_stop_rewind"].map(|name| format!(r#"(func (export "{name}"))"#));
    assert_eq!(json_of(&format!("(module {})", suspends.concat()))["asyncify"], true);
}

#[test]
fn what_is_no_module() {
    let sandbox = Sandbox::new();
    sandbox.file("words", "hello");
    sandbox.file("part.wasm", &wat::parse_str(SOME).unwrap()[..40]);
    sandbox.run(&["inspect", "gone.wasm"]).refused(127, &["gone.wasm", "no such file"]);
    for json in [&["inspect"][..], &["inspect", "--json"]] {
        sandbox.run(&[json, &["words"]].concat()).refused(126, &["words", "not a WebAssembly module"]);
        sandbox.run(&[json, &["part.wasm"]].concat()).refused(126, &["cut off", "byte 40"]);
    }
    sandbox.run(&["inspect"]).refused(2, &["PROGRAM"]);
    sandbox.run(&["inspect", "--jsno", "x"]).refused(2, &["--jsno", "--json"]);
}
