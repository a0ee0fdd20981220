//! Measures Gangplank beside its peers, in one run: `cargo run --release -p gangplank-bench`.
//!
//! Each row of the table is one operation; every subject performs it in the same process, on the same tree, in turns.
//! See BENCHMARKS.md for the method and for one run.

mod machine;
mod measure;
mod op;
mod plot;
mod report;
mod runs;
mod subjects;
mod threads;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use gangplank_vfs::{
    FileSystem, MemFs, MemFsOptions, OverlayFs,
    host_fs::{HostFs, Options},
};

use machine::Machine;
use measure::{Batch, Plan};
use op::Op;
use report::Row;
use subjects::{Subject, Taking, gangplank::Gangplank, guest::Compiled, incumbent::Incumbent, raw::Raw, tree};

/// Measures Gangplank beside its peers.
#[derive(Parser, Debug)]
struct Args {
    /// Only operations whose name contains one of these.
    filter: Vec<String>,
    /// Only subjects whose name contains this; may be repeated.
    #[arg(long)]
    subject: Vec<String>,
    /// Shows the names of operations and ends.
    #[arg(long)]
    list: bool,
    /// Batches of each subject that count.
    #[arg(long, default_value_t = 9)]
    rounds: u32,
    /// Shortest batch, in milliseconds.
    #[arg(long, default_value_t = 5)]
    batch_ms: u64,
    /// Largest directory.
    #[arg(long, default_value_t = 1_000_000)]
    largest: u32,
    /// Instead of everything else: what a run of a small program costs, mean of this many.
    #[arg(long, value_name = "N")]
    runs: Option<u32>,
    /// Instead of everything else: calls of so many threads at the same time.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// A directory on a tmpfs.
    #[arg(long, default_value = "/dev/shm")]
    tmpfs: PathBuf,
    /// A directory on a disk.
    #[arg(long, default_value = "/var/tmp")]
    disk: PathBuf,
    /// Writes everything as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draws cost against size into this directory.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
}

impl Args {
    fn takes(&self, op: Op) -> bool {
        let name = op.to_string();
        let small = op.size().is_none_or(|size| size <= self.largest);
        small && (self.filter.is_empty() || self.filter.iter().any(|part| name.contains(part.as_str())))
    }

    fn wants(&self, subject: &str) -> bool {
        self.subject.is_empty() || self.subject.iter().any(|part| subject.contains(part.as_str()))
    }
}

/// On a disk it takes too long to make larger directories.
const CROWD_ON_DISK: u32 = 10_000;
/// wasmtime-wasi reads the whole directory in each call: listing 100 000 entries would take minutes.
const CROWD_FOR_WASMTIME: u32 = 10_000;

fn main() -> Result<()> {
    let args = Args::parse();
    let ops: Vec<Op> = Op::all().into_iter().filter(|&op| args.takes(op)).collect();
    if args.list {
        ops.iter().for_each(|op| println!("{op}"));
        return Ok(());
    }
    if let Some(threads) = args.threads {
        print!("{}", report::facts(&Machine::here(&args.disk), false));
        return threads::measure(threads.max(1));
    }
    let plan = Plan { batch: Duration::from_millis(args.batch_ms.max(1)), rounds: args.rounds.max(1) };
    let mut machine = Machine::here(&args.disk);
    machine.pinned = measure::pin().inspect_err(|e| eprintln!("not pinned: {e:#}")).ok();

    if let Some(runs) = args.runs {
        print!("{}", report::facts(&machine, false));
        return runs::measure(runs.max(1));
    }

    let dirs = [&args.tmpfs, &args.tmpfs, &args.disk].map(|parent| {
        let dir = tempfile::Builder::new().prefix("gangplank-bench-").tempdir_in(parent);
        dir.with_context(|| format!("a directory in {}", parent.display()))
    });
    let [tmpfs, own, disk] = dirs;
    let (tmpfs, own, disk) = (tmpfs?, own?, disk?);
    for dir in [&tmpfs, &own, &disk] {
        tree::plant(&tree::Host(dir.path()))?;
    }

    let mut subjects = subjects(&args, tmpfs.path(), own.path(), disk.path())?;
    subjects.retain(|subject| args.wants(subject.name()));
    print!("{}", report::preamble(&machine, plan, false));
    let shows_progress = std::io::stderr().is_terminal();
    let mut rows = Vec::new();
    for op in ops {
        if shows_progress {
            eprint!("{:40}\r", op.to_string());
        }
        rows.push(measure(op, plan, &subjects).with_context(|| op.to_string())?);
    }
    println!("\n{}", report::tables(&rows, false));
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{:#}\n", report::json(&machine, plan, &rows)))?;
    }
    if let Some(path) = &args.markdown {
        let text = format!("{}\n{}", report::preamble(&machine, plan, true), report::tables(&rows, true));
        std::fs::write(path, text)?;
    }
    if let Some(dir) = &args.plots {
        println!("plots: {}", plot::draw(dir, &rows)?.join(", "));
    }
    Ok(())
}

