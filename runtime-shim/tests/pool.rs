//! `EngineOptions::pool`: room for instances that is used again.
#![cfg(feature = "cranelift")]

mod common;

use std::{num::NonZeroU32, sync::Arc, thread};

use common::program;
use gangplank::{
    LoadError, Program, Reason, RunError, Status,
    engine::{
        Capabilities, Engine, EngineError, EngineOptions, InstanceOptions, POOLED_ELEMENTS, POOLED_TABLES, Stop, engine,
    },
    wasi::{ProcessBuilder, System, Thread, stdio},
};

fn pool(count: u32) -> Arc<dyn Engine> {
    engine(Some("cranelift"), &EngineOptions { pool: NonZeroU32::new(count), ..EngineOptions::default() }).unwrap()
}

fn load(engine: &Arc<dyn Engine>, text: &str) -> Result<Program, LoadError> {
    Program::new(&**engine, "prog", &wat::parse_str(text).unwrap())
}

fn thread_of_a_process() -> Thread {
    Thread::main(&ProcessBuilder::new(&System::host(), "prog").build().unwrap())
}

/// Exits with 1 unless everything that a guest can write holds what the module says; then writes over all of it, far up
/// in the memory, too.
const SPOILS: &str = r#"
    (table $t 4 200 funcref)
    (global $g (mut i32) (i32.const 7))
    (elem declare func $puts)
    (data (i32.const 256) "fresh")
    (func $zero (param $at i32) (result i32) (i32.eqz (i32.load (local.get $at))))
    (func $same (param $is i32) (if (i32.eqz (local.get $is)) (then (call $proc_exit (i32.const 1)))))
    (func (export "_start")
        (call $same (i32.eq (memory.size) (i32.const 2)))
        (call $same (i32.eq (i32.load8_u (i32.const 256)) (i32.const 102)))
        (call $same (call $zero (i32.const 512)))
        (call $same (call $zero (i32.const 131068)))
        (call $same (i32.eq (memory.grow (i32.const 30)) (i32.const 2)))
        (call $same (call $zero (i32.const 131072)))
        (call $same (call $zero (i32.const 2097148)))
        (call $same (i32.eq (global.get $g) (i32.const 7)))
        (call $same (ref.is_null (table.get $t (i32.const 0))))
        (call $same (i32.eq (table.grow $t (ref.null func) (i32.const 100)) (i32.const 4)))
        (call $same (ref.is_null (table.get $t (i32.const 103))))
        (memory.fill (i32.const 0) (i32.const 0xff) (i32.const 2097152))
        (global.set $g (i32.const 8))
        (table.fill $t (i32.const 0) (ref.func $puts) (i32.const 104))
        (call $proc_exit (i32.const 0)))"#;

#[test]
fn nothing_is_left_for_the_next_guest() {
    let engine = pool(1);
    assert!(engine.capabilities().contains(Capabilities::POOL));
    let spoils = load(&engine, &program(SPOILS)).unwrap();
    // Another module in the same place, too.
    let other = load(&engine, &program(&SPOILS.replace("fresh", "first"))).unwrap();
    for _ in 0..3 {
        for program in [&spoils, &spoils, &other] {
            assert!(program.runner().run().unwrap().status.is_success());
        }
    }
}

#[test]
fn there_is_room_for_so_many_at_the_same_time() {
    let engine = pool(2);
    let nothing = load(&engine, &program(r#"(func (export "_start"))"#)).unwrap();
    let begin = || {
        let mut instance = nothing.module().instance(thread_of_a_process(), &InstanceOptions::default()).unwrap();
        instance.start().map(|()| instance)
    };
    let (one, two) = (begin().unwrap(), begin().unwrap());
    match begin().err() {
        Some(Stop::Failed(EngineError::Instantiate { message, .. })) => {
            assert!(message.contains("limit of 2"), "{message}")
        }
        other => panic!("{other:?}"),
    }
    // A run that finds no room says so, too; it is not the guest that failed.
    assert!(matches!(nothing.runner().run(), Err(RunError::Engine(EngineError::Instantiate { .. }))));
    drop(one);
    let mut again = begin().unwrap();
    again.call("_start").unwrap();
    drop((two, again));
    assert!(nothing.runner().run().unwrap().status.is_success());
}

#[test]
fn many_threads_take_turns() {
    let spoils = load(&pool(4), &program(SPOILS)).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert!(spoils.runner().run().unwrap().status.is_success())));
        }
    });
}

