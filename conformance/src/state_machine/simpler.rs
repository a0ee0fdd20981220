//! [`simplest`]: the last touch to a script that shows what is not allowed.
//!
//! Proptest goes over the transitions once, from the last to the first, and over each argument by itself. What is left is
//! read by people, so it is gone over again, until nothing changes: a line that has become superfluous goes; a name is
//! another one wherever it is written; an argument is what stands before it in the list that it comes from.

use std::collections::BTreeSet;

use crate::differential::{
    Divergence, Op, Script,
    script::{Arg, FLAGS, MODES, OFFSETS, PATHS, TARGETS, TEXTS, VERBS},
};

/// How many simpler scripts are tried at most.
const MAX_TRIES: usize = 1500;

/// Plain names, the simplest first.
const NAMES: [&str; 4] = ["a", "b", "c", "s"];

/// Makes the script simpler as long as it is still `wrong`; `shorter` leaves out lines that are not needed.
pub(super) fn simplest(
    mut found: Box<Divergence>,
    wrong: &dyn Fn(&Script) -> Option<Box<Divergence>>,
    shorter: &dyn Fn(Box<Divergence>) -> Box<Divergence>,
) -> Box<Divergence> {
    let mut tries = 0;
    loop {
        found = shorter(found);
        let lines = found.script.0.len();
        let simpler = candidates(&found.script).into_iter().find_map(|script| {
            tries += 1;
            if tries > MAX_TRIES { None } else { wrong(&script) }
        });
        match simpler {
            // What comes after the divergence is of no use.
            Some(mut simpler) => {
                simpler.script.0.truncate(simpler.step + 1);
                debug_assert!(simpler.script.0.len() <= lines);
                found = simpler;
            }
            None => return found,
        }
    }
}

/// All scripts that are a step simpler.
fn candidates(script: &Script) -> Vec<Script> {
    let mut all = vec![];
    for (at, from) in NAMES.iter().enumerate() {
        all.extend(NAMES[..at].iter().filter_map(|to| renamed(script, from, to)));
    }
    all.extend(changed(script, Arg::Path, |path| Some(tidy(path)).filter(|now| now != path)));
    let paths: BTreeSet<&String> = arguments(script, Arg::Path).filter(|path| path.contains('/')).collect();
    for from in paths {
        let everywhere = |to: &&str| changed(script, Arg::Path, |path| (path == from).then(|| (*to).to_owned()));
        all.extend(NAMES.iter().filter_map(everywhere));
    }
    for (from, to) in [("1", "0"), ("2", "0"), ("2", "1")] {
        all.extend(changed(script, Arg::Slot, |slot| (slot == from).then(|| to.to_owned())));
    }
    for (line, op) in script.0.iter().enumerate() {
        for (at, kind) in kinds(op.verb).iter().enumerate() {
            for simpler in before(*kind, &op.args[at]) {
                let mut script = script.clone();
                script.0[line].args[at] = simpler;
                all.push(script);
            }
        }
    }
    all
}

/// The script with one name in the place of another, wherever it is; `None` if it is nowhere.
fn renamed(script: &Script, from: &str, to: &str) -> Option<Script> {
    let other = |path: &str| {
        let names: Vec<&str> = path.split('/').map(|name| if name == from { to } else { name }).collect();
        Some(names.join("/")).filter(|now| now != path)
    };
    let paths = changed(script, Arg::Path, other);
    let both = changed(paths.as_ref().unwrap_or(script), Arg::Target, other);
    both.or(paths)
}

/// The script with something else for each argument of a kind that `other` has something for; `None` if it has for none.
fn changed(script: &Script, kind: Arg, other: impl Fn(&str) -> Option<String>) -> Option<Script> {
    let mut script = script.clone();
    let mut any = false;
    for op in &mut script.0 {
        for (arg, _) in op.args.iter_mut().zip(kinds(op.verb)).filter(|(_, is)| **is == kind) {
            if let Some(other) = other(arg) {
                (*arg, any) = (other, true);
            }
        }
    }
    any.then_some(script)
}

/// A path without what it could do without.
fn tidy(path: &str) -> String {
    let names: Vec<&str> = path.split('/').filter(|name| !["", "."].contains(name)).collect();
    if names.is_empty() || path.starts_with('/') { path.to_owned() } else { names.join("/") }
}

