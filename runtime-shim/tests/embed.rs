//! The embedding API: one program, many runs; cancellation; limits; a linker of one's own.
#![cfg(any(feature = "cranelift", feature = "jsc"))]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{PRINT_ARGS, program, reader, writer};
use gangplank::{
    Program, RunError, Status,
    engine::{Capabilities, ENGINES, Engine, EngineError, EngineOptions, TrapKind, engine},
    vfs::{Ctx, FileSystem, Mount, MountOptions, Name, NewNode, OpenFlags, Place, mem_fs::MemFs},
    wasi::{Cancel, Event, Rights, System, Trace, abi, pipes, stdio},
};

/// Each engine that is built in.
fn engines() -> impl Iterator<Item = Arc<dyn Engine>> {
    let built_in = ENGINES.iter().filter(|known| known.is_built_in());
    built_in.map(|known| engine(Some(known.name), &EngineOptions::default()).unwrap())
}

/// The same engine with other options.
fn again(engine: &Arc<dyn Engine>, options: &EngineOptions) -> Arc<dyn Engine> {
    gangplank::engine::engine(Some(engine.name()), options).unwrap()
}

fn load(engine: &Arc<dyn Engine>, text: &str) -> Program {
    Program::new(&**engine, "prog", &wat::parse_str(text).unwrap()).unwrap()
}

/// A directory in memory with `hello.txt`, which holds this.
fn directory(content: &str) -> (Arc<dyn FileSystem>, Place) {
    let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
    let new = NewNode::Regular { mode: 0o644 };
    let made = fs.create(&Ctx::ROOT, fs.root(), Name::new(b"hello.txt").unwrap(), &new).unwrap();
    let file = fs.open(&Ctx::ROOT, made.node, OpenFlags::WRITE).unwrap();
    file.write_at(&[std::io::IoSlice::new(content.as_bytes())], gangplank::vfs::At::Offset(0)).unwrap();
    fs.forget(made.node, 1);
    let place = Mount::detached(Arc::clone(&fs), MountOptions::default());
    (fs, place)
}

/// Blocks in a read of descriptor 0.
const BLOCKED: &str = r#"(func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 1024))
    (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))"#;

const BUSY: &str = r#"(func (export "_start") (loop (br 0)))"#;

#[test]
fn output_is_captured_and_arguments_are_given() {
    for engine in engines() {
        let (stdout, captured) = stdio::capture(1 << 16);
        let result =
            load(&engine, &program(PRINT_ARGS)).runner().arg("x").args(["y", "z"]).stdout(stdout).run().unwrap();
        assert_eq!(result.status, Status::Code(0));
        assert!(result.status.is_success());
        assert_eq!(captured.contents(), b"prog\0x\0y\0z\0");
    }
}

#[test]
fn one_program_runs_many_times_on_many_threads() {
    for engine in engines() {
        let program = load(&engine, &program_that_echoes());
        thread::scope(|scope| {
            for t in 0..4 {
                let program = &program;
                scope.spawn(move || {
                    for n in 0..25 {
                        let text = format!("thread {t} run {n}");
                        let (_fs, place) = directory(&text);
                        let (stdout, captured) = stdio::capture(1 << 16);
                        let status = program.runner().preopen("/", place).stdout(stdout).run().unwrap().status;
                        assert_eq!((status, captured.contents()), (Status::Code(0), text.into_bytes()));
                    }
                });
            }
        });
    }
}

fn program_that_echoes() -> String {
    reader()
}

#[test]
fn the_filesystem_stays_the_embedders() {
    for engine in engines() {
        let (fs, place) = directory("x");
        assert!(load(&engine, &writer()).runner().preopen("/", place).run().unwrap().status.is_success());
        let made = fs.lookup(&Ctx::ROOT, fs.root(), Name::new(b"out.txt").unwrap()).unwrap();
        let file = fs.open(&Ctx::ROOT, made.node, OpenFlags::READ).unwrap();
        assert_eq!(file.read_bytes(0, 100).unwrap(), "hello\n");
        fs.forget(made.node, 1);
    }
}

