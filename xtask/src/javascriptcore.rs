//! JavaScriptCore's library, which the tests of that engine load.

use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{run, succeeds};

/// Debian's packages of it, with what the linker calls it.
const PACKAGES: [(&str, &str); 3] = [
    ("libjavascriptcoregtk-4.1-0", "libjavascriptcoregtk-4.1.so.0"),
    ("libjavascriptcoregtk-4.0-18", "libjavascriptcoregtk-4.0.so.18"),
    ("libjavascriptcoregtk-6.0-1", "libjavascriptcoregtk-6.0.so.1"),
];

/// Installs it where it is missing and we may; macOS has it.
pub(crate) fn ensure() -> Result<()> {
    if !cfg!(target_os = "linux") || is_there() {
        return Ok(());
    }
    let root = output("id", &["-u"]).trim() == "0";
    if root && succeeds("apt-get", &["--version"]) {
        let _ = run(Command::new("apt-get").args(["update", "-qq"]));
        for (package, _) in PACKAGES {
            let mut install = Command::new("apt-get");
            install.env("DEBIAN_FRONTEND", "noninteractive");
            if run(install.args(["install", "-y", "-qq", "--no-install-recommends", package])).is_ok() {
                return Ok(());
            }
        }
    }
    bail!(
        "the library of JavaScriptCore is not there, and we could not install it. Install {}, {} or {} (Debian, Ubuntu), \
         javascriptcoregtk4.1 (Fedora) or webkit2gtk-4.1 (Arch); or run the tests without it: \
         `cargo test --workspace --exclude gangplank-bench`",
        PACKAGES[0].0,
        PACKAGES[1].0,
        PACKAGES[2].0
    )
}

/// Those that are there beside the one that is found first.
pub(crate) fn others() -> impl Iterator<Item = &'static str> {
    there().skip(1)
}

fn is_there() -> bool {
    there().next().is_some()
}

/// Those that are there, in the order in which the engine looks for them.
fn there() -> impl Iterator<Item = &'static str> {
    let known = output("ldconfig", &["-p"]) + &output("/sbin/ldconfig", &["-p"]);
    PACKAGES.iter().map(|(_, library)| *library).filter(move |library| known.contains(library))
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
