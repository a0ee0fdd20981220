//! What is different between two forks: by the pages of the node table and of directories that they do not share.

use core::ops::ControlFlow;
use std::collections::{BTreeMap, HashMap};

use super::{
    entries::Dirent,
    node::{Attrs, Body, Dir, FileState, Node},
    radix::FANOUT,
    shared::Shared,
    tree::{ROOT, Tree},
};
use crate::{
    Errno, FileType, NodeId,
    diff::{
        Aspects, Changes, Kind,
        engine::{Engine, Identity, Item, Listed, Side, Sides},
        path::Path,
    },
    tree::{Result, TreeError},
};

/// The changes, and how many pages were looked at to find them.
pub(super) fn changes(before: &Shared, after: &Shared) -> Result<(Changes, u64)> {
    // Each is one reference count, so neither lock is held while the other is taken.
    let (before, after) = (before.tree.read().clone(), after.tree.read().clone());
    let (mut dirs, mut others, mut visited) = (Vec::new(), Vec::new(), 0);
    before.differing(&after, &mut visited, &mut |id, was, is| {
        // One number, given to two nodes after the fork.
        if was.site().born != is.site().born {
            return;
        }
        match (was, is) {
            (Node::Dir(_), Node::Dir(_)) => dirs.push(id),
            _ => others.push(id),
        }
    });
    let mut engine = Engine::new(Forks { before, after, visited, paths: Default::default() });
    for &dir in &dirs {
        let (was, is) = engine.sides.entries(&bare(dir), &bare(dir))?;
        if was.is_empty() && is.is_empty() {
            continue;
        }
        if let (Some(was), Some(is)) = (engine.sides.item(Side::Before, dir), engine.sides.item(Side::After, dir)) {
            engine.pair(was, is);
        }
    }
    engine.run()?;
    let (mut linked, bare_aspects) = (HashMap::new(), |forks: &mut Forks, id| forks.aspects(&bare(id), &bare(id)));
    for id in dirs.into_iter().chain(others).filter(|&id| !engine.has_told(id)).collect::<Vec<_>>() {
        let aspects = bare_aspects(&mut engine.sides, id)?;
        if aspects.is_empty() {
            continue;
        }
        match engine.sides.item(Side::After, id).filter(|_| engine.sides.links(id) == 1) {
            Some(is) => engine.tell(&is, Kind::Changed(aspects), Some(&bare(id)))?,
            // Other names than the one that it is known by.
            None => drop(linked.insert(id, aspects)),
        }
    }
    if !linked.is_empty() {
        for is in engine.sides.names_of(&linked)? {
            engine.tell(&is, Kind::Changed(linked[&is.node]), Some(&bare(is.node)))?;
        }
    }
    let visited = engine.sides.visited;
    Ok((engine.finish(), visited))
}

/// A node whose path does not matter.
fn bare(node: NodeId) -> Item {
    Item::top(node)
}

struct Forks {
    before: Tree,
    after: Tree,
    visited: u64,
    /// By side, `true` being the later one, and node.
    paths: HashMap<(bool, NodeId), Path>,
}

impl Forks {
    fn tree(&self, side: Side) -> &Tree {
        match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        }
    }

    fn links(&self, id: NodeId) -> u64 {
        match self.after.get(id) {
            Some(Node::File(file)) => file.nlink(),
            Some(Node::Other(other)) => other.nlink,
            _ => 1,
        }
    }

    /// The node with its path; `None` if it has none.
    fn item(&mut self, side: Side, id: NodeId) -> Option<Item> {
        // Up to the first directory whose path is known, then down again.
        let (mut steps, mut at) = (Vec::new(), id);
        let mut path = loop {
            if at == ROOT {
                break Path::default();
            }
            if let Some(known) = self.paths.get(&(side == Side::After, at)) {
                break known.clone();
            }
            let tree = self.tree(side);
            let site = tree.get(at)?.site();
            let Some(Node::Dir(above)) = tree.get(site.dir) else { return None };
            let mut name = None;
            above.entries.range(site.seq, &mut |entry| {
                name = (entry.seq == site.seq && entry.node == at).then(|| entry.name.clone());
                ControlFlow::Break(())
            });
            steps.push((at, name?));
            at = site.dir;
        };
        for (at, name) in steps.into_iter().rev() {
            path = path.join(name.as_name().as_bytes());
            self.paths.insert((side == Side::After, at), path.clone());
        }
        let node = self.tree(side).get(id)?;
        Some(Item { path, dir: node.site().dir, node: id, file_type: node.file_type() })
    }

    /// Every name of these nodes in the later tree.
    fn names_of(&mut self, wanted: &HashMap<NodeId, Aspects>) -> Result<Vec<Item>> {
        let (mut found, mut dirs) = (Vec::new(), vec![Item::top(ROOT)]);
        while let Some(dir) = dirs.pop() {
            for entry in self.list(Side::After, &dir)? {
                let item = || Item {
                    path: dir.path.join(&entry.name),
                    dir: dir.node,
                    node: entry.node,
                    file_type: entry.file_type,
                };
                if entry.file_type == FileType::Directory {
                    dirs.push(item());
                } else if wanted.contains_key(&entry.node) {
                    found.push(item());
                }
            }
        }
        Ok(found)
    }

    fn dir(&self, side: Side, id: NodeId) -> Option<&Dir> {
        match self.tree(side).get(id) {
            Some(Node::Dir(dir)) => Some(dir),
            _ => None,
        }
    }
}

