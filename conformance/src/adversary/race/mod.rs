//! Who resolves paths while somebody on the host exchanges what they lead through.
//!
//! A thread and a process of their own exchange directories, files and FIFOs with links that lead out of the root, turn
//! links around, and move a directory out of the root and back, each some ten thousand times a second. Meanwhile every
//! operation is tried with paths through all of that. Whatever comes of it, no [canary](super::Canaries) may be read,
//! listed, changed or touched.
//!
//! That this is an attack at all is shown by [`beat_naive`]: a resolver that looks first and opens then is beaten by the
//! same attackers in the time of a blink.

mod attack;
mod scene;

use core::fmt;
use std::{
    process::Command,
    time::{Duration, Instant},
};

use gangplank_vfs::{
    Ctx, Mount, MountOptions, Namespace, Scope, Start,
    host_fs::{HostFs, Options, Resolver},
};

pub use self::attack::attacker;
use self::{attack::Attackers, scene::Scene};
use super::{Learned, attempt};

/// Paths that lead through what is exchanged.
const PATHS: [&str; 24] = [
    "d/f",
    "d/sub/f",
    "d/sub/../f",
    "d/sub/../../d/f",
    "d/./sub/./f",
    "via/f",
    "via/sub/../f",
    "turn/f",
    "turn/sub/f",
    "deep/a/b/c/../../../f",
    "deep/a/../f",
    "deep/a/b/../../../f",
    "deep/a/b/c",
    "d/new",
    "d/sub/new",
    "file",
    "filelink",
    "maybe",
    "l/f",
    "l/",
    "turn/",
    "d/sub",
    "d/",
    "d",
];

/// Paths from `deep/a/b/c`, which is moved out and back.
const PATHS_UP: [&str; 5] = ["../../../f", "../../..", "../../../../f", "..", "../../f"];

/// Paths that are opened again and again, because what a wrong resolver leaves open is open for a microsecond.
const HAMMERED: [&str; 6] = ["file", "d/f", "d/sub/f", "turn/f", "via/f", "deep/a/../f"];

/// How often in one round.
const BLOWS: usize = 400;

/// What has come of a race.
#[derive(Debug)]
pub struct Report {
    /// How paths were resolved.
    pub resolver: Resolver,
    /// How long it took.
    pub time: Duration,
    /// What the operations were answered, without what was read.
    pub learned: Learned,
    /// How often the thread, and the process, exchanged or moved something.
    pub swaps: [u64; 2],
}

/// Lets attackers loose on whoever uses a directory of the host with this resolver. `command` runs [`attacker`] in a
/// process of its own.
///
/// # Errors
/// What was read, or done to what is outside of the root: then the resolver is wrong.
///
/// # Panics
/// If the host cannot do what the attackers need.
pub fn race(resolver: Resolver, time: Duration, command: Command) -> Result<Report, String> {
    let scene = Scene::build();
    let fs = HostFs::open_with(scene.root(), Options { resolver, ..Options::default() }).expect("open the root");
    let root = Mount::detached(fs, MountOptions::default());
    let namespace = Namespace::new();
    let start = Start { namespace: &namespace, cx: Ctx::ROOT, place: &root, scope: Scope::Beneath(&root) };
    let inodes = scene.canaries().inodes().expect("the canaries' numbers");

    let mut all = Learned::default();
    let begun = Instant::now();
    let attackers = Attackers::begin(scene.dir(), command);
    let mut try_it = |start: &Start<'_>, path: &str| {
        attempt(start, path.as_bytes(), b"other", b"mine", &mut all);
        if all.contains(scene.canaries().token()) {
            return Err(format!("{resolver:?}: a canary was read by `{path}`"));
        }
        if let Some(m) = all.metadata.iter().find(|m| inodes.contains(&m.ino.get())) {
            return Err(format!("{resolver:?}: `{path}` told {m:?}, of a canary"));
        }
        all.texts.clear();
        all.metadata.clear();
        scene.repair();
        Ok(())
    };
    let (mut outcome, mut hammered) = (Ok(()), Learned::default());
    while outcome.is_ok() && begun.elapsed() < time {
        scene.renew();
        for _ in 0..BLOWS {
            HAMMERED.iter().for_each(|path| hammered.open(&start, path.as_bytes()));
        }
        if hammered.contains(scene.canaries().token()) {
            outcome = Err(format!("{resolver:?}: a canary was read"));
            break;
        }
        hammered.texts.clear();
        if let Some(place) = (0..100).find_map(|_| start.place(b"deep/a/b/c", false).ok()) {
            let from_there = Start { place: &place, ..start };
            outcome = PATHS_UP.iter().try_for_each(|path| try_it(&from_there, path));
        }
        outcome = outcome.and_then(|()| PATHS.iter().try_for_each(|path| try_it(&start, path)));
    }
    let swaps = attackers.end();
    let time = begun.elapsed();
    if let Err(what) = outcome {
        scene.give_up();
        return Err(what);
    }
    scene.check()?;
    all.add(hammered);
    Ok(Report { resolver, time, learned: all, swaps })
}

/// How long a naive resolver held out.
#[derive(Debug)]
pub struct Beaten {
    /// How often it resolved a path.
    pub tries: u64,
    /// How often it read a canary.
    pub times: u64,
    /// When it did so first.
    pub first: Duration,
}

/// Lets the same attackers loose on a resolver that checks each name with `lstat`, and opens the path when all is well.
/// Ends when it has been beaten a hundred times, or the time is over.
///
/// # Panics
/// As [`race`].
pub fn beat_naive(time: Duration, command: Command) -> Beaten {
    let scene = Scene::build();
    let attackers = Attackers::begin(scene.dir(), command);
    let begun = Instant::now();
    let mut beaten = Beaten { tries: 0, times: 0, first: Duration::ZERO };
    while begun.elapsed() < time && beaten.times < 100 {
        for path in ["d/f", "d/sub/f", "file"] {
            beaten.tries += 1;
            if naive(&scene, path).is_some_and(|text| text.contains(scene.canaries().token())) {
                beaten.times += 1;
                if beaten.times == 1 {
                    beaten.first = begun.elapsed();
                }
            }
        }
    }
    attackers.end();
    scene.give_up();
    beaten
}

/// What many a runtime has done: look whether there is a link in the path, and if not, open it.
fn naive(scene: &Scene, path: &str) -> Option<String> {
    let mut at = scene.root();
    for name in path.split('/') {
        at.push(name);
        if name == ".." || std::fs::symlink_metadata(&at).ok()?.is_symlink() {
            return None;
        }
    }
    std::fs::read_to_string(at).ok()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [thread, process] = self.swaps;
        writeln!(
            f,
            "{:?}: {} operations in {:.1} s, against {} exchanges ({thread} by a thread, {process} by a process)",
            self.resolver,
            self.learned.total(),
            self.time.as_secs_f64(),
            thread + process
        )?;
        let names: std::collections::BTreeSet<&str> =
            self.learned.answers.keys().map(|(_, answer)| answer.as_str()).collect();
        let counts: Vec<String> = names.iter().map(|name| format!("{name} {}", self.learned.count(name))).collect();
        writeln!(f, "  answers: {}", counts.join(", "))?;
        writeln!(f, "  {} times an operation was not answered what it was before", self.learned.changed)?;
        write!(f, "  no canary was read, told, changed or touched")
    }
}

impl fmt::Display for Beaten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a naive resolver, for comparison: read a canary {} times in {} tries, first after {:.1} ms",
            self.times,
            self.tries,
            self.first.as_secs_f64() * 1e3
        )
    }
}
