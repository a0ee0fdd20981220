//! Many runs of one small program: `--runs 1000`. Each has a process of its own and a fork of its own of one filesystem;
//! the code is compiled once.

use core::num::NonZeroU32;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use gangplank::{
    Program,
    engine::{EngineOptions, InstanceOptions, Stop, engine},
    vfs::{Tree, dir},
};
use gangplank_vfs::MountOptions;
use gangplank_wasi::{Process, ProcessBuilder, System, Thread};

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

/// The parts of one run, in their order.
const PARTS: [&str; 6] =
    ["fork the filesystem", "make the process", "instantiate", "run", "drop the instance", "drop the filesystem"];

type Parts = [Duration; PARTS.len()];

/// How many instances the pool has room for.
const POOL: u32 = 16;

/// Measures `runs` of each engine and prints a table.
pub(crate) fn measure(runs: u32) -> Result<()> {
    let wasm = wat::parse_str(WRITER)?;
    let compiled = |pool: Option<NonZeroU32>| -> Result<Program> {
        let options = EngineOptions { pool, ..EngineOptions::default() };
        Ok(Program::new(&*engine(None, &options)?, "writer", &wasm)?)
    };
    let programs = [("mapped", compiled(None)?), ("pool", compiled(NonZeroU32::new(POOL))?)];
    let template = dir! { "etc": { "config": "a = 1" }, "data": vec![7; 1 << 20] }.tree()?;
    let mut columns = Vec::new();
    for (name, program) in &programs {
        let mut memory = Vec::new();
        let mut all: Vec<Parts> = Vec::new();
        // The first tenth warms up, and shows what memory a run needs at all.
        for _ in 0..runs.div_ceil(10) {
            one(program, &template)?;
        }
        memory.push(resident());
        for run in 1..=runs {
            all.push(one(program, &template)?);
            if run % runs.div_ceil(2) == 0 {
                memory.push(resident());
            }
        }
        memory.push(resident());
        columns.push((*name, all, memory));
    }
    ensure!(!template.exists("out.txt")?, "a run has written to the original");

    println!("{runs} runs of each, mean and median in microseconds\n");
    println!("| part                 | {}", heads(columns.iter().map(|(name, ..)| *name)));
    println!("| -------------------- | {}", "-----------: | -------------: | ".repeat(columns.len()).trim_end());
    for (part, name) in PARTS.iter().enumerate() {
        row(name, columns.iter().map(|(_, all, _)| all.iter().map(|parts| parts[part]).collect()));
    }
    row("in all", columns.iter().map(|(_, all, _)| all.iter().map(|parts| parts.iter().sum()).collect()));
    for (name, _, memory) in &columns {
        println!("\n{name}: resident after warming up, after half, at the end, in KiB: {memory:?}");
    }
    Ok(())
}

fn heads<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("{name:>6}, mean | {name:>6}, median | ")).collect::<String>().trim_end().to_owned()
}

fn row(name: &str, columns: impl Iterator<Item = Vec<Duration>>) {
    let mut line = format!("| {name:20} | ");
    for mut costs in columns {
        costs.sort();
        let micros = |d: Duration| d.as_nanos() as f64 / 1000.0;
        let mean = micros(costs.iter().sum::<Duration>()) / costs.len() as f64;
        line += &format!("{mean:12.2} | {:14.2} | ", micros(costs[costs.len() / 2]));
    }
    println!("{}", line.trim_end());
}

fn one(program: &Program, template: &Tree) -> Result<Parts> {
    let mut parts = Parts::default();
    let mut at = Instant::now();
    let mut next = 0;
    let mut part_ends = || {
        let now = Instant::now();
        parts[next] = now - at;
        (at, next) = (now, next + 1);
    };
    let files = template.fork()?;
    part_ends();
    let process = process(&files)?;
    part_ends();
    let failed = |stop: Stop| anyhow!("{stop:?}");
    let mut instance = program.module().instance(Thread::main(&process), &InstanceOptions::default())?;
    instance.start().map_err(failed)?;
    part_ends();
    instance.call("_start").map_err(failed)?;
    process.finish(0);
    part_ends();
    drop(instance);
    drop(process);
    part_ends();
    // Not counted, but believed only after it has been seen.
    let result = files.read("out.txt")?;
    ensure!(result == "hello\n", "the program did not do what it should");
    let begun = Instant::now();
    drop(files);
    parts[PARTS.len() - 1] = begun.elapsed();
    Ok(parts)
}

fn process(files: &Tree) -> Result<Arc<Process>> {
    let place = gangplank_vfs::Mount::detached(Arc::clone(files.fs()), MountOptions::default());
    Ok(ProcessBuilder::new(&System::host(), "writer").preopen("/", place).build()?)
}

/// Memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}
