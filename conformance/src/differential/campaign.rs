//! [`Campaign`]: millions of operations on everybody, and what came of it.
//!
//! A campaign is a row of random scripts. Each is played by a group of players ([`Campaign::every`] says which scripts
//! by which), from the first line to the last by one after the other, so that each has the processor's caches for
//! itself; then the answers are compared line by line, and the trees. A script that tells them apart is played again,
//! line by line beside the model, and cut down.

use core::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{
    Class, Contestant, Divergence, Player, Rng, Rules, Script, caught, common_caps, compare, excused, panicked,
    shrink_by,
};
use crate::{
    Fixture as _, Prepared, Where, World,
    model::{Model, ModelPlayer},
};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Lines of scripts, in all; each is an operation of every player of its script's group.
    pub ops: u64,
    /// Where the random numbers begin.
    pub seed: u64,
    /// Lines of a script.
    pub len: usize,
    /// Of so many scripts one is for everybody, one for those that count the links of directories and are no kernel,
    /// one for those that count them and keep the rules of a `chroot`, and one begins with a tree that lies in the
    /// layers of overlays. The others are for who needs no system calls.
    pub every: u64,
    /// How many threads play.
    pub jobs: usize,
}

/// Which players have a script in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Group {
    Memory,
    Everybody,
    Hosts,
    Kernel,
    Prepared,
}

impl Group {
    const ALL: [Group; 5] = [Group::Memory, Group::Everybody, Group::Hosts, Group::Kernel, Group::Prepared];

    fn of(index: u64, every: u64) -> Group {
        match index % every.max(4) {
            0 => Group::Everybody,
            1 => Group::Hosts,
            2 => Group::Kernel,
            3 => Group::Prepared,
            _ => Group::Memory,
        }
    }

    fn has(self, class: Class) -> bool {
        match self {
            Group::Memory => matches!(class, Class::Memory | Class::Overlay),
            Group::Everybody => true,
            Group::Hosts => matches!(class, Class::Memory | Class::Host),
            Group::Kernel => matches!(class, Class::Memory | Class::Host | Class::Kernel),
            Group::Prepared => false,
        }
    }
}

/// Where the trees lie that scripts of [`Group::Prepared`] begin with.
const PLACES: [Where; 4] = [Where::Itself, Where::Below, Where::InTwoLayers, Where::Above];

/// What one player did.
#[derive(Clone, Copy, Default, Debug)]
pub struct Played {
    /// Lines.
    pub ops: u64,
    /// Answers that differ from the first player's, as they may: see [`Freedom`](crate::model::Freedom).
    pub allowed: u64,
    /// What it needed for them, with making its trees and printing them.
    pub time: Duration,
}

/// What a campaign came to.
#[derive(Debug)]
pub struct Report {
    /// Lines of scripts that were compared.
    pub ops: u64,
    /// Scripts.
    pub scripts: u64,
    /// Of each contestant, by name.
    pub played: Vec<(&'static str, Played)>,
    /// Lines that the four overlays with prepared trees were compared by.
    pub prepared: Played,
    /// How long it took.
    pub time: Duration,
    /// The first scripts that told players apart, cut down, one for each thread at most.
    pub found: Vec<Found>,
}

/// A script that told players apart.
#[derive(Debug)]
pub struct Found {
    /// Where it came from.
    pub index: u64,
    /// The tree that it begins with, if that is not empty.
    pub prepared: Option<u64>,
    /// Itself, and who answered what.
    pub divergence: Box<Divergence>,
}

impl fmt::Display for Found {
    /// As a script that [`replay`] takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Script {} tells the players apart.", self.index)?;
        if let Some(seed) = self.prepared {
            writeln!(f, "{PREPARED}{seed}")?;
        }
        self.divergence.fmt(f)
    }
}

/// The comment that says with which tree a saved script begins.
const PREPARED: &str = "# It begins with tree ";

