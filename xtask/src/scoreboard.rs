//! `cargo xtask scoreboard`: `CONFORMANCE.md`, from running everything.

use anyhow::Result;

use crate::run::{cargo, root, run};

/// Builds the example `scoreboard` of the test suite with every engine, and runs it where the user is, so that paths on
/// the command line mean what they say.
pub(crate) fn scoreboard(args: &[String]) -> Result<()> {
    let mut command = cargo();
    if let Ok(here) = std::env::current_dir() {
        command.current_dir(here);
    }
    command.args(["run", "--quiet", "--manifest-path"]).arg(root().join("Cargo.toml"));
    command.args(["-p", "gangplank-wasi-testsuite", "--all-features", "--example", "scoreboard", "--"]).args(args);
    run(&mut command)
}
