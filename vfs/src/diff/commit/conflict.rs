//! What somebody else has changed in the target.

use super::{Conflict, target::Target};
use crate::{
    Errno, FileType, Metadata, Time,
    diff::{Change, Kind, engine::join_path},
    tree::{Result, Tree, TreeError},
};

/// The conflicts of all changes, by path.
pub(super) fn find(changes: &[Change], before: &Tree, target: &Tree, since: Option<Time>) -> Result<Vec<Conflict>> {
    let mut search = Search { before, target: Target::reading(target), since, found: Vec::new() };
    for change in changes {
        let looked = match &change.kind {
            Kind::Created => search.vacant(&change.path),
            Kind::Changed(_) | Kind::TypeChanged { .. } => search.unchanged(&change.path, false, false),
            Kind::Deleted { .. } => search.unchanged(&change.path, true, false),
            Kind::Renamed { from, .. } => search.unchanged(from, true, true),
        };
        looked.map_err(|e| TreeError::new("examine", &change.path, e))?;
    }
    search.found.sort_by(|a, b| a.path.cmp(&b.path));
    search.found.dedup();
    Ok(search.found)
}

struct Search<'t> {
    before: &'t Tree,
    target: Target,
    since: Option<Time>,
    found: Vec<Conflict>,
}

impl Search<'_> {
    fn tell(&mut self, path: &[u8], why: &'static str) {
        self.found.push(Conflict { path: path.to_vec(), why });
    }

    /// What was there before, as the overlay has seen it.
    fn was(&self, path: &[u8]) -> crate::Result<Option<Metadata>> {
        match self.before.at(path, |start, path| start.stat(path, false)) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Nobody has made something where something is to be made.
    fn vacant(&mut self, path: &[u8]) -> crate::Result<()> {
        if self.was(path)?.is_none() && self.target.at(path)?.is_some() {
            self.tell(path, "somebody else has made it, too");
        }
        Ok(())
    }

    /// It is what it was; with `deep`, everything in it as well. What is to move must be there, too.
    fn unchanged(&mut self, path: &[u8], deep: bool, moves: bool) -> crate::Result<()> {
        let mut todo = vec![path.to_vec()];
        while let Some(path) = todo.pop() {
            let was = self.was(&path)?;
            let is = match self.target.at(&path)? {
                Some(found) => Some(found.metadata()?),
                None => None,
            };
            let (Some(was), Some(is)) = (was, is) else {
                match (was.is_some(), is.is_some()) {
                    (true, false) if !deep || moves => self.tell(&path, "somebody else has removed it"),
                    (false, true) => self.tell(&path, "somebody else has made it"),
                    // To remove what is gone is no conflict; what has another name before is examined there.
                    _ => {}
                }
                continue;
            };
            let directory = is.file_type == FileType::Directory;
            if was.file_type != is.file_type {
                self.tell(&path, "somebody else has put something of another type there");
                continue;
            }
            let late = self.since.is_some_and(|since| is.ctime > since);
            // Of a directory only what is in it counts.
            if !directory && (late || (was.size, was.mtime, was.mode) != (is.size, is.mtime, is.mode)) {
                self.tell(&path, "somebody else has changed it");
            }
            if directory && deep {
                let place = self.target.find(&path)?;
                let place = crate::Mount::subtree(self.target.fs().clone(), place.node, crate::MountOptions::default());
                todo.extend(super::super::trees::list(&place)?.iter().map(|entry| join_path(&path, &entry.name)));
            }
        }
        Ok(())
    }
}
