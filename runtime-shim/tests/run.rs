//! `gangplank run`: what a program sees, and how it ends.

mod common;

use std::{
    fs,
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use common::{PRINT_ENV, Ran, Sandbox, program, reader, writer};

#[test]
fn the_exit_code_is_the_programs() {
    let sandbox = Sandbox::new();
    for (code, seen) in [(0u32, 0), (1, 1), (33, 33), (255, 255), (256, 0), (u32::MAX, 255)] {
        sandbox.wasm(
            "exit.wasm",
            &program(&format!(r#"(func (export "_start") (call $proc_exit (i32.const {})))"#, code as i32)),
        );
        let ran = sandbox.run(&["run", "exit.wasm"]);
        assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(seen), "", ""), "{code}");
    }
}

#[test]
fn exit_works_from_everywhere() {
    let sandbox = Sandbox::new();
    // Without a memory; from the start function, before anything is exported; under catch_all; many calls deep.
    for (name, text) in [
        (
            "memoryless",
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (func (export "_start") (call $exit (i32.const 7))))"#
                .to_owned(),
        ),
        (
            "start",
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func $begin (call $exit (i32.const 7))) (start $begin)
                (func (export "_start") unreachable))"#
                .to_owned(),
        ),
        (
            "catch_all",
            program(
                r#"(func (export "_start")
                    (block $caught (try_table (catch_all $caught) (call $proc_exit (i32.const 7))))
                    (call $proc_exit (i32.const 1)))"#,
            ),
        ),
        (
            "deep",
            program(
                r#"(func $down (param i32)
                    (if (local.get 0)
                        (then (call $down (i32.sub (local.get 0) (i32.const 1))))
                        (else (call $proc_exit (i32.const 7))))
                    unreachable)
                (func (export "_start") (call $down (i32.const 1000)))"#,
            ),
        ),
    ] {
        sandbox.wasm("exit.wasm", &text);
        let ran = sandbox.run(&["run", "exit.wasm"]);
        assert_eq!((ran.code, &*ran.err), (Some(7), ""), "{name}: {ran:?}");
    }
}

#[test]
fn a_start_function_may_make_syscalls() {
    let sandbox = Sandbox::new();
    sandbox.wasm(
        "start.wasm",
        &program(
            r#"(data (i32.const 64) "first ") (data (i32.const 80) "second")
            (func $begin (call $puts (i32.const 1) (i32.const 64) (i32.const 6))) (start $begin)
            (func (export "_start") (call $puts (i32.const 1) (i32.const 80) (i32.const 6)))"#,
        ),
    );
    let ran = sandbox.run(&["run", "start.wasm"]);
    assert_eq!((ran.code, &*ran.out), (Some(0), "first second"));
}

#[test]
fn traps_are_134_with_reason_and_backtrace() {
    let sandbox = Sandbox::new();
    for (body, reason) in [
        ("unreachable", "unreachable code was reached"),
        ("(drop (i32.load (i32.const -1)))", "memory access out of bounds"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "integer division by zero"),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "does not fit the integer"),
        ("(call_indirect (i32.const 0))", "empty table slot"),
        ("(call_indirect (i32.const 1))", "another signature"),
        ("(call_indirect (i32.const 9))", "table access out of bounds"),
        ("(call $forever)", "call stack exhausted"),
        ("(throw $tag)", "an exception was not caught"),
    ] {
        sandbox.wasm(
            "trap.wasm",
            &format!(
                r#"(module (memory 1) (table 2 funcref) (elem (i32.const 1) $other) (tag $tag)
                    (func $other (param i32)) (func $forever (call $forever))
                    (func $inner {body}) (func (export "_start") (call $inner)))"#
            ),
        );
        let ran = sandbox.run(&["run", "trap.wasm"]);
        ran.refused(134, &["`trap.wasm` trapped", reason]);
        if !body.contains("throw") && !body.contains("forever") {
            assert!(ran.err.contains("  0: inner") && ran.err.contains("  1: "), "{}", ran.err);
            // JavaScriptCore does not say where in the function.
            let jsc = common::engine().map_or(!cfg!(feature = "cranelift"), |engine| engine == "jsc");
            assert_eq!(ran.err.contains("  0: inner @ 0x"), !jsc, "{}", ran.err);
        }
    }
}

#[test]
fn the_environment_is_what_was_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.wasm("env.wasm", &program(PRINT_ENV));
    assert_eq!(sandbox.run(&["run", "env.wasm"]).out, "");
    let words = ["run", "--env", "A=1=2", "--env", "HERE", "--env", "E=", "--env", "A=3", "env.wasm"];
    let ran = Ran::of(sandbox.gangplank().env("HERE", "x y").env("NOT", "seen").args(words).output().unwrap());
    assert_eq!((ran.code, &*ran.out), (Some(0), "A=3\0HERE=x y\0E=\0"), "{ran:?}");
}

