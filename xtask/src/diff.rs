//! `cargo xtask diff`: the same scripts on every filesystem at once, millions of lines of them.

use anyhow::Result;

use crate::run::{cargo, root, run};

/// Builds the example `diff` of the conformance kit with optimisation, and runs it where the user is, so that paths on
/// the command line mean what they say.
pub(crate) fn diff(args: &[String]) -> Result<()> {
    let mut command = cargo();
    if let Ok(here) = std::env::current_dir() {
        command.current_dir(here);
    }
    command.args(["run", "--quiet", "--release", "--manifest-path"]).arg(root().join("Cargo.toml"));
    command.args(["-p", "gangplank-conformance", "--example", "diff", "--"]).args(args);
    run(&mut command)
}