#[test]
fn cancel_ends_a_wait_and_a_loop_on_its_own_run_alone() {
    for engine in engines() {
        for body in [BLOCKED, BUSY] {
            let program = load(&engine, &program(body));
            let (kept, source) = pipes::pipe(16);
            let mut runner = program.runner();
            runner.stdin(kept);
            let (first, second) = (runner.prepare().unwrap(), runner.prepare().unwrap());
            let (cancel_first, cancel_second) = (first.canceller(), second.canceller());
            let first = thread::spawn(move || first.run().unwrap().status);
            let second = thread::spawn(move || second.run().unwrap().status);
            thread::sleep(Duration::from_millis(100));
            assert!(!first.is_finished() && !second.is_finished());
            assert!(cancel_first.cancel(Cancel::Requested));
            assert_eq!(first.join().unwrap(), Status::Canceled(Cancel::Requested));
            thread::sleep(Duration::from_millis(50));
            assert!(!second.is_finished(), "canceled with the other");
            assert!(cancel_second.cancel(Cancel::Interrupt));
            let status = second.join().unwrap();
            assert_eq!((status.exit_code(), status), (130, Status::Canceled(Cancel::Interrupt)));
            drop(source);
        }
    }
}

#[test]
fn cancel_before_the_run_lets_nothing_run() {
    for engine in engines() {
        let (stdout, captured) = stdio::capture(100);
        let run = load(&engine, &program(PRINT_ARGS)).runner().stdout(stdout).prepare().unwrap();
        run.canceller().cancel(Cancel::Requested);
        assert_eq!(run.run().unwrap().status, Status::Canceled(Cancel::Requested));
        assert!(captured.is_empty());
    }
}

#[test]
fn timeouts_need_an_engine_that_can_interrupt() {
    for engine in engines() {
        let begun = Instant::now();
        let status = load(&engine, &program(BUSY)).runner().timeout(Duration::from_millis(100)).run().unwrap().status;
        assert_eq!(status, Status::Canceled(Cancel::Timeout));
        assert!(begun.elapsed() >= Duration::from_millis(100));
        let options = EngineOptions { interruptible: false, ..EngineOptions::default() };
        let other = again(&engine, &options);
        let busy = Program::new(&*other, "busy", &wat::parse_str(program(BUSY)).unwrap()).unwrap();
        let error = busy.runner().timeout(Duration::from_secs(1)).run().unwrap_err();
        assert!(matches!(&error, RunError::Engine(EngineError::Missing { .. })), "{error}");
        let name = engine.name();
        assert_eq!(
            error.to_string(),
            format!("the engine `{name}` cannot do this, or was not set up for it: interrupt")
        );
    }
}

