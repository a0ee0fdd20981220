//! JavaScriptCore: what is peculiar to it, and that nothing of it remains.
#![cfg(feature = "jsc")]

mod common;

use std::{sync::Arc, thread, time::Duration};

use common::program;
use gangplank::{
    Program, RunError, Status,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Trap, TrapKind, engine},
    jsc,
    wasi::{Cancel, stdio},
};

fn jsc() -> Arc<dyn Engine> {
    engine(Some("jsc"), &EngineOptions::default()).unwrap()
}

fn load(engine: &Arc<dyn Engine>, text: &str) -> Program {
    Program::new(&**engine, "prog", &wat::parse_str(text).unwrap()).unwrap()
}

fn trap(text: &str) -> Trap {
    match load(&jsc(), text).runner().run().unwrap().status {
        Status::Trap(trap) => trap,
        status => panic!("no trap: {status:?}"),
    }
}

#[test]
fn traps_are_of_the_same_kinds_as_everywhere() {
    for (body, kind) in [
        ("unreachable", TrapKind::Unreachable),
        ("(drop (i32.load (i32.const -1)))", TrapKind::MemoryOutOfBounds),
        ("(memory.fill (i32.const 1) (i32.const 0) (i32.const -1))", TrapKind::MemoryOutOfBounds),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", TrapKind::DivisionByZero),
        ("(drop (i64.rem_s (i64.const 1) (i64.const 0)))", TrapKind::DivisionByZero),
        ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", TrapKind::IntegerOverflow),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", TrapKind::BadConversion),
        ("(call_indirect (i32.const 0))", TrapKind::IndirectCallToNull),
        ("(call_indirect (i32.const 1))", TrapKind::IndirectCallTypeMismatch),
        ("(call_indirect (i32.const 9))", TrapKind::TableOutOfBounds),
        ("(drop (table.get (i32.const 9)))", TrapKind::TableOutOfBounds),
        ("(call $forever)", TrapKind::StackOverflow),
        ("(throw $tag)", TrapKind::UncaughtException),
        ("(drop (i32.atomic.rmw.add (i32.const 1) (i32.const 1)))", TrapKind::Atomic),
    ] {
        let trap = trap(&format!(
            r#"(module (memory 1) (table 2 funcref) (elem (i32.const 1) $other) (tag $tag)
                (func $other (param i32)) (func $forever (call $forever))
                (func $inner {body}) (func (export "_start") (call $inner)))"#
        ));
        assert_eq!(trap.kind, kind, "{body}: {trap:?}");
        if !body.contains("throw") && !body.contains("forever") {
            assert_eq!(trap.backtrace[0].name.as_deref(), Some("inner"), "{trap:?}");
            assert_eq!(trap.backtrace[1].function, Some(3), "{trap:?}");
        }
    }
}