/// All of them. Those on tmpfs share one directory, but for those that want one to themselves.
fn subjects<'a>(args: &Args, tmpfs: &'a Path, own: &'a Path, disk: &'a Path) -> Result<Vec<Box<dyn Subject + 'a>>> {
    let memory = || -> Arc<dyn FileSystem> { Arc::new(MemFs::default()) };
    let compiled = Compiled::new()?;
    let host = |path: &Path| -> Result<Arc<dyn FileSystem>> { Ok(HostFs::open(path)?) };
    let exclusive = || -> Result<Arc<dyn FileSystem>> {
        Ok(HostFs::open_with(own, Options { exclusive: true, ..Options::default() })?)
    };
    let guest_memory = Gangplank::new("guest, mem_fs", memory(), args.largest).planted()?;
    let guest_host = Gangplank::new("guest, host_fs", host(tmpfs)?, args.largest);
    let guest_exclusive = Gangplank::new("guest, exclusive", exclusive()?, args.largest);
    Ok(vec![
        Box::new(Gangplank::new("mem_fs", memory(), args.largest).planted()?),
        Box::new(Gangplank::new("overlay", overlay(memory())?, args.largest)),
        Box::new(Incumbent::planted()?),
        Box::new(Gangplank::new("host_fs tmpfs", host(tmpfs)?, args.largest)),
        Box::new(Gangplank::new("exclusive tmpfs", exclusive()?, args.largest)),
        Box::new(Raw::new("raw tmpfs", tmpfs, args.largest)?),
        Box::new(Gangplank::new("host_fs disk", host(disk)?, CROWD_ON_DISK)),
        Box::new(Raw::new("raw disk", disk, CROWD_ON_DISK)?),
        Box::new(compiled.over_gangplank("guest, mem_fs", guest_memory.root().clone(), guest_memory, args.largest)?),
        Box::new(compiled.over_gangplank(
            "guest, host_fs",
            guest_host.root().clone(),
            tree::Host(tmpfs),
            args.largest,
        )?),
        Box::new(compiled.over_gangplank(
            "guest, exclusive",
            guest_exclusive.root().clone(),
            tree::Host(own),
            args.largest,
        )?),
        Box::new(compiled.over_wasmtime("guest, wasmtime-wasi", tmpfs, tree::Host(tmpfs), CROWD_FOR_WASMTIME)?),
    ])
}

/// A view in memory of a memory filesystem that holds the tree.
fn overlay(below: Arc<dyn FileSystem>) -> Result<Arc<dyn FileSystem>> {
    let _ = Gangplank::new("below", below.clone(), 0).planted()?;
    Ok(Arc::new(OverlayFs::builder().lower(below).upper_mem(MemFsOptions::new()).build()?))
}

fn measure(op: Op, plan: Plan, subjects: &[Box<dyn Subject + '_>]) -> Result<Row> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let mut results = Vec::new();
    for subject in subjects {
        match subject.batch(op).with_context(|| subject.name())? {
            Taking::Part(batch) => {
                batches.push(batch);
                results.push((subject.name(), None));
            }
            Taking::No(reason) => results.push((subject.name(), Some(reason))),
        }
    }
    let mut costs = measure::in_turns(op, plan, &mut batches)?.into_iter();
    let result = |(name, no): (&'static str, Option<&'static str>)| {
        let result = match no {
            Some(reason) => Err(reason),
            None => costs.next().ok_or("not measured"),
        };
        (name, result)
    };
    Ok(Row { op, results: results.into_iter().map(result).collect() })
}
