//! That the states are walked through: every verb, rightly and wrongly, and what only several of them can lead to.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy as _, ValueTree as _};

use super::{
    runner,
    state::State,
    transition::{Transition, Use},
    ways,
};
use crate::{
    differential::{Player, Script, script::VERBS},
    model::ModelPlayer,
};

/// Some hundreds of ways, and the state that each begins with.
fn drawn(player: &dyn Player) -> Vec<(State, Vec<Transition>)> {
    let (mut runner, ways) = (runner(1, 1), ways(State::new(player)));
    let mut draw = || {
        let (first, transitions, _) = ways.new_tree(&mut runner).expect("a way").current();
        (first, transitions)
    };
    (0..400).map(|_| draw()).collect()
}

/// An errno begins with a capital letter and has no small ones; whatever else is answered has been done.
fn succeeded(answer: &str) -> bool {
    let capital = answer.starts_with(|c: char| c.is_ascii_uppercase());
    answer != "empty" && (!capital || answer.bytes().any(|b| b.is_ascii_lowercase()))
}

#[test]
fn every_verb_comes_and_succeeds_and_is_used_wrongly() {
    let (mut done, mut refused, mut wrong) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (mut state, transitions) in drawn(&ModelPlayer) {
        for transition in transitions {
            assert!(state.allows(&transition), "{transition:?} in {state:?}");
            let answer = state.answer(&transition);
            match transition.how {
                Use::Right if succeeded(&answer) => {
                    done.insert(transition.verb.name);
                }
                Use::Right => {
                    refused.insert(transition.verb.name);
                }
                Use::Wrong => {
                    assert!(answer == "empty" || answer == "BUSY", "{transition:?} is answered {answer}");
                    wrong.insert(transition.verb.name);
                }
            }
        }
    }
    let all: BTreeSet<&str> = VERBS.iter().map(|verb| verb.name).collect();
    assert_eq!(done, all, "those that succeed");
    let always = BTreeSet::from(["home", "fork", "close", "dup", "fstat", "seekend"]);
    let may_fail: BTreeSet<&str> = all.difference(&always).copied().collect();
    assert!(refused.is_superset(&(&may_fail - &BTreeSet::from(["mount"]))), "those that fail: {refused:?}");
    let slots = VERBS.iter().filter(|verb| super::state::takes_open(verb)).map(|verb| verb.name);
    assert_eq!(wrong, slots.chain(["mount"]).collect(), "those that are used wrongly");
}

/// What needs more than one transition comes up, too.
#[test]
fn ways_lead_far() {
    let mut seen = BTreeSet::new();
    for (mut state, transitions) in drawn(&ModelPlayer) {
        let (mut forked, mut shared) = (false, false);
        for transition in transitions {
            let (verb, args) = (transition.verb.name, transition.op.args.clone());
            let there = state.nodes().len();
            let answer = state.answer(&transition);
            let mounted = state.nodes().iter().any(|(path, _)| path.starts_with("m/"));
            forked |= verb == "fork" && there > 3;
            shared |= verb == "dup" && args[0] != args[1];
            let what = match verb {
                "fread" if shared && answer.len() > 2 && answer.starts_with('"') => "a shared cursor",
                "put" | "mkdir" if forked && succeeded(&answer) => "a fork that is changed",
                "rename" | "link" if answer == "XDEV" => "two filesystems in one line",
                "fork" if mounted => "a fork of both",
                "rename" if answer == "ok" && there > 4 => "a full tree",
                _ => continue,
            };
            seen.insert(what);
        }
    }
    let all =
        ["a fork of both", "a fork that is changed", "a full tree", "a shared cursor", "two filesystems in one line"];
    assert_eq!(seen, BTreeSet::from(all));
}

/// A seed means the same ways in every run, and another seed others.
#[test]
fn the_same_seed_draws_the_same() {
    let first = |seed| {
        let tree = ways(State::new(&ModelPlayer)).new_tree(&mut runner(seed, 1)).expect("a way");
        super::script(tree.current().1)
    };
    assert_eq!(first(7), first(7));
    assert_ne!(first(7), first(8));
    let script: Script = first(7);
    assert_eq!(script.to_string().parse::<Script>(), Ok(script), "it is one that can be saved");
}

/// What a filesystem does not claim is not asked of it.
#[test]
fn what_is_not_claimed_does_not_come() {
    use gangplank_vfs::FsCaps;
    struct Little;
    impl Player for Little {
        fn name(&self) -> &str {
            "little"
        }
        fn caps(&self) -> FsCaps {
            FsCaps::empty()
        }
        fn rooted(&self) -> bool {
            false
        }
        fn start(&self, rules: crate::differential::Rules) -> Box<dyn crate::differential::Run + '_> {
            ModelPlayer.start(rules)
        }
    }
    let drawn = drawn(&Little);
    let come: BTreeSet<&str> =
        drawn.iter().flat_map(|(_, transitions)| transitions).map(|transition| transition.verb.name).collect();
    let expected = VERBS.iter().filter(|verb| verb.caps.is_empty() && verb.name != "mount").map(|verb| verb.name);
    assert_eq!(come, expected.collect());
}
