//! [`Commit`]: what an overlay changed, done to a directory.
//!
//! # What a kill leaves behind
//! Each file is written under a temporary name beside its own and renamed into place, so it is the old one or the new
//! one. What moved is renamed. What is deleted goes last, so nothing is missing that is to stay. A commit that did not
//! come to its end can be done again, [forced](Commit::force) over what it did itself. Temporary names begin with
//! `.gangplank-commit-`; a kill may leave one of them, and three or more names that were rotated may leave one of these
//! under it.
//!
//! # Who else is at work there
//! See [`Commit::conflicts`]. Between the check and the end of the commit nobody else should write to the target.
//! No symbolic link in it is followed, and nothing outside of it is touched.

mod apply;
mod conflict;
mod file;
mod target;

use core::fmt;

use super::{escape, overlay};
use crate::{
    OverlayFs, Time,
    tree::{Tree, TreeError},
};

/// Does what an overlay changed to a directory: normally to the one it was made over.
///
/// ```
/// use std::sync::Arc;
/// use gangplank_vfs::{MemFsOptions, OverlayFs, Tree, diff::Commit};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let project = Tree::in_memory();
/// project.write("notes", "draft")?;
/// let overlay = OverlayFs::builder().lower_at(project.place().clone()).upper_mem(MemFsOptions::new()).build()?;
/// let overlay = Arc::new(overlay);
/// let view = Tree::new(overlay.clone());
/// view.write("notes", "final")?;
/// view.write("more", "text")?;
///
/// assert_eq!(project.read("notes")?, "draft");
/// let committed = Commit::new(&overlay, &project).run()?;
/// assert_eq!(committed.to_string(), "1 created, 1 changed (9 bytes written)");
/// assert_eq!(project.read("notes")?, "final");
/// # Ok(())
/// # }
/// ```
pub struct Commit<'a> {
    overlay: &'a OverlayFs,
    target: &'a Tree,
    force: bool,
    durable: bool,
    since: Option<Time>,
    progress: Option<&'a mut dyn FnMut(Progress<'_>)>,
}

impl fmt::Debug for Commit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit").field("target", &self.target).field("force", &self.force).finish_non_exhaustive()
    }
}

/// How far a commit has got.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'p> {
    /// What is done now.
    pub path: &'p [u8],
    /// Changes that are done.
    pub done: u64,
    /// All of them.
    pub total: u64,
    /// Bytes of content written.
    pub bytes: u64,
}

/// What a commit did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// Paths made.
    pub created: u64,
    /// Paths changed.
    pub changed: u64,
    /// Paths removed; a directory counts once.
    pub deleted: u64,
    /// Paths that have another name now.
    pub renamed: u64,
    /// Bytes of content written.
    pub bytes: u64,
}

impl fmt::Display for Committed {
    /// `1 created, 2 changed (120 bytes written)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Committed { created, changed, deleted, renamed, bytes } = *self;
        super::Summary { created, changed, deleted, renamed }.fmt(f)?;
        match bytes {
            0 => Ok(()),
            1 => f.write_str(" (1 byte written)"),
            _ => write!(f, " ({bytes} bytes written)"),
        }
    }
}

/// A path of the target that somebody else has changed, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// From the top.
    pub path: Vec<u8>,
    /// What is the matter.
    pub why: &'static str,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", escape(if self.path.is_empty() { b"." } else { &self.path }), self.why)
    }
}

/// Why nothing, or not everything, was committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommitError {
    /// Nothing was done, because somebody else has changed these, too.
    Conflicts(Vec<Conflict>),
    /// This failed; what had been done before stays done.
    Failed(TreeError),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommitError::Failed(e) => e.fmt(f),
            CommitError::Conflicts(conflicts) => {
                f.write_str("the directory has been changed meanwhile, and nothing was committed:")?;
                conflicts.iter().try_for_each(|conflict| write!(f, "\n  {conflict}"))
            }
        }
    }
}

impl core::error::Error for CommitError {}

impl From<TreeError> for CommitError {
    fn from(e: TreeError) -> CommitError {
        CommitError::Failed(e)
    }
}

impl<'a> Commit<'a> {
    /// Of this overlay, whose users have come to rest, to this directory.
    pub fn new(overlay: &'a OverlayFs, target: &'a Tree) -> Commit<'a> {
        Commit { overlay, target, force: false, durable: true, since: None, progress: None }
    }

    /// Does it in spite of conflicts.
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// When the overlay was made, by the clock of the target: what has a later `ctime` there has been changed by somebody
    /// else. Without it only what differs from the layers below is found, which for a layer that is not frozen (a
    /// directory of the host) shows every change of somebody else itself.
    pub fn since(mut self, time: Time) -> Self {
        self.since = Some(time);
        self
    }

    /// Whether the content of a file is made durable before it gets its name, where the target is durable at all: then a
    /// crash of the host leaves the old or the new one, too. On if nothing is said.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Calls `f` after each change.
    pub fn progress(mut self, f: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        self.progress = Some(f);
        self
    }

    /// What somebody else has changed in the target of what is to be changed here: it differs from what the overlay was
    /// made over, is gone, is new, or has a later `ctime` than [`since`](Commit::since).
    ///
    /// # Errors
    /// As [`of_overlay`](super::of_overlay); those of examining the target.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, TreeError> {
        overlay::with_below(self.overlay, |before, after, below| {
            let changes = overlay::changes(self.overlay, before, after, below)?;
            conflict::find(&changes, before, self.target, self.since)
        })
    }

    /// Does it.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn run(self) -> Result<Committed, CommitError> {
        let done = overlay::with_below(self.overlay, |before, after, below| {
            let changes = overlay::changes(self.overlay, before, after, below)?;
            if !self.force {
                let conflicts = conflict::find(&changes, before, self.target, self.since)?;
                if !conflicts.is_empty() {
                    return Ok(Err(conflicts));
                }
            }
            apply::apply(&changes, after, self.target, self.durable, self.progress).map(Ok)
        })?;
        done.map_err(CommitError::Conflicts)
    }
}
