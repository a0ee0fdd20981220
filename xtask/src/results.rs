//! What `cargo test` says of its tests: counted while it is printed.

use std::{
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

use crate::run::shown;

/// Sums of test results.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Those of `failed` that have names.
    pub(crate) failures: Vec<Failure>,
    /// Failed at first, passed when they ran again; among `passed`.
    pub(crate) flaky: Vec<Failure>,
}

/// A test that failed.
pub(crate) struct Failure {
    pub(crate) name: String,
    /// What it printed.
    pub(crate) said: String,
}

/// How a command ended that runs test programs.
pub(crate) struct Ran {
    pub(crate) succeeded: bool,
    /// As a message.
    pub(crate) ended: String,
    /// The test programs that reported a failure.
    pub(crate) programs_with_failures: usize,
    /// Those that cargo calls failed, which are those and what came to a sudden end: as cargo is told to run them, like
    /// `--test run`.
    pub(crate) failed_targets: Vec<String>,
}

impl Counts {
    pub(crate) fn add(&mut self, mut other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.append(&mut other.failures);
        self.flaky.append(&mut other.flaky);
    }
}

/// Runs a command whose output contains libtest's lines, and sums them up.
///
/// # Errors
/// It cannot be started, or its output not be read. That tests fail is none.
pub(crate) fn run_tests(command: &mut Command) -> Result<(Ran, Counts)> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = child.stdout.take().context("no pipe")?;
    let stderr = child.stderr.take().context("no pipe")?;
    let aside = thread::spawn(move || through(stderr));
    let mut reader = Reader::default();
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        reader.line(&plain(&String::from_utf8_lossy(&line)));
    }
    drop(out);
    let status = child.wait()?;
    let Ok(aside) = aside.join() else { bail!("the output of `{shown}` cannot be read") };
    let ran = Ran {
        succeeded: status.success(),
        ended: format!("`{shown}` failed ({status})"),
        programs_with_failures: reader.programs_with_failures,
        failed_targets: failed_targets(&plain(&aside)),
    };
    Ok((ran, reader.counts))
}

/// Shows what comes, and answers it as well.
fn through(mut from: impl Read) -> String {
    let mut all = Vec::new();
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        // Whoever does not want to see it need not.
        let _ = std::io::stderr().write_all(&bytes[..n]);
        all.extend_from_slice(&bytes[..n]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Without the sequences that set colours.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &after[end + 1..]);
    }
    plain + rest
}

/// The targets in what cargo writes at the end: ``error: 1 target failed:`` and, on a line each, ``    `-p x --lib` ``.
fn failed_targets(aside: &str) -> Vec<String> {
    let is_head = |line: &str| line.starts_with("error: ") && line.ends_with(" failed:");
    let list = aside.lines().skip_while(|line| !is_head(line)).skip(1).map_while(|line| {
        let words = line.strip_prefix("    `-p ")?.strip_suffix('`')?;
        words.split_once(' ').map(|(_package, target)| target.to_owned())
    });
    list.collect()
}

/// Reads the output of test programs, one after the other.
#[derive(Default)]
struct Reader {
    counts: Counts,
    programs_with_failures: usize,
    /// Where in `counts.failures` those of the program that prints now begin.
    begin: usize,
    /// The one whose output is being printed.
    told: Option<usize>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(found) = result(line) {
            self.programs_with_failures += usize::from(found.failed > 0);
            self.counts.add(found);
            (self.begin, self.told) = (self.counts.failures.len(), None);
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix("... FAILED")) {
            self.counts.failures.push(Failure { name: name.trim_end().to_owned(), said: String::new() });
        } else if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" ----")) {
            let name = name.strip_suffix(" stdout").unwrap_or(name);
            self.told = (self.begin..self.counts.failures.len()).find(|&i| self.counts.failures[i].name == name);
        } else if line == "failures:" {
            self.told = None;
        } else if let Some(i) = self.told {
            self.counts.failures[i].said += line;
            self.counts.failures[i].said += "\n";
        }
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn result(line: &str) -> Option<Counts> {
    let (_, rest) = line.split_once("test result: ")?;
    let number = |what: &str| {
        let before = &rest[..rest.find(what)?];
        before.trim_end().rsplit(' ').next()?.parse().ok()
    };
    let (passed, failed, skipped) = (number("passed;")?, number("failed;")?, number("ignored;")?);
    Some(Counts { passed, failed, skipped, ..Counts::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed() {
        let c = result("test result: ok. 12 passed; 1 failed; 3 ignored; 0 measured; 0 filtered out").unwrap();
        assert_eq!((c.passed, c.failed, c.skipped), (12, 1, 3));
        assert!(result("test a ... ok").is_none());
    }

    #[test]
    fn failures_have_names_and_what_they_said() {
        let mut reader = Reader::default();
        let printed = "\
running 3 tests
test a ... ok
\u{1b}[31mtest\u{1b}[0m b/c            ... FAILED
test d ... FAILED

failures:

---- b/c stdout ----
one
two

---- d stdout ----
three

failures:
    b/c
    d

test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out

running 1 test
test b/c ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
";
        for line in printed.lines() {
            reader.line(&plain(line));
        }
        let failures: Vec<_> = reader.counts.failures.iter().map(|f| (&*f.name, &*f.said)).collect();
        assert_eq!(failures, [("b/c", "one\ntwo\n\n"), ("d", "three\n\n")]);
        assert_eq!((reader.counts.passed, reader.counts.failed, reader.programs_with_failures), (2, 2, 1));
    }

    #[test]
    fn what_cargo_calls_failed_is_counted() {
        let aside = "   Doc-tests x\nerror: 2 targets failed:\n    `-p x --lib`\n    `-p y --test z`\n";
        assert_eq!(failed_targets(aside), ["--lib", "--test z"]);
        assert!(failed_targets("error: could not compile `x`\n").is_empty());
    }
}
