//! Guests as tasks of an executor: one thread runs several, and none blocks it.
#![cfg(feature = "async")]

mod common;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use common::program;
use gangplank::{
    cranelift::{Ctx, Exited, add_to_linker_async},
    vfs::VirtualFile,
    wasi::{Cancel, ExitStatus, Process, ProcessBuilder, System, pipes, stdio},
};
use wasmtime::{Engine, Linker, Module, Store};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs both on this thread, and answers how often they were polled.
fn join(a: impl Future<Output = ()>, b: impl Future<Output = ()>) -> usize {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let (mut a, mut b): (Pin<&mut dyn Future<Output = ()>>, Pin<&mut dyn Future<Output = ()>>) = (pin!(a), pin!(b));
    let (mut a_over, mut b_over, mut polls) = (false, false, 0);
    let begun = Instant::now();
    while !(a_over && b_over) {
        a_over = a_over || a.as_mut().poll(&mut cx) == Poll::Ready(());
        b_over = b_over || b.as_mut().poll(&mut cx) == Poll::Ready(());
        polls += 1;
        if !(a_over && b_over) {
            thread::park_timeout(Duration::from_secs(20));
            assert!(begun.elapsed() < Duration::from_secs(20), "nobody was woken");
        }
    }
    polls
}

fn process(stdin: Arc<dyn VirtualFile>, stdout: Arc<dyn VirtualFile>) -> Arc<Process> {
    ProcessBuilder::new(&System::host(), "prog").stdin(stdin).stdout(stdout).build().unwrap()
}

async fn run(engine: &Engine, text: &str, process: &Arc<Process>) -> wasmtime::Result<()> {
    let mut linker = Linker::new(engine);
    add_to_linker_async(&mut linker, |ctx: &mut Ctx| ctx)?;
    let module = Module::new(engine, wat::parse_str(text).unwrap())?;
    let mut store = Store::new(engine, Ctx::new(gangplank::wasi::Thread::suspending(process)));
    let instance = linker.instantiate_async(&mut store, &module).await?;
    let ended = instance.get_typed_func::<(), ()>(&mut store, "_start")?.call_async(&mut store, ()).await;
    process.finish(0);
    ended
}

/// Writes 60 000 bytes, of 251 kinds, in one call, and counts what was taken until all is.
const WRITES: &str = r#"(func (export "_start") (local $at i32)
    (loop $fill
        (i32.store8 (i32.add (i32.const 1024) (local.get $at)) (i32.rem_u (local.get $at) (i32.const 251)))
        (br_if $fill (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 60000))))
    (local.set $at (i32.const 0))
    (loop $more
        (i32.store (i32.const 0) (i32.add (i32.const 1024) (local.get $at)))
        (i32.store (i32.const 4) (i32.sub (i32.const 60000) (local.get $at)))
        (call $ok (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
        (br_if $more (i32.lt_u (local.get $at) (i32.const 60000)))))"#;

/// Copies descriptor 0 to 1 until it ends.
const COPIES: &str = r#"(func (export "_start")
    (loop $more
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 100))
        (call $ok (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (if (i32.load (i32.const 8)) (then
            (call $puts (i32.const 1) (i32.const 1024) (i32.load (i32.const 8)))
            (br $more)))))"#;

#[test]
fn a_pipe_between_two_guests_on_one_thread() {
    let engine = Engine::default();
    let (reader, writer) = pipes::pipe(64);
    let (out, captured) = stdio::capture(1 << 16);
    let (first, second) = (process(stdio::null(), writer), process(reader, out));
    let polls = join(async { run(&engine, &program(WRITES), &first).await.unwrap() }, async {
        run(&engine, &program(COPIES), &second).await.unwrap()
    });
    let expected: Vec<u8> = (0..60000u32).map(|n| (n % 251) as u8).collect();
    assert_eq!(captured.contents(), expected, "nothing lost, nothing twice");
    assert!(polls > 5, "they took turns: {polls}");
    assert_eq!(second.exit_status(), Some(ExitStatus::Code(0)));
}

/// Waits 300 ms for the clock or descriptor 0, and exits with the number of events.
const SLEEPS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 300000000))
        (i32.store8 (i32.const 56) (i32.const 1))
        (drop (call $poll (i32.const 0) (i32.const 1024) (i32.const 2) (i32.const 2048)))
        (call $proc_exit (i32.load (i32.const 2048)))))"#;

#[test]
fn sleeps_end_in_time_and_side_by_side() {
    let engine = Engine::default();
    let (first_in, _first) = pipes::pipe(16);
    let (second_in, _second) = pipes::pipe(16);
    let (first, second) = (process(first_in, stdio::null()), process(second_in, stdio::null()));
    let begun = Instant::now();
    let one = |process: Arc<Process>| {
        let engine = &engine;
        async move {
            let error = run(engine, SLEEPS, &process).await.unwrap_err();
            assert!(error.is::<Exited>(), "{error:?}");
        }
    };
    let polls = join(one(first.clone()), one(second.clone()));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && polls < 20, "{took:?}, {polls} polls");
    for process in [first, second] {
        assert_eq!(process.exit_status(), Some(ExitStatus::Code(1)), "the clock alone");
    }
}

#[test]
fn a_waiting_guest_is_canceled_from_elsewhere() {
    let engine = Engine::default();
    let (stdin, _kept) = pipes::pipe(16);
    let process = process(stdin, stdio::null());
    let canceller = process.canceller();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        canceller.cancel(Cancel::Requested)
    });
    join(
        async {
            let error = run(&engine, &program(COPIES), &process).await.unwrap_err();
            assert!(error.is::<Exited>(), "{error:?}");
        },
        async {},
    );
    assert!(other.join().unwrap());
    assert_eq!(process.exit_status(), Some(ExitStatus::Canceled(Cancel::Requested)));
}
