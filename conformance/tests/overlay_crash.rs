//! `kill -9` in the middle of copy-ups, renames and removals. Forty times; `SEEDS=100 cargo test --release -p
//! gangplank-conformance --test overlay_crash` does it four thousand times. What a kill meets by chance only,
//! `overlay_powercut` tries one by one.
#![cfg(target_os = "linux")]

use std::process::Command;

use gangplank_conformance::differential::{crash, seeds};

/// Not a test, but the process that is killed.
#[test]
fn victim() {
    crash::victim();
}

fn again() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "victim", "--nocapture", "--test-threads=1"]);
    command
}

fn rounds(seed: u64, count: u64, parent: &std::path::Path) {
    for seed in seed..seed + seeds(count) {
        crash::round(seed, parent, again()).unwrap_or_else(|what| panic!("{what}"));
    }
}

#[test]
fn killed_on_the_disk() {
    rounds(20_000_000, 20, &std::env::temp_dir());
}

#[test]
fn killed_in_memory() {
    rounds(21_000_000, 20, "/dev/shm".as_ref());
}
