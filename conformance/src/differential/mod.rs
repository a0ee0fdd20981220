//! Differential runs: the same script on several filesystems, whose answers must be the same, step by step, and whose
//! trees must be the same at the end.
//!
//! A script is text, one operation a line ([`script`]); random ones come from a seed. A divergence is cut down to the
//! few lines that it needs, and printed; saved as `regressions/NAME.txt` it is replayed by every test run.
//!
//! Whoever can run a script is a [`Player`]: every [`Fixture`](crate::Fixture), and on Linux the kernel itself
//! ([`kernel`]), which keeps the rest honest.

pub mod campaign;
mod contestants;
#[cfg(target_os = "linux")]
pub mod crash;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod overlay;
mod player;
pub mod powercut;
#[cfg(target_os = "linux")]
pub mod relay;
pub mod script;
pub(crate) mod step;

use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gangplank_vfs::FsCaps;

pub use contestants::{Class, Contestant, all as contestants};
pub(crate) use contestants::{HostAt, memory};
pub use player::{Player, Rules, Run};
pub(crate) use script::needs;
pub use script::{DRAWS, Op, Rng, Script};
pub(crate) use step::{Env, length, quoted, text};

use crate::model::Freedom;

/// Two filesystems that do not agree, or one that does not do what the script says.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// What was run.
    pub script: Script,
    /// The line at which they part, counted from 0; the number of lines if only the trees differ in the end.
    pub step: usize,
    /// Who answered what.
    pub answers: Vec<(String, String)>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, op) in self.script.0.iter().enumerate() {
            writeln!(f, "{op}{}", if i == self.step { "   # <- here" } else { "" })?;
        }
        for (who, what) in &self.answers {
            writeln!(f, "# {who}: {}", what.replace('\n', "\n#     "))?;
        }
        Ok(())
    }
}

/// What all of the players can do.
pub fn common_caps(players: &[&dyn Player]) -> FsCaps {
    players.iter().fold(FsCaps::all(), |caps, p| caps & p.caps())
}

/// The rules under which all of them can play.
fn rules(players: &[&dyn Player]) -> Rules {
    Rules { caps: common_caps(players), rooted: players.iter().any(|p| p.rooted()) }
}

/// Runs a script on every player and compares.
///
/// # Errors
/// The first divergence.
pub fn compare(script: &Script, players: &[&dyn Player]) -> Result<(), Box<Divergence>> {
    let rules = rules(players);
    let mut runs: Vec<Box<dyn Run + '_>> = players.iter().map(|p| p.start(rules)).collect();
    let diverged = |step, answers: Vec<String>| {
        let answers = players.iter().map(|p| p.name().to_owned()).zip(answers).collect();
        Err(Box::new(Divergence { script: script.clone(), step, answers }))
    };
    for (i, op) in script.0.iter().enumerate() {
        let mut answers: Vec<String> = vec![];
        for run in &mut runs {
            answers.push(caught(|| run.step(op)));
            if players[0].is_refusal(&answers[0]) {
                break;
            }
        }
        let heard: Vec<&String> =
            answers.iter().zip(players).filter(|(_, p)| !p.is_excused(op)).map(|(a, _)| a).collect();
        if heard.iter().any(|a| *a != heard[0] && excused(op, a, heard[0]).is_none())
            || answers.iter().any(|a| panicked(a))
        {
            return diverged(i, answers);
        }
        if op.expected.as_ref().is_some_and(|expected| *expected != answers[0]) {
            answers.push(format!("the script says {}", op.expected.as_deref().unwrap_or_default()));
            let mut diverged = diverged(i, answers.clone());
            if let Err(d) = &mut diverged {
                d.answers.push(("script".to_owned(), answers.pop().unwrap_or_default()));
            }
            return diverged;
        }
    }
    let trees: Vec<String> = runs.iter_mut().map(|run| caught(|| run.tree())).collect();
    if trees.iter().any(|t| *t != trees[0]) { diverged(script.0.len(), trees) } else { Ok(()) }
}

/// Runs a script on one player: what each line answers.
pub fn answers(script: &Script, player: &dyn Player) -> Vec<String> {
    let mut run = player.start(rules(&[player]));
    script.0.iter().map(|op| caught(|| run.step(op))).collect()
}

/// Runs a script on a filesystem, whatever it answers: to have a tree to begin with.
pub fn prepare(script: &Script, fs: std::sync::Arc<dyn gangplank_vfs::FileSystem>) {
    let rules = Rules { caps: fs.info().caps, rooted: false };
    let mut env = step::Env::new(crate::World::new(crate::Made::new(fs)), rules);
    for op in &script.0 {
        env.step(op);
    }
}

