//! Tests that failed, once more by themselves.
//!
//! What fails again has failed. What passes now is flaky: a race, in the test or in what it tests, that luck decides. The
//! summary names it, with what it said, and it is to be mended as any other bug; but who has changed something else need
//! not guess whether it was that. Many failures at once are no luck, and nothing is tried again.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::{
    results::{Counts, Ran, run_tests},
    run::cargo,
};

/// More tests than this that fail in one run have not failed by chance.
const AT_MOST: usize = 3;

/// Runs `cargo test` with these arguments and variables, and those tests again that failed.
///
/// # Errors
/// What failed, and that it did so twice, if it was tried twice.
pub(crate) fn test(args: &[&str], envs: &[(&str, &str)], counts: &mut Counts) -> Result<()> {
    let (ran, mut first) = run_tests(cargo().args(args).envs(envs.iter().copied()))?;
    if ran.succeeded {
        counts.add(first);
        return Ok(());
    }
    if !by_chance(&ran, &first) {
        counts.add(first);
        bail!("{}", ran.ended);
    }
    let again = Again { args, envs, targets: ran.failed_targets.iter().map(String::as_str).collect() };
    for failure in std::mem::take(&mut first.failures) {
        eprintln!("\nfailed, and tried again: {}", failure.name);
        let passed = again.passes(&failure.name)?;
        (first.failed, first.passed) = (first.failed - u64::from(passed), first.passed + u64::from(passed));
        if passed { first.flaky.push(failure) } else { first.failures.push(failure) }
    }
    let failed = first.failed > 0;
    counts.add(first);
    if failed { bail!("{}, and again", ran.ended) } else { Ok(()) }
}

/// How to run one test again.
struct Again<'a> {
    args: &'a [&'a str],
    envs: &'a [(&'a str, &'a str)],
    targets: BTreeSet<&'a str>,
}

impl Again<'_> {
    /// Whether the test passes now, in each of the targets that has one of this name.
    fn passes(&self, name: &str) -> Result<bool> {
        let mut found = 0;
        // Tests in the documentation are no target that cargo runs beside others.
        let (docs, programs): (Vec<&str>, Vec<&str>) = self.targets.iter().partition(|target| **target == "--doc");
        for targets in [docs, programs] {
            if targets.is_empty() {
                continue;
            }
            let targets = targets.iter().flat_map(|target| target.split(' '));
            let mut command = cargo();
            command.args(self.args).args(targets).args(["--", "--exact", name]).envs(self.envs.iter().copied());
            let (ran, counts) = run_tests(&mut command)?;
            if !ran.succeeded {
                return Ok(false);
            }
            found += counts.passed;
        }
        // A name that is not found fails nothing.
        Ok(found > 0)
    }
}

/// Whether all that failed is a few tests: no build, and no program that came to a sudden end.
fn by_chance(ran: &Ran, counts: &Counts) -> bool {
    (1..=AT_MOST).contains(&counts.failures.len())
        && counts.failures.len() as u64 == counts.failed
        && ran.failed_targets.len() == ran.programs_with_failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Failure;

    fn failed(named: usize, counted: u64, programs_with_failures: usize, programs_failed: usize) -> bool {
        let failed_targets = vec!["--lib".to_owned(); programs_failed];
        let ran = Ran { succeeded: false, ended: String::new(), programs_with_failures, failed_targets };
        let failures = (0..named).map(|i| Failure { name: i.to_string(), said: String::new() }).collect();
        by_chance(&ran, &Counts { failed: counted, failures, ..Counts::default() })
    }

    #[test]
    fn only_a_few_tests_fail_by_chance() {
        assert!(failed(1, 1, 1, 1));
        assert!(failed(3, 3, 2, 2));
        assert!(!failed(4, 4, 1, 1), "many");
        assert!(!failed(0, 0, 0, 0), "something else: it did not build");
        assert!(!failed(1, 1, 1, 2), "another program crashed");
        assert!(!failed(1, 2, 1, 1), "one has no name that was understood");
    }
}
