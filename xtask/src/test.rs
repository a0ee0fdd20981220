//! `cargo xtask test`: everything that has to be green.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    javascriptcore,
    results::{Counts, Failure},
    run::{cargo, in_ci, root, run, succeeds},
    second_try,
};

/// How a step ended.
enum Outcome {
    Done,
    /// Not run, and why; never in CI.
    Skipped(String),
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Counts) -> Result<Outcome>,
}

/// The benchmarks are left out: the peers that they bring along take longer to build than everything else. They have no
/// tests; `cargo clippy -p gangplank-bench --all-targets` checks them by hand.
const NO_BENCH: [&str; 2] = ["--exclude", "gangplank-bench"];

const STEPS: &[Step] = &[
    Step { name: "fmt", what: "the code is formatted", run: fmt },
    Step { name: "clippy", what: "clippy has nothing to say", run: clippy },
    Step { name: "doc", what: "the documentation builds without a warning", run: doc },
    Step { name: "wasm32", what: "vfs and wasi build for wasm32-unknown-unknown", run: wasm32 },
    Step { name: "tests", what: "all tests, on every filesystem and engine", run: tests },
    Step { name: "instructions", what: "a syscall takes no more instructions than it did", run: instructions },
];

/// Runs the steps named, or all; goes on after a failure, so that one run shows everything.
pub(crate) fn test(names: &[String]) -> Result<()> {
    for name in names {
        if !STEPS.iter().any(|s| s.name == name) {
            let known: Vec<_> = STEPS.iter().map(|s| s.name).collect();
            bail!("there is no step `{name}`; there are: {}", known.join(", "));
        }
    }
    let mut counts = Counts::default();
    let mut lines = Vec::new();
    let mut bad = 0;
    for step in STEPS.iter().filter(|s| names.is_empty() || names.iter().any(|n| n == s.name)) {
        eprintln!("\n== {}: {}", step.name, step.what);
        let begun = Instant::now();
        let failed_before = counts.failed;
        let (mark, text) = match (step.run)(&mut counts) {
            Ok(Outcome::Done) => ("ok", String::new()),
            Ok(Outcome::Skipped(why)) if !in_ci() => {
                counts.skipped += 1;
                ("skipped", format!(": {why}"))
            }
            Ok(Outcome::Skipped(why)) => ("FAILED", format!(": cannot be skipped in CI: {why}")),
            Err(e) => ("FAILED", format!(": {e:#}")),
        };
        if mark == "FAILED" {
            bad += 1;
            // A step that failed without a failed test is one failure itself.
            counts.failed += u64::from(counts.failed == failed_before);
        } else if step.name != "tests" && mark == "ok" {
            counts.passed += 1;
        }
        lines.push(format!("{:8} {mark} ({}){text}", step.name, seconds(begun.elapsed())));
    }
    for failure in &counts.failures {
        tell("failed", failure);
    }
    for failure in &counts.flaky {
        tell("flaky: failed at first, then passed", failure);
    }
    println!("\n{}", lines.join("\n"));
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if bad > 0 {
        bail!("{bad} of the steps failed");
    }
    Ok(())
}

/// What failed once more, where the output ends.
fn tell(how: &str, failure: &Failure) {
    const LINES: usize = 60;
    println!("\n== {how}: {}", failure.name);
    let lines: Vec<_> = failure.said.trim_end().lines().collect();
    println!("{}", lines[..lines.len().min(LINES)].join("\n"));
    if lines.len() > LINES {
        println!("… {} more lines, above", lines.len() - LINES);
    }
}

fn seconds(d: Duration) -> String {
    format!("{:.0} s", d.as_secs_f64())
}

fn component(subcommand: &str, component: &str) -> Option<Outcome> {
    if succeeds("cargo", &[subcommand, "--version"]) {
        return None;
    }
    Some(Outcome::Skipped(format!("no cargo {subcommand} here; `rustup component add {component}` installs it")))
}

