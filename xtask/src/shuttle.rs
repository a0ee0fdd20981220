//! `cargo xtask shuttle`: `conformance/tests/shuttle`, with locks and threads that a checker of schedules has in its hand.

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, run};

const HELP: &str = "\
Searches the schedules of threads for one in which something comes out wrong: answers for which there is no order
(linearizability against the model), a deadlock, an account that is not right, a descriptor that is lost.

Usage: cargo xtask shuttle [--schedules N] [--seed S] [FILTER]
       cargo xtask shuttle --replay FILE

  --schedules N  schedules of each scheduler (random, PCT) for each case; 200 if it is not said
  --seed S       where the schedulers begin; 0 if it is not said. The same seed gives the same schedules
  --replay FILE  the schedule in which a case failed, again; a failure says which file that is
  FILTER         only cases whose name contains this, e.g. 'memory:' or 'descriptors'
  --list         the names of the cases

The crates are built with `--cfg shuttle` in a target directory of their own, target/shuttle.
";

/// Builds the crates with `--cfg shuttle`, which is no feature of theirs, and runs the cases.
pub(crate) fn shuttle(args: &[String]) -> Result<()> {
    let mut schedules = "200".to_owned();
    let (mut seed, mut replay, mut rest) = (None, None, vec![]);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().with_context(|| format!("{arg} wants a value\n\n{HELP}"));
        match arg.as_str() {
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(());
            }
            "--schedules" | "--iterations" => schedules = value()?,
            "--seed" => seed = Some(value()?),
            // The test runs elsewhere.
            "--replay" => replay = Some(std::path::absolute(value()?)?),
            "--list" => rest.push(arg.clone()),
            option if option.starts_with('-') => bail!("there is no option {option}\n\n{HELP}"),
            _ => rest.push(arg.clone()),
        }
    }
    let mut command = cargo();
    // Flags in the environment are the ones that count; what is there already is kept.
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{flags} --cfg shuttle").trim_start());
    command.env("CARGO_TARGET_DIR", root().join("target/shuttle"));
    command.env("GANGPLANK_SHUTTLE_SCHEDULES", schedules);
    if let Some(seed) = seed {
        command.env("GANGPLANK_SHUTTLE_SEED", seed);
    }
    if let Some(file) = replay {
        command.env("GANGPLANK_SHUTTLE_REPLAY", file);
    }
    // Without proptest, which would only be built once more.
    command
        .args(["test", "-p", "gangplank-conformance", "--no-default-features", "--test", "shuttle", "--"])
        .args(rest);
    run(&mut command)
}
