//! [`compare`]: any two trees, through the traits.
//!
//! Everything is found again by its path whenever it is needed: nothing is held but names, so that a tree of any size
//! costs memory for what is different, and a host no descriptors.

use core::{any::Any, ops::ControlFlow};
use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Aspects, Changes,
    engine::{Engine, Identity, Item, Listed, Side, Sides},
    same_bytes,
};
use crate::{
    Cookie, Ctx, Errno, FileSystem, FileType, MemFs, Metadata, NodeId, OpenFlags, PATH_MAX, Place,
    tree::{Result, Tree, TreeError},
};

/// What is different in `after`, compared with `before`. Follows no link, needs no stack, holds at most 1 MiB of each
/// file, and updates no `atime` where it need not.
///
/// Two forks of one [`MemFs`] are compared as [`MemFs::changes_since`] does it.
///
/// # Errors
/// [`TreeError`] for what cannot be examined or read, in either tree.
pub fn compare(before: &Tree, after: &Tree) -> Result<Changes> {
    if let (Some(old), Some(new)) = (whole::<MemFs>(before), whole::<MemFs>(after))
        && new.is_related_to(old)
    {
        return new.changes_since(old);
    }
    compare_with(Trees { before, after, related: None })
}

/// As [`compare`], for two trees where equal numbers are equal nodes: a filesystem and a
/// [fork](crate::Snapshots::fork) of it in which nothing was made since. Renames are recognised, and times and extended
/// attributes are compared. What `touched` denies is not looked at, nor is what is below it.
///
/// # Errors
/// As `compare`.
pub fn compare_related(before: &Tree, after: &Tree, touched: &dyn Fn(NodeId) -> bool) -> Result<Changes> {
    compare_with(Trees { before, after, related: Some(touched) })
}

fn compare_with(sides: Trees<'_>) -> Result<Changes> {
    let top = |tree: &Tree| Item::top(tree.place().node());
    let (before, after) = (top(sides.before), top(sides.after));
    let mut engine = Engine::new(sides);
    engine.changed(&before, &after)?;
    engine.pair(before, after);
    engine.run()?;
    Ok(engine.finish())
}

/// The filesystem, if it is one of this type, all of it is in the tree, and nothing else.
fn whole<F: FileSystem>(tree: &Tree) -> Option<&F> {
    let fs: &dyn Any = &**tree.fs();
    fs.downcast_ref::<F>().filter(|fs| tree.place().node() == fs.root() && !tree.has_mounts())
}

pub(super) struct Trees<'t> {
    pub(super) before: &'t Tree,
    pub(super) after: &'t Tree,
    pub(super) related: Option<&'t dyn Fn(NodeId) -> bool>,
}

impl Trees<'_> {
    fn tree(&self, side: Side) -> &Tree {
        match side {
            Side::Before => self.before,
            Side::After => self.after,
        }
    }

    pub(super) fn reach(&self, side: Side, item: &Item) -> crate::Result<Place> {
        let path = item.path.to_vec();
        let (mut tree, mut rest) = (self.tree(side).clone(), &*path);
        // No path that is resolved may be longer than that.
        while rest.len() > PATH_MAX {
            let cut = rest[..PATH_MAX].iter().rposition(|&b| b == b'/').ok_or(Errno::NAMETOOLONG)?;
            tree = tree.dir(&rest[..cut]).map_err(|e| e.errno)?;
            rest = &rest[cut + 1..];
        }
        tree.at(rest, |start, path| start.place(path, false))
    }

    pub(super) fn examine(&self, side: Side, item: &Item) -> Result<(Place, Metadata)> {
        let found = self.reach(side, item).and_then(|place| {
            let metadata = place.metadata()?;
            Ok((place, metadata))
        });
        found.map_err(|e| TreeError::new("examine", &item.path.to_vec(), e))
    }
}

