//! The reference model: what every script must answer, from nothing but the specifications.
//!
//! It is naive on purpose: nodes in a map, a resolver of its own, no locks, no caches, and no code of the filesystems
//! that it judges. What it answers is compared with the kernel's answers, so that it stays right.
//!
//! Where POSIX, Linux and the documentation of the traits leave a choice, the model allows every choice, and
//! [`Freedom`] lists them all, as SibylFS did ("SibylFS: formal specification and oracle-based testing for POSIX and
//! real-world file systems", SOSP 2015). None of them makes a difference to what is there afterwards, so one model is
//! enough to follow a filesystem through a script: [`Model::accept`].
//!
//! # What it knows
//! Every verb of the [language](crate::differential::script), both rules for paths, shared cursors, forks, the second
//! filesystem. Not: limits of space, and writes beyond 64 MiB, which it answers with `FBIG`.

mod files;
mod freedom;
mod paths;
mod player;
mod property;
#[cfg(test)]
mod tests;
mod torn;
mod tree;
mod verbs;

use core::{
    fmt,
    hash::{Hash, Hasher},
};

#[cfg(feature = "state-machine")]
use gangplank_vfs::FileType;
use gangplank_vfs::{Errno, FsCaps, Result};

pub use freedom::Freedom;
#[cfg(feature = "state-machine")]
pub(crate) use player::shrink;
pub use player::{ModelPlayer, check, follow, random_scripts};
pub(crate) use property::SCRIPTS;
#[cfg(feature = "state-machine")]
pub(crate) use property::refuse;
pub use property::{property, save, saved_scripts, saved_scripts_in, search};

use crate::differential::{Op, Rules};
use files::OpenFile;
use tree::{Id, ROOT, Tree};

/// The state of a script in the middle of its run: both trees, the current directory, what is open.
///
/// Copies share what neither of them changes. Equal models answer alike for ever; models that answer alike need not be
/// equal, because nodes are numbered in the order in which they were made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Model {
    rules: Rules,
    tree: Tree,
    cwd: Id,
    /// What each slot shows.
    slots: [Option<u8>; 3],
    /// Open files; two slots may share one.
    files: [Option<OpenFile>; 3],
}

/// Without the rules, which do not change.
impl Hash for Model {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.tree, self.cwd, self.slots, &self.files).hash(state);
    }
}

/// What was allowed where something else was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// The answers, the first being the model's own; and with each other the reason.
    pub answers: Vec<(String, Option<Freedom>)>,
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (answer, freedom)) in self.answers.iter().enumerate() {
            write!(f, "{}{answer}", if i == 0 { "" } else { ", or " })?;
            if let Some(freedom) = freedom {
                write!(f, " ({})", freedom.reason())?;
            }
        }
        Ok(())
    }
}

impl core::error::Error for Allowed {}

/// What an operation may answer. It has been done by then.
#[derive(Debug)]
struct Outcome {
    first: Answer,
    others: Vec<(Answer, Freedom)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    Done,
    Empty,
    Refused(Errno),
    Text(String),
    Anything,
}

impl Answer {
    fn fits(&self, observed: &str) -> bool {
        *self == Answer::Anything || self.text() == observed
    }

    fn text(&self) -> &str {
        match self {
            Answer::Done => "ok",
            Answer::Empty => "empty",
            Answer::Refused(errno) => errno.name(),
            Answer::Text(text) => text,
            Answer::Anything => "anything",
        }
    }
}

impl Outcome {
    fn or(mut self, answer: impl Into<Answer>, freedom: Freedom) -> Outcome {
        self.others.push((answer.into(), freedom));
        self
    }
}

impl<A: Into<Answer>> From<A> for Outcome {
    fn from(first: A) -> Outcome {
        Outcome { first: first.into(), others: vec![] }
    }
}

impl From<Errno> for Answer {
    fn from(errno: Errno) -> Answer {
        Answer::Refused(errno)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Answer {
        Answer::Done
    }
}

impl<A: Into<Answer>> From<Result<A>> for Answer {
    fn from(result: Result<A>) -> Answer {
        result.map_or_else(Answer::Refused, A::into)
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Answer {
        Answer::Text(text)
    }
}

impl Model {
    /// Two empty filesystems, of which the first is there.
    pub fn new(rules: Rules) -> Model {
        Model { rules, tree: Tree::new(), cwd: ROOT, slots: [None; 3], files: [const { None }; 3] }
    }

    /// What it goes by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Does it, and compares what was answered with what is allowed.
    ///
    /// # Errors
    /// What is allowed, if that is something else. The operation has been done all the same.
    pub fn accept(&mut self, op: &Op, observed: &str) -> core::result::Result<(), Allowed> {
        let Outcome { first, others } = self.act(op);
        if first.fits(observed) || others.iter().any(|(answer, _)| answer.fits(observed)) {
            return Ok(());
        }
        let others = others.into_iter().map(|(answer, freedom)| (answer.text().to_owned(), Some(freedom)));
        Err(Allowed { answers: core::iter::once((first.text().to_owned(), None)).chain(others).collect() })
    }

    /// Does it, and answers it: what the documentation of the traits says, where there is a choice.
    pub fn answer(&mut self, op: &Op) -> String {
        match self.act(op).first {
            Answer::Text(text) => text,
            first => first.text().to_owned(),
        }
    }

    /// The tree as text, as [`World::tree`](crate::World::tree) writes it, with what is mounted.
    pub fn tree(&self) -> String {
        self.tree.print()
    }

    /// The paths of everything that is there.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![];
        self.tree.visit(ROOT, "", &mut |path, _| paths.push(path.to_owned()));
        paths.sort();
        paths
    }

    /// The paths of everything that is there, and what it is.
    #[cfg(feature = "state-machine")]
    pub(crate) fn nodes(&self) -> Vec<(String, FileType)> {
        let mut nodes = vec![];
        self.tree.visit(ROOT, "", &mut |path, id| nodes.push((path.to_owned(), self.tree.file_type(id))));
        nodes
    }

    /// Whether a slot shows an open file.
    #[cfg(feature = "state-machine")]
    pub(crate) fn is_open(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(Option::is_some)
    }

    /// Whether the second filesystem is there.
    #[cfg(feature = "state-machine")]
    pub(crate) fn is_mounted(&self) -> bool {
        self.tree.mounted_on.is_some()
    }

    fn claims(&self, caps: FsCaps) -> bool {
        self.rules.caps.contains(caps)
    }

    /// Forgets what nobody can reach any more.
    fn sweep(&mut self) {
        let (cwd, files) = (self.cwd, &self.files);
        self.tree.sweep(|id| id == cwd || files.iter().flatten().any(|file| file.node == id));
    }
}
