//! A thousand runs of a small program from one compiled artefact, each with a fork of its own of one filesystem. Prints
//! what a run costs, and where.
//!
//!     cargo run --release --example many [RUNS] [THREADS]

use std::{
    env,
    error::Error,
    num::NonZeroU32,
    thread,
    time::{Duration, Instant},
};

use gangplank::{
    Program,
    engine::{EngineOptions, engine},
    vfs::{Tree, dir},
};

/// Makes `out.txt` in the preopened directory, and writes to it.
const WRITER: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 0) "\80\00\00\00\06\00\00\00") (data (i32.const 64) "out.txt") (data (i32.const 128) "hello\n")
    (func (export "_start")
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 1) (i64.const 0x42)
                (i64.const 0) (i32.const 0) (i32.const 16)) (then unreachable))
        (if (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 20)) (then unreachable))))"#;

/// What one run costs, or many.
#[derive(Default)]
struct Cost {
    filesystem: Duration,
    prepare: Duration,
    run: Duration,
    drop: Duration,
}

fn one(program: &Program, template: &Tree) -> Result<Cost, Box<dyn Error + Send + Sync>> {
    let begun = Instant::now();
    let files = template.fork()?;
    let forked = Instant::now();
    let run = program.runner().preopen("/", &files).prepare()?;
    let prepared = Instant::now();
    let result = run.run()?; // instantiates, runs, and drops the instance
    let ran = Instant::now();
    if !result.status.is_success() || files.read("out.txt")? != "hello\n" {
        return Err("the program did not do what it should".into());
    }
    let looked = Instant::now();
    drop(files);
    Ok(Cost { filesystem: forked - begun, prepare: prepared - forked, run: ran - prepared, drop: looked.elapsed() })
}

fn many(runs: u32, threads: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Room for one instance of each thread, used again and again.
    let options = EngineOptions { pool: NonZeroU32::new(threads), ..EngineOptions::default() };
    let program = Program::new(&*engine(None, &options)?, "writer", &wat::parse_str(WRITER)?)?;
    let template = dir! { "etc": { "config": "a = 1" }, "data": vec![7; 1 << 20] }.tree()?;
    one(&program, &template)?; // warm

    let (memory, begun) = (resident(), Instant::now());
    let costs: Vec<Cost> = thread::scope(|scope| {
        let worker = || (0..runs / threads).map(|_| one(&program, &template)).collect::<Result<Vec<_>, _>>();
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|w| w.join().map_err(|_| "a worker panicked")?).collect::<Result<Vec<_>, _>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    let elapsed = begun.elapsed();

    let mean = |part: fn(&Cost) -> Duration| costs.iter().map(part).sum::<Duration>() / costs.len() as u32;
    println!("{} runs on {threads} threads in {elapsed:?}; per run:", costs.len());
    println!("  fork the filesystem      {:>10.2?}", mean(|c| c.filesystem));
    println!("  prepare the process      {:>10.2?}", mean(|c| c.prepare));
    println!("  instantiate, run, drop   {:>10.2?}", mean(|c| c.run));
    println!("  drop the filesystem      {:>10.2?}", mean(|c| c.drop));
    if let (Some(before), Some(after)) = (memory, resident()) {
        println!("memory: {before} KiB before, {after} KiB after");
    }
    assert_eq!(template.entries("")?.len(), 2, "the runs wrote to their forks alone");
    Ok(())
}

/// Memory of this process in KiB, where that can be told.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut args = env::args().skip(1).map(|word| word.parse());
    let runs = args.next().transpose()?.unwrap_or(1000);
    let threads = args.next().transpose()?.unwrap_or(1);
    many(runs, threads)
}

#[test]
fn it_runs() {
    many(40, 2).unwrap();
    // What a thousand runs would take shows in fewer.
    let before = resident();
    many(200, 2).unwrap();
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after < before + (16 << 10), "memory grew from {before} to {after} KiB");
    }
}
