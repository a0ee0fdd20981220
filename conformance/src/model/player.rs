//! The model as a player, and as the judge of another.

use gangplank_vfs::FsCaps;

use super::Model;
use crate::differential::{Divergence, Op, Player, Rng, Rules, Run, Script, caught, shrink_by};

/// The model, which plays like everybody else.
#[derive(Clone, Copy, Debug)]
pub struct ModelPlayer;

impl Player for ModelPlayer {
    fn name(&self) -> &str {
        "model"
    }

    fn caps(&self) -> FsCaps {
        FsCaps::all()
    }

    fn rooted(&self) -> bool {
        false
    }

    fn mounts(&self) -> bool {
        true
    }

    fn start(&self, rules: Rules) -> Box<dyn Run + '_> {
        Box::new(Model::new(rules))
    }
}

impl Run for Model {
    fn step(&mut self, op: &Op) -> String {
        self.answer(op)
    }

    fn tree(&mut self) -> String {
        Model::tree(self)
    }
}

/// Runs a script on a player, and the model beside it: every answer must be one that is allowed, and the tree in the
/// end must be the model's.
///
/// # Errors
/// Where the player leaves what is allowed.
pub fn follow(script: &Script, player: &dyn Player) -> Result<(), Box<Divergence>> {
    let rules = Rules { caps: player.caps(), rooted: player.rooted() };
    let (mut model, mut run) = (Model::new(rules), player.start(rules));
    let diverged = |step, allowed: String, answer: String| {
        let answers = vec![("the model allows".to_owned(), allowed), (player.name().to_owned(), answer)];
        Err(Box::new(Divergence { script: script.clone(), step, answers }))
    };
    for (i, op) in script.0.iter().enumerate() {
        let answer = caught(|| run.step(op));
        if player.is_refusal(&answer) {
            continue;
        }
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

/// Leaves out of a script whatever it does not need to show what is not allowed.
pub(crate) fn shrink(found: Box<Divergence>, player: &dyn Player) -> Box<Divergence> {
    shrink_by(found, &|script| follow(script, player))
}

/// Runs a script on a player, and the model beside it.
///
/// # Panics
/// As [`follow`] errs, with what is needed for that; `what` says where the script came from.
pub fn check(script: &Script, player: &dyn Player, what: &str) {
    if let Err(found) = follow(script, player) {
        panic!("{what}: {} does what is not allowed\n{}", player.name(), shrink(found, player));
    }
}

/// Runs `count` random scripts of `len` operations each, from `seed` on; every fourth with a second filesystem.
///
/// # Panics
/// At the first answer that is not allowed, with the script cut down to what it needs.
pub fn random_scripts(player: &dyn Player, seed: u64, count: u64, len: usize) {
    let caps = player.caps();
    for seed in seed..seed + count {
        let mounted = seed % 4 == 3 && player.mounts();
        let make = if mounted { Script::random_mounted } else { Script::random };
        check(&make(&mut Rng::new(seed), len, caps), player, &format!("seed {seed}"));
    }
}
