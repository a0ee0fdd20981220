//! Ends a program from another thread: one that computes for ever, and one that waits for ever.

use std::{error::Error, thread, time::Duration};

use gangplank::{
    Program, Status,
    engine::{EngineOptions, engine},
    wasi::{Cancel, pipes},
};

/// Spins.
const BUSY: &str = r#"(module (func (export "_start") (loop (br 0))))"#;

/// Reads standard input, which never comes.
const WAITS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\10\00\00\00")
    (func (export "_start") (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    // Interruption of computing code is on unless it is turned off here.
    let engine = engine(None, &EngineOptions::default())?;
    for (name, text) in [("busy", BUSY), ("waits", WAITS)] {
        let program = Program::new(&*engine, name, &wat::parse_str(text)?)?;
        // Held open, so that the program waits instead of reading the end.
        let (stdin, _never_written) = pipes::pipe(16);
        let run = program.runner().stdin(stdin).prepare()?;
        // From `prepare` on; a cancellation that comes before the program runs is not lost either.
        let canceller = run.canceller();
        let running = thread::spawn(move || run.run());
        thread::sleep(Duration::from_millis(50));
        assert!(canceller.cancel(Cancel::Requested), "it is still running");
        let result = running.join().map_err(|_| "the run panicked")??;
        println!("{name}: {:?}", result.status);
        assert_eq!(result.status, Status::Canceled(Cancel::Requested));
    }
    Ok(())
}

#[test]
fn it_runs() {
    main().unwrap();
}
