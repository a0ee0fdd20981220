//! All sequences of two operations. `cargo xtask diff --exhaustive 3 --players all` takes three, on everybody.

use gangplank_conformance::exhaustive::{Beginning, Sequences, Team};

/// From both beginnings; `least` is how many operations there must be at least.
fn walk(teams: &[&Team], least: u64) {
    for beginning in Beginning::ALL {
        let found = Sequences { beginning, len: 2, jobs: 2 }.walk(teams);
        let count = found.unwrap_or_else(|found| panic!("{beginning:?}: the filesystems do not agree\n{found}"));
        assert!(count >= least * (least + 1), "{count} sequences are not all");
    }
}

/// With all ways to rename, the kernel too if it can play here: by the rules of a `chroot` then. Who is made anew each
/// time takes too long for this.
#[test]
fn with_every_way_to_rename() {
    let names = ["model", "fork", "overlay-fork", "overlay-lower", "host", "kernel"];
    let teams = names.iter().filter_map(|name| Team::named(name)).filter(|team| team.can_play());
    walk(&teams.collect::<Vec<_>>(), if cfg!(target_os = "linux") { 100 } else { 80 });
}

/// Below a directory that must not be left, and with the directories' counts of links, which overlays do not have.
#[test]
fn with_counts_of_links() {
    let names = ["model", "mem", "fork", "host", "host-portable"];
    walk(&names.map(|name| Team::named(name).expect("a team")), 80);
}
