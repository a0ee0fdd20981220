//! JavaScriptCore: what is peculiar to it, and that nothing of it remains.
#![cfg(feature = "jsc")]

mod common;

use std::{sync::Arc, thread, time::Duration};

use common::{PRINT_ARGS, program};
use gangplank::{
    Program, RunError, Status,
    engine::{Capabilities, Engine, EngineError, EngineOptions, Trap, TrapKind, engine},
    wasi::{Cancel, Event, Trace, abi, stdio},
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

#[test]
fn instructions_are_counted_the_same_every_time() {
    let engine = engine(Some("jsc"), &EngineOptions { fuel: true, ..EngineOptions::default() }).unwrap();
    // Counts in its output, which the trap leaves behind.
    let text = program(
        r#"(func $fib (param $n i32) (result i32)
            (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (local.get $n))
                (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                    (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
        (func (export "_start")
            (loop (drop (call $fib (i32.const 5))) (call $puts (i32.const 1) (i32.const 96) (i32.const 1)) (br 0)))"#,
    );
    let counted = load(&engine, &text);
    let run = |fuel| {
        let (stdout, captured) = stdio::capture(1 << 20);
        let status = counted.runner().fuel(fuel).stdout(stdout).run().unwrap().status;
        assert!(matches!(&status, Status::Trap(trap) if trap.kind == TrapKind::OutOfFuel), "{status:?}");
        captured.contents().len()
    };
    // Less than one slice, and many.
    for fuel in [10_000, 5_000_000] {
        let (little, more) = (run(fuel), run(2 * fuel));
        assert_eq!(little, run(fuel));
        assert!(little > 0 && more.abs_diff(2 * little) <= 2, "{little} {more}");
    }
    assert_eq!(run(0), 0);
    let endless = load(&engine, &program(r#"(func (export "_start"))"#));
    assert!(endless.runner().run().unwrap().status.is_success(), "without a limit it is not limited");
}

#[test]
fn memory_is_limited_tables_included() {
    let grow = |body: &str, limit: u64| {
        let text = program(&format!(
            r#"(table $t 0 100000 funcref) (table $u 0 externref)
            (func (export "_start") (call $proc_exit {body}))"#
        ));
        let ran = load(&jsc(), &text).runner().memory_limit(limit).run().unwrap();
        (ran.status, ran.limits.bits())
    };
    // It begins with two pages.
    let pages = |pages: u64| pages * 65536;
    let memory = |pages: u32| format!("(memory.grow (i32.const {pages}))");
    assert_eq!(grow(&memory(2), pages(4)), (Status::Code(2), 0));
    assert_eq!(grow(&memory(3), pages(4)), (Status::Code(u32::MAX), 2));
    assert_eq!(grow(&memory(70_000), pages(4)), (Status::Code(u32::MAX), 0), "that no memory can do");
    let table = |table: &str, null: &str, by: u32| format!("(table.grow {table} (ref.null {null}) (i32.const {by}))");
    assert_eq!(grow(&table("$t", "func", 8192), pages(3)), (Status::Code(0), 0));
    assert_eq!(grow(&table("$t", "func", 8193), pages(3)), (Status::Code(u32::MAX), 2));
    assert_eq!(grow(&table("$u", "extern", 8192), pages(3)), (Status::Code(0), 0));
    assert_eq!(grow(&table("$u", "extern", 8193), pages(3)), (Status::Code(u32::MAX), 2));
    assert_eq!(grow(&table("$t", "func", 100_001), pages(300)), (Status::Code(u32::MAX), 0), "the module forbids it");
    // What failed is given back: both together would be too much.
    let both = format!("(i32.add {} {})", memory(70_000), memory(2));
    assert_eq!(grow(&both, pages(4)), (Status::Code(1), 0));
    let error = load(&jsc(), &program(r#"(func (export "_start"))"#)).runner().memory_limit(65536).run().unwrap_err();
    assert!(matches!(&error, RunError::Engine(EngineError::Instantiate { .. })), "{error}");
}

/// 64-bit parameters arrive whole: the cursor comes back as it was set.
#[test]
fn wide_parameters_are_whole() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (data (i32.const 64) "f")
        (func $is (param $to i64) (local $errno i32)
            (local.set $errno (call $seek (i32.load (i32.const 16)) (local.get $to) (i32.const 0) (i32.const 24)))
            (if (i64.lt_s (local.get $to) (i64.const 0))
                (then (if (i32.ne (local.get $errno) (i32.const 28)) (then (call $exit (i32.const 2)))))
                (else (if (i64.ne (i64.load (i32.const 24)) (local.get $to)) (then (call $exit (i32.const 3)))))))
        (func (export "_start")
            (if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 1)
                    (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 16))
                (then (call $exit (i32.const 1))))
            (call $is (i64.const 0x7fffffff)) (call $is (i64.const 0x80000000)) (call $is (i64.const 0x123456789a))
            (call $is (i64.const 0x7fffffffffffffff)) (call $is (i64.const 0xffffffff)) (call $is (i64.const -1))
            (call $is (i64.const 0x8000000000000000)) (call $is (i64.const 0))))"#;
    use gangplank::vfs::{Mount, MountOptions, mem_fs::MemFs};
    let place = Mount::detached(Arc::new(MemFs::new()), MountOptions::default());
    assert_eq!(load(&jsc(), text).runner().preopen("/", place).run().unwrap().status, Status::Code(0));
}

/// More at a time than there can be memories that stay where they are when they grow. Each asks for random numbers at
/// the end of its memory after each growth, and finds them there.
#[test]
fn memories_that_move_are_found_again() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 0)
        (func (export "_start") (local $n i32) (local $at i32)
            ;; There is nothing yet.
            (if (i32.ne (call $random (i32.const 0) (i32.const 1)) (i32.const 21)) (then (call $exit (i32.const 1))))
            (loop
                (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
                (if (call $random (local.get $at) (i32.const 65536)) (then (call $exit (i32.const 2))))
                (if (i64.eqz (i64.load (i32.add (local.get $at) (i32.const 65528)))) (then (call $exit (i32.const 3))))
                (if (i64.eqz (i64.load (i32.const 0))) (then (call $exit (i32.const 4))))
                (br_if 0 (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 30))))))"#;
    let program = load(&jsc(), text);
    let run = || assert_eq!(program.runner().run().unwrap().status, Status::Code(0));
    let barrier = std::sync::Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                barrier.wait();
                (0..2).for_each(|_| run());
            });
        }
    });
}

