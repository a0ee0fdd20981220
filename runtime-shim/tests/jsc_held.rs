//! JavaScriptCore: nothing remains of a run. In a process of its own, where nothing else runs.
#![cfg(all(feature = "jsc", target_os = "linux"))]

use std::{
    fs,
    sync::{Barrier, Mutex},
    thread,
    time::Duration,
};

use gangplank::{
    Program, Status,
    engine::{EngineOptions, TrapKind, engine},
    jsc::{Held, held},
};

/// A page to be touched, a function to be called, and the four ways to end.
fn programs() -> Vec<(Program, Status)> {
    let engine = engine(Some("jsc"), &EngineOptions::default()).unwrap();
    let load = |body: &str| {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
                (memory (export "memory") 17)
                (func $work (drop (call $random (i32.const 0) (i32.const 0x100000)))
                    (drop (memory.grow (i32.const 1)))
                    (drop (call $time (i32.const 0) (i64.const 0) (i32.const 0x110000))))
                (func (export "_start") (call $work) {body}))"#
        );
        Program::new(&*engine, "prog", &wat::parse_str(text).unwrap()).unwrap()
    };
    let trap = load("unreachable");
    let Status::Trap(trapped) = trap.runner().run().unwrap().status else { panic!("no trap") };
    assert_eq!(trapped.kind, TrapKind::Unreachable);
    vec![
        (load(""), Status::Code(0)),
        (load("(call $exit (i32.const 5))"), Status::Code(5)),
        (trap, Status::Trap(trapped)),
        (load("(loop (br 0))"), Status::Canceled(gangplank::wasi::Cancel::Timeout)),
    ]
}

fn run(programs: &[(Program, Status)]) {
    for (program, expected) in programs {
        let mut runner = program.runner();
        if matches!(expected, Status::Canceled(_)) {
            runner.timeout(Duration::from_millis(1));
        }
        assert_eq!(&runner.run().unwrap().status, expected);
    }
}

/// Bytes of resident memory, and number of mappings.
fn resident() -> (usize, usize) {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096, fs::read_to_string("/proc/self/maps").unwrap().lines().count())
}

/// Rounds of one run of each program, on as many threads; prints and answers what is resident after half of them and in
/// the end. In the first second the engine's allocator gives back what it took to begin with, here a page and there one,
/// which makes more mappings of the same memory.
fn soak(rounds: usize, threads: usize) -> [(usize, usize); 2] {
    let programs = programs();
    let each = programs.len() * threads;
    // All threads wait for each other at these, and nothing runs while one looks.
    let looks: Vec<_> = (1..=10).map(|n| n * rounds / 10).collect();
    let barrier = Barrier::new(threads);
    let seen = Mutex::new(Vec::new());
    let work = || {
        for round in 1..=rounds {
            run(&programs);
            if !looks.contains(&round) {
                continue;
            }
            if barrier.wait().is_leader() {
                let now = resident();
                let (runs, mb) = (round * each, now.0 as f64 / 1e6);
                println!("{runs:6} runs: {mb:7.1} MB resident, {} mappings, {:?}", now.1, held());
                seen.lock().unwrap().push(now);
            }
            barrier.wait();
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let seen = seen.into_inner().unwrap();
    [seen[seen.len() / 2 - 1], seen[seen.len() - 1]]
}

#[test]
fn nothing_remains() {
    assert_eq!(held(), Held::default());
    let programs = programs();
    let compiled = Held { modules: programs.len(), ..Held::default() };
    // Three for their first run, and that of the one that has run already, for the next.
    assert_eq!(held(), compiled);
    (0..3).for_each(|_| run(&programs));
    assert_eq!(held(), compiled, "one after the other they need no more");
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..4).for_each(|_| run(&programs)));
        }
    });
    let Held { machines, modules, values } = held();
    assert_eq!((machines, values), (0, 0), "after runs on many threads");
    assert!((4..=24).contains(&modules), "no more than have run at the same time: {modules}");
    drop(programs);
    assert_eq!(held(), Held::default(), "after the programs");

    let [first, last] = soak(400, 1);
    assert_eq!(held(), Held::default(), "after many runs");
    assert!(last.0 < first.0 + (16 << 20), "resident memory grows: {} to {}", first.0, last.0);
    assert!(last.1 < first.1 + 50, "mappings stay: {} to {}", first.1, last.1);
}

/// `cargo test --release -p gangplank --features jsc --test jsc_held -- --ignored --nocapture`
#[test]
#[ignore = "10 000 runs take minutes; a command of its own, above"]
fn soak_10_000_runs() {
    for threads in [1, 4] {
        println!("on {threads} threads:");
        let [first, last] = soak(2500 / threads, threads);
        assert_eq!(held(), Held::default());
        // Each thread has its own arena of the allocator, and its own compilers.
        assert!(last.0 < first.0 + threads * (4 << 20), "resident memory grows: {} to {}", first.0, last.0);
        assert!(last.1 < first.1 + threads * 50, "mappings stay: {} to {}", first.1, last.1);
    }
}
