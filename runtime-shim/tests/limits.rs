//! `gangplank run --limit-*`: the program is told with the right errno, and we with the reason.

mod common;

use common::{Sandbox, program, reader, writer};

/// A note is printed, and the exit code is that.
#[track_caller]
fn noted(ran: &common::Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let notes: Vec<&str> = ran.err.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 1, "{ran:?}");
    for word in words {
        assert!(notes[0].contains(word), "`{word}` is not in {ran:?}");
    }
}

#[test]
fn descriptors() {
    let sandbox = Sandbox::new();
    sandbox.wasm("reader.wasm", &reader());
    sandbox.file("dir/hello.txt", "x");
    // MFILE is 33; 0 to 3 are taken.
    let ran = sandbox.run(&["run", "--limit-fds", "4", "--dir", "dir", "reader.wasm"]);
    noted(&ran, 33, &["`reader.wasm` ran out of descriptors", "`--limit-fds 4`"]);
    let ran = sandbox.run(&["run", "--limit-fds", "5", "--dir", "dir", "reader.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
}

/// Grows its memory of 2 pages by this many, and exits with 0 if that works, else with the code.
fn grower(pages: u32, code: u32) -> String {
    program(&format!(
        r#"(func (export "_start")
            (if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then (call $proc_exit (i32.const {code})))))"#
    ))
}

#[test]
fn memory() {
    let sandbox = Sandbox::new();
    sandbox.wasm("grower.wasm", &grower(2, 7));
    // 4 pages are 256K.
    let ran = sandbox.run(&["run", "--limit-memory", "255K", "grower.wasm"]);
    noted(&ran, 7, &["`grower.wasm` ran out of memory", "`--limit-memory 255K`"]);
    let ran = sandbox.run(&["run", "--limit-memory", "256K", "grower.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    // Who copes with it needs no note.
    sandbox.wasm("copes.wasm", &grower(2, 0));
    let ran = sandbox.run(&["run", "--limit-memory", "128K", "copes.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    // More than there is to begin with.
    sandbox
        .run(&["run", "--limit-memory", "127K", "grower.wasm"])
        .refused(126, &["cannot run `grower.wasm`", "help: ", "--limit-memory"]);
    // A trap tells of it too, and tables count.
    sandbox.wasm(
        "trap.wasm",
        r#"(module (table 1 funcref) (func (export "_start")
            (if (i32.eq (table.grow (ref.null func) (i32.const 1000000)) (i32.const -1)) (then unreachable))))"#,
    );
    let ran = sandbox.run(&["run", "--limit-memory", "1M", "trap.wasm"]);
    noted(&ran, 134, &["ran out of memory"]);
    assert_eq!(sandbox.run(&["run", "--limit-memory", "8M", "trap.wasm"]).code, Some(0));
    // What the module itself forbids is not our doing.
    sandbox.wasm(
        "own.wasm",
        r#"(module (memory 1 2) (func (export "_start")
            (if (i32.eq (memory.grow (i32.const 5)) (i32.const -1)) (then unreachable))))"#,
    );
    let ran = sandbox.run(&["run", "--limit-memory", "1G", "own.wasm"]);
    assert!(ran.code == Some(134) && !ran.err.contains("note:"), "{ran:?}");
}

#[test]
fn content_of_directories_in_memory() {
    let sandbox = Sandbox::new();
    // Writes 64 KiB to `big` in descriptor 3.
    sandbox.wasm(
        "big.wasm",
        &program(
            r#"(data (i32.const 64) "big")
            (func (export "_start") (local $i i32)
                (call $ok (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 3)
                    (i32.const 1) (i64.const 0x42) (i64.const 0) (i32.const 0) (i32.const 16)))
                (loop $more
                    (call $puts (i32.load (i32.const 16)) (i32.const 1024) (i32.const 16384))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $more (i32.lt_u (local.get $i) (i32.const 4)))))"#,
        ),
    );
    // NOSPC is 51.
    let ran = sandbox.run(&["run", "--limit-fs-bytes", "48K", "--tmpfs", "/t", "big.wasm"]);
    noted(&ran, 51, &["`big.wasm` ran out of space in `--tmpfs /t`", "`--limit-fs-bytes 48K`"]);
    let ran = sandbox.run(&["run", "--limit-fs-bytes", "64K", "--tmpfs", "/t", "big.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    // A copy counts what it begins with.
    sandbox.file("dir/first", [1; 32 << 10]);
    let ran = sandbox.run(&["run", "--fs", "mem", "--limit-fs-bytes", "64K", "--dir", "dir", "big.wasm"]);
    noted(&ran, 51, &["`--dir dir`"]);
    sandbox
        .run(&["run", "--fs", "mem", "--limit-fs-bytes", "16K", "--dir", "dir", "big.wasm"])
        .refused(2, &["cannot copy the directory `dir` into memory", "help: --limit-fs-bytes"]);
}

#[test]
fn files_in_directories_in_memory() {
    let sandbox = Sandbox::new();
    sandbox.wasm("writer.wasm", &writer());
    let ran = sandbox.run(&["run", "--limit-fs-nodes", "1", "--tmpfs", "/t", "writer.wasm"]);
    noted(&ran, 51, &["ran out of files in `--tmpfs /t`", "`--limit-fs-nodes 1`"]);
    let ran = sandbox.run(&["run", "--limit-fs-nodes", "2", "--tmpfs", "/t", "writer.wasm"]);
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    sandbox.file("dir/sub/file", "x");
    sandbox
        .run(&["run", "--fs", "mem", "--limit-fs-nodes", "2", "--dir", "dir", "writer.wasm"])
        .refused(2, &["cannot copy the directory `dir` into memory", "help: --limit-fs-nodes"]);
}

#[test]
fn time() {
    let sandbox = Sandbox::new();
    sandbox.wasm("busy.wasm", r#"(module (func (export "_start") (loop (br 0))))"#);
    sandbox.run(&["run", "--limit-time", "100ms", "busy.wasm"]).refused(124, &["took longer than 100ms"]);
}

#[test]
fn bad_values() {
    let sandbox = Sandbox::new();
    sandbox.wasm("writer.wasm", &writer());
    for (words, says) in [
        (&["--limit-fds", "-1"][..], "-1"),
        (&["--limit-fds", "2"], "more files than the limit"),
        (&["--limit-memory", "much"], "much"),
        (&["--limit-memory", "0"], "it is zero"),
        (&["--limit-memory", "5X"], "not a unit of size"),
        (&["--limit-memory", "99999999999T"], "too large"),
        (&["--tmpfs", "/t", "--limit-fs-bytes", "1.x"], "1.x"),
        (&["--tmpfs", "/t", "--limit-fs-nodes", "0"], "0"),
        (&["--tmpfs", "/t", "--limit-fs-nodes", "some"], "some"),
        (&["--limit-fs-bytes", "1M"], "`--limit-fs-bytes` limits nothing"),
        (&["--limit-fs-nodes", "9", "--dir", "."], "`--limit-fs-nodes` limits nothing"),
        (&["--limit-time", "5X"], "5X"),
    ] {
        sandbox.run(&[&["run"], words, &["writer.wasm"]].concat()).refused(2, &[says]);
    }
}
