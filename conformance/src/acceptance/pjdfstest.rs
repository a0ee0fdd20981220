//! pjdfstest (<https://github.com/saidsay-so/pjdfstest>): what POSIX says of system calls on files, as cases that know
//! nothing of who answers them. What they should answer on this machine a tmpfs of the kernel says.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Cached, Outcome, Subject, Verdict,
    tool::{Ran, run},
};

/// What each case answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Results(BTreeMap<String, Answer>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Passed,
    Failed,
    Skipped,
}

const PATIENCE: Duration = Duration::from_secs(1800);

/// Every user in it has the group of the same line. `naptime` is how long a time of change needs to be another: our clock
/// is the kernel's coarse one, which moves every few milliseconds, and later where the processor is somebody else's. At
/// 10 ms `ctime` failed once, on a machine that was busy.
const CONFIGURATION: &str = r#"
[features]
posix_fallocate = {}
rename_ctime = {}
utime_now = {}
utimensat = {}

[settings]
naptime = 0.04
allow_remount = false

[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"]]
"#;

impl Results {
    /// Runs all cases on a subject; or those whose names hold one of `only`, if there are any.
    ///
    /// # Errors
    /// What keeps it from being run at all.
    pub fn of(subject: Subject, program: &Path, only: &[String]) -> io::Result<(Results, String)> {
        let (ready, second) = (subject.mount(Cached::No)?, Subject::Tmpfs.mount(Cached::No)?);
        let configuration = tempfile::NamedTempFile::new()?;
        std::fs::write(configuration.path(), CONFIGURATION)?;
        let mut command = Command::new(program);
        command.arg("-c").arg(configuration.path()).arg("-s").arg(second.path()).arg("-p").arg(ready.path());
        command.args(only).env("NO_COLOR", "1").env("RUST_BACKTRACE", "0");
        let ran = run(&mut command, PATIENCE)?;
        ready.end()?;
        let results = Results::parse(&ran.output);
        if ran.status.is_none() || results.0.is_empty() {
            return Err(io::Error::other(ran.tail()));
        }
        Ok((results, failures(&ran)))
    }

    fn parse(output: &str) -> Results {
        let line = |line: &str| {
            let (name, rest) = line.split_once(char::is_whitespace)?;
            let answer = match rest.trim() {
                "ok" => Answer::Passed,
                "FAILED" => Answer::Failed,
                "skipped" => Answer::Skipped,
                _ => return None,
            };
            Some((name.to_owned(), answer))
        };
        Results(output.lines().filter_map(line).collect())
    }

    /// How many passed, failed, and were skipped.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |what| self.0.values().filter(|answer| **answer == what).count();
        (count(Answer::Passed), count(Answer::Failed), count(Answer::Skipped))
    }

    /// The cases that pass there, and do not pass here.
    pub fn behind<'a>(&self, there: &'a Results) -> Vec<&'a str> {
        let passes = |results: &Results, name: &str| results.0.get(name) == Some(&Answer::Passed);
        there.0.keys().map(String::as_str).filter(|name| passes(there, name) && !passes(self, name)).collect()
    }

    /// Says how a subject did, beside tmpfs.
    pub fn outcome(&self, subject: Subject, tmpfs: &Results, begun: Instant, told: &str) -> Outcome {
        let (passed, failed, skipped) = self.counts();
        let behind = self.behind(tmpfs);
        let text = format!("{passed} passed, {failed} failed, {skipped} skipped");
        let verdict = match behind.is_empty() {
            true => Verdict::Right(text),
            false => Verdict::Wrong(format!("{text}; tmpfs passes {}\n{told}", behind.join(", "))),
        };
        Outcome { subject: subject.name(), what: "pjdfstest".to_owned(), verdict, took: begun.elapsed() }
    }
}

/// What it wrote about the cases that failed.
fn failures(ran: &Ran) -> String {
    let mut text = String::new();
    let mut in_failure = false;
    for line in ran.output.lines() {
        match line.starts_with(char::is_whitespace) {
            false => in_failure = line.ends_with("FAILED"),
            true if line.trim().is_empty() => continue,
            true => {}
        }
        if in_failure {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
chmod::ctime                                  ok
open::etxtbsy                                 FAILED
\tassertion `left == right` failed
\tleft: 1
chflags::all                                  skipped
\trequires features: chflags

Summary: 1 failed, 1 skipped, 1 passed, 0 expected failures, 3 total
";

    #[test]
    fn its_output_is_understood() {
        let results = Results::parse(OUTPUT);
        assert_eq!(results.counts(), (1, 1, 1));
        let all = Results::parse(&OUTPUT.replace("FAILED", "ok"));
        assert_eq!(results.behind(&all), ["open::etxtbsy"]);
        assert_eq!(all.behind(&results), [""; 0]);
        let outcome = results.outcome(Subject::Mem, &all, Instant::now(), "");
        assert!(outcome.is_wrong(), "{outcome}");
        assert!(!results.outcome(Subject::Mem, &results, Instant::now(), "").is_wrong());
    }
}
