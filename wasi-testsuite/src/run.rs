//! Running one test and comparing what came out.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use gangplank::{Program, Status, engine::Engine, wasi};

use crate::{format::Expectation, matrix::Fs};

/// How long a test may take before it is cancelled, unless `GANGPLANK_TEST_TIMEOUT` gives other seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes kept of each output; no test writes near as much.
const MOST_OUTPUT: usize = 4 << 20;

/// A program on one engine, compiled when it is first wanted and then shared by all filesystems.
#[derive(Debug)]
pub struct Compiled {
    engine: Arc<dyn Engine>,
    file: PathBuf,
    program: OnceLock<Result<Program, String>>,
}

impl Compiled {
    /// To be compiled from this file.
    pub fn new(engine: Arc<dyn Engine>, file: PathBuf) -> Compiled {
        Compiled { engine, file, program: OnceLock::new() }
    }

    fn program(&self) -> Result<&Program> {
        let load = || Program::from_file(&*self.engine, &self.file).map_err(|error| error.to_string());
        self.program.get_or_init(load).as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// Runs a program on a fresh copy of `root`.
///
/// # Errors
/// If it could not be run, or something else came out than expected: then what, and all that it wrote to stderr.
pub fn run(compiled: &Compiled, expected: &Expectation, root: Option<PathBuf>, fs: Fs) -> Result<()> {
    let program = compiled.program()?;
    let offered = root.map(|root| fs.offer(&root)).transpose().context("root")?;
    // An input that stays open and never says anything, as the official runner's.
    let (stdin, _open) = wasi::pipes::pipe(wasi::pipes::PIPE_CAPACITY);
    let (stdout, out) = wasi::stdio::capture(MOST_OUTPUT);
    let (stderr, err) = wasi::stdio::capture(MOST_OUTPUT);

    let mut runner = program.runner();
    runner.args(expected.args.iter().map(String::as_str));
    for (key, value) in &expected.env {
        runner.env(key.as_str(), value.as_str());
    }
    if let Some(offered) = &offered {
        runner.preopen("/", offered.place());
    }
    runner.stdin(stdin).stdout(stdout).stderr(stderr).timeout(timeout());
    let status = runner.run()?.status;

    let (out, err) = (out.take(), err.take());
    let mut wrong = String::new();
    compare_status(&mut wrong, expected.exit_code, &status);
    compare_output(&mut wrong, "stdout", expected.stdout.as_deref(), &out);
    compare_output(&mut wrong, "stderr", expected.stderr.as_deref(), &err);
    if wrong.is_empty() {
        return Ok(());
    }
    if !err.is_empty() {
        let _ = write!(wrong, "\nstderr of the program:\n{}", String::from_utf8_lossy(&err));
    }
    bail!("{}", wrong.trim_end())
}

fn timeout() -> Duration {
    let given = std::env::var("GANGPLANK_TEST_TIMEOUT").ok().and_then(|seconds| seconds.parse().ok());
    given.map_or(TIMEOUT, Duration::from_secs)
}

fn compare_status(wrong: &mut String, expected: u32, status: &Status) {
    let _ = match status {
        Status::Code(code) if *code == expected => return,
        Status::Code(code) => writeln!(wrong, "exit code: expected {expected}, got {code}"),
        Status::Trap(trap) => writeln!(wrong, "exit code: expected {expected}, got a trap: {trap}"),
        Status::Canceled(wasi::Cancel::Timeout) => {
            writeln!(wrong, "exit code: expected {expected}, but after {:?} it had not ended", timeout())
        }
        Status::Canceled(why) => writeln!(wrong, "exit code: expected {expected}, but it was cancelled: {why:?}"),
    };
}

fn compare_output(wrong: &mut String, name: &str, expected: Option<&str>, got: &[u8]) {
    let Some(expected) = expected else { return };
    if expected.as_bytes() != got {
        let _ = writeln!(wrong, "{name}: expected {expected:?}\n{name}:      got {:?}", String::from_utf8_lossy(got));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_and_only_differences() {
        let mut wrong = String::new();
        compare_status(&mut wrong, 33, &Status::Code(33));
        compare_output(&mut wrong, "stdout", Some("a\n"), b"a\n");
        compare_output(&mut wrong, "stdout", None, b"whatever");
        assert_eq!(wrong, "");
        compare_status(&mut wrong, 33, &Status::Code(289));
        compare_output(&mut wrong, "stdout", Some("a"), b"a\n");
        compare_output(&mut wrong, "stderr", Some(""), b"\xFF");
        let want = "exit code: expected 33, got 289\nstdout: expected \"a\"\nstdout:      got \"a\\n\"\n\
                    stderr: expected \"\"\nstderr:      got \"\u{FFFD}\"\n";
        assert_eq!(wrong, want);
    }

    #[test]
    fn one_that_does_not_end_fails() {
        let mut wrong = String::new();
        compare_status(&mut wrong, 124, &Status::Canceled(wasi::Cancel::Timeout));
        assert!(wrong.contains("it had not ended"), "{wrong}");
    }
}