impl Campaign {
    /// Plays it; `progress` is told every few seconds how many lines have been compared.
    pub fn run(&self, contestants: &[Contestant], progress: &(dyn Fn(u64, Duration) + Sync)) -> Report {
        let begun = Instant::now();
        let groups: Vec<Option<Players<'_>>> = Group::ALL.iter().map(|group| players(*group, contestants)).collect();
        let shared = Shared { next: AtomicU64::new(0), stop: AtomicBool::new(false), done: Mutex::default() };
        std::thread::scope(|scope| {
            let watch = || {
                let mut last = Instant::now();
                while !shared.stop.load(Ordering::Relaxed) && shared.next.load(Ordering::Relaxed) < self.scripts() {
                    std::thread::sleep(Duration::from_millis(200));
                    if last.elapsed() > Duration::from_secs(10) {
                        last = Instant::now();
                        progress(shared.next.load(Ordering::Relaxed) * self.len as u64, begun.elapsed());
                    }
                }
            };
            scope.spawn(watch);
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    let mine = self.work(contestants, &groups, &shared);
                    shared.done.lock().expect("no thread panics here").push(mine);
                });
            }
        });
        let done = shared.done.into_inner().expect("no thread panics here");
        let mut report = Report {
            ops: done.iter().map(|d| d.ops).sum(),
            scripts: done.iter().map(|d| d.scripts).sum(),
            played: contestants.iter().map(|c| (c.name, Played::default())).collect(),
            prepared: Played::default(),
            time: begun.elapsed(),
            found: vec![],
        };
        for one in done {
            for ((_, sum), played) in report.played.iter_mut().zip(&one.played) {
                sum.add(*played);
            }
            report.prepared.add(one.prepared);
            report.found.extend(one.found);
        }
        report.found.sort_by_key(|found| found.index);
        report
    }

    fn scripts(&self) -> u64 {
        self.ops.div_ceil(self.len.max(1) as u64)
    }

    /// What one thread does: one script after the other, until there are no more, or one is found.
    fn work(&self, contestants: &[Contestant], groups: &[Option<Players<'_>>], shared: &Shared) -> Done {
        let mut done = Done { played: vec![Played::default(); contestants.len()], ..Done::default() };
        while !shared.stop.load(Ordering::Relaxed) {
            let index = shared.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.scripts() {
                break;
            }
            let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(index);
            let group = Group::of(index, self.every);
            let found = match (group, &groups[group as usize], &groups[Group::Memory as usize]) {
                (Group::Prepared, ..) if contestants.iter().any(|c| c.class == Class::Overlay) => {
                    self.prepared(seed, &mut done).map(|divergence| (Some(seed), divergence))
                }
                (_, Some(players), _) | (_, None, Some(players)) => {
                    let mounted = index % 4 == 2 && players.all.iter().all(|(_, player)| player.mounts());
                    let make = if mounted { Script::random_mounted } else { Script::random };
                    let script = make(&mut Rng::new(seed), self.len, players.rules.caps);
                    let found = play(&script, players, &mut |i, played| done.played[i].add(played));
                    done.count(&script);
                    found.map(|divergence| (None, divergence))
                }
                _ => break,
            };
            if let Some((prepared, divergence)) = found {
                shared.stop.store(true, Ordering::Relaxed);
                done.found = Some(Found { index, prepared, divergence });
                break;
            }
        }
        done
    }

    fn prepared(&self, seed: u64, done: &mut Done) -> Option<Box<Divergence>> {
        let all = preparations(seed);
        let players = prepared_players(&all);
        let world = World::new(all[0].make());
        let script = Script::random_in(world, &mut Rng::new(seed ^ 0x5c21), self.len, players.rules.caps);
        done.count(&script);
        play(&script, &players, &mut |_, played| done.prepared.add(played))
    }
}

/// What all threads of a campaign see.
struct Shared {
    next: AtomicU64,
    stop: AtomicBool,
    done: Mutex<Vec<Done>>,
}

/// What one thread has done.
#[derive(Default)]
struct Done {
    ops: u64,
    scripts: u64,
    played: Vec<Played>,
    prepared: Played,
    found: Option<Found>,
}

impl Done {
    fn count(&mut self, script: &Script) {
        self.ops += script.0.len() as u64;
        self.scripts += 1;
    }
}

impl Played {
    fn add(&mut self, other: Played) {
        self.ops += other.ops;
        self.allowed += other.allowed;
        self.time += other.time;
    }

    /// Operations per second.
    pub fn rate(&self) -> f64 {
        self.ops as f64 / self.time.as_secs_f64().max(1e-9)
    }
}

/// A player that all threads may use.
type Anybody<'a> = &'a (dyn Player + Send + Sync);

/// A group, and what all of it goes by.
struct Players<'a> {
    /// Each with its place among the contestants.
    all: Vec<(usize, Anybody<'a>)>,
    rules: Rules,
    /// Whether the first is the model.
    has_model: bool,
}

