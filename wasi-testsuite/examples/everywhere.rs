//! Runs one program on every filesystem and every engine, and tells whether it does the same on all of them.
//!
//! ```sh
//! cargo run --release -p gangplank-wasi-testsuite --all-features --example everywhere -- python.wasm work -B work.py
//! ```
//!
//! The first word is the program, the second a directory; what follows are the program's own. On each filesystem of the
//! test suite (`gangplank_wasi_testsuite::matrix`) a fresh copy of the directory, or a view of it, is its `/`, where it
//! may read and write. What it prints, how it ends, and every file that is there in the end (names, kinds, contents)
//! have to be the same everywhere. Its clock stands still and its random numbers come from a seed.

use std::{env, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use gangplank::{
    Program,
    engine::{ENGINES, EngineOptions, engine},
};
use gangplank_vfs::{FileType, Tree};
use gangplank_wasi_testsuite::matrix::Fs;

fn main() -> Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let (Some(wasm), Some(root)) = (words.next().map(PathBuf::from), words.next().map(PathBuf::from)) else {
        bail!("usage: everywhere PROGRAM.wasm DIRECTORY [ARGUMENT…]");
    };
    let args: Vec<_> = words.map(|word| word.into_encoded_bytes()).collect();
    let mut first: Option<(String, Outcome)> = None;
    let mut differences = 0;
    for known in ENGINES.iter().filter(|known| known.is_built_in()) {
        let engine = engine(Some(known.name), &EngineOptions::default())?;
        let program = Program::from_file(&*engine, &wasm)?;
        for fs in Fs::ALL {
            let name = format!("{}/{}", known.name, fs.name());
            if let Some(why) = fs.missing() {
                println!("{name:32} not here: {why}");
                continue;
            }
            let offered = fs.offer(&root).with_context(|| name.clone())?;
            let begun = Instant::now();
            let mut runner = program.runner();
            let run = runner.args(args.iter().cloned()).preopen("/", offered.place(false)).deterministic(1);
            let result = run.capture_output(64 << 20).run().with_context(|| name.clone())?;
            let took = begun.elapsed();
            let outcome = Outcome {
                status: format!("{:?}", result.status),
                stdout: result.stdout.to_vec(),
                stderr: result.stderr.to_vec(),
                files: files(&Tree::of(offered.place(true))).with_context(|| name.clone())?,
            };
            let (out, files) = (outcome.stdout.len(), outcome.files.len());
            println!("{name:32} {}, {out} bytes printed, {files} files, {took:.2?}", outcome.status);
            match &first {
                None => first = Some((name, outcome)),
                Some((other, expected)) => {
                    if let Some(what) = expected.differs(&outcome) {
                        println!("{:32} DIFFERS from {other}: {what}", "");
                        differences += 1;
                    }
                }
            }
        }
    }
    let (_, outcome) = first.context("there is nothing to run it on")?;
    ensure!(!outcome.stdout.is_empty() || !outcome.files.is_empty(), "it has printed nothing and left nothing");
    print!("{}", String::from_utf8_lossy(&outcome.stderr));
    println!("{}", if differences == 0 { "the same everywhere" } else { "not the same everywhere" });
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All that is to be the same.
struct Outcome {
    status: String,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// By their paths, in the order of those.
    files: Vec<(String, Content)>,
}

/// Of what kind a file is, and its content or target.
#[derive(PartialEq, Eq)]
struct Content(FileType, Vec<u8>);

impl Outcome {
    fn differs(&self, other: &Outcome) -> Option<String> {
        if self.status != other.status {
            return Some(format!("it ended with {}", other.status));
        }
        if self.stdout != other.stdout {
            return Some(format!("it printed: {}", String::from_utf8_lossy(&other.stdout)));
        }
        if self.stderr != other.stderr {
            return Some(format!("it complained: {}", String::from_utf8_lossy(&other.stderr)));
        }
        let names = |outcome: &Outcome| outcome.files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
        if names(self) != names(other) {
            return Some(format!("its files are {:?}", names(other)));
        }
        let different = self.files.iter().zip(&other.files).find(|(one, other)| one != other);
        different.map(|(one, _)| format!("the file {}", one.0))
    }
}

fn files(tree: &Tree) -> Result<Vec<(String, Content)>> {
    let mut files = Vec::new();
    for entry in tree.walk(".")? {
        let entry = entry?;
        let content = match entry.metadata.file_type {
            FileType::Regular => tree.read(&entry.path)?.to_vec(),
            FileType::Symlink => tree.read_link(&entry.path)?.to_vec(),
            _ => Vec::new(),
        };
        files.push((entry.display().to_string(), Content(entry.metadata.file_type, content)));
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(files)
}
