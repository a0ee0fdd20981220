//! EEMBC's CoreMark, as a program for WASI that whoever measures has built: `--coremark FILE.wasm`.
//!
//! It runs through our own system calls, as any program does, for as long as it finds necessary (ten seconds at least),
//! and measures itself. Its clock is the processor time of this process, so that what else the machine does does not
//! count. What it says is taken only with everything that its rules ask for: the seeds of a performance run, the
//! checksums that belong to them, and that it found its own results valid.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use gangplank::{
    Program,
    wasi::{
        System,
        abi::types::ClockId,
        system::{Clocks, SeededRandom},
        wait::Monotonic,
    },
};

use crate::{measure::processor, subject::Subject};

/// What its makefile gives it: the seeds of a performance run, as many iterations as it needs, all three algorithms, and
/// 2000 bytes of data.
const ARGS: [&str; 7] = ["0x0", "0x0", "0x66", "0", "7", "1", "2000"];
/// The checksums of such a run: seeds, list, matrix and state machine.
const CHECKSUMS: [(&str, &str); 4] =
    [("seedcrc", "0xe9f5"), ("[0]crclist", "0xe714"), ("[0]crcmatrix", "0x1fd7"), ("[0]crcstate", "0x8e3a")];

/// A run of it.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    /// Iterations per second of processor time.
    pub(crate) iterations: f64,
    /// What it was compiled by, and how.
    pub(crate) built: String,
}

/// One run for each subject, in turns, `rounds` times; of each the median.
pub(crate) fn coremark(subjects: &[Subject], path: &Path, wasm: &[u8], rounds: usize) -> Result<Vec<Score>> {
    let programs: Result<Vec<_>> = subjects.iter().map(|subject| subject.compile(wasm)).collect();
    let programs = programs?;
    let mut scores = vec![Vec::new(); subjects.len()];
    for round in 1..=rounds {
        for ((subject, program), scores) in subjects.iter().zip(&programs).zip(&mut scores) {
            let what = || format!("{} on {}", path.display(), subject.name);
            scores.push(run(program).with_context(what)?);
            eprintln!("coremark, {round} of {rounds}: {}", subject.name);
        }
    }
    Ok(scores.into_iter().filter_map(median).collect())
}

fn median(mut scores: Vec<Score>) -> Option<Score> {
    scores.sort_by(|one, other| one.iterations.total_cmp(&other.iterations));
    let middle = scores.len() / 2;
    scores.into_iter().nth(middle)
}

fn run(program: &Program) -> Result<Score> {
    let system = System::new(Processor, SeededRandom::new(1));
    let result = program.runner().args(ARGS).system(system).capture_output(1 << 16).run()?;
    let said = String::from_utf8_lossy(&result.stdout);
    ensure!(result.status.is_success(), "it ended with {:?}: {said}", result.status);
    score(&said)
}

/// What it printed: a score, if that is valid.
fn score(said: &str) -> Result<Score> {
    let value = |key: &str| {
        let line = said.lines().find(|line| line.split(':').next().is_some_and(|known| known.trim_end() == key));
        line.and_then(|line| Some(line.split_once(':')?.1.trim())).with_context(|| format!("no `{key}` in: {said}"))
    };
    for (key, expected) in CHECKSUMS {
        let found = value(key)?;
        ensure!(found == expected, "its `{key}` is {found}, and has to be {expected}");
    }
    ensure!(said.contains("Correct operation validated"), "it does not call its run valid: {said}");
    let iterations = value("Iterations/Sec")?.parse().context("its iterations in a second")?;
    Ok(Score { iterations, built: format!("{}, {}", value("Compiler version")?, value("Compiler flags")?) })
}

/// The processor time of this process, as the time.
#[derive(Debug)]
struct Processor;

impl Monotonic for Processor {
    fn now(&self) -> u64 {
        processor().as_nanos() as u64
    }

    // It does not sleep.
    fn pause(&self, _: u64) -> Duration {
        Duration::ZERO
    }
}

impl Clocks for Processor {
    fn realtime(&self) -> u64 {
        self.now()
    }

    fn process_cputime(&self) -> Option<u64> {
        Some(self.now())
    }

    fn thread_cputime(&self) -> Option<u64> {
        None
    }

    fn resolution(&self, _: ClockId) -> u64 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "2K performance run parameters for coremark.\nCoreMark Size    : 666\n\
        Iterations/Sec   : 3488.372093\nCompiler version : some compiler\nCompiler flags   : -O3\n\
        seedcrc          : 0xe9f5\n[0]crclist       : 0xe714\n[0]crcmatrix     : 0x1fd7\n[0]crcstate      : 0x8e3a\n\
        [0]crcfinal      : 0xcc42\nCorrect operation validated. See README.md for run and reporting rules.\n";

    #[test]
    fn a_score_is_read() {
        let score = score(SAID).unwrap();
        assert_eq!((score.iterations, &*score.built), (3488.372093, "some compiler, -O3"));
    }

    #[test]
    fn what_is_not_valid_is_none() {
        for (what, instead) in [
            ("0xe714", "0xe715"),
            ("0xe9f5", "0x8a02"),
            ("Correct operation validated", "ERROR! Must execute for at least 10 secs for a valid result!"),
            ("Iterations/Sec   : 3488.372093\n", ""),
            ("3488.372093", "many"),
        ] {
            assert!(score(&SAID.replace(what, instead)).is_err(), "{instead}");
        }
    }
}
