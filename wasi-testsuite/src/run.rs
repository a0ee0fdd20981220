//! Running one test and comparing what came out.

use std::{
    any::Any,
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use gangplank::{
    Program, Runner, Status,
    engine::Engine,
    vfs::VirtualFile,
    wasi::{self, Rights, Trace, pipes::HostWriter},
};

use crate::{
    format::Expectation,
    matrix::{Fs, Offered},
};

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

/// In which way a program is run.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// What its directories are copied to.
    pub fs: Fs,
    /// Whether rights are enforced, if the test does not ask for it.
    pub rights: Rights,
    /// Who is told of its system calls.
    pub trace: Option<&'a Arc<dyn Trace>>,
}

/// Runs a program of the suite in `dir`, on fresh copies of its directories.
///
/// # Errors
/// If it could not be run, or something else came out than expected: then what, and all that it wrote to stderr.
pub fn run(compiled: &Compiled, expected: &Expectation, dir: &Path, way: Way<'_>) -> Result<()> {
    let program = compiled.program()?;
    let (stdin, _open) = input(expected)?;
    let (stdout, out) = wasi::stdio::capture(MOST_OUTPUT);
    let (stderr, err) = wasi::stdio::capture(MOST_OUTPUT);

    let mut runner = program.runner();
    runner.args(expected.args.iter().map(String::as_str));
    for (key, value) in &expected.env {
        runner.env(key.as_str(), value.as_str());
    }
    let mut copies: Vec<(&str, Offered)> = Vec::new();
    let first = expected.root.as_deref().map(|root| (root, "/", false));
    let others = expected.dirs.iter().map(|dir| (&*dir.root, &*dir.name, dir.read_only));
    for (root, name, read_only) in first.into_iter().chain(others) {
        if !copies.iter().any(|(of, _)| *of == root) {
            copies.push((root, way.fs.offer(&dir.join(root)).with_context(|| format!("`{root}`"))?));
        }
        for (_, copy) in copies.iter().filter(|(of, _)| *of == root) {
            runner.preopen(name, copy.place(read_only));
        }
    }
    let _others = give_sockets(&mut runner, &expected.sockets)?;
    if let Some(limit) = expected.fd_limit {
        runner.fd_limit(limit);
    }
    if let Some(trace) = way.trace {
        runner.trace(Arc::clone(trace));
    }
    runner.rights(if expected.enforce_rights { Rights::Enforce } else { way.rights });
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

/// Gives the guest its sockets, and answers what keeps their other ends.
#[cfg(unix)]
fn give_sockets(runner: &mut Runner, kinds: &[String]) -> Result<Vec<Option<Box<dyn Any>>>> {
    let mut others = Vec::new();
    for kind in kinds {
        let (socket, other) = crate::sockets::make(kind).context("sockets")?;
        runner.socket(socket);
        others.push(other);
    }
    Ok(others)
}

#[cfg(not(unix))]
fn give_sockets(_: &mut Runner, kinds: &[String]) -> Result<Vec<Option<Box<dyn Any>>>> {
    if kinds.is_empty() { Ok(Vec::new()) } else { bail!("sockets: only on Unix") }
}

/// Standard input, and what keeps it open. Without content it is one that stays open and never says anything, as the
/// official runner's.
fn input(expected: &Expectation) -> Result<(Arc<dyn VirtualFile>, Option<HostWriter>)> {
    let (mut writer, stdin) = wasi::pipes::to_guest(wasi::pipes::PIPE_CAPACITY);
    let Some(content) = &expected.stdin else { return Ok((stdin, Some(writer))) };
    if content.len() > wasi::pipes::PIPE_CAPACITY {
        bail!("`stdin`: more than a pipe holds");
    }
    writer.write_all(content.as_bytes()).context("stdin")?;
    Ok((stdin, expected.stdin_open.then_some(writer)))
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
