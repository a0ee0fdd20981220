//! [`Transition`]: a line, and how it comes about.
//!
//! Whatever there is to choose from is in an order, the simplest first, because that is where proptest goes when it makes
//! something smaller.

use gangplank_vfs::FileType;
use proptest::{
    sample::select,
    strategy::{BoxedStrategy, Strategy as _, Union},
};

use super::state::{State, takes_open};
use crate::differential::{
    Op,
    script::{Arg, FLAGS, MAKERS, MODES, OFFSETS, PATHS, TARGETS, TEXTS, VERBS, Verb},
};

/// A line of a script, done in a state.
#[derive(Clone, Debug)]
pub(super) struct Transition {
    pub(super) op: Op,
    pub(super) verb: &'static Verb,
    pub(super) how: Use,
}

/// Whether a verb makes sense where it comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// It does; which does not mean that it must succeed.
    Right,
    /// It does not: on a slot that is empty, or once too often.
    Wrong,
}

/// How much oftener a verb is used rightly than wrongly.
const RIGHT: u32 = 3;

/// How much oftener what is open is used than in campaigns: there, half of it is lost on slots that are empty.
const OPEN: u32 = 2;

/// As long as fewer nodes are there, what makes some comes oftener: in an empty tree everything is `NOENT`.
const FEW: usize = 6;

/// How much oftener.
const MAKING: u32 = 3;

/// The weight of what campaigns, which are longer, take more rarely, or place themselves, as `mount`.
const LEAST: u32 = 3;

/// What may come next.
pub(super) fn next(state: &State) -> BoxedStrategy<Transition> {
    let nodes = state.nodes();
    let paths = Paths::new(&nodes);
    let choices = VERBS.iter().flat_map(|verb| state.uses(verb).into_iter().map(move |how| (verb, how)));
    let weighted = choices.map(|(verb, how)| {
        let weight = verb.weight.max(LEAST) * if takes_open(verb) { OPEN } else { 1 };
        let right = if how == Use::Right { RIGHT } else { 1 };
        let making = if nodes.len() < FEW && MAKERS.contains(&verb.name) { MAKING } else { 1 };
        (weight * right * making, used(state, verb, how, &paths))
    });
    Union::new_weighted(weighted.collect()).boxed()
}

fn used(state: &State, verb: &'static Verb, how: Use, paths: &Paths) -> BoxedStrategy<Transition> {
    let argument = |(at, arg): (usize, &Arg)| match arg {
        Arg::Slot if at == 0 && takes_open(verb) => {
            let slots = state.slots(how == Use::Right);
            select(slots).prop_map(|slot| slot.to_string()).boxed()
        }
        Arg::Slot => (0..3_u8).prop_map(|slot| slot.to_string()).boxed(),
        Arg::Path => paths.fitting(verb.name),
        Arg::Target => one_of(TARGETS),
        Arg::Flags => one_of(FLAGS),
        Arg::Text => one_of(TEXTS),
        Arg::Mode => one_of(MODES),
        Arg::Offset => select(OFFSETS).prop_map(|offset| offset.to_string()).boxed(),
        Arg::Seconds => (0..1000_u64).prop_map(|n| (n * 1_000_003).to_string()).boxed(),
    };
    let args: Vec<_> = verb.args.iter().enumerate().map(argument).collect();
    args.prop_map(move |args| Transition { op: Op { verb: verb.name, args, expected: None }, verb, how }).boxed()
}

fn one_of(words: &'static [&'static str]) -> BoxedStrategy<String> {
    select(words).prop_map(str::to_owned).boxed()
}

/// What paths may be, made once for all verbs.
struct Paths {
    /// Whatever it leads to.
    any: BoxedStrategy<String>,
    /// Mostly to what is of this type, if there is any.
    fitting: [(FileType, BoxedStrategy<String>); 3],
}

impl Paths {
    fn new(nodes: &[(String, FileType)]) -> Paths {
        let fitting = [FileType::Directory, FileType::Regular, FileType::Symlink];
        Paths { any: path(nodes, None), fitting: fitting.map(|is| (is, path(nodes, Some(is)))) }
    }

    /// For this verb.
    fn fitting(&self, verb: &str) -> BoxedStrategy<String> {
        let wanted = match verb {
            "rmdir" | "list" | "cd" => FileType::Directory,
            "put" | "read" | "truncate" => FileType::Regular,
            "readlink" => FileType::Symlink,
            _ => return self.any.clone(),
        };
        let found = self.fitting.iter().find(|(is, _)| *is == wanted);
        found.map_or(&self.any, |(_, fitting)| fitting).clone()
    }
}

/// A path out of the alphabet; a name in a directory that is there; what is there, perhaps with something after it; what is
/// there and fits.
fn path(nodes: &[(String, FileType)], fitting: Option<FileType>) -> BoxedStrategy<String> {
    let of = |wanted: &dyn Fn(FileType) -> bool| -> Vec<String> {
        nodes.iter().filter(|(_, is)| wanted(*is)).map(|(path, _)| path.clone()).collect()
    };
    let followed_by = |paths: Vec<String>, ends: &'static [&'static str]| {
        (select(paths), select(ends)).prop_map(|(path, end)| path + end).boxed()
    };
    let mut choices = vec![(3, one_of(PATHS))];
    let directories = of(&|is| is == FileType::Directory);
    if !directories.is_empty() {
        choices.push((2, followed_by(directories, &["/a", "/b", "/c", "/s"])));
    }
    if !nodes.is_empty() {
        choices.push((4, select(of(&|_| true)).boxed()));
        choices.push((1, followed_by(of(&|_| true), &["/", "/.", "/.."])));
    }
    let fitting = of(&|is| Some(is) == fitting);
    if !fitting.is_empty() {
        choices.push((6, select(fitting).boxed()));
    }
    Union::new_weighted(choices).boxed()
}
