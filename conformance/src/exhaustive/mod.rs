//! All short sequences: every operation of a small [`alphabet()`], after every operation, after every operation.
//!
//! Three operations are enough for most of what goes wrong in a filesystem ("Finding crash-consistency bugs with bounded
//! black-box crash testing", OSDI 2018), so here nothing is left to chance. After each step everybody must have answered
//! the same, and must show the same: the whole tree, the attributes of every path of the alphabet, and what the open
//! file holds. And whatever failed must have changed nothing.
//!
//! The sequences are the nodes of a tree, which is walked depth first. A [`Walker`] goes down by an operation, and back
//! up. Who can fork goes up by dropping a fork. Who cannot plays the sequence again in a new tree, but not after what
//! has failed: that has changed nothing. So the prefix that a hundred sequences have in common is not played a hundred
//! times.

mod alphabet;
mod teams;
mod walkers;

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

pub use alphabet::{Beginning, alphabet};
pub use teams::{TEAMS, Team, rules};
pub use walkers::{Seen, Walker};

use crate::differential::{Divergence, Op, Script};
use teams::walkers;

/// A set of sequences.
#[derive(Clone, Copy, Debug)]
pub struct Sequences {
    /// The tree that they begin with.
    pub beginning: Beginning,
    /// Operations in each.
    pub len: usize,
    /// How many threads walk.
    pub jobs: usize,
}

impl Sequences {
    /// All teams walk all of them; the first is the judge. Answers how many operations each has done and was compared
    /// by: one for each sequence of any length up to `len`.
    ///
    /// # Errors
    /// The first sequence that tells the walkers apart. It is as short as can be: all of its beginnings do not.
    ///
    /// # Panics
    /// If a tree cannot be made.
    pub fn walk(&self, teams: &[&Team]) -> Result<u64, Box<Divergence>> {
        let rules = rules(teams);
        let alphabet = alphabet(rules.caps);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (count, found) = (AtomicU64::new(0), Mutex::new(None));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    let mut walk = Walk {
                        walkers: walkers(teams, rules, self.beginning),
                        alphabet: &alphabet,
                        path: vec![],
                        beginning: self.beginning,
                        stop: &stop,
                        count: 0,
                    };
                    while let Some(first) = alphabet.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(divergence) = walk.down(first, self.len) {
                            stop.store(true, Ordering::Relaxed);
                            found.lock().expect("no thread panics here").get_or_insert(divergence);
                        }
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    count.fetch_add(walk.count, Ordering::Relaxed);
                });
            }
        });
        match found.into_inner().expect("no thread panics here") {
            Some(divergence) => Err(divergence),
            None => Ok(count.into_inner()),
        }
    }
}

/// One thread's way through the tree of sequences.
struct Walk<'a> {
    walkers: Vec<Box<dyn Walker>>,
    alphabet: &'a [Op],
    path: Vec<Op>,
    beginning: Beginning,
    stop: &'a AtomicBool,
    count: u64,
}

impl Walk<'_> {
    /// Everybody goes down by `op`, down all that follows, and back up.
    fn down(&mut self, op: &Op, len: usize) -> Result<(), Box<Divergence>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.path.push(op.clone());
        self.count += 1;
        self.compare(op)?;
        if len > 1 {
            for next in self.alphabet {
                self.down(next, len - 1)?;
            }
        }
        self.path.pop();
        for walker in &mut self.walkers {
            walker.ascend();
        }
        Ok(())
    }

    fn compare(&mut self, op: &Op) -> Result<(), Box<Divergence>> {
        let mut seen: Vec<Seen> = vec![];
        for walker in &mut self.walkers {
            seen.push(walker.descend(op));
        }
        let first = &seen[0];
        let agree = seen.iter().all(|other| other.agrees(first, op));
        if agree && seen.iter().all(Seen::is_sound) {
            return Ok(());
        }
        let answers = self.walkers.iter().zip(&seen).map(|(walker, seen)| (walker.name().to_owned(), seen.to_string()));
        let answers = answers.collect();
        let mut script = self.beginning.script();
        script.0.extend(self.path.iter().cloned());
        Err(Box::new(Divergence { step: script.0.len() - 1, script, answers }))
    }
}

/// What is asked after each step, besides the tree.
fn watched() -> Script {
    let paths = ["a", "a/b", "c", "s", "s/b", "c/", "s/"];
    let text: String = paths.iter().map(|path| format!("lstat {path}\n")).collect();
    (text + "fstat 0\npread 0 0").parse().expect("a script")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::Rules;
    use gangplank_vfs::FsCaps;
    use walkers::Modelled;

    /// The model, but what `wrong` says of an operation and what was seen after it.
    struct Wrong {
        inner: Modelled,
        path: Vec<Op>,
        wrong: fn(&[Op], &mut Seen),
    }

    impl Walker for Wrong {
        fn name(&self) -> &str {
            "wrong"
        }

        fn descend(&mut self, op: &Op) -> Seen {
            self.path.push(op.clone());
            let mut seen = self.inner.descend(op);
            (self.wrong)(&self.path, &mut seen);
            seen
        }

        fn ascend(&mut self) {
            self.path.pop();
            self.inner.ascend();
        }
    }

    fn walk(make: fn(Rules, Beginning) -> Box<dyn Walker>, len: usize) -> Result<u64, Box<Divergence>> {
        let wrong = Team::new("wrong", FsCaps::all, make);
        let model = Team::named("model").expect("a team");
        Sequences { beginning: Beginning::Empty, len, jobs: 2 }.walk(&[model, &wrong])
    }

    fn wrong(rules: Rules, beginning: Beginning, wrong: fn(&[Op], &mut Seen)) -> Box<dyn Walker> {
        Box::new(Wrong { inner: Modelled::new(rules, beginning), path: vec![], wrong })
    }

    #[test]
    fn every_sequence_comes_once() {
        let count =
            walk(|rules, beginning| wrong(rules, beginning, |_, _| {}), 2).expect("the model agrees with itself");
        let n = alphabet(FsCaps::all()).len() as u64;
        assert_eq!(count, n + n * n);
    }

    #[test]
    fn a_wrong_answer_after_two_operations_is_found() {
        let found = walk(
            |rules, beginning| {
                wrong(rules, beginning, |path, seen| {
                    if path.len() == 2 && path[0].to_string() == "mkdir a" && path[1].to_string() == "unlink a" {
                        seen.answer = "ok".to_owned();
                    }
                })
            },
            2,
        );
        assert_eq!(found.expect_err("it is wrong").script.to_string(), "mkdir a\nunlink a\n");
    }

    #[test]
    fn what_fails_and_changes_something_is_found() {
        let seen = Seen { answer: "NOENT".to_owned(), view: "now".to_owned(), before: Some("before".to_owned()) };
        assert!(!seen.is_sound());
        assert!(Seen { before: Some("now".to_owned()), ..seen.clone() }.is_sound());
        assert!(!Seen { answer: "panic: x".to_owned(), before: None, ..seen }.is_sound());
    }
}
