//! [`State`]: what a transition is asked of.

use gangplank_vfs::FileType;

use super::transition::{Transition, Use};
use crate::{
    differential::{
        Player, Rules,
        script::{Arg, Verb},
    },
    model::Model,
};

/// The model in the middle of a script, and whether there is a second filesystem to be had.
#[derive(Clone, Debug)]
pub(super) struct State {
    model: Model,
    may_mount: bool,
}

impl State {
    /// An empty tree, by the rules of a player.
    pub(super) fn new(player: &dyn Player) -> State {
        let rules = Rules { caps: player.caps(), rooted: player.rooted() };
        State { model: Model::new(rules), may_mount: player.mounts() }
    }

    /// What is there, and of which type.
    pub(super) fn nodes(&self) -> Vec<(String, FileType)> {
        self.model.nodes()
    }

    /// The slots in which something is open, or those in which nothing is.
    pub(super) fn slots(&self, open: bool) -> Vec<usize> {
        (0..3).filter(|slot| self.model.is_open(*slot) == open).collect()
    }

    /// In which ways a verb can be used now.
    pub(super) fn uses(&self, verb: &Verb) -> Vec<Use> {
        let both = [(Use::Right, true), (Use::Wrong, false)];
        let of = |is_right: &dyn Fn(bool) -> bool| {
            both.into_iter().filter(|(_, right)| is_right(*right)).map(|(how, _)| how).collect()
        };
        match verb.name {
            _ if !self.model.rules().caps.contains(verb.caps) => vec![],
            "mount" if !self.may_mount => vec![],
            "mount" => of(&|right| self.model.is_mounted() != right),
            _ if takes_open(verb) => of(&|right| !self.slots(right).is_empty()),
            _ => vec![Use::Right],
        }
    }

    /// Whether a transition can come now. Another one may have been left out before it.
    pub(super) fn allows(&self, transition: &Transition) -> bool {
        let Transition { op, verb, how } = transition;
        if !self.uses(verb).contains(how) {
            return false;
        }
        let slot = op.args.first().and_then(|slot| slot.parse().ok()).unwrap_or(0);
        !takes_open(verb) || self.model.is_open(slot) == (*how == Use::Right)
    }

    /// What is there when it has been done.
    pub(super) fn after(mut self, transition: &Transition) -> State {
        self.model.answer(&transition.op);
        self
    }

    /// What it is answered, and what is there then.
    #[cfg(test)]
    pub(super) fn answer(&mut self, transition: &Transition) -> String {
        self.model.answer(&transition.op)
    }
}

/// Whether it is about a slot in which something is to be open.
pub(super) fn takes_open(verb: &Verb) -> bool {
    verb.args.first() == Some(&Arg::Slot) && verb.name != "open"
}