#[test]
fn what_is_too_large_is_refused_before_it_runs() {
    let engine = pool(1);
    let refused = |text: &str| {
        let error = load(&engine, text).unwrap_err();
        assert!(matches!(error.reason, Reason::Engine(EngineError::Compile { .. })), "{error}");
    };
    let too_large = POOLED_ELEMENTS + 1;
    refused(&format!(r#"(module (table {too_large} funcref) (memory (export "memory") 1) (func (export "_start")))"#));
    let too_many = "(table 1 funcref)".repeat(POOLED_TABLES as usize + 1);
    refused(&format!(r#"(module {too_many} (memory (export "memory") 1) (func (export "_start")))"#));
    refused(r#"(module (memory 1) (memory (export "memory") 1) (func (export "_start")))"#);
    // As large as it can be.
    let tables = format!("(table {POOLED_ELEMENTS} funcref)").repeat(POOLED_TABLES as usize);
    let large = format!(r#"(module {tables} (memory (export "memory") 65536) (func (export "_start")))"#);
    assert!(load(&engine, &large).unwrap().runner().run().unwrap().status.is_success());
    let without = load(&engine, r#"(module (func (export "_start")))"#).unwrap();
    assert!(without.runner().run().unwrap().status.is_success());
}

/// Limits hold as they do elsewhere.
#[test]
fn a_limit_of_memory_is_one() {
    let text = program(
        r#"(func (export "_start")
            (call $proc_exit (i32.eqz (i32.eq (memory.grow (i32.const 15)) (i32.const -1)))))"#,
    );
    let grows = load(&pool(1), &text).unwrap();
    let mut runner = grows.runner();
    runner.memory_limit(1 << 20);
    for _ in 0..2 {
        let result = runner.run().unwrap();
        assert_eq!(result.status, Status::Code(0));
    }
    runner.memory_limit(2 << 20);
    assert_eq!(runner.run().unwrap().status, Status::Code(1));
}

#[test]
fn code_is_the_same_with_and_without() {
    let text = program(
        r#"(data (i32.const 64) "x") (func (export "_start") (call $puts (i32.const 1) (i32.const 64) (i32.const 1)))"#,
    );
    let without = engine(Some("cranelift"), &EngineOptions::default()).unwrap();
    let code = load(&without, &text).unwrap().module().serialize().unwrap();
    let pool = pool(1);
    assert_eq!(without.compatibility().unwrap(), pool.compatibility().unwrap());
    // SAFETY: from the line above, unchanged.
    let module = unsafe { pool.deserialize(&code) }.unwrap();
    let (stdout, captured) = stdio::capture(8);
    let process = ProcessBuilder::new(&System::host(), "prog").stdout(stdout).build().unwrap();
    let mut instance = module.instance(Thread::main(&process), &InstanceOptions::default()).unwrap();
    instance.start().unwrap();
    instance.call("_start").unwrap();
    assert_eq!(captured.contents(), b"x");
}

#[cfg(feature = "jsc")]
#[test]
fn an_engine_without_one_runs_all_the_same() {
    let options = EngineOptions { pool: NonZeroU32::new(1), ..EngineOptions::default() };
    let Ok(engine) = engine(Some("jsc"), &options) else { return };
    assert!(!engine.capabilities().contains(Capabilities::POOL));
    let nothing = load(&engine, &program(r#"(func (export "_start"))"#)).unwrap();
    let _first = nothing.module().instance(thread_of_a_process(), &InstanceOptions::default()).unwrap();
    assert!(nothing.runner().run().unwrap().status.is_success());
}
