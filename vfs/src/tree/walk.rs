//! [`Walk`]: everything below a directory.

use core::ops::ControlFlow;

use super::{Result, Tree, TreeError};
use crate::{Cookie, Ctx, Errno, FileSystem, FileType, Metadata, Name, NodeId, OpenFlags, Place};

/// What a [`Walk`] meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WalkEntry {
    /// From the tree that was asked, as it was asked: with the path given to [`Tree::walk`] in front.
    pub path: Vec<u8>,
    /// Its metadata; of a symbolic link its own.
    pub metadata: Metadata,
}

impl WalkEntry {
    /// The last name of the path.
    pub fn name(&self) -> &[u8] {
        self.path.rsplit(|&b| b == b'/').next().unwrap_or_default()
    }

    /// The path as text, with a mark for whatever is no UTF-8.
    pub fn display(&self) -> impl core::fmt::Display + '_ {
        String::from_utf8_lossy(&self.path)
    }
}

/// Everything below a directory: [`Tree::walk`].
#[derive(Debug)]
pub struct Walk {
    tree: Tree,
    levels: Vec<Level>,
    path: Vec<u8>,
    /// Whether directories are entered.
    deep: bool,
}

#[derive(Debug)]
struct Level {
    place: Place,
    names: std::vec::IntoIter<Box<[u8]>>,
    /// How long the path of the directory is.
    path: usize,
}

impl Walk {
    pub(super) fn new(top: Tree, path: &[u8]) -> Result<Walk> {
        let end = path.iter().rposition(|&b| b != b'/').map_or(0, |last| last + 1);
        let mut walk = Walk { tree: top, levels: Vec::new(), path: path[..end].to_vec(), deep: true };
        // What is asked for as `.` is told as if it had not been.
        if walk.path == b"." {
            walk.path.clear();
        }
        walk.enter(walk.tree.place.clone())?;
        Ok(walk)
    }

    /// Only the entries of the directory itself.
    pub fn shallow(mut self) -> Walk {
        self.deep = false;
        self
    }

    fn enter(&mut self, place: Place) -> Result<()> {
        let listed = names(&**place.fs(), place.node());
        let names = listed.map_err(|e| TreeError::new("list", &self.path, e))?.into_iter();
        self.levels.push(Level { place, names, path: self.path.len() });
        Ok(())
    }

    /// The entry of that name in the last level, and what is mounted on it.
    fn look(&self, place: &Place, name: &[u8]) -> crate::Result<(Place, Metadata)> {
        let below = child(&self.tree, place, Name::new(name)?)?;
        let metadata = below.metadata()?;
        Ok((below, metadata))
    }
}

impl Walk {
    /// As `next`, with the node itself.
    pub(crate) fn next_place(&mut self) -> Option<Result<(WalkEntry, Place)>> {
        loop {
            let level = self.levels.last_mut()?;
            self.path.truncate(level.path);
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            let place = level.place.clone();
            let (below, metadata) = match self.look(&place, &name) {
                Ok(found) => found,
                // Removed since the listing.
                Err(Errno::NOENT) => continue,
                Err(e) => return Some(Err(TreeError::new("examine", &self.path, e))),
            };
            let path = self.path.clone();
            if self.deep
                && metadata.file_type == FileType::Directory
                && let Err(e) = self.enter(below.clone())
            {
                return Some(Err(e));
            }
            return Some(Ok((WalkEntry { path, metadata }, below)));
        }
    }
}

impl Iterator for Walk {
    type Item = Result<WalkEntry>;

    fn next(&mut self) -> Option<Result<WalkEntry>> {
        self.next_place().map(|met| met.map(|(entry, _)| entry))
    }
}

/// What one name of a directory leads to, the mounts of the tree included.
pub(super) fn child(tree: &Tree, dir: &Place, name: Name<'_>) -> crate::Result<Place> {
    let entry = dir.fs().lookup(&Ctx::ROOT, dir.node(), name)?;
    Ok(tree.namespace.top(&Place::adopt(dir.mount(), entry.node)))
}

/// The names in a directory, in the order of their bytes.
pub(super) fn names(fs: &dyn FileSystem, dir: NodeId) -> crate::Result<Vec<Box<[u8]>>> {
    let listing = fs.open(&Ctx::ROOT, dir, OpenFlags::READ | OpenFlags::DIRECTORY)?;
    let mut names: Vec<Box<[u8]>> = Vec::new();
    listing.readdir(Cookie::START, &mut |entry| {
        names.push(entry.name.as_bytes().into());
        ControlFlow::Continue(())
    })?;
    names.sort_unstable();
    Ok(names)
}
