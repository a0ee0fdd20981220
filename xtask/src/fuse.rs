//! `cargo xtask fuse`: our filesystems, mounted, under test suites and programs that know nothing of us.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{cargo, root, run};

/// Suites from the registry, and their versions. They are programs of their own: nothing of ours is linked with them.
const SUITES: [(&str, &str); 2] = [("pjdfstest", "0.2.2"), ("fsx", "0.3.2")];

/// Installs the suites, if they are not there, and runs everything.
pub(crate) fn fuse(rest: &[String]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("only Linux mounts filesystems for us");
    }
    let tools = root().join("target/tools");
    let is_a_question = rest.iter().any(|word| matches!(word.as_str(), "--help" | "-h"));
    for (name, version) in SUITES.into_iter().filter(|_| !is_a_question) {
        if !is_installed(&tools.join("bin").join(name), version) {
            // They wait for the filesystem, and not for themselves: unoptimised they are built in half the time.
            run(cargo().args(["install", "--locked", "--debug", "--force", "--version", version, "--root"]).args([
                tools.as_os_str(),
                "--target-dir".as_ref(),
                tools.join("build").as_os_str(),
                name.as_ref(),
            ]))?;
        }
    }
    run(cargo()
        .args(["run", "-p", "gangplank-conformance", "--features", "fuse", "--example", "fuse", "--"])
        .arg("--tools")
        .arg(tools.join("bin"))
        .args(rest))
}

fn is_installed(program: &std::path::Path, version: &str) -> bool {
    let told = Command::new(program).arg("--version").output();
    told.is_ok_and(|told| told.status.success() && String::from_utf8_lossy(&told.stdout).trim().ends_with(version))
}
