//! Filesystems as state machines: [proptest](https://docs.rs/proptest) draws one transition after the other, each a line of
//! the [language of scripts](crate::differential::script), and asks the reference [model](crate::model) which one may come
//! next. What the filesystem answers must be what the model allows, and so must the tree in the end.
//!
//! # States and transitions
//! A state is the model in the middle of a script: what is there and of which type, which slots hold open files, whether
//! the second filesystem is mounted. From it follows
//! * which verbs can come: what the filesystem claims, and what makes sense now. A slot is read, written, copied with
//!   `dup` and closed if something is open in it, and something is mounted once. Now and then, on purpose, it is wrong:
//!   a slot that is empty, a second `mount`;
//! * what they are about: usually what is there and fits the verb, sometimes anything.
//!
//! `fork`, `cd` and the second filesystem are transitions like all others.
//!
//! # What is found
//! Transitions are left out, as long as what remains is still a way through the states; then arguments are made simpler; and
//! in the end all of that once more, line by line, since less may be needed by then. What is left is a script of a few lines,
//! which is saved below `regressions/`, and `cargo xtask diff --replay FILE` plays it again.

mod simpler;
mod state;
#[cfg(test)]
mod tests;
mod transition;

use std::{
    cell::RefCell,
    sync::{Arc, atomic::Ordering},
};

use proptest::{
    strategy::{BoxedStrategy, Just, Strategy as _},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use proptest_state_machine::Sequential;

use crate::{
    differential::{Divergence, Player, Script, seeds},
    model::{follow, refuse, shrink},
};
use state::State;
use transition::Transition;

/// How many ways through the states are tried, times what the environment variable `SEEDS` says.
pub const CASES: u64 = 64;

/// How many transitions one has.
const LENGTHS: core::ops::RangeInclusive<usize> = 10..=50;

/// How many simpler ones are tried at most, once something has been found.
const MAX_TRIES: u32 = 3000;

/// Tries [`CASES`] random ways through the states; the same seed tries the same.
///
/// # Panics
/// If one shows what the model does not allow. It is saved below `regressions/` in the directory of the crate that is
/// tested, where [`saved_scripts`](crate::model::saved_scripts) finds it again, and printed.
pub fn property(player: &dyn Player, seed: u64) {
    if let Some(found) = search(player, seed, seeds(CASES)) {
        refuse(player, &found);
    }
}

/// Looks through `cases` random ways for one that shows what the model does not allow, and cuts it down to what it needs.
///
/// # Panics
/// If no transitions can be drawn.
pub fn search(player: &dyn Player, seed: u64, cases: u64) -> Option<Box<Divergence>> {
    // Every failure on the way is simpler than the one before: proptest goes on from what has failed.
    let simplest = RefCell::new(None);
    let outcome = runner(seed, cases).run(&ways(State::new(player)), |(_, transitions, seen)| {
        let Err(found) = follow(&script(transitions), player) else { return Ok(()) };
        // What comes after the divergence is left out first.
        if let Some(seen) = seen {
            seen.store(found.step + 1, Ordering::SeqCst);
        }
        *simplest.borrow_mut() = Some(found);
        Err(TestCaseError::fail("it is not allowed"))
    });
    match (outcome, simplest.into_inner()) {
        (Ok(()), _) => None,
        (Err(TestError::Fail(..)), Some(found)) => {
            let wrong = |script: &Script| follow(script, player).err();
            Some(simpler::simplest(found, &wrong, &|found| shrink(found, player)))
        }
        (Err(why), _) => panic!("{}: {why:?}", player.name()),
    }
}

/// The same numbers for the same seed; nothing is kept but scripts.
fn runner(seed: u64, cases: u64) -> TestRunner {
    let config = Config {
        cases: u32::try_from(cases).unwrap_or(u32::MAX),
        max_shrink_iters: MAX_TRIES,
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// All ways through the states, from this one on.
fn ways(first: State) -> Sequential<State, Transition, BoxedStrategy<State>, BoxedStrategy<Transition>> {
    let first = Arc::new(first);
    Sequential::new(
        LENGTHS.into(),
        move || Just(State::clone(&first)).boxed(),
        State::allows,
        transition::next,
        State::after,
    )
}

fn script(transitions: Vec<Transition>) -> Script {
    Script(transitions.into_iter().map(|transition| transition.op).collect())
}