fn fmt(_: &mut Counts) -> Result<Outcome> {
    if let Some(skipped) = component("fmt", "rustfmt") {
        return Ok(skipped);
    }
    run(cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Done)
}

fn clippy(_: &mut Counts) -> Result<Outcome> {
    if let Some(skipped) = component("clippy", "clippy") {
        return Ok(skipped);
    }
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-features",
        NO_BENCH[0],
        NO_BENCH[1],
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Outcome::Done)
}

fn doc(_: &mut Counts) -> Result<Outcome> {
    run(cargo().env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--all-features",
        NO_BENCH[0],
        NO_BENCH[1],
        "--no-deps",
    ]))?;
    Ok(Outcome::Done)
}

/// The target of browsers and of engines in wasm: proves that neither crate leans on an operating system.
fn wasm32(_: &mut Counts) -> Result<Outcome> {
    let mut cargo = match wasm_cargo() {
        Ok(cargo) => cargo,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    // A compiler of its own needs a target directory of its own.
    let dir = root().join("target/wasm32-check");
    run(cargo.current_dir(root()).env("CARGO_TARGET_DIR", dir).args([
        "check",
        "-p",
        "gangplank-vfs",
        "-p",
        "gangplank-wasi",
        "--no-default-features",
        "--target",
        WASM32,
    ]))?;
    Ok(Outcome::Done)
}

pub(crate) const WASM32: &str = "wasm32-unknown-unknown";

/// A cargo whose compiler has the wasm32 target: the one in use, after `rustup target add` if need be, or the one that
/// `CARGO_WASM` names.
pub(crate) fn wasm_cargo() -> Result<Command, String> {
    if let Some(path) = std::env::var_os("CARGO_WASM") {
        return Ok(Command::new(path));
    }
    let has_target = || {
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()).output().ok()?;
        let path = PathBuf::from(String::from_utf8(sysroot.stdout).ok()?.trim());
        path.join("lib/rustlib").join(WASM32).join("lib").is_dir().then_some(())
    };
    let may_install = std::env::var("RUSTUP_AUTO_INSTALL").map_or(true, |v| v != "0");
    if has_target().is_none() && may_install {
        eprintln!("$ rustup target add {WASM32}");
        succeeds("rustup", &["target", "add", WASM32]);
    }
    match has_target() {
        Some(()) => Ok(cargo()),
        None => Err(format!(
            "no {WASM32} target; `rustup target add {WASM32}` installs it, or set CARGO_WASM to a cargo that has it"
        )),
    }
}

/// By itself, because only optimised code is worth counting.
fn instructions(_: &mut Counts) -> Result<Outcome> {
    run(cargo().args(["test", "--release", "-p", "gangplank-wasi", "--test", "instructions"]))?;
    Ok(Outcome::Done)
}

fn tests(counts: &mut Counts) -> Result<Outcome> {
    javascriptcore::ensure()?;
    let all = ["test", "--workspace", "--all-features", NO_BENCH[0], NO_BENCH[1], "--no-fail-fast"];
    second_try::test(&all, &[], counts).context("tests failed")?;
    // The command line on the engine that is not the default, with what has just been built.
    let line = ["--test", "run", "--test", "limits", "--test", "listen", "--test", "stats"];
    second_try::test(&[&all[..], &line].concat(), &[("GANGPLANK_TEST_ENGINE", "jsc")], counts)
        .context("tests of the command line on JavaScriptCore failed")?;
    // Where there is more than one of its libraries, as nowhere but with developers.
    let engine = ["--test", "jsc", "--test", "jsc_alloc", "--test", "jsc_held", "--test", "jsc_meter"];
    for library in javascriptcore::others() {
        second_try::test(&[&all[..], &engine].concat(), &[("GANGPLANK_JSC_LIBRARY", library)], counts)
            .with_context(|| format!("tests with {library} failed"))?;
    }
    Ok(Outcome::Done)
}
