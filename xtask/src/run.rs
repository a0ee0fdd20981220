//! Running commands: shown before they run, counted while they print.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    // `xtask/` is one below it.
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether this run decides what lands: then nothing may be skipped for want of a tool.
pub(crate) fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|v| v == "true")
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a command succeeds; its output is of no interest.
pub(crate) fn succeeds(program: impl AsRef<OsStr>, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .current_dir(root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Sums of test results.
#[derive(Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// Runs a command whose output contains libtest's `test result:` lines, and sums them up.
pub(crate) fn run_tests(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = child.stdout.take().context("no pipe")?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        if let Some(found) = parse(&String::from_utf8_lossy(&line)) {
            counts.passed += found.passed;
            counts.failed += found.failed;
            counts.skipped += found.skipped;
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn parse(line: &str) -> Option<Counts> {
    let (_, rest) = line.split_once("test result: ")?;
    let number = |what: &str| {
        let before = &rest[..rest.find(what)?];
        before.trim_end().rsplit(' ').next()?.parse().ok()
    };
    Some(Counts { passed: number("passed;")?, failed: number("failed;")?, skipped: number("ignored;")? })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_summed() {
        let c = super::parse("test result: ok. 12 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out").unwrap();
        assert_eq!((c.passed, c.failed, c.skipped), (12, 1, 3));
        assert!(super::parse("test a ... ok").is_none());
    }
}
