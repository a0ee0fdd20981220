//! Doing changes to a directory, in an order in which each finds what it needs.
//!
//! 1. Everything but the deletions, a directory before what is in it. What stands at a path, or in it, and has yet to move
//!    elsewhere, moves first; where things wait for each other in a circle, one of them waits under a temporary name.
//! 2. The deletions.
//! 3. The times of directories, which all of this has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use super::{
    Committed, Progress,
    file::{copy_attributes, copy_content},
    target::{Held, Target},
};
use crate::{
    Ctx, Errno, FileType, FsCaps, Metadata, Name, NewNode, NodeId, OpenFlags, Place, Rename, SetAttr, SetTime,
    diff::{Aspects, Change, Changes, Kind},
    tree::{Result, Tree, TreeError},
};

pub(super) fn apply<'p>(
    changes: &Changes,
    after: &Tree,
    target: &Tree,
    durable: bool,
    progress: Option<&'p mut (dyn FnMut(Progress<'_>) + 'p)>,
) -> Result<Committed> {
    let target = Target::new(target).map_err(|e| TreeError::new("write to", b"", e))?;
    let durable = durable && target.has(FsCaps::DURABLE);
    let mut work = Work {
        after,
        target,
        durable,
        pending: BTreeSet::new(),
        sources: BTreeMap::new(),
        links: HashMap::new(),
        dirs: Vec::new(),
        deletions: BTreeSet::new(),
        done: Committed::default(),
        count: (0, changes.len() as u64),
        progress,
    };
    work.run(changes)?;
    Ok(work.done)
}

struct Work<'a, 'p> {
    after: &'a Tree,
    target: Target,
    durable: bool,
    /// Paths that are not yet what they will be, but for deletions.
    pending: BTreeSet<&'a [u8]>,
    /// Where that is now which has yet to move, and the path it moves to.
    sources: BTreeMap<Vec<u8>, &'a [u8]>,
    /// Nodes of the target, by the numbers of those in the overlay that have several names.
    links: HashMap<NodeId, Arc<Held>>,
    /// Directories that were made or moved, whose times are set last.
    dirs: Vec<&'a [u8]>,
    deletions: BTreeSet<&'a [u8]>,
    done: Committed,
    count: (u64, u64),
    progress: Option<&'p mut (dyn FnMut(Progress<'_>) + 'p)>,
}

