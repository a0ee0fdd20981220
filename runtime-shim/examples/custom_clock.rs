//! A clock and random numbers of one's own: the program believes that it is New Year 2030, that time stands still while
//! it computes, and that sleeping takes no time.
//!
//! For runs that are merely to be repeatable, `Runner::deterministic` does it in one call.

use std::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    wasi::{
        System,
        abi::types::ClockId,
        system::{Clocks, SeededRandom},
        wait::Monotonic,
    },
};

/// Sleeps for an hour, and writes the time of day to standard output, 8 bytes of it.
const SLEEPER: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 128) "\00\01\00\00\08\00\00\00")
    (func (export "_start")
        (i32.store (i32.const 16) (i32.const 1))                     ;; the monotonic clock
        (i64.store (i32.const 24) (i64.const 3600000000000))         ;; an hour from now
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 120)))
        (drop (call $time (i32.const 0) (i64.const 1) (i32.const 256)))
        (drop (call $write (i32.const 1) (i32.const 128) (i32.const 1) (i32.const 120)))))"#;

const NEW_YEAR: u64 = 1_893_456_000_000_000_000;

/// Nanoseconds slept.
#[derive(Debug, Default)]
struct Still(AtomicU64);

impl Monotonic for Still {
    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }

    // How long to really wait. Nothing drives this clock but those who wait for it.
    fn pause(&self, deadline: u64) -> Duration {
        self.0.fetch_max(deadline, Relaxed);
        Duration::ZERO
    }
}

impl Clocks for Still {
    fn realtime(&self) -> u64 {
        NEW_YEAR + self.now()
    }

    fn process_cputime(&self) -> Option<u64> {
        None // not known: the program gets an error
    }

    fn thread_cputime(&self) -> Option<u64> {
        None
    }

    fn resolution(&self, _: ClockId) -> u64 {
        1
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let program = Program::new(&*engine(None, &EngineOptions::default())?, "sleeper", &wat::parse_str(SLEEPER)?)?;
    let system = System::new(Still::default(), SeededRandom::new(7));
    let result = program.runner().system(system).capture_output(100).run()?;
    let time = u64::from_le_bytes(result.stdout.as_slice().try_into()?);
    println!("{:?}, {} s after New Year", result.status, (time - NEW_YEAR) / 1_000_000_000);
    assert_eq!(time, NEW_YEAR + 3_600_000_000_000);
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
