//! `cargo xtask race`: `conformance/examples/race.rs`, as long as one likes.

use anyhow::Result;

use crate::run::{cargo, run};

/// Attackers against each resolver, with what the tests have built: its time goes into system calls. The tests of every day
/// do the same for a few seconds.
pub(crate) fn race(rest: &[String]) -> Result<()> {
    run(cargo().args(["run", "-p", "gangplank-conformance", "--example", "race", "--"]).args(rest))
}