impl<'a> Work<'a, '_> {
    fn run(&mut self, changes: &'a Changes) -> Result<()> {
        let mut queue = VecDeque::new();
        for change in changes {
            match &change.kind {
                Kind::Deleted { .. } => drop(self.deletions.insert(&change.path)),
                kind => {
                    self.pending.insert(&change.path);
                    queue.push_back(change);
                    if let Kind::Renamed { from, .. } = kind {
                        self.sources.insert(from.clone(), &change.path);
                    }
                }
            }
        }
        let mut waited = 0;
        while let Some(change) = queue.pop_front() {
            if self.waits(change) {
                queue.push_back(change);
                waited += 1;
                if waited > queue.len() {
                    // Some of them wait for each other.
                    let in_the_way = queue.iter().copied().find(|change| self.in_the_way(change).is_some());
                    let change = in_the_way.unwrap_or(change);
                    self.on(change, |work| work.step_aside(change))?;
                    waited = 0;
                }
                continue;
            }
            waited = 0;
            self.on(change, |work| work.perform(change))?;
            self.pending.remove(&*change.path);
            self.tell(&change.path);
        }
        for path in core::mem::take(&mut self.deletions) {
            self.delete(path).map_err(|e| TreeError::new("delete", path, e))?;
            self.done.deleted += 1;
            self.tell(path);
        }
        for path in core::mem::take(&mut self.dirs).into_iter().rev() {
            self.dir_times(path).map_err(|e| TreeError::new("set the times of", path, e))?;
        }
        if self.durable {
            self.target.fs().sync().map_err(|e| TreeError::new("synchronize", b"", e))?;
        }
        Ok(())
    }

    fn on(&mut self, change: &Change, act: impl FnOnce(&mut Self) -> crate::Result<()>) -> Result<()> {
        act(self).map_err(|e| TreeError::new("commit", &change.path, e))
    }

    fn tell(&mut self, path: &[u8]) {
        self.count.0 += 1;
        if let Some(progress) = &mut self.progress {
            progress(Progress { path, done: self.count.0, total: self.count.1, bytes: self.done.bytes });
        }
    }

    /// Whether something else has to be done first: to a directory above, or to what is at the path and has to move.
    fn waits(&self, change: &Change) -> bool {
        let path = &*change.path;
        let above = path.iter().enumerate().filter(|&(_, &b)| b == b'/').map(|(at, _)| &path[..at]);
        above.into_iter().any(|above| self.pending.contains(above)) || self.in_the_way(change).is_some()
    }

    /// What is at the path of something that will be put there, or below it, and has yet to move: where it is, and where
    /// it will be.
    fn in_the_way(&self, change: &Change) -> Option<(Vec<u8>, &'a [u8])> {
        let path = &*change.path;
        let puts = matches!(change.kind, Kind::Created | Kind::Renamed { .. } | Kind::TypeChanged { .. });
        let mut moving = below(&self.sources, path).filter(|(_, to)| **to != path);
        if puts { moving.next().map(|(now, to)| (now.clone(), *to)) } else { None }
    }

    /// What is in the way makes room: by changing places if there are two, else by waiting under a temporary name.
    fn step_aside(&mut self, change: &'a Change) -> crate::Result<()> {
        let path = &*change.path;
        // The first of those that wait has something in its way: else it would not wait.
        let (now, to) = self.in_the_way(change).ok_or(Errno::IO)?;
        let (dir, name) = self.target.slot(&now)?;
        // What wants this name is where that wants to go: the two change places.
        let mine = self.sources.iter().find(|(_, wants)| **wants == path).map(|(now, _)| now.clone());
        let alone = below(&self.sources, path).count() == 1 && below(&self.sources, to).count() == 1;
        if self.target.has(FsCaps::EXCHANGE) && alone && now == path && mine.as_deref() == Some(to) {
            let other = self.target.slot(to)?;
            self.target.rename((&dir, name), (&other.0, other.1), Rename::Exchange)?;
            // Both are where they want to be.
            self.sources.insert(to.to_vec(), to);
            self.sources.insert(path.to_vec(), path);
            return Ok(());
        }
        let (fs, at) = (self.target.fs().clone(), dir.node);
        let rename = |temp: Name<'_>| fs.rename(&super::target::CX, (at, name), (at, temp), Rename::NoReplace);
        let (temp, ()) = if self.target.has(FsCaps::NO_REPLACE) {
            self.target.temporary(rename)?
        } else {
            let vacant = |temp: Name<'_>| match fs.lookup(&super::target::CX, at, temp) {
                Ok(found) => {
                    fs.forget(found.node, 1);
                    Err(Errno::EXIST)
                }
                Err(_) => fs.rename(&super::target::CX, (at, name), (at, temp), Rename::Replace),
            };
            self.target.temporary(vacant)?
        };
        let cut = now.len() - name.as_bytes().len();
        self.moved(&now, &[&now[..cut], &temp].concat());
        Ok(())
    }

    /// Notes that something, and what is in it, is somewhere else now.
    fn moved(&mut self, from: &[u8], to: &[u8]) {
        let all: Vec<_> = below(&self.sources, from).map(|(now, wants)| (now.clone(), *wants)).collect();
        for (now, wants) in all {
            self.sources.remove(&now);
            self.sources.insert([to, &now[from.len()..]].concat(), wants);
        }
    }

    fn perform(&mut self, change: &'a Change) -> crate::Result<()> {
        let path = &*change.path;
        let (place, metadata) = self.original(path)?;
        let is_dir = metadata.file_type == FileType::Directory;
        match &change.kind {
            Kind::Deleted { .. } => {}
            Kind::Created | Kind::TypeChanged { .. } => {
                self.make(path, &place, &metadata)?;
                *(if change.kind == Kind::Created { &mut self.done.created } else { &mut self.done.changed }) += 1;
            }
            Kind::Changed(aspects) => {
                self.change(path, &place, &metadata, *aspects)?;
                self.done.changed += 1;
            }
            Kind::Renamed { aspects, .. } => {
                let from = self.sources.iter().find(|(_, to)| **to == path).map(|(now, _)| now.clone());
                if let Some(from) = from {
                    self.sources.remove(&from);
                    if !self.rename(&from, path)? {
                        // It is not where it was: what the overlay has will do.
                        self.copy(path, &place, &metadata)?;
                    } else if !aspects.is_empty() {
                        self.change(path, &place, &metadata, *aspects)?;
                    }
                }
                self.done.renamed += 1;
            }
        }
        if is_dir {
            self.dirs.push(path);
        }
        // What was deleted there, and in it, went when something took its place.
        if matches!(change.kind, Kind::TypeChanged { .. } | Kind::Renamed { .. } | Kind::Created) {
            let was_dir = matches!(change.kind, Kind::TypeChanged { from: FileType::Directory });
            let went = |gone: &&[u8]| {
                *gone == path || (was_dir && gone.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/")))
            };
            for path in self
                .deletions
                .range(path..)
                .copied()
                .take_while(|p| p.starts_with(path))
                .filter(went)
                .collect::<Vec<_>>()
            {
                self.deletions.remove(path);
                self.done.deleted += 1;
                self.count.0 += 1;
            }
        }
        Ok(())
    }

    fn original(&self, path: &[u8]) -> crate::Result<(Place, Metadata)> {
        self.after.at(path, |start, path| {
            let place = start.place(path, false)?;
            let metadata = place.metadata()?;
            Ok((place, metadata))
        })
    }

    /// Whether there was something to rename.
    fn rename(&mut self, from: &[u8], to: &[u8]) -> crate::Result<bool> {
        if from == to {
            return Ok(true);
        }
        if self.target.at(from)?.is_none() {
            return Ok(false);
        }
        let new = self.target.slot(to)?;
        if from.strip_prefix(to).is_some_and(|rest| rest.starts_with(b"/")) {
            // Out of what it replaces, first.
            let old = self.target.slot(from)?;
            let fs = self.target.fs().clone();
            let (temp, made) = self.target.temporary(|temp| {
                fs.create(&super::target::CX, new.0.node, temp, &NewNode::Directory { mode: 0o700 })
            })?;
            fs.forget(made.node, 1);
            let temp = Name::new(&temp)?;
            self.target.replace((&old.0, old.1), (&new.0, temp))?;
            self.target.replace((&new.0, temp), (&new.0, new.1))?;
            self.moved(from, to);
            return Ok(true);
        }
        let old = self.target.slot(from)?;
        self.target.replace((&old.0, old.1), (&new.0, new.1))?;
        self.moved(from, to);
        Ok(true)
    }

    /// Makes what the overlay has at a path.
    fn make(&mut self, path: &[u8], place: &Place, metadata: &Metadata) -> crate::Result<()> {
        let (dir, name) = self.target.slot(path)?;
        if metadata.file_type == FileType::Directory
            && let Ok(there) = self.target.look(&dir, name)
            && there.file_type == FileType::Directory
        {
            // Somebody has been faster, or an earlier commit.
            return copy_attributes(place, metadata, self.target.fs(), there.node, true);
        }
        if metadata.nlink > 1
            && metadata.file_type != FileType::Directory
            && let Some(known) = self.links.get(&metadata.ino).cloned()
        {
            let fs = self.target.fs().clone();
            let link = |temp: Name<'_>| fs.link(&super::target::CX, known.node, dir.node, temp);
            let (temp, ()) = self.target.temporary(link)?;
            self.target.replace((&dir, Name::new(&temp)?), (&dir, name))?;
            // The two are one already, and then a rename does nothing.
            return self.target.remove(&dir, Name::new(&temp)?);
        }
        let target = place.fs().readlink(place.node());
        let new = match metadata.file_type {
            FileType::Regular => NewNode::Regular { mode: metadata.mode & 0o700 },
            FileType::Directory => NewNode::Directory { mode: metadata.mode },
            FileType::Symlink => NewNode::Symlink { target: target.as_deref().map_err(|e| *e)? },
            file_type => NewNode::Special { file_type, mode: metadata.mode, rdev: metadata.rdev },
        };
        let fs = self.target.fs().clone();
        let (temp, made) = self.target.temporary(|temp| fs.create(&super::target::CX, dir.node, temp, &new))?;
        let temp = Name::new(&temp)?;
        let made = self.target.look(&dir, temp).inspect(|_| fs.forget(made.node, 1))?;
        let filled = self.fill(place, metadata, &made).and_then(|()| self.target.replace((&dir, temp), (&dir, name)));
        if let Err(e) = filled {
            // What cannot be finished should not be left behind; that it failed counts more.
            let _ = self.target.remove(&dir, temp);
            return Err(e);
        }
        if metadata.nlink > 1 && self.target.has(FsCaps::HARD_LINKS) {
            self.links.insert(metadata.ino, Arc::new(made));
        }
        Ok(())
    }

    /// Content and attributes of what was made.
    fn fill(&mut self, place: &Place, metadata: &Metadata, made: &Held) -> crate::Result<()> {
        if metadata.file_type == FileType::Regular {
            let reading = place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ | OpenFlags::NOATIME)?;
            let writing = self.target.fs().open(&Ctx::ROOT, made.node, OpenFlags::READ | OpenFlags::WRITE)?;
            let holes = place.fs().info().caps.contains(FsCaps::SEEK_HOLE);
            self.done.bytes += copy_content(&*reading, &*writing, metadata.size, holes)?;
            copy_attributes(place, metadata, self.target.fs(), made.node, true)?;
            if self.durable {
                writing.sync(false)?;
            }
            return Ok(());
        }
        copy_attributes(place, metadata, self.target.fs(), made.node, true)
    }

    /// Makes what is there what the overlay has.
    fn change(&mut self, path: &[u8], place: &Place, metadata: &Metadata, aspects: Aspects) -> crate::Result<()> {
        let there = self.target.at(path)?;
        match there {
            Some(there) if there.file_type == metadata.file_type && !aspects.contains(Aspects::CONTENT) => {
                let owner = aspects.contains(Aspects::OWNER);
                copy_attributes(place, metadata, self.target.fs(), there.node, owner)
            }
            _ => self.make(path, place, metadata),
        }
    }

    /// All that the overlay has at a path, and in it.
    fn copy(&mut self, path: &[u8], place: &Place, metadata: &Metadata) -> crate::Result<()> {
        let found = self.target.at(path)?.map(|there| there.file_type);
        self.make(path, place, metadata)?;
        if metadata.file_type == FileType::Directory && found != Some(FileType::Directory) {
            let made = self.target.find(path)?;
            let made = crate::Mount::subtree(self.target.fs().clone(), made.node, crate::MountOptions::default());
            let copied = crate::tree::copy_tree(place, &made).map_err(|e| e.errno)?;
            self.done.bytes += copied.bytes;
        }
        Ok(())
    }

    fn delete(&mut self, path: &[u8]) -> crate::Result<()> {
        match self.target.slot(path) {
            Ok((dir, name)) => self.target.remove(&dir, name),
            // The directory is gone as well.
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn dir_times(&self, path: &[u8]) -> crate::Result<()> {
        let (_, metadata) = self.original(path)?;
        let there = self.target.find(path)?;
        let (atime, mtime) = (SetTime::To(metadata.atime), SetTime::To(metadata.mtime));
        self.target.fs().setattr(&Ctx::ROOT, there.node, &SetAttr { atime, mtime, ..SetAttr::default() })
    }
}

/// What is at a path, and below it.
fn below<'m, 'a>(
    map: &'m BTreeMap<Vec<u8>, &'a [u8]>,
    path: &'m [u8],
) -> impl Iterator<Item = (&'m Vec<u8>, &'m &'a [u8])> {
    let inside = [path, b"/"].concat();
    let exact = map.get_key_value(path);
    let all = map.range(inside.clone()..).take_while(move |(key, _)| key.starts_with(&inside));
    exact.into_iter().chain(all)
}