/// All arguments of a kind.
fn arguments(script: &Script, kind: Arg) -> impl Iterator<Item = &String> {
    let all = script.0.iter().flat_map(|op: &Op| op.args.iter().zip(kinds(op.verb)));
    all.filter(move |(_, is)| **is == kind).map(|(arg, _)| arg)
}

/// The kinds of arguments of a verb.
fn kinds(verb: &str) -> &'static [Arg] {
    VERBS.iter().find(|known| known.name == verb).map_or(&[], |known| known.args)
}

/// What is simpler than an argument.
fn before(kind: Arg, is: &str) -> Vec<String> {
    let listed = |list: &[&str]| {
        let mut simpler: Vec<String> = vec![];
        let end = list.iter().position(|word| *word == is).unwrap_or(list.len());
        list[..end].iter().filter(|word| **word != is).for_each(|word| {
            if simpler.last().is_none_or(|last| last != word) {
                simpler.push((*word).to_owned());
            }
        });
        simpler
    };
    let below = |numbers: &mut dyn Iterator<Item = u64>| {
        let is = is.parse::<u64>().unwrap_or(0);
        numbers.take_while(|number| *number < is).map(|number| number.to_string()).collect()
    };
    match kind {
        Arg::Path => listed(PATHS),
        Arg::Target => listed(TARGETS),
        Arg::Flags => listed(FLAGS),
        Arg::Text => listed(TEXTS),
        Arg::Mode => listed(MODES),
        Arg::Slot => below(&mut (0..3)),
        Arg::Offset => below(&mut OFFSETS.iter().copied()),
        Arg::Seconds => below(&mut [0].into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        differential::{Player, Rules, Run},
        model::{Model, ModelPlayer, follow, shrink},
    };

    fn script(text: &str) -> Script {
        text.parse().expect("a script")
    }

    #[test]
    fn simpler_is_what_stands_before() {
        assert_eq!(before(Arg::Path, "a"), [""; 0]);
        assert_eq!(before(Arg::Path, "c"), ["a", "b"]);
        assert_eq!(before(Arg::Offset, "5"), ["0", "1", "3"]);
        assert_eq!(before(Arg::Flags, "rwc"), ["r", "w", "rw"]);
        assert_eq!(before(Arg::Seconds, "1000003"), ["0"]);
        // What is in no list has all of it before it.
        assert!(before(Arg::Path, "a/b/c/s").len() > 20);
    }

    #[test]
    fn a_name_is_another_one_everywhere() {
        let one = script("mkdir s\nsymlink ../s/b s/a/s\nput b x\n");
        assert_eq!(renamed(&one, "s", "c"), Some(script("mkdir c\nsymlink ../c/b c/a/c\nput b x\n")));
        assert_eq!(renamed(&one, "c", "a"), None);
        let tidied = ["a//b/", "./c", ".", "/", "a/../b", "/a"].map(tidy);
        assert_eq!(tidied, ["a/b", "c", ".", "/", "a/../b", "/a"]);
    }

    /// Never is a file whose name is longer than one letter removed.
    struct Keeps;

    struct Keeping(Model, Model);

    impl Player for Keeps {
        fn name(&self) -> &str {
            "keeps"
        }
        fn caps(&self) -> gangplank_vfs::FsCaps {
            ModelPlayer.caps()
        }
        fn rooted(&self) -> bool {
            false
        }
        fn start(&self, rules: Rules) -> Box<dyn Run + '_> {
            Box::new(Keeping(Model::new(rules), Model::new(rules)))
        }
    }

    impl Run for Keeping {
        fn step(&mut self, op: &Op) -> String {
            let right = self.0.answer(op);
            if op.verb == "unlink" && op.args[0].len() > 1 { right } else { self.1.answer(op) }
        }
        fn tree(&mut self) -> String {
            self.1.tree()
        }
    }

    #[test]
    fn what_is_not_needed_goes_and_what_is_needed_stays() {
        let long = script("mkdir s\nput s/c Y*5000\nput c x\nchmod s/c 755\nunlink s/c\nstat c\n");
        let found = follow(&long, &Keeps).expect_err("it keeps what is removed");
        let simple =
            simplest(found, &|script| follow(script, &Keeps).err(), &|found| shrink(found, &Keeps)).script.to_string();
        assert_eq!(simple, "mkdir a\nput a/a x\nunlink a/a\n");
    }
}
