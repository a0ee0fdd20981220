//! Every filesystem of ours as a state machine, whose transitions proptest draws and the model allows; and the proof that
//! those which are wrong are found, and shown by a few lines.
//!
//! `SEEDS=100 cargo test --release -p gangplank-conformance --test state_machine` tries a hundred times as many.

use std::collections::BTreeSet;

use gangplank_conformance::{
    differential::{Player, Script},
    model::{follow, save, saved_scripts_in},
    scoreboard::{FILESYSTEMS, Suite},
    state_machine::{CASES, property, search},
};

mod wrong;

use wrong::{CHANGE_HANDLES, CHANGE_PATHS, Forgets, Wrong};

/// One test for each filesystem, by the name that it has on the scoreboard.
macro_rules! filesystems {
    ($($name:ident: $seed:literal),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                let known = FILESYSTEMS.iter().find(|fs| fs.name == stringify!($name)).expect("a filesystem of ours");
                property(&known.player(), $seed);
            }
        )+

        const TRIED: &[&str] = &[$(stringify!($name)),+];
    };
}

filesystems! {
    mem: 30_000_000,
    fork: 30_000_001,
    host: 30_000_002,
    host_portable: 30_000_003,
    host_exclusive: 30_000_015,
    overlay_mem: 30_000_004,
    overlay_emptied: 30_000_005,
    overlay_buried: 30_000_006,
    overlay_fork: 30_000_007,
    overlay_mem_host: 30_000_008,
    overlay_host: 30_000_009,
    overlay_host_emptied: 30_000_010,
    overlay_image: 30_000_011,
    quota_mem: 30_000_012,
    quota_host: 30_000_013,
}

#[test]
fn every_filesystem_that_can_be_changed_is_tried() {
    let there: BTreeSet<&str> = FILESYSTEMS.iter().filter(|fs| fs.suite == Suite::Whole).map(|fs| fs.name).collect();
    assert_eq!(TRIED.iter().copied().collect::<BTreeSet<_>>(), there);
}

/// Who keeps the model honest, by the rules of a `chroot`.
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_itself() {
    use gangplank_conformance::differential::kernel::{self, Bare};
    if let Err(why) = kernel::check() {
        return eprintln!("skipped: {why}");
    }
    property(&Bare::new("kernel on tmpfs", "/dev/shm"), 30_000_014);
}

/// What is found, which is to have no more lines than this.
fn found(player: &dyn Player, most: usize) -> Script {
    let found = search(player, 1, 20 * CASES).unwrap_or_else(|| panic!("{} is not found", player.name()));
    println!("{found}");
    assert!(found.script.0.len() <= most, "{} needs more than {most} lines:\n{found}", player.name());
    found.script.clone()
}

#[test]
fn a_filesystem_that_is_wrong_is_found_and_shown_by_a_few_lines() {
    for (wrong, most) in Wrong::ALL {
        println!("# {wrong:?}");
        found(&wrong, most);
    }
}

/// Whatever a filesystem does not do, of all that changes something, is missed.
fn forgotten(verbs: &[&'static str]) {
    for verb in verbs {
        let script = found(&Forgets(verb), 4);
        assert!(script.0.iter().any(|op| op.verb == *verb), "{verb} is not in\n{script}");
    }
}

#[test]
fn a_verb_of_paths_that_is_forgotten_is_found_and_shown_by_a_few_lines() {
    forgotten(CHANGE_PATHS);
}

#[test]
fn a_verb_of_handles_that_is_forgotten_is_found_and_shown_by_a_few_lines() {
    forgotten(CHANGE_HANDLES);
}

/// What is saved is a script of the language that shows the same.
#[test]
fn what_is_saved_can_be_played_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let found = search(&Wrong::Overwrites, 1, 20 * CASES).expect("it is wrong");
    let path = save(dir.path(), "wrong", &found).expect("save it");
    let text = std::fs::read_to_string(path).expect("read it");
    let script: Script = text.parse().expect("a script");
    assert_eq!(script, found.script);
    let again = follow(&script, &Wrong::Overwrites).expect_err("it is still wrong");
    assert_eq!(again.to_string(), found.to_string());
    let right = gangplank_conformance::MemFixture;
    assert_eq!(saved_scripts_in(dir.path(), &right), 1, "whoever is right plays it");
}
