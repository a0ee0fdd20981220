//! Tests that failed, once more by themselves.
//!
//! What fails again has failed. What passes now is flaky: a race, in the test or in what it tests, that luck decides. The
//! summary names it, with what it said, and it is to be mended as any other bug; but who has changed something else need
//! not guess whether it was that. Many failures at once are no luck, and nothing is tried again.

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
    let names: Vec<_> = first.failures.iter().map(|failure| &*failure.name).collect();
    eprintln!("\nfailed, and tried again: {}", names.join(", "));
    let again = [args, &["--", "--exact"], &names].concat();
    let (ran_again, second) = run_tests(cargo().args(again).envs(envs.iter().copied()))?;
    let tried = names.len() as u64;
    // Names that are not found fail nothing.
    if !ran_again.succeeded || second.passed < tried {
        counts.add(first);
        bail!("{}, and again", ran.ended);
    }
    (first.failed, first.passed) = (first.failed - tried, first.passed + tried);
    first.flaky = std::mem::take(&mut first.failures);
    counts.add(first);
    Ok(())
}

/// Whether all that failed is a few tests: no build, and no program that came to a sudden end.
fn by_chance(ran: &Ran, counts: &Counts) -> bool {
    (1..=AT_MOST).contains(&counts.failures.len())
        && counts.failures.len() as u64 == counts.failed
        && ran.programs_failed == ran.programs_with_failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Failure;

    fn failed(named: usize, counted: u64, programs_with_failures: usize, programs_failed: usize) -> bool {
        let ran = Ran { succeeded: false, ended: String::new(), programs_with_failures, programs_failed };
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
