//! Measures the engines beside each other, in one run: `cargo run --release -p gangplank-bench-engines`.
//!
//! Every engine runs the same module, `bench/kernels/kernels.wasm`, in the same process, in turns. See BENCHMARKS.md.

mod coremark;
#[path = "../../src/machine.rs"]
mod machine;
mod measure;
mod plot;
mod report;
mod subject;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use gangplank::{module_info::ExternType, read_module};

use machine::Machine;
use measure::{Spent, median, time};
use report::{Report, Row};
use subject::{Running, Subject};

/// Measures the engines beside each other.
#[derive(Parser, Debug)]
struct Args {
    /// Only kernels whose name contains one of these.
    filter: Vec<String>,
    /// Rounds that count.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How long each kernel runs before it counts, in milliseconds: compilers that begin with quick code need it.
    #[arg(long, default_value_t = 400)]
    warm_ms: u64,
    /// Compiles and starts these modules too.
    #[arg(long, value_name = "FILE.wasm")]
    module: Vec<PathBuf>,
    /// Runs this CoreMark too: EEMBC's program, built for WASI by whoever measures. It takes minutes.
    #[arg(long, value_name = "FILE.wasm")]
    coremark: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draws the kernels.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Exports that are no kernels: what prints the digest, and what does nothing.
const OTHERS: [&str; 2] = ["print", "nothing"];
/// System calls that a kernel makes which is about them.
const CALLS: f64 = 100_000.0;

fn main() -> Result<()> {
    let args = Args::parse();
    let machine = Machine::here(Path::new("/var/tmp"));
    let kernels = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernels/kernels.wasm");
    let wasm = read_module(&kernels)?;
    let subjects = subject::all()?;
    let mut report = Report::new(&subjects, args.rounds);

    let names = names(&subjects[0], &wasm, &args.filter)?;
    for name in &names {
        eprintln!("{name}");
        report.kernel(kernel(&subjects, &wasm, name, &args)?);
    }
    if let Some(path) = &args.coremark {
        let wasm = read_module(path)?;
        report.coremark(coremark::coremark(&subjects, path, &wasm, args.rounds.min(3))?);
    }
    for path in [kernels].iter().chain(&args.module) {
        eprintln!("{}", path.display());
        let wasm = read_module(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        begin(&subjects, &name, &wasm, args.rounds, &mut report)?;
    }
    let text = report.markdown(&machine);
    print!("{text}");
    if let Some(path) = &args.markdown {
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &args.plot {
        std::fs::write(path, plot::svg(&report)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// The kernels that are wanted.
fn names(subject: &Subject, wasm: &[u8], filter: &[String]) -> Result<Vec<String>> {
    let program = subject.compile(wasm)?;
    let info = program.info();
    let functions = info.exports.iter().filter(|export| matches!(export.ty, ExternType::Func(_)));
    let kernels = functions.map(|export| export.name.clone()).filter(|name| !OTHERS.contains(&name.as_str()));
    Ok(kernels.filter(|name| filter.is_empty() || filter.iter().any(|part| name.contains(part))).collect())
}

/// The first call of a kernel in a new instance, and what it comes to when it is warm.
fn kernel(subjects: &[Subject], wasm: &[u8], name: &str, args: &Args) -> Result<Row> {
    let mut running = Vec::new();
    let mut first = Vec::new();
    for subject in subjects {
        let mut instance = Running::start(&subject.compile(wasm)?)?;
        first.push(time(|| instance.call(name))?.cpu);
        running.push(instance);
    }
    for instance in &mut running {
        let mut warm = Duration::ZERO;
        while warm < Duration::from_millis(args.warm_ms) {
            warm += time(|| instance.call(name))?.wall;
        }
    }
    let mut samples = vec![Vec::new(); subjects.len()];
    for _ in 0..args.rounds {
        for (instance, samples) in running.iter_mut().zip(&mut samples) {
            samples.push(time(|| instance.call(name))?.cpu);
        }
    }
    // All engines have come to the same: the digest of one call of each.
    let digests: Result<Vec<_>> = subjects.iter().map(|subject| digest(subject, wasm, name)).collect();
    let digests = digests?;
    ensure!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{name}: the engines disagree: {digests:?}");
    let calls = name.starts_with("call_").then_some(CALLS);
    Ok(Row { name: name.to_owned(), calls, first, warm: samples.into_iter().map(median).collect() })
}

fn digest(subject: &Subject, wasm: &[u8], name: &str) -> Result<Vec<u8>> {
    let mut instance = Running::start(&subject.compile(wasm)?)?;
    instance.call(name)?;
    instance.call("print")?;
    Ok(instance.output())
}

/// How long it takes to compile a module, and to make an instance of it and drop it again.
fn begin(subjects: &[Subject], name: &str, wasm: &[u8], rounds: usize, report: &mut Report) -> Result<()> {
    for subject in subjects {
        let (mut compile, mut start) = (Vec::new(), Vec::new());
        // A large module takes seconds, and varies the less.
        let rounds = if wasm.len() > 1 << 20 { rounds.min(3) } else { rounds };
        for _ in 0..rounds {
            let mut program = None;
            compile.push(time(|| {
                program = Some(subject.compile(wasm)?);
                Ok(())
            })?);
            let Some(program) = program else { continue };
            // The first instance may find something ready.
            drop(Running::start(&program)?);
            start.push(time(|| Running::start(&program).map(drop))?);
        }
        let of = |spent: &[Spent], part: fn(&Spent) -> Duration| median(spent.iter().map(part).collect());
        report.module(
            name,
            wasm.len(),
            subject.name,
            [of(&compile, |s| s.cpu), of(&compile, |s| s.wall), of(&start, |s| s.cpu), of(&start, |s| s.wall)],
        );
    }
    Ok(())
}