impl<'a> Players<'a> {
    fn new(all: Vec<(usize, Anybody<'a>)>) -> Players<'a> {
        let bare: Vec<&dyn Player> = all.iter().map(|(_, player)| *player as &dyn Player).collect();
        let rules = Rules { caps: common_caps(&bare), rooted: bare.iter().any(|p| p.rooted()) };
        let has_model = bare[0].name() == ModelPlayer.name();
        Players { all, rules, has_model }
    }

    fn bare(&self) -> Vec<&'a dyn Player> {
        self.all.iter().map(|(_, player)| *player as &dyn Player).collect()
    }
}

/// Those of a group, if there are enough of them to disagree.
fn players(group: Group, contestants: &[Contestant]) -> Option<Players<'_>> {
    let all: Vec<(usize, Anybody<'_>)> = contestants
        .iter()
        .enumerate()
        .filter(|(_, contestant)| group.has(contestant.class))
        .map(|(i, contestant)| (i, &*contestant.player))
        .collect();
    (all.len() > 1).then(|| Players::new(all))
}

fn preparations(seed: u64) -> Vec<Prepared> {
    PLACES.iter().map(|&place| Prepared { seed, place, links: false }).collect()
}

fn prepared_players(all: &[Prepared]) -> Players<'_> {
    Players::new(all.iter().enumerate().map(|(i, fixture)| (i, fixture as Anybody<'_>)).collect())
}

/// Plays a script, and tells how long each needed for it; answers what it needs to tell them apart, if it does.
fn play(script: &Script, players: &Players<'_>, tell: &mut dyn FnMut(usize, Played)) -> Option<Box<Divergence>> {
    let mut first: Option<Outcome> = None;
    let mut differs = false;
    for (i, player) in &players.all {
        let begun = Instant::now();
        let outcome = player.start(players.rules).play(&script.0);
        let mut played = Played { ops: script.0.len() as u64, allowed: 0, time: begun.elapsed() };
        match &first {
            _ if outcome.0.iter().any(|answer| panicked(answer)) || panicked(&outcome.1) => differs = true,
            None => first = Some(outcome),
            Some(first) => match players.differences(script, first, &outcome, *player) {
                Some(allowed) => played.allowed = allowed,
                None => differs = true,
            },
        }
        tell(*i, played);
    }
    if !differs {
        return None;
    }
    match players.judge(script) {
        Err(found) => Some(shrink_by(found, &|script| players.judge(script))),
        // What happens only sometimes is told as it is.
        Ok(()) => {
            let answers = vec![("everybody".to_owned(), "agreed when the script was played again".to_owned())];
            Some(Box::new(Divergence { script: script.clone(), step: script.0.len(), answers }))
        }
    }
}

/// The answers to a script, and the tree.
type Outcome = (Vec<String>, String);

impl Players<'_> {
    /// How many answers differ from the first player's, and may; `None` if something differs that must not.
    fn differences(&self, script: &Script, first: &Outcome, other: &Outcome, player: &dyn Player) -> Option<u64> {
        if first.1 != other.1 {
            return None;
        }
        let lines = || {
            script.0.iter().zip(first.0.iter().zip(&other.0)).filter(|(op, (a, b))| a != b && !player.is_excused(op))
        };
        let count = lines().count() as u64;
        if count == 0 || lines().all(|(op, (a, b))| excused(op, a, b).is_some()) {
            return Some(count);
        }
        // What the model allows depends on the tree: it has to be there.
        let mut model = self.has_model.then(|| Model::new(self.rules))?;
        script.0.iter().zip(&other.0).all(|(op, answer)| model.accept(op, answer).is_ok()).then_some(count)
    }

    /// Line by line: what the model allows where it plays, else what the first player says.
    fn judge(&self, script: &Script) -> Result<(), Box<Divergence>> {
        if !self.has_model {
            return compare(script, &self.bare());
        }
        self.all.iter().try_for_each(|(_, player)| follow(script, *player, self.rules))
    }
}

/// As [`model::follow`](crate::model::follow), by the rules of a group.
fn follow(script: &Script, player: &dyn Player, rules: Rules) -> Result<(), Box<Divergence>> {
    let (mut model, mut run) = (Model::new(rules), player.start(rules));
    let diverged = |step, allowed: String, answer: String| {
        let answers = vec![("the model allows".to_owned(), allowed), (player.name().to_owned(), answer)];
        Err(Box::new(Divergence { script: script.clone(), step, answers }))
    };
    for (i, op) in script.0.iter().enumerate() {
        let answer = caught(|| run.step(op));
        match model.accept(op, &answer) {
            Err(allowed) if !player.is_excused(op) => return diverged(i, allowed.to_string(), answer),
            _ => {}
        }
        if let Some(expected) = op.expected.as_ref().filter(|expected| **expected != answer) {
            return diverged(i, format!("the script says {expected}"), answer);
        }
    }
    let (expected, tree) = (model.tree(), caught(|| run.tree()));
    if expected == tree { Ok(()) } else { diverged(script.0.len(), expected, tree) }
}

/// Plays a saved script again, with everybody in every group.
///
/// # Errors
/// What is wrong with the text, or who disagrees.
pub fn replay(text: &str, contestants: &[Contestant]) -> Result<(), String> {
    let script: Script = text.parse()?;
    let seed = text.lines().find_map(|line| line.strip_prefix(PREPARED)?.trim().parse().ok());
    if let Some(seed) = seed {
        let all = preparations(seed);
        return compare(&script, &prepared_players(&all).bare()).map_err(|found| found.to_string());
    }
    for group in Group::ALL {
        if let Some(players) = players(group, contestants) {
            players.judge(&script).map_err(|found| found.to_string())?;
        }
    }
    Ok(())
}