/// Exits with the errno of `fd_prestat_get(3)`, or prints the name of descriptor 3.
fn prestat() -> String {
    program(
        r#"(func (export "_start")
            (call $ok (call $fd_prestat_get (i32.const 3) (i32.const 16)))
            (call $ok (call $fd_prestat_dir_name (i32.const 3) (i32.const 1024) (i32.load (i32.const 20))))
            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 20))))"#,
    )
}

#[test]
fn nothing_is_preopened_but_what_was_asked_for() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path().join("sub")).unwrap();
    sandbox.wasm("prestat.wasm", &prestat());
    // BADF is 8.
    assert_eq!(sandbox.run(&["run", "prestat.wasm"]).code, Some(8));
    assert_eq!(sandbox.run(&["run", "--fs", "mem", "prestat.wasm"]).code, Some(8));
    for (dir, name) in [(".", "."), ("sub", "sub"), ("sub::/", "/"), ("sub::/a/b:ro", "/a/b"), ("./sub:ro", "./sub")] {
        let ran = sandbox.run(&["run", "--dir", dir, "prestat.wasm"]);
        assert_eq!((ran.code, &*ran.out), (Some(0), name), "{ran:?}");
    }
    assert_eq!(sandbox.run(&["run", "--tmpfs", "/tmp", "prestat.wasm"]).out, "/tmp");
}