impl Sides for Trees<'_> {
    fn list(&mut self, side: Side, dir: &Item) -> Result<Vec<Listed>> {
        match self.reach(side, dir).and_then(|place| list(&place)) {
            // Gone meanwhile, or something else by now.
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(Vec::new()),
            listed => listed.map_err(|e| TreeError::new("list", &dir.path.to_vec(), e)),
        }
    }

    fn entries(&mut self, before: &Item, after: &Item) -> Result<(Vec<Listed>, Vec<Listed>)> {
        Ok((self.list(Side::Before, before)?, self.list(Side::After, after)?))
    }

    fn identity(&self, _: Side, node: NodeId) -> Option<Identity> {
        self.related.map(|_| (node, 0))
    }

    fn is_touched(&self, after: &Item) -> bool {
        self.related.is_none_or(|touched| touched(after.node))
    }

    fn aspects(&mut self, before: &Item, after: &Item) -> Result<Aspects> {
        let ((a, of_a), (b, of_b)) = (self.examine(Side::Before, before)?, self.examine(Side::After, after)?);
        let times = self.related.is_some();
        aspects(&a, &of_a, &b, &of_b, times).map_err(|e| TreeError::new("compare", &after.path.to_vec(), e))
    }

    fn size(&mut self, side: Side, item: &Item) -> Result<u64> {
        match item.file_type {
            FileType::Regular | FileType::Symlink => Ok(self.examine(side, item)?.1.size),
            _ => Ok(0),
        }
    }
}

/// The entries of a directory, by name.
pub(super) fn list(dir: &Place) -> crate::Result<Vec<Listed>> {
    let flags = OpenFlags::READ | OpenFlags::DIRECTORY | OpenFlags::NOATIME;
    let listing = dir.fs().open(&Ctx::ROOT, dir.node(), flags)?;
    let mut entries = Vec::new();
    listing.readdir(Cookie::START, &mut |entry| {
        let name = entry.name.as_bytes().into();
        entries.push(Listed { name, node: entry.node, file_type: entry.file_type });
        ControlFlow::Continue(())
    })?;
    for entry in entries.iter_mut().filter(|entry| entry.file_type == FileType::Unknown) {
        if let Ok(found) = dir.fs().lookup(&Ctx::ROOT, dir.node(), crate::Name::new(&entry.name)?) {
            dir.fs().forget(found.node, 1);
            entry.file_type = found.file_type;
        }
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// What is different about two nodes of one type.
fn aspects(a: &Place, of_a: &Metadata, b: &Place, of_b: &Metadata, times: bool) -> crate::Result<Aspects> {
    let mut aspects = Aspects::empty();
    let file_type = of_b.file_type;
    if of_a.file_type != file_type {
        // Just now: who asks has seen something else.
        return Err(Errno::AGAIN);
    }
    let same = match file_type {
        FileType::Regular => of_a.size == of_b.size && same_bytes(a, b, of_a.size)?,
        FileType::Symlink => a.fs().readlink(a.node())? == b.fs().readlink(b.node())?,
        FileType::CharDevice | FileType::BlockDevice => of_a.rdev == of_b.rdev,
        _ => true,
    };
    aspects.set(Aspects::CONTENT, !same);
    aspects.set(Aspects::MODE, file_type != FileType::Symlink && of_a.mode != of_b.mode);
    aspects.set(Aspects::OWNER, (of_a.uid, of_a.gid) != (of_b.uid, of_b.gid));
    aspects.set(Aspects::TIMES, times && same && file_type != FileType::Directory && of_a.mtime != of_b.mtime);
    if times {
        aspects.set(Aspects::XATTRS, user_xattrs(a)? != user_xattrs(b)?);
    }
    Ok(aspects)
}

/// The attributes that users may set.
fn user_xattrs(place: &Place) -> crate::Result<BTreeMap<Box<[u8]>, Bytes>> {
    let mut all = BTreeMap::new();
    let Some(xattrs) = place.fs().xattrs() else { return Ok(all) };
    let mut names: Vec<Box<[u8]>> = Vec::new();
    match xattrs.list(place.node(), &mut |name| names.push(name.into())) {
        // Not on this kind of node.
        Err(Errno::NOTSUP | Errno::PERM) => return Ok(all),
        listed => listed?,
    }
    for name in names.into_iter().filter(|name| name.starts_with(b"user.")) {
        match xattrs.get(place.node(), &name) {
            Ok(value) => drop(all.insert(name, value)),
            Err(Errno::NODATA) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}
