//! Bad input to the command line: one message each, and the documented exit code.

mod common;

use common::{Sandbox, program};

const COMMAND: &str = r#"(module (func (export "_start")))"#;

#[test]
fn files_that_are_no_modules() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path().join("dir")).unwrap();
    sandbox.file("empty.wasm", "");
    sandbox.file("text.wat", "(module)");
    sandbox.file("elf", b"\x7fELF\x02\x01\x01");
    sandbox.file("script", "#!/bin/sh\necho\n");
    sandbox.file("component.wasm", b"\0asm\x0d\0\x01\0");
    sandbox.file("words", "hello");
    for (name, code, words) in [
        ("missing.wasm", 127, &["there is no such file"][..]),
        ("dir", 126, &["it is a directory"]),
        ("empty.wasm", 126, &["it is empty"]),
        ("text.wat", 126, &["WebAssembly text", "help: compile it first"]),
        ("elf", 126, &["native program (ELF)", "wasm32-wasip1"]),
        ("script", 126, &["it is a script"]),
        ("component.wasm", 126, &["component", "core module"]),
        ("words", 126, &["it is not a WebAssembly module"]),
    ] {
        let ran = sandbox.run(&["run", name]);
        ran.refused(code, words);
        assert!(ran.err.contains(name), "{ran:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    Sandbox::new().run(&["run", "/dev/zero"]).refused(126, &["it is not a regular file"]);
}

#[test]
fn damaged_modules() {
    let sandbox = Sandbox::new();
    let whole = wat::parse_str(COMMAND).unwrap();
    let part = &whole[..whole.len() - 1];
    sandbox.file("part.wasm", part);
    sandbox.run(&["run", "part.wasm"]).refused(126, &["cut off", &format!("byte {}", part.len())]);
    sandbox.wasm("invalid.wasm", r#"(module (func (export "_start") i64.const 1 i32.eqz drop))"#);
    sandbox.run(&["run", "invalid.wasm"]).refused(126, &["not a valid WebAssembly module", "type mismatch", "0x"]);
}

#[test]
fn imports_that_we_do_not_provide() {
    let sandbox = Sandbox::new();
    sandbox.wasm(
        "wants.wasm",
        r#"(module
            (import "wasi_snapshot_preview1" "fd_frob" (func (param i32 i64) (result i32)))
            (import "wasi_snapshot_preview1" "fd_close" (func (param i64)))
            (import "env" "fd_close" (func (param i32) (result i32)))
            (import "env" "memory" (memory 1))
            (func (export "_start")))"#,
    );
    sandbox.run(&["run", "wants.wasm"]).refused(
        126,
        &[
            "it imports 4 things that we do not provide",
            "wasi_snapshot_preview1::fd_frob (i32, i64) -> i32\n",
            "wasi_snapshot_preview1::fd_close (i64); ours is (i32) -> i32\n",
            "env::fd_close (i32) -> i32; we have one in wasi_snapshot_preview1\n",
            "env::memory memory, 1 page",
        ],
    );
}

#[test]
fn modules_that_are_no_programs() {
    let sandbox = Sandbox::new();
    sandbox.wasm("nothing.wasm", "(module)");
    sandbox.wasm("library.wasm", r#"(module (func (export "_initialize")))"#);
    sandbox.wasm("odd.wasm", r#"(module (func (export "_start") (param i32)))"#);
    sandbox.run(&["run", "nothing.wasm"]).refused(126, &["exports no `_start`"]);
    sandbox.run(&["run", "library.wasm"]).refused(126, &["it is a library", "_initialize"]);
    sandbox.run(&["run", "odd.wasm"]).refused(126, &["not a function without parameters"]);
}

#[test]
fn flags() {
    let sandbox = Sandbox::new();
    sandbox.wasm("ok.wasm", COMMAND);
    sandbox.file("file", "x");
    std::fs::create_dir(sandbox.path().join("a")).unwrap();
    for (words, says) in [
        (&["--engine", "v9", "ok.wasm"][..], &["no engine `v9`", "cranelift"][..]),
        (&["--fs", "zfs", "ok.wasm"], &["zfs", "host", "mem"]),
        (&["--dir", "missing", "ok.wasm"], &["`missing`", "does not exist"]),
        (&["--dir", "file", "ok.wasm"], &["`file`", "not a directory"]),
        (&["--dir", "a::", "ok.wasm"], &["`--dir a::` lacks the name"]),
        (&["--dir", "a::/x", "--dir", ".::/x/", "ok.wasm"], &["under the same name", "a::/x"]),
        (&["--dir", "a::/x", "--tmpfs", "/x", "ok.wasm"], &["under the same name", "--tmpfs /x"]),
        (&["--tmpfs", "", "ok.wasm"], &["`--tmpfs` needs the name"]),
        (&["--env", "=x", "ok.wasm"], &["`--env =x` lacks the name"]),
        (&["--env", "", "ok.wasm"], &["lacks the name"]),
        (&["--env", "GANGPLANK_NOT_SET", "ok.wasm"], &["no such variable", "GANGPLANK_NOT_SET=VALUE"]),
        (&["--timeout", "soon", "ok.wasm"], &["soon"]),
        (&["--timeout", "0", "ok.wasm"], &["it is zero"]),
        (&["--limit-fds", "many", "ok.wasm"], &["many"]),
        (&["--limit-fds", "2", "ok.wasm"], &["more files than the limit"]),
        (&["--straec", "ok.wasm"], &["--straec", "--strace"]),
        (&["--host-resolver", "magic", "ok.wasm"], &["magic", "portable"]),
        (&[], &["PROGRAM"]),
    ] {
        sandbox.run(&[&["run"], words].concat()).refused(2, says);
    }
    if !cfg!(feature = "jsc") {
        sandbox.run(&["run", "--engine", "jsc", "ok.wasm"]).refused(2, &["does not contain the engine `jsc`"]);
    }
    sandbox.run(&["fly"]).refused(2, &["fly"]);
}

#[test]
fn options_end_at_the_program() {
    let sandbox = Sandbox::new();
    sandbox.wasm("args.wasm", &program(common::PRINT_ARGS));
    let ran = sandbox.run(&["run", "./args.wasm", "--strace", "-x", "--", "--help", "a b", ""]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out, "args.wasm\0--strace\0-x\0--\0--help\0a b\0\0");
    assert_eq!(ran.err, "");
}

#[test]
fn help_tells_the_exit_codes() {
    let ran = Sandbox::new().run(&["run", "--help"]);
    assert_eq!(ran.code, Some(0));
    for code in ["  2  ", "124", "126", "127", "130", "134"] {
        assert!(ran.out.contains(code), "{code}: {}", ran.out);
    }
}