#[test]
fn directories_are_offered_as_asked() {
    let sandbox = Sandbox::new();
    sandbox.wasm("writer.wasm", &writer());
    sandbox.wasm("reader.wasm", &reader());
    sandbox.file("dir/hello.txt", "hello, world\n");
    let out = sandbox.path().join("dir/out.txt");
    for resolver in ["auto", "portable"] {
        let read = sandbox.run(&["run", "--host-resolver", resolver, "--dir", "dir", "reader.wasm"]);
        assert_eq!((read.code, &*read.out), (Some(0), "hello, world\n"), "{read:?}");
        // ROFS is 69.
        let refused = sandbox.run(&["run", "--host-resolver", resolver, "--dir", "dir:ro", "writer.wasm"]);
        assert_eq!(refused.code, Some(69), "{refused:?}");
        assert!(!out.exists());
        let written = sandbox.run(&["run", "--host-resolver", resolver, "--dir", "dir", "writer.wasm"]);
        assert_eq!(written.code, Some(0), "{written:?}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "hello\n");
        fs::remove_file(&out).unwrap();
    }
    let read = sandbox.run(&["run", "--fs", "mem", "--dir", "dir", "reader.wasm"]);
    assert_eq!((read.code, &*read.out), (Some(0), "hello, world\n"), "{read:?}");
    let written = sandbox.run(&["run", "--fs", "mem", "--dir", "dir", "writer.wasm"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(!out.exists(), "the copy is not the directory");
    assert_eq!(sandbox.run(&["run", "--fs", "mem", "--dir", "dir:ro", "writer.wasm"]).code, Some(69));
    assert_eq!(sandbox.run(&["run", "--tmpfs", "/t", "writer.wasm"]).code, Some(0));
}

#[test]
fn strace_prints_each_call() {
    let sandbox = Sandbox::new();
    sandbox.wasm("reader.wasm", &reader());
    sandbox.file("dir/hello.txt", "hello, world\n");
    let ran = sandbox.run(&["run", "--strace", "--dir", "dir", "reader.wasm"]);
    assert_eq!((ran.code, &*ran.out), (Some(0), "hello, world\n"));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.err);
    assert!(
        lines[0].starts_with("path_open(fd=3, dirflags=SYMLINK_FOLLOW, path=\"hello.txt\", oflags=0,"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(") = 0 SUCCESS opened_fd=4 <"), "{}", lines[0]);
    let read = r#"fd_read(fd=4, iovs=[1024]) = 0 SUCCESS nread=13 iovs="hello, world\n" <"#;
    assert!(lines[1].starts_with(read), "{}", lines[1]);
    let written = r#"fd_write(fd=1, iovs=["hello, world\n"[13]]) = 0 SUCCESS nwritten=13 <"#;
    assert!(lines[2].starts_with(written), "{}", lines[2]);
    let failed = sandbox.run(&["run", "--strace", "reader.wasm"]);
    assert_eq!(failed.code, Some(8));
    assert!(failed.err.contains(") = 8 BADF <"), "{}", failed.err);
    assert!(failed.err.ends_with("proc_exit(code=8) = ?\n"), "{}", failed.err);
}

#[test]
fn a_timeout_ends_a_busy_loop_and_a_read() {
    let sandbox = Sandbox::new();
    sandbox.wasm("busy.wasm", r#"(module (func (export "_start") (loop (br 0))))"#);
    sandbox.wasm(
        "blocked.wasm",
        &program(
            r#"(func (export "_start")
                (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1024))
                (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#,
        ),
    );
    for name in ["busy.wasm", "blocked.wasm"] {
        let begun = Instant::now();
        let mut command = sandbox.gangplank();
        let mut child = command
            .args(["run", "--timeout", "300ms", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let ran = Ran::of(child.wait_with_output().unwrap());
        drop(stdin);
        ran.refused(124, &["took longer than 300ms"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{name}");
    }
    sandbox.wasm("quick.wasm", r#"(module (func (export "_start")))"#);
    assert_eq!(sandbox.run(&["run", "--timeout", "1h", "quick.wasm"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_busy_loop_and_a_read() {
    use std::os::unix::process::ExitStatusExt as _;
    let sandbox = Sandbox::new();
    let announce =
        r#"(data (i32.const 64) "x") (func $announce (call $puts (i32.const 1) (i32.const 64) (i32.const 1)))"#;
    sandbox
        .wasm("busy.wasm", &program(&format!(r#"{announce} (func (export "_start") (call $announce) (loop (br 0)))"#)));
    sandbox.wasm(
        "blocked.wasm",
        &program(&format!(
            r#"{announce} (func (export "_start") (call $announce)
                (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1024))
                (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#
        )),
    );
    for name in ["busy.wasm", "blocked.wasm"] {
        let mut child =
            sandbox.interruptible().args(["run", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut byte = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(2) || status.code() == Some(130), "{name}: {status}");
    }
}

#[test]
fn standard_streams_are_ours() {
    let sandbox = Sandbox::new();
    sandbox.wasm(
        "cat.wasm",
        &program(
            r#"(func (export "_start")
                (loop $more
                    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1024))
                    (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (if (i32.load (i32.const 8))
                        (then
                            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)))
                            (br $more))))
                (call $puts (i32.const 2) (i32.const 1024) (i32.const 3)))"#,
        ),
    );
    let mut child = sandbox
        .gangplank()
        .args(["run", "cat.wasm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = "0123456789".repeat(500);
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.out, ran.err.len()), (Some(0), &*text, 3), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_an_errno_for_the_guest_and_silence_for_us() {
    let sandbox = Sandbox::new();
    // Writes until it fails, and exits with the errno.
    sandbox.wasm(
        "yes.wasm",
        &program(
            r#"(func (export "_start") (loop (call $puts (i32.const 1) (i32.const 64) (i32.const 1024)) (br 0)))"#,
        ),
    );
    let mut child = sandbox.gangplank().args(["run", "yes.wasm"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    // PIPE is 64.
    assert_eq!(child.wait().unwrap().code(), Some(64));
    let mut child = sandbox
        .gangplank()
        .args(["inspect", "yes.wasm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
}

#[test]
fn engines() {
    let sandbox = Sandbox::new();
    let engines = sandbox.run(&["engines"]);
    assert_eq!(engines.code, Some(0));
    assert!(engines.out.contains("cranelift") && engines.out.contains("(the default)"), "{}", engines.out);
    assert!(engines.out.contains("interrupt") && engines.out.contains("jsc"), "{}", engines.out);
}

#[cfg(feature = "jsc")]
#[test]
fn the_library_of_an_engine_can_be_chosen() {
    let sandbox = Sandbox::new();
    let engines = |library: &str| {
        let mut command = sandbox.gangplank();
        let output = command.env(gangplank::jsc::LIBRARY, library).arg("engines").output().unwrap();
        Ran::of(output).out
    };
    let missing = engines("/nowhere/jsc.so");
    assert!(missing.contains("not available: ") && missing.contains("/nowhere/jsc.so"), "{missing}");
    assert!(missing.contains(gangplank::jsc::LIBRARY), "{missing}");
    // One that is there, but something else.
    let other = engines("libc.so.6");
    assert!(other.contains("its library (libc.so.6) is too old, or another one: "), "{other}");
    assert!(engines("").contains("version: WebKitGTK"), "an empty name is none");
}

#[test]
fn a_limit_of_instructions_ends_a_loop() {
    let sandbox = Sandbox::new();
    sandbox.wasm("busy.wasm", r#"(module (func (export "_start") (loop (br 0))))"#);
    let ran = sandbox.run(&["run", "--limit-fuel", "100000", "busy.wasm"]);
    ran.refused(124, &["`busy.wasm` was ended", "--limit-fuel"]);
    sandbox.wasm("quick.wasm", r#"(module (func (export "_start")))"#);
    assert_eq!(sandbox.run(&["run", "--limit-fuel", "100000", "quick.wasm"]).code, Some(0));
}