#[test]
fn a_trap_while_the_module_is_made_is_one() {
    let trap = trap(r#"(module (memory 1) (data (i32.const 65536) "x") (func (export "_start")))"#);
    assert_eq!(trap.kind, TrapKind::MemoryOutOfBounds, "{trap:?}");
    let trap = self::trap(r#"(module (table 1 funcref) (elem (i32.const 1) $s) (func $s (export "_start")))"#);
    assert_eq!(trap.kind, TrapKind::TableOutOfBounds, "{trap:?}");
    let trap = self::trap(r#"(module (func $s unreachable) (start $s) (func (export "_start")))"#);
    assert_eq!(trap.kind, TrapKind::Unreachable, "{trap:?}");
}

/// Each calls `proc_exit(7)` where something catches all, and goes on to exit with 1 if it was caught.
#[test]
fn exit_cannot_be_caught() {
    let legacy = |body: &str| format!("try {body} catch_all end");
    let rethrowing = |body: &str| format!("try {body} catch_all rethrow 0 end");
    let current = |body: &str| format!("(block $caught (try_table (catch_all $caught) {body}))");
    for catch in [&legacy as &dyn Fn(&str) -> String, &rethrowing, &current] {
        let catching = catch("(call $exit (i32.const 7))");
        let deeper = catch("(call $deep (i32.sub (local.get $n) (i32.const 1)))");
        let texts = [
            format!(r#"(func (export "_start") {catching} (call $exit (i32.const 1)))"#),
            // From deep inside, each frame catching.
            format!(
                r#"(func $deep (param $n i32)
                    (if (local.get $n)
                        (then {deeper})
                        (else {catching})))
                (func (export "_start") (call $deep (i32.const 200)) (call $exit (i32.const 1)))"#
            ),
            // Compiled by the best compiler by the time it happens.
            format!(
                r#"(func $hot (param $n i32) (result i32)
                    (if (i32.eq (local.get $n) (i32.const 2000000)) (then {catching} (call $exit (i32.const 1))))
                    (i32.add (local.get $n) (i32.const 1)))
                (func (export "_start") (local $n i32)
                    (loop (local.set $n (call $hot (local.get $n))) (br 0)))"#
            ),
        ];
        for text in texts {
            let text = format!(
                r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory 1) {text})"#
            );
            for interruptible in [true, false] {
                let options = EngineOptions { interruptible, ..EngineOptions::default() };
                let engine = engine(Some("jsc"), &options).unwrap();
                assert_eq!(load(&engine, &text).runner().run().unwrap().status, Status::Code(7), "{text}");
            }
        }
    }
}

#[test]
fn traps_and_stack_overflow_cannot_be_caught_either() {
    for (body, kind) in [("unreachable", TrapKind::Unreachable), ("(call $deeper)", TrapKind::StackOverflow)] {
        let trap = trap(&format!(
            r#"(module (func $deeper (call $deeper))
                (func (export "_start") try {body} catch_all end (loop (br 0))))"#
        ));
        assert_eq!(trap.kind, kind);
    }
}

/// Recursion that makes a system call at every depth, so that one comes where the stack is nearly used up.
#[test]
fn system_calls_have_stack_wherever_they_come() {
    let text = program(
        r#"(data (i32.const 64) "x")
        (func $deeper (param $n i32)
            (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 64)))
                (then (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const 1)
                    (i32.const 0) (i64.const 0x2) (i64.const 0) (i32.const 0) (i32.const 16)))))
            (drop (call $fd_prestat_get (i32.const 3) (i32.const 16)))
            (call $deeper (i32.add (local.get $n) (i32.const 1))))
        (func (export "_start") (call $deeper (i32.const 0)))"#,
    );
    let program = load(&jsc(), &text);
    for stack in [1 << 20, 2 << 20, 16 << 20] {
        let program = program.clone();
        let run = move || {
            use gangplank::vfs::{Mount, MountOptions, host_fs::HostFs};
            let dir = tempfile::tempdir().unwrap();
            let place = Mount::detached(HostFs::open(dir.path()).unwrap(), MountOptions::default());
            program.runner().preopen("/", place).run().unwrap().status
        };
        let status = thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
        assert!(matches!(&status, Status::Trap(trap) if trap.kind == TrapKind::StackOverflow), "{status:?}");
    }
}

/// Loops of every kind: with nothing in them, with memory, with calls that return, by recursion in tails.
#[test]
fn what_does_not_end_is_ended() {
    for body in [
        "(loop (br 0))",
        "(loop (i32.store (i32.const 0) (i32.load (i32.const 4))) (br 0))",
        "(loop (call $leaf) (br 0))",
        "(loop (loop (br_if 0 (i32.const 0))) (br 0))",
        "(call $tail)",
        "try (loop (br 0)) catch_all end",
    ] {
        let text = format!(
            r#"(module (memory 1) (func $leaf) (func $tail (return_call $tail)) (func (export "_start") {body}))"#
        );
        let program = load(&jsc(), &text);
        let status = program.runner().timeout(Duration::from_millis(100)).run().unwrap().status;
        assert_eq!(status, Status::Canceled(Cancel::Timeout), "{body}");
    }
}