impl Sides for Forks {
    fn list(&mut self, side: Side, dir: &Item) -> Result<Vec<Listed>> {
        let mut entries = Vec::new();
        let mut pages = 0;
        if let Some(dir) = self.dir(side, dir.node) {
            pages = dir.entries.len().div_ceil(FANOUT as u64);
            dir.entries.range(0, &mut |entry| {
                entries.push(listed(entry));
                ControlFlow::Continue(())
            });
        }
        self.visited += pages;
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn entries(&mut self, before: &Item, after: &Item) -> Result<(Vec<Listed>, Vec<Listed>)> {
        if self.identity(Side::Before, before.node) != self.identity(Side::After, after.node) {
            return Ok((self.list(Side::Before, before)?, self.list(Side::After, after)?));
        }
        let (mut was, mut is, mut visited) = (Vec::new(), Vec::new(), self.visited);
        if let (Some(old), Some(new)) = (self.dir(Side::Before, before.node), self.dir(Side::After, after.node)) {
            old.entries.differing(&new.entries, &mut visited, &mut |old, new| {
                // One number may have been given to two nodes after the fork.
                let who = |side, entry: Option<&Dirent>| entry.map(|entry| self.identity(side, entry.node));
                if who(Side::Before, old) != who(Side::After, new)
                    || old.map(|old| old.name.as_name()) != new.map(|new| new.name.as_name())
                {
                    was.extend(old.map(listed));
                    is.extend(new.map(listed));
                }
            });
        }
        self.visited = visited;
        was.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        is.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok((was, is))
    }

    fn identity(&self, side: Side, node: NodeId) -> Option<Identity> {
        self.tree(side).get(node).map(|found| (node, found.site().born))
    }

    fn is_touched(&self, _: &Item) -> bool {
        // Which nodes have changed is known from the start, and told at the end.
        false
    }

    fn aspects(&mut self, before: &Item, after: &Item) -> Result<Aspects> {
        let mut visited = self.visited;
        let aspects = match (self.before.get(before.node), self.after.get(after.node)) {
            (Some(Node::Dir(was)), Some(Node::Dir(is))) => attributes(&was.attrs, &is.attrs),
            (Some(Node::File(was)), Some(Node::File(is))) => {
                // One lock at a time.
                let was: FileState = was.state.read().clone();
                let is: FileState = is.state.read().clone();
                let same = was.data.is_same(&is.data, &mut visited);
                content(attributes(&was.attrs, &is.attrs), same, &was.attrs, &is.attrs)
            }
            (Some(Node::Other(was)), Some(Node::Other(is))) => {
                let same = match (&was.body, &is.body) {
                    (Body::Symlink(was), Body::Symlink(is)) => was == is,
                    (Body::Special { rdev: was, .. }, Body::Special { rdev: is, .. }) => was == is,
                    _ => false,
                };
                content(attributes(&was.attrs, &is.attrs), same, &was.attrs, &is.attrs)
            }
            _ => return Err(TreeError::new("compare", &after.path.to_vec(), Errno::STALE)),
        };
        self.visited = visited;
        Ok(aspects)
    }

    fn size(&mut self, side: Side, item: &Item) -> Result<u64> {
        Ok(match self.tree(side).get(item.node) {
            Some(Node::File(file)) => file.state.read().data.len(),
            Some(Node::Other(other)) => match &other.body {
                Body::Symlink(target) => target.len() as u64,
                Body::Special { .. } => 0,
            },
            _ => 0,
        })
    }
}

fn listed(entry: &Dirent) -> Listed {
    Listed { name: entry.name.as_name().as_bytes().into(), node: entry.node, file_type: entry.file_type }
}

fn attributes(was: &Attrs, is: &Attrs) -> Aspects {
    let mut aspects = Aspects::empty();
    aspects.set(Aspects::MODE, was.mode != is.mode);
    aspects.set(Aspects::OWNER, (was.uid, was.gid) != (is.uid, is.gid));
    let user = |attrs: &Attrs| -> BTreeMap<Box<[u8]>, bytes::Bytes> {
        let all = attrs.xattrs.iter().flat_map(|map| map.iter());
        all.filter(|(name, _)| name.starts_with(b"user.")).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let shared = match (&was.xattrs, &is.xattrs) {
        (Some(was), Some(is)) => triomphe::Arc::ptr_eq(was, is),
        (was, is) => was.is_none() && is.is_none(),
    };
    aspects.set(Aspects::XATTRS, !shared && user(was) != user(is));
    aspects
}

fn content(mut aspects: Aspects, same: bool, was: &Attrs, is: &Attrs) -> Aspects {
    aspects.set(Aspects::CONTENT, !same);
    aspects.set(Aspects::TIMES, same && was.mtime != is.mtime);
    aspects
}
