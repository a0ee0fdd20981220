//! `cargo xtask asan` and `cargo xtask miri`: the unsafe code under tools that see what tests do not.

use anyhow::{Result, bail};

use crate::run::{root, run, succeeds};
use std::process::Command;

/// The crate with unsafe code whose tests need no engine.
const PACKAGE: &str = "gangplank-wasi";

/// A cargo of the nightly toolchain. Not the cargo that runs us: that one is bound to its own toolchain.
fn nightly(dir: &str) -> Result<Command> {
    if !succeeds("cargo", &["+nightly", "--version"]) {
        bail!("there is no nightly toolchain; `rustup toolchain install nightly` installs one");
    }
    let mut cargo = Command::new("cargo");
    cargo.arg("+nightly").current_dir(root()).env("CARGO_TARGET_DIR", root().join("target").join(dir));
    for bound in ["RUSTC", "RUSTDOC", "CARGO", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(bound);
    }
    Ok(cargo)
}

/// All tests of the crate with out-of-bounds and use-after-free detection, and leak detection.
pub(crate) fn asan(rest: &[String]) -> Result<()> {
    // With a target named, build scripts and macros are not instrumented.
    let host = "x86_64-unknown-linux-gnu";
    run(nightly("asan")?
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .args(["test", "-p", PACKAGE, "--lib", "--tests", "--target", host])
        .args(rest))
}

/// The tests of guest memory with full detection of undefined behaviour.
pub(crate) fn miri(rest: &[String]) -> Result<()> {
    let mut miri = nightly("miri")?;
    if !succeeds("cargo", &["+nightly", "miri", "--version"]) {
        bail!("the nightly toolchain has no Miri; `rustup +nightly component add miri` installs it");
    }
    run(miri.args(["miri", "test", "-p", PACKAGE, "--no-default-features", "--lib", "memory"]).args(rest))
}
