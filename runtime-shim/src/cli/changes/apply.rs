//! `--commit`: what the program changed is put into the directory that it had a view of.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use gangplank::vfs::{
    OverlayFs,
    diff::{Commit, CommitError, Progress},
};

use super::{Below, VIEWS, Watch, Watched};
use crate::cli::{progress, report::Failure};

/// How many conflicts are listed.
const LISTED: usize = 10;

/// A directory to commit to.
pub(super) struct Target {
    view: Arc<OverlayFs>,
    below: Below,
}

/// The directories that are looked at and can be changed.
pub(super) fn targets(watched: &[Watched]) -> Result<Vec<Target>, Failure> {
    let of = |one: &Watched| match &one.kind {
        Watch::View { view, below: Some(below) } => Some(Target { view: Arc::clone(view), below: below.clone() }),
        _ => None,
    };
    let targets: Vec<Target> = watched.iter().filter_map(of).collect();
    if targets.is_empty() {
        let message = "`--commit` has nowhere to put changes: no directory is a view of one directory of the host";
        return Err(Failure::usage(message).help(VIEWS));
    }
    Ok(targets)
}

impl Target {
    pub(super) fn run(self) -> Result<(), String> {
        let shown = self.below.path.display();
        let done = AtomicU64::new(0);
        let mut tell = |now: Progress<'_>| done.store(now.bytes, Ordering::Relaxed);
        let commit = Commit::new(&self.view, &self.below.tree).since(self.below.since).progress(&mut tell);
        let committed = progress::bytes("committing", || done.load(Ordering::Relaxed), || commit.run());
        match committed {
            Ok(committed) => {
                let text = format!("committed to `{shown}`: {committed}\n");
                let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
                Ok(())
            }
            Err(CommitError::Conflicts(conflicts)) => {
                let mut text =
                    format!("cannot commit to `{shown}`, which has been changed meanwhile by somebody else:");
                for conflict in conflicts.iter().take(LISTED) {
                    text.push_str(&format!("\n  {conflict}"));
                }
                if conflicts.len() > LISTED {
                    text.push_str(&format!("\n  and {} more", conflicts.len() - LISTED));
                }
                text.push_str("\n  help: nothing has been committed; `--save` would have kept the changes");
                Err(text)
            }
            Err(error) => Err(format!("cannot commit to `{shown}`: {error}")),
        }
    }
}
