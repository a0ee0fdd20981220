//! The attackers of the host, for a few seconds; `cargo xtask race --seconds 60` gives them longer.

use std::{process::Command, sync::Mutex, time::Duration};

use gangplank_conformance::adversary::race;
use gangplank_vfs::host_fs::Resolver;

/// One at a time, so that each has a processor to attack with.
static TURN: Mutex<()> = Mutex::new(());

/// Not a test, but the process that attacks.
#[test]
fn attacker() {
    race::attacker();
}

fn again() -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "race::attacker", "--nocapture", "--test-threads=1"]);
    command
}

fn holds_out(resolver: Resolver) {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let report = race::race(resolver, Duration::from_secs(5), again()).unwrap_or_else(|what| panic!("{what}"));
    println!("{report}");
    let answers = &report.learned;
    // That it was a race: what was exchanged was met in all its forms.
    for answer in ["ok", "PERM", "NOENT", "LOOP", "NOTDIR"] {
        assert!(answers.count(answer) > 10, "{answer}: {report}");
    }
    assert!(answers.changed > 100, "{report}");
    assert!(report.swaps.iter().all(|&n| n > 1000), "{report}");
}

#[test]
fn openat2_holds_out() {
    holds_out(Resolver::Openat2);
}

#[test]
fn the_portable_resolver_holds_out() {
    holds_out(Resolver::Portable);
}

/// The same attackers beat a resolver that looks first and opens then.
#[test]
fn a_naive_resolver_does_not() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let beaten = race::beat_naive(Duration::from_secs(30), again());
    println!("{beaten}");
    assert!(beaten.times > 0, "{beaten}");
}