#[test]
fn without_interruption_cancel_acts_at_the_next_call() {
    for engine in engines() {
        let other = again(&engine, &EngineOptions { interruptible: false, ..EngineOptions::default() });
        let text = program(r#"(func (export "_start") (loop (drop (call $fd_close (i32.const 99))) (br 0)))"#);
        let program = Program::new(&*other, "calls", &wat::parse_str(text).unwrap()).unwrap();
        let run = program.runner().prepare().unwrap();
        let canceller = run.canceller();
        let running = thread::spawn(move || run.run().unwrap().status);
        thread::sleep(Duration::from_millis(50));
        canceller.cancel(Cancel::Requested);
        assert_eq!(running.join().unwrap(), Status::Canceled(Cancel::Requested));
    }
}

#[test]
fn traps_are_told_apart() {
    for engine in engines() {
        let result =
            load(&engine, &program(r#"(func $boom unreachable) (func (export "_start") (call $boom))"#)).runner().run();
        let Status::Trap(trap) = result.unwrap().status else { panic!("no trap") };
        assert_eq!(trap.kind, TrapKind::Unreachable);
        assert_eq!(trap.backtrace.len(), 2);
        assert_eq!(trap.backtrace[0].name.as_deref(), Some("boom"));
        // JavaScriptCore does not tell it.
        assert_eq!(trap.backtrace[0].offset.is_some(), engine.name() == "cranelift");
    }
}

#[derive(Debug)]
struct Panics;

impl Trace for Panics {
    fn begin(&self, _: &'static abi::Import) -> u64 {
        panic!("a bug of ours")
    }
    fn event(&self, _: &Event<'_, '_>) {}
}

#[test]
fn a_panic_in_the_host_ends_the_run_and_nothing_else() {
    for engine in engines() {
        let program = load(&engine, &program(PRINT_ARGS));
        let Status::Trap(trap) = program.runner().trace(Arc::new(Panics)).run().unwrap().status else {
            panic!("no trap")
        };
        assert_eq!((trap.kind, &*trap.message), (TrapKind::HostPanic, "a bug of ours"));
        assert!(program.runner().run().unwrap().status.is_success(), "the program can still be run");
    }
}

#[derive(Debug, Default)]
struct Counts(AtomicUsize, AtomicUsize);

impl Trace for Counts {
    fn begin(&self, _: &'static abi::Import) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) as u64
    }
    fn event(&self, event: &Event<'_, '_>) {
        assert_eq!(event.begun, self.1.fetch_add(1, Ordering::Relaxed) as u64);
    }
}

#[test]
fn every_call_is_traced_once() {
    for engine in engines() {
        let counts = Arc::new(Counts::default());
        assert!(load(&engine, &program(PRINT_ARGS)).runner().trace(counts.clone()).run().unwrap().status.is_success());
        assert_eq!((counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed)), (3, 3));
    }
}

#[test]
fn deterministic_runs_are_alike() {
    for engine in engines() {
        let text = r#"(module
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $random (i32.const 100) (i32.const 16)))
            (drop (call $time (i32.const 0) (i64.const 0) (i32.const 116)))
            (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 24))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;
        let program = load(&engine, text);
        let run = |system: Arc<System>| {
            let (stdout, captured) = stdio::capture(100);
            assert!(program.runner().system(system).stdout(stdout).run().unwrap().status.is_success());
            captured.take()
        };
        assert_eq!(run(System::deterministic(7)), run(System::deterministic(7)));
        assert_ne!(run(System::deterministic(7)), run(System::deterministic(8)));
        assert_eq!(run(System::host()).len(), 24);
    }
}

#[test]
fn a_reactor_is_initialised_and_then_invoked() {
    for engine in engines() {
        let text = program(
            r#"(data (i32.const 64) "ab") (func (export "_initialize") (call $puts (i32.const 1) (i32.const 64) (i32.const 1)))
        (func (export "go") (call $puts (i32.const 1) (i32.const 65) (i32.const 1)))
        (func (export "takes") (param i32))"#,
        );
        let program = load(&engine, &text);
        let (stdout, captured) = stdio::capture(100);
        let mut runner = program.runner();
        runner.stdout(stdout);
        assert_eq!(runner.run().unwrap_err(), RunError::NoStart { reactor: true, odd: false });
        assert!(runner.invoke("go").run().unwrap().status.is_success());
        assert_eq!(captured.take(), b"ab");
        assert_eq!(runner.invoke("takes").run().unwrap_err(), RunError::NoExport("takes".to_owned()));
    }
}

#[test]
fn what_cannot_be_given_is_refused_in_words() {
    for engine in engines() {
        let program = load(&engine, &program(PRINT_ARGS));
        let error = program.runner().arg("a\0b").run().unwrap_err();
        assert!(error.to_string().contains("NUL"), "{error}");
        let error = program.runner().env("A=B", "x").run().unwrap_err();
        assert!(error.to_string().contains("A=B=x"), "{error}");
    }
}

#[test]
fn rights_can_be_enforced() {
    for engine in engines() {
        let (_fs, place) = directory("x");
        assert!(
            load(&engine, &writer())
                .runner()
                .preopen("/", place)
                .rights(Rights::Enforce)
                .run()
                .unwrap()
                .status
                .is_success()
        );
    }
}

#[test]
fn a_module_too_large_for_memory_is_an_error() {
    for engine in engines() {
        if !engine.capabilities().contains(Capabilities::MEMORY64) {
            continue;
        }
        let text = r#"(module (memory i64 0x800000000000) (func (export "_start")))"#;
        let program = load(&engine, text);
        let error = program.runner().run().unwrap_err();
        assert!(matches!(&error, RunError::Engine(EngineError::Instantiate { .. })), "{error}");
    }
}

