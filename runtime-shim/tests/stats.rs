//! `gangplank run --stats`: system calls are counted, whatever ends the program.

mod common;

use std::fs;

use common::{Sandbox, program, reader};
use serde_json::Value;

/// The counts of one syscall in what `--stats=json` prints.
#[track_caller]
fn syscall<'v>(stats: &'v Value, name: &str) -> &'v Value {
    let syscalls = stats["syscalls"].as_array().unwrap();
    syscalls.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {stats}"))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.wasm("reader.wasm", &reader());
    sandbox.file("dir/hello.txt", "hello, world\n");
    sandbox
}

#[test]
fn calls_bytes_and_errors_are_counted() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["run", "--stats=json", "--dir", "dir", "reader.wasm"]);
    assert_eq!((ran.code, &*ran.out), (Some(0), "hello, world\n"), "{ran:?}");
    let stats: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((&stats["calls"], &stats["errors"], &stats["bytes"]), (&3.into(), &0.into(), &26.into()), "{stats}");
    for (name, bytes) in [("path_open", 0), ("fd_read", 13), ("fd_write", 13)] {
        let one = syscall(&stats, name);
        assert_eq!((&one["calls"], &one["bytes"]), (&1.into(), &bytes.into()), "{one}");
        assert_eq!(one["module"], "wasi_snapshot_preview1");
        let ns = |key: &str| one[key].as_u64().unwrap();
        assert!(ns("total_ns") > 0 && ns("mean_ns") == ns("total_ns") && ns("max_ns") == ns("total_ns"), "{one}");
    }
    let totals: Vec<u64> =
        stats["syscalls"].as_array().unwrap().iter().map(|one| one["total_ns"].as_u64().unwrap()).collect();
    assert!(totals.is_sorted_by(|a, b| a >= b), "the most expensive first: {totals:?}");
    assert_eq!(stats["total_ns"].as_u64(), Some(totals.iter().sum()));

    let failed = sandbox.run(&["run", "--stats=json", "reader.wasm"]);
    assert_eq!(failed.code, Some(8));
    let stats: Value = serde_json::from_str(&failed.err).unwrap();
    assert_eq!(syscall(&stats, "path_open")["errors"], serde_json::json!({ "BADF": 1 }));
    assert_eq!((&stats["calls"], &stats["errors"]), (&2.into(), &1.into()), "the end of the process is no error");
}

#[test]
fn the_table_is_for_people() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["run", "--stats", "reader.wasm"]);
    assert_eq!(ran.code, Some(8));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ran.err);
    assert!(lines[0].starts_with("% time") && lines[0].ends_with("syscall"), "{}", ran.err);
    assert!(lines[1..3].iter().any(|line| line.ends_with("  path_open (BADF 1)")), "{}", ran.err);
    assert!(lines[1..3].iter().any(|line| line.ends_with("  proc_exit")), "{}", ran.err);
    assert!(lines[3].starts_with("100.00") && lines[3].ends_with("  total"), "{}", ran.err);
}

#[test]
fn strace_and_stats_go_together() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["run", "--strace", "--stats-json", "stats.json", "--dir", "dir", "reader.wasm"]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(0), 3), "{ran:?}");
    assert!(ran.err.lines().all(|line| line.ends_with('>')), "each has its duration: {}", ran.err);
    let stats: Value = serde_json::from_str(&fs::read_to_string(sandbox.path().join("stats.json")).unwrap()).unwrap();
    assert_eq!(stats["calls"], 3);
}

#[test]
fn a_program_that_is_ended_has_stats_too() {
    let sandbox = sandbox();
    // Nothing can end it but the end of the whole command.
    sandbox.wasm(
        "busy.wasm",
        &program(
            r#"(func (export "_start")
                (drop (call $fd_close (i32.const 99)))
                (loop (br 0)))"#,
        ),
    );
    let ran = sandbox.run(&["run", "--stats", "--timeout", "200ms", "busy.wasm"]);
    assert_eq!(ran.code, Some(124), "{ran:?}");
    assert!(ran.err.contains("fd_close (BADF 1)") && ran.err.contains("took longer"), "{}", ran.err);
    sandbox
        .wasm("trap.wasm", &program(r#"(func (export "_start") (drop (call $fd_close (i32.const 99))) unreachable)"#));
    let ran = sandbox.run(&["run", "--stats", "trap.wasm"]);
    assert!(ran.code == Some(134) && ran.err.contains("fd_close (BADF 1)"), "{ran:?}");
}

#[test]
fn bad_values() {
    let sandbox = sandbox();
    sandbox.run(&["run", "--stats=xml", "reader.wasm"]).refused(2, &["xml", "table", "json"]);
    sandbox.run(&["run", "--stats-json", "no/such/dir", "reader.wasm"]).refused(2, &["no/such/dir", "--stats-json"]);
    // Without `=` the next word is the program.
    sandbox.run(&["run", "--stats", "json"]).refused(127, &["`json`", "no such file"]);
}
