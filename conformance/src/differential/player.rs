//! [`Player`]: whoever can run a script.

use gangplank_vfs::FsCaps;

use super::{
    Op, caught,
    step::{Env, answer},
};
use crate::{Fixture, World};

/// What all players of one comparison go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// What all of them can do; what not all can do is left out of the answers.
    pub caps: FsCaps,
    /// Paths are those of a `chroot`: `..` of the root is the root. Else leaving the root is `PERM`.
    pub rooted: bool,
}

/// Whoever can run a script, from a tree of its own.
pub trait Player {
    /// For people.
    fn name(&self) -> &str;

    /// What it can do.
    fn caps(&self) -> FsCaps;

    /// Whether it can play by the rules of a `chroot` only.
    fn rooted(&self) -> bool;

    /// Whether it has a second filesystem for `mount`; else it answers `NOTSUP`.
    fn mounts(&self) -> bool {
        false
    }

    /// Whether this answer says that it cannot do what others can, and everybody is content with that. It must come
    /// first: what it refuses, the others are not asked for.
    fn is_refusal(&self, _answer: &str) -> bool {
        false
    }

    /// Whether its answer to an operation may differ from everybody's else.
    fn is_excused(&self, _op: &Op) -> bool {
        false
    }

    /// Makes a new tree, always the same, and gets ready to run a script in it.
    fn start(&self, rules: Rules) -> Box<dyn Run + '_>;
}

/// A script in the middle of its run.
pub trait Run {
    /// Does it, and answers what came of it: the name of an errno, `ok`, or what was to be learnt.
    fn step(&mut self, op: &Op) -> String;

    /// The whole tree as text, as [`World::tree`] writes it, with what is mounted.
    fn tree(&mut self) -> String;

    /// Does them all, and then looks at the tree: what [`Run::step`] says to each, and [`Run::tree`]. A panic is an
    /// answer that says so.
    fn play(&mut self, ops: &[Op]) -> (Vec<String>, String) {
        let answers = ops.iter().map(|op| caught(|| self.step(op))).collect();
        (answers, caught(|| self.tree()))
    }
}

impl<F: Fixture> Player for F {
    fn name(&self) -> &str {
        Fixture::name(self)
    }

    fn caps(&self) -> FsCaps {
        self.make().fs.info().caps
    }

    fn rooted(&self) -> bool {
        false
    }

    fn mounts(&self) -> bool {
        true
    }

    fn start(&self, rules: Rules) -> Box<dyn Run + '_> {
        Box::new(FixtureRun { env: Env::new(World::new(self.make()), rules), fixture: self })
    }
}

/// A run that makes its second filesystem when it is asked for.
struct FixtureRun<'f, F> {
    env: Env,
    fixture: &'f F,
}

impl<F: Fixture> Run for FixtureRun<'_, F> {
    fn step(&mut self, op: &Op) -> String {
        match op.verb {
            "mount" => answer(self.env.mount(|| World::new(self.fixture.make())).map(|()| String::new())),
            _ => self.env.step(op),
        }
    }

    fn tree(&mut self) -> String {
        self.env.tree()
    }
}