/// A linker of one's own, with store data of one's own, and two instances with a memory each in one store.
#[cfg(feature = "cranelift")]
#[test]
fn our_imports_in_a_linker_of_ones_own() {
    use gangplank::cranelift::{Ctx, Exited, add_to_linker};
    use gangplank::wasi::{ExitStatus, ProcessBuilder, Thread};
    struct Mine {
        name: &'static str,
        wasi: Ctx,
    }
    let engine = wasmtime::Engine::default();
    let mut linker = wasmtime::Linker::new(&engine);
    add_to_linker(&mut linker, |mine: &mut Mine| &mut mine.wasi).unwrap();
    let (stdout, captured) = stdio::capture(100);
    let process = ProcessBuilder::new(&System::host(), "prog").stdout(stdout).build().unwrap();
    let mine = Mine { name: "still mine", wasi: Ctx::new(Thread::main(&process)) };
    let mut store = wasmtime::Store::new(&engine, mine);
    for (text, bind) in [("one", false), ("two", false), ("six", true)] {
        let text = program(&format!(
            r#"(data (i32.const 64) "{text}")
            (func (export "_start") (call $puts (i32.const 1) (i32.const 64) (i32.const 3)))
            (func (export "end") (call $proc_exit (i32.const 5)))"#
        ));
        let module = wasmtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        if bind {
            let memory = instance.get_export(&mut store, "memory");
            store.data_mut().wasi.bind(memory);
        }
        instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap().call(&mut store, ()).unwrap();
        if bind {
            let end = instance.get_typed_func::<(), ()>(&mut store, "end").unwrap();
            assert!(end.call(&mut store, ()).unwrap_err().is::<Exited>());
        }
    }
    assert_eq!(captured.contents(), b"onetwosix");
    assert_eq!(process.exit_status(), Some(ExitStatus::Code(5)));
    assert_eq!(store.data().name, "still mine");
}

#[test]
fn fuel_runs_out_at_the_same_place_and_must_be_asked_for() {
    for engine in engines() {
        let options = EngineOptions { fuel: true, ..EngineOptions::default() };
        let other = again(&engine, &options);
        // Counts in `out`, which the trap leaves behind.
        let text = program(
            r#"(func (export "_start") (loop (call $puts (i32.const 1) (i32.const 96) (i32.const 1)) (br 0)))"#,
        );
        let counted = Program::new(&*other, "counted", &wat::parse_str(text).unwrap()).unwrap();
        let run = |fuel| {
            let (stdout, captured) = stdio::capture(1 << 20);
            let status = counted.runner().fuel(fuel).stdout(stdout).run().unwrap().status;
            assert_eq!(status.exit_code(), 124);
            assert!(matches!(status, Status::Trap(trap) if trap.kind == TrapKind::OutOfFuel));
            captured.contents().len()
        };
        let (little, more) = (run(10_000), run(20_000));
        assert_eq!(little, run(10_000));
        assert!(little > 0 && more > little, "{little} {more}");
        // Without a limit, it is not limited.
        let quick = Program::new(&*other, "quick", &wat::parse_str(program(PRINT_ARGS)).unwrap()).unwrap();
        assert!(quick.runner().run().unwrap().status.is_success());
        let error = load(&engine, &program(BUSY)).runner().fuel(1).run().unwrap_err();
        assert!(matches!(&error, RunError::Engine(EngineError::Missing { .. })), "{error}");
    }
}

#[test]
fn a_deadline_is_a_timeout() {
    for engine in engines() {
        let busy = load(&engine, &program(BUSY));
        let begun = Instant::now();
        let mut runner = busy.runner();
        runner.timeout(Duration::from_secs(3600)).deadline(begun + Duration::from_millis(100));
        assert_eq!(runner.run().unwrap().status, Status::Canceled(Cancel::Timeout));
        assert!(begun.elapsed() >= Duration::from_millis(100));
        // It has passed.
        assert_eq!(runner.run().unwrap().status, Status::Canceled(Cancel::Timeout));
    }
}