#[test]
fn a_start_function_makes_system_calls_and_may_exit() {
    let text = program(
        r#"(data (i32.const 64) "begun") (func $begin (call $puts (i32.const 1) (i32.const 64) (i32.const 5))
            (call $proc_exit (i32.const 3))) (start $begin) (func (export "_start") (call $proc_exit (i32.const 4)))
            (func (export "start"))"#,
    );
    for interruptible in [true, false] {
        let engine = engine(Some("jsc"), &EngineOptions { interruptible, ..EngineOptions::default() }).unwrap();
        let ran = load(&engine, &text).runner().capture_output(100).run().unwrap();
        assert_eq!((ran.status, &*ran.stdout), (Status::Code(3), &b"begun"[..]));
    }
}

#[test]
fn what_it_cannot_do_is_refused_in_words() {
    let program = load(&jsc(), &program(r#"(func (export "_start"))"#));
    let profile = Arc::new(gangplank::engine::Profile::new(Duration::ZERO));
    let error = program.runner().profile(&profile).run().unwrap_err();
    assert_eq!(error.to_string(), "the engine `jsc` cannot do this, or was not set up for it: profile");
    let error = program.module().serialize().unwrap_err();
    assert_eq!(error.to_string(), "the engine `jsc` cannot do this, or was not set up for it: cache");
    assert!(!jsc().capabilities().intersects(Capabilities::CACHE | Capabilities::PROFILE | Capabilities::THREADS));
}

/// A guest may not reach what was added to it: an index past its own is refused as ever.
#[test]
fn what_is_added_to_a_module_is_not_within_its_reach() {
    for (body, what) in [
        ("(drop (global.get 0))", "global"),
        ("(global.set 0 (i32.const 0x7fffffff))", "global"),
        ("(call 3)", "function"),
        ("(drop (ref.func 3))", "function"),
    ] {
        let text = format!(r#"(module (memory 1) (func) (func) (func (export "_start") {body}))"#);
        let wasm = wat::parse_str(&text).unwrap();
        let error = Program::new(&*jsc(), "prog", &wasm).unwrap_err().to_string();
        assert!(error.contains(&format!("unknown {what}")), "{body}: {error}");
    }
}

/// Runs another program in each system call of the first one's.
#[derive(Debug)]
struct RunsAnother(Program);

impl Trace for RunsAnother {
    fn begin(&self, _: &'static abi::Import) -> u64 {
        let ran = self.0.runner().arg("inner").capture_output(100).run().unwrap();
        assert_eq!((ran.status, &*ran.stdout), (Status::Code(0), &b"prog\0inner\0"[..]));
        0
    }
    fn event(&self, _: &Event<'_, '_>) {}
}

#[test]
fn a_program_may_run_inside_of_another_ones_system_call() {
    let program = load(&jsc(), &program(PRINT_ARGS));
    let trace = Arc::new(RunsAnother(program.clone()));
    let ran = program.runner().arg("outer").trace(trace).capture_output(100).run().unwrap();
    assert_eq!((ran.status, &*ran.stdout), (Status::Code(0), &b"prog\0outer\0"[..]));
}

/// All 4 GiB of it, and the last bytes.
#[test]
fn a_memory_may_be_as_large_as_it_gets() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (if (i32.ne (memory.grow (i32.const 65535)) (i32.const 1)) (then (call $exit (i32.const 1))))
            (call $exit (i32.add (i32.const 2) (call $random (i32.const -8) (i32.const 8))))))"#;
    let status = load(&jsc(), text).runner().run().unwrap().status;
    // Or there is not so much.
    assert!(matches!(status, Status::Code(1 | 2)), "{status:?}");
}

/// A memory that is shared grows in place, so that nothing tells that it has.
#[test]
fn a_shared_memory_is_seen_as_large_as_it_is() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1 10 shared)
        (func (export "_start")
            (if (call $random (i32.const 65528) (i32.const 8)) (then (call $exit (i32.const 1))))
            (if (i32.ne (call $random (i32.const 65529) (i32.const 8)) (i32.const 21)) (then (call $exit (i32.const 2))))
            (drop (memory.grow (i32.const 2)))
            (if (call $random (i32.const 0x2fff8) (i32.const 8)) (then (call $exit (i32.const 3))))
            (if (i64.eqz (i64.atomic.load (i32.const 0x2fff8))) (then (call $exit (i32.const 4))))))"#;
    assert_eq!(load(&jsc(), text).runner().run().unwrap().status, Status::Code(0));
}
