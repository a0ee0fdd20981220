//! Renaming: one section under the tree's write lock.

use triomphe::Arc;

use super::{
    entries::Dirent,
    node::{Attrs, Body, Node, Other, Site},
    shared::Shared,
    tree::{ROOT, Tree},
};
use crate::{Cred, Errno, FileType, Name, NodeId, Rename, Result, Time};

/// One of the two places that a rename is about.
#[derive(Clone, Copy)]
struct Place<'a> {
    dir: NodeId,
    hash: u32,
    name: Name<'a>,
}

/// What is at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Thing {
    node: NodeId,
    file_type: FileType,
}

impl Thing {
    fn is_dir(self) -> bool {
        self.file_type == FileType::Directory
    }
}

impl Shared {
    pub(super) fn rename(
        &self,
        cred: &Cred,
        from: (NodeId, Name<'_>),
        to: (NodeId, Name<'_>),
        how: Rename,
    ) -> Result<()> {
        let place = |(dir, name)| Place { dir, hash: self.hash(name), name };
        let (from, to) = (place(from), place(to));
        let mut tree = self.tree.write();
        let old = tree.dir(from.dir);
        let new = tree.dir(to.dir);
        // `NOTDIR` of either comes before `NOENT` of either.
        if matches!((&old, &new), (Err(Errno::NOTDIR), _) | (_, Err(Errno::NOTDIR))) {
            return Err(Errno::NOTDIR);
        }
        let (old, new) = (old?, new?);
        if new.removed {
            return Err(Errno::NOENT);
        }
        let source = old.entries.find(from.hash, from.name).map(Thing::of).ok_or(Errno::NOENT)?;
        let target = new.entries.find(to.hash, to.name).map(Thing::of);
        if source.is_dir() && is_within(&tree, to.dir, source.node) {
            return Err(Errno::INVAL);
        }
        match (how, target) {
            (Rename::Exchange, Some(target)) => {
                if target.is_dir() && is_within(&tree, from.dir, target.node) {
                    return Err(Errno::INVAL);
                }
                if source.node != target.node {
                    self.exchange(&mut tree, (from, source), (to, target))?;
                }
                Ok(())
            }
            (Rename::Exchange, None) => Err(Errno::NOENT),
            (Rename::NoReplace, Some(_)) => Err(Errno::EXIST),
            (Rename::Replace | Rename::Whiteout, Some(target)) if source.node == target.node => Ok(()),
            (_, Some(target)) => {
                may_replace(&tree, from.dir, source, target)?;
                let whiteout = self.new_whiteout(&mut tree, cred, from, how)?;
                let gone = self.replace(&mut tree, (from, source), (to, target), whiteout)?;
                // Content can be large: freed when nobody waits for it.
                drop(tree);
                drop(gone);
                Ok(())
            }
            (_, None) => {
                let whiteout = self.new_whiteout(&mut tree, cred, from, how)?;
                self.move_to(&mut tree, from, source, to, whiteout)
            }
        }
    }

    /// What stays at the old name, if anything does.
    fn new_whiteout(&self, tree: &mut Tree, cred: &Cred, from: Place<'_>, how: Rename) -> Result<Option<Thing>> {
        if how != Rename::Whiteout {
            return Ok(None);
        }
        self.quota.reserve_nodes(1)?;
        let file_type = FileType::CharDevice;
        let attrs = Attrs::new(cred, 0, self.now());
        let mut node = Node::Other(Arc::new(Other { attrs, nlink: 1, body: Body::Special { file_type, rdev: 0 } }));
        // It takes over the entry at the old name.
        let seq = tree.dir(from.dir)?.entries.find(from.hash, from.name).map_or(0, |entry| entry.seq);
        node.settle(Site { dir: from.dir, seq, born: self.epoch() });
        let node = tree.add(node).inspect_err(|_| self.quota.refund_nodes(1))?;
        Ok(Some(Thing { node, file_type }))
    }

    fn exchange(
        &self,
        tree: &mut Tree,
        (from, source): (Place<'_>, Thing),
        (to, target): (Place<'_>, Thing),
    ) -> Result<()> {
        let now = self.now();
        tree.dir_mut(from.dir)?.entries.redirect(from.hash, from.name, target.node, target.file_type);
        tree.dir_mut(to.dir)?.entries.redirect(to.hash, to.name, source.node, source.file_type);
        self.moved(tree, source, from, to, now)?;
        self.moved(tree, target, to, from, now)?;
        touch(tree, from.dir, to.dir, now)
    }

    /// The name keeps its cookie, and gets another node.
    fn replace(
        &self,
        tree: &mut Tree,
        (from, source): (Place<'_>, Thing),
        (to, target): (Place<'_>, Thing),
        whiteout: Option<Thing>,
    ) -> Result<Option<Node>> {
        let now = self.now();
        let old = &mut tree.dir_mut(from.dir)?.entries;
        match whiteout {
            Some(whiteout) => old.redirect(from.hash, from.name, whiteout.node, whiteout.file_type),
            None => drop(old.remove(from.hash, from.name)),
        }
        let new = tree.dir_mut(to.dir)?;
        new.entries.redirect(to.hash, to.name, source.node, source.file_type);
        new.subdirs -= u64::from(target.is_dir());
        self.moved(tree, source, from, to, now)?;
        touch(tree, from.dir, to.dir, now)?;
        Ok(self.unname(tree, target.node, now))
    }

    fn move_to(
        &self,
        tree: &mut Tree,
        from: Place<'_>,
        source: Thing,
        to: Place<'_>,
        whiteout: Option<Thing>,
    ) -> Result<()> {
        let now = self.now();
        let old = tree.dir_mut(from.dir)?;
        old.attrs.modified(now);
        if let Some(whiteout) = whiteout {
            old.entries.redirect(from.hash, from.name, whiteout.node, whiteout.file_type);
            let new = tree.dir_mut(to.dir)?;
            new.attrs.modified(now);
            new.entries.insert(to.hash, to.name, source.node, source.file_type);
        } else if from.dir == to.dir {
            // In the same directory the entry keeps its cookie, so that no storm of renames makes a listing endless.
            old.entries.rename((from.hash, from.name), (to.hash, to.name));
        } else {
            old.entries.remove(from.hash, from.name);
            let new = tree.dir_mut(to.dir)?;
            new.attrs.modified(now);
            new.entries.insert(to.hash, to.name, source.node, source.file_type);
        }
        self.moved(tree, source, from, to, now)
    }

    /// Notes in a node, and in the numbers of subdirectories, that the node's name has moved.
    fn moved(&self, tree: &mut Tree, thing: Thing, from: Place<'_>, to: Place<'_>, now: Time) -> Result<()> {
        let seq = tree.dir(to.dir)?.entries.find(to.hash, to.name).map_or(0, |entry| entry.seq);
        let at_site = |attrs: &mut Attrs| {
            attrs.ctime = now;
            (attrs.site.dir, attrs.site.seq) = (to.dir, seq);
        };
        if !thing.is_dir() {
            return tree.change(thing.node, self.owner(), |attrs, _| at_site(attrs));
        }
        let dir = tree.dir_mut(thing.node)?;
        at_site(&mut dir.attrs);
        dir.parent = to.dir;
        if from.dir != to.dir {
            tree.dir_mut(from.dir)?.subdirs -= 1;
            tree.dir_mut(to.dir)?.subdirs += 1;
        }
        Ok(())
    }
}

impl Thing {
    fn of(entry: &Dirent) -> Thing {
        Thing { node: entry.node, file_type: entry.file_type }
    }
}

/// Whether `dir` is `ancestor` or lies below it: up the chain of parents, in a loop.
fn is_within(tree: &Tree, mut dir: NodeId, ancestor: NodeId) -> bool {
    loop {
        if dir == ancestor {
            return true;
        }
        match tree.dir(dir) {
            Ok(d) if dir != ROOT => dir = d.parent,
            _ => return false,
        }
    }
}

/// # Errors
/// `NOTEMPTY` if `target` is an ancestor of the old name; `NOTDIR`, `ISDIR`; `NOTEMPTY`.
fn may_replace(tree: &Tree, from: NodeId, source: Thing, target: Thing) -> Result<()> {
    if target.is_dir() && is_within(tree, from, target.node) {
        return Err(Errno::NOTEMPTY);
    }
    match (source.is_dir(), target.is_dir()) {
        (true, false) => Err(Errno::NOTDIR),
        (false, true) => Err(Errno::ISDIR),
        (true, true) if !tree.dir(target.node)?.entries.is_empty() => Err(Errno::NOTEMPTY),
        _ => Ok(()),
    }
}

fn touch(tree: &mut Tree, a: NodeId, b: NodeId, now: Time) -> Result<()> {
    tree.dir_mut(a)?.attrs.modified(now);
    if a != b {
        tree.dir_mut(b)?.attrs.modified(now);
    }
    Ok(())
}