/// The choice that two answers to one operation come from, if they differ by one that can be told without knowing the
/// tree. The model knows the tree, and all of [`Freedom`].
pub(crate) fn excused(op: &Op, one: &str, other: &str) -> Option<Freedom> {
    let either = |a: &str, b: &str| (one == a && other == b) || (one == b && other == a);
    match op.verb {
        "noreplace" if either("INVAL", "EXIST") => Some(Freedom::NoReplaceIntoItself),
        "exchange" if either("INVAL", "NOENT") => Some(Freedom::ExchangeIntoItself),
        "setlen" if either("BADF", "INVAL") => Some(Freedom::SizeWithoutWriting),
        "allocate" if either("BADF", "INVAL") => Some(Freedom::NothingWithoutWriting),
        "flist" if either("BADF", "NOTDIR") => Some(Freedom::ListWithoutReading),
        "unlink" | "rmdir" | "rename" | "noreplace" | "exchange"
            if (one == "BUSY" || other == "BUSY") && one != "ok" && other != "ok" && names_the_mount(op) =>
        {
            Some(Freedom::MountPoint)
        }
        _ => None,
    }
}

/// Whether one of its paths ends at the name of the second filesystem.
fn names_the_mount(op: &Op) -> bool {
    op.args.iter().any(|path| path.trim_end_matches('/').rsplit('/').next() == Some("m"))
}

fn panicked(answer: &str) -> bool {
    answer.starts_with("panic: ")
}

pub(crate) fn caught(action: impl FnOnce() -> String) -> String {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        format!("panic: {}", text.unwrap_or("?"))
    })
}

/// Leaves out of a diverging script whatever it does not need.
pub fn shrink(found: Box<Divergence>, players: &[&dyn Player]) -> Box<Divergence> {
    shrink_by(found, &|script| compare(script, players))
}

/// The same, where something else than [`compare`] says whether a script diverges.
pub(crate) fn shrink_by(
    found: Box<Divergence>,
    diverges: &dyn Fn(&Script) -> Result<(), Box<Divergence>>,
) -> Box<Divergence> {
    let mut best = found;
    // What comes after the divergence is not needed, unless it shows in the final trees alone.
    best.script.0.truncate(best.step + 1);
    let mut size = (best.script.0.len() / 2).max(1);
    let mut tries = 0;
    loop {
        let (mut at, mut shrunk) = (0, false);
        while at < best.script.0.len() && tries < 600 {
            tries += 1;
            let mut shorter = best.script.clone();
            shorter.0.drain(at..(at + size).min(shorter.0.len()));
            match diverges(&shorter) {
                Err(mut d) => {
                    d.script.0.truncate(d.step + 1);
                    (best, shrunk) = (d, true);
                }
                Ok(()) => at += size,
            }
        }
        if size == 1 && !shrunk || tries >= 600 {
            return best;
        }
        size = (size / 2).max(1);
    }
}

/// How many seeds a test tries: `count`, or that many times what the environment variable `SEEDS` says.
pub fn seeds(count: u64) -> u64 {
    let times = std::env::var("SEEDS").ok().and_then(|n| n.parse::<u64>().ok()).unwrap_or(1);
    count.saturating_mul(times)
}

/// Runs `count` ([`seeds`]) random scripts of `len` operations each, from `seed` on.
///
/// # Panics
/// At the first divergence, with the script cut down to what it needs.
pub fn fuzz(players: &[&dyn Player], seed: u64, count: u64, len: usize) {
    let caps = common_caps(players);
    for seed in seed..seed + seeds(count) {
        // Every fourth has a second filesystem, where everybody can have one.
        let mounted = seed % 4 == 3 && players.iter().all(|p| p.mounts());
        let make = if mounted { Script::random_mounted } else { Script::random };
        check(&make(&mut Rng::new(seed), len, caps), players, &format!("seed {seed}"));
    }
}

/// Runs one script.
///
/// # Panics
/// If it tells the players apart, with what it needs for that; `what` says where it came from.
pub fn check(script: &Script, players: &[&dyn Player], what: &str) {
    if let Err(found) = compare(script, players) {
        let small = shrink(found, players);
        panic!("{what}: the filesystems do not agree\n{small}");
    }
}

/// Replays a saved script.
///
/// # Panics
/// If the text is no script, or the filesystems do not agree with each other or with it.
pub fn replay(text: &str, players: &[&dyn Player]) {
    let script: Script = text.parse().unwrap_or_else(|e| panic!("{e}"));
    if let Err(found) = compare(&script, players) {
        panic!("the filesystems do not agree\n{found}");
    }
}
