//! Copying up: how a node of a lower layer comes into the upper one, whole, once, and before anything is changed.
//!
//! Everything is made in the work directory and gets its name by one rename, parents first. Content, which can be large,
//! is copied before the tree is locked, under the node's own lock; whoever comes second finds it done. What one rename
//! cannot show is nothing that anybody can see: after a crash each file is the old one or the new one.

use core::sync::atomic::Ordering;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use super::{
    layer::{INTERNAL, NodeRef},
    lookup::index_name,
    marks::Origin,
    node::Node,
    shared::{Shared, Upper},
    tree::{Child, Slot, Tree},
    work::Temp,
};
use crate::{
    At, Errno, FileType, FsCaps, Metadata, Name, NewNode, OpenFlags, Remove, Rename, Result, Seek, SetAttr, SetTime,
    SetXattr, VirtualFile,
};

/// Bytes that one step of a copy moves.
const STEP: usize = 128 << 10;

/// A copy that has no name yet but in the work directory.
struct Copy<'a> {
    temp: Temp<'a>,
    node: NodeRef,
    below: Metadata,
    /// Whether the copy itself says where it comes from.
    marked: bool,
}

impl Shared {
    /// Makes sure that a node is in the upper layer, with `limit` bytes of its content at least. The tree must not be
    /// locked.
    ///
    /// # Errors
    /// `ROFS`; those of the layers; `NOSPC`, `DQUOT`.
    pub(super) fn copy_up(&self, node: &Arc<Node>, limit: u64) -> Result<()> {
        if node.upper.get().is_some() {
            return Ok(());
        }
        if node.file_type == FileType::Regular {
            return self.copy_up_changed(node, limit, |_| Ok(())).map(drop);
        }
        let mut tree = self.tree.write();
        let slot = tree.slot_of(node.id)?;
        self.copy_up_locked(&mut tree, slot, 0)
    }

    /// The same for a regular file, whose copy is changed before anybody sees it: what is cut off is not copied, and who
    /// saw the copy without it, and then what `change` does, would see it cut twice, and what was appended in between
    /// would go. `None` if somebody else has made the copy: then nothing has been changed.
    ///
    /// # Errors
    /// As [`copy_up`](Self::copy_up); those of `change`.
    pub(super) fn copy_up_changed<R>(
        &self,
        node: &Arc<Node>,
        limit: u64,
        change: impl FnOnce(&NodeRef) -> Result<R>,
    ) -> Result<Option<R>> {
        let upper = self.upper()?;
        let _alone = node.copy_up.lock();
        if node.upper.get().is_some() {
            return Ok(None);
        }
        let copy = self.make_copy(upper, node, limit)?;
        let changed = change(&copy.node)?;
        let mut tree = self.tree.write();
        let slot = tree.slot_of(node.id)?;
        Ok(self.publish(&mut tree, slot, copy)?.then_some(changed))
    }

    /// As [`copy_up`](Self::copy_up) with the tree locked: for what has no content, or whose content is not wanted.
    pub(super) fn copy_up_locked(&self, tree: &mut Tree, slot: Slot, limit: u64) -> Result<()> {
        let node = tree.node(slot)?;
        if node.upper.get().is_some() {
            return Ok(());
        }
        let copy = self.make_copy(self.upper()?, &node.clone(), limit)?;
        self.publish(tree, slot, copy).map(drop)
    }

    /// Copies a regular file up without its content, and opens the copy before anybody sees it, for the reason that
    /// [`copy_up_changed`](Self::copy_up_changed) gives. It must not be in the upper layer yet.
    pub(super) fn copy_up_opened(
        &self,
        tree: &mut Tree,
        slot: Slot,
        open: impl FnOnce(&NodeRef) -> Result<Arc<dyn VirtualFile>>,
    ) -> Result<Arc<dyn VirtualFile>> {
        let copy = self.make_copy(self.upper()?, &tree.node(slot)?.clone(), 0)?;
        let file = open(&copy.node)?;
        self.publish(tree, slot, copy)?;
        Ok(file)
    }

    /// Gives a copy its name, and the node its copy. Directories above it that are not in the upper layer yet are made
    /// around it, so that one rename shows all of them. Answers whether it is this copy.
    fn publish(&self, tree: &mut Tree, slot: Slot, mut copy: Copy<'_>) -> Result<bool> {
        let node = tree.node(slot)?.clone();
        if node.upper.get().is_some() {
            // Somebody needed it without its content meanwhile.
            return Ok(false);
        }
        let place = tree.parent_and_name(slot);
        let indexed = copy.marked && !node.is_dir() && copy.below.nlink > 1 && !node.gone.load(Ordering::Acquire);
        if indexed {
            self.add_to_index(&node, &copy)?;
        }
        let Some((dir, name)) = place else {
            // Held by the node, it needs no name.
            self.published(tree, slot, &copy.node, &copy.below, copy.marked)?;
            return Ok(true);
        };
        let name = name.as_bytes().to_vec();
        let name = Name::from_checked(&name);
        if let Err(e) = self.publish_in(tree, dir, (&mut copy, name)) {
            if indexed {
                self.drop_from_index(&node);
            }
            return Err(e);
        }
        self.published(tree, slot, &copy.node, &copy.below, copy.marked)?;
        if indexed {
            self.uncount_name(&node);
        }
        tree.set_in_upper(dir, name)?;
        Ok(true)
    }

    fn publish_in(&self, tree: &mut Tree, dir: Slot, (copy, name): (&mut Copy<'_>, Name<'_>)) -> Result<()> {
        let parent = tree.node(dir)?.clone();
        if parent.upper.get().is_none() {
            return self.publish_above(tree, dir, (copy, name));
        }
        let before = parent.metadata(self.info.dev)?;
        copy.temp.move_to((parent.real()?.id, name), Rename::Replace)?;
        self.restore_times(&parent, &before);
        Ok(())
    }

    /// Makes the directory `dir`, and those above it that are missing, around a copy.
    fn publish_above(&self, tree: &mut Tree, dir: Slot, (copy, name): (&mut Copy<'_>, Name<'_>)) -> Result<()> {
        let upper = self.upper()?;
        // From the copy up, with the names by which each is in the next.
        let mut missing = Vec::new();
        let mut at = dir;
        let top = loop {
            let node = tree.node(at)?.clone();
            if node.upper.get().is_some() {
                break node;
            }
            let (parent, name) = tree.parent_and_name(at).ok_or(Errno::STALE)?;
            missing.push((at, node, name.as_bytes().to_vec()));
            at = parent;
        };
        let Some((_, first, first_name)) = missing.last() else { return Err(Errno::STALE) };
        let mut shown = self.make_copy(upper, first, 0)?;
        let mut made = vec![(shown.node.clone(), shown.below, shown.marked)];
        for (_, node, name) in missing.iter().rev().skip(1) {
            let (place, _, _) = &made[made.len() - 1];
            let (below, new) = (node.real()?.getattr()?, |mode| NewNode::Directory { mode });
            let entry = upper.fs.create(&INTERNAL, place.id, Name::from_checked(name), &new(below.mode))?;
            let inner = NodeRef::adopt(&upper.fs, entry.node);
            let marked = self.fill(upper, node, &inner, &below, 0)?;
            made.push((inner, below, marked));
        }
        let before = top.metadata(self.info.dev)?;
        copy.temp.move_to((made[made.len() - 1].0.id, name), Rename::Replace)?;
        // What was made inside of them has touched all of them.
        for (node, below, _) in &made {
            copy_times(node, below)?;
        }
        shown.temp.move_to((top.real()?.id, Name::from_checked(first_name)), Rename::Replace)?;
        self.restore_times(&top, &before);
        for ((slot, _, name), (node, below, marked)) in missing.iter().rev().zip(&made) {
            let parent = tree.dir(*slot)?.parent;
            self.published(tree, *slot, node, below, *marked)?;
            tree.set_in_upper(parent, Name::from_checked(name))?;
        }
        Ok(())
    }

    /// Notes that a copy has its name. It is too late for the layer to fail.
    fn published(&self, tree: &mut Tree, slot: Slot, copy: &NodeRef, below: &Metadata, marked: bool) -> Result<()> {
        let node = tree.node(slot)?.clone();
        if !marked {
            tree.origins.insert(copy.id.get(), node.key);
        }
        let before = node.shown(self.info.dev, *below);
        node.set_born(before.btime);
        if node.is_dir()
            && let Ok(now) = copy.getattr()
        {
            // Whoever changes it says so next; if nobody does, it is as it was.
            node.set_ctime(now.ctime, before.ctime);
        }
        let _ = node.upper.set(copy.clone());
        Ok(())
    }

    /// Lets the other names that a node has below lead to its copy, which has none yet.
    fn add_to_index(&self, node: &Node, copy: &Copy<'_>) -> Result<()> {
        let upper = self.upper()?;
        // The name in the index is counted by the layer, and is none of the guest's.
        let names = i64::try_from(copy.below.nlink).unwrap_or(i64::MAX) - 1;
        self.layers.marks.set_nlink(&*upper.fs, copy.node.id, names)?;
        let name = index_name(node.key);
        upper.fs.link(&INTERNAL, copy.node.id, upper.index.id, Name::from_checked(name.as_bytes()))?;
        self.indexed.store(true, Ordering::Relaxed);
        node.set_extra_names(names);
        Ok(())
    }

    /// No name below leads to the copy of a node any more. An entry that cannot be removed now is when the layer is
    /// opened again.
    pub(super) fn drop_from_index(&self, node: &Node) {
        let Some(upper) = &self.upper else { return };
        let name = index_name(node.key);
        let _ = upper.fs.remove(&INTERNAL, upper.index.id, Name::from_checked(name.as_bytes()), Remove::NonDirectory);
        node.set_extra_names(0);
    }

    /// Gives a name that only a lower layer has, of a node that has been copied up under another one, to the copy.
    pub(super) fn place(&self, tree: &mut Tree, dir: Slot, name: Name<'_>) -> Result<()> {
        let Some(Child::Node { slot, in_upper: false }) = tree.child_of(dir, name)? else { return Ok(()) };
        let (node, parent) = (tree.node(slot)?.clone(), tree.node(dir)?.clone());
        self.copy_up_locked(tree, dir, 0)?;
        let before = parent.metadata(self.info.dev)?;
        let copy = node.real()?;
        copy.fs.link(&INTERNAL, copy.id, parent.real()?.id, name)?;
        self.uncount_name(&node);
        self.restore_times(&parent, &before);
        tree.set_in_upper(dir, name)
    }

    /// Notes that a copied-up node has one name less, or one that the upper layer counts from now on. Comes after what it
    /// notes: if it cannot be written down, or a crash comes in between, the count is too high, and content is kept that
    /// has no name; if it were too low, content would go that has one.
    pub(super) fn uncount_name(&self, node: &Node) {
        let names = node.extra_names() - 1;
        if let Ok(copy) = node.real() {
            let _ = self.layers.marks.set_nlink(&*copy.fs, copy.id, names);
        }
        node.set_extra_names(names);
    }

    /// A copy in the work directory, complete but for its name.
    fn make_copy<'a>(&'a self, upper: &'a Upper, node: &Node, limit: u64) -> Result<Copy<'a>> {
        let lower = node.lowers.first().ok_or(Errno::STALE)?;
        let from = &lower.node;
        let below = from.getattr()?;
        let mut temp = self.temp(upper);
        let target;
        let new = match below.file_type {
            FileType::Regular => NewNode::Regular { mode: mode_of_copy(&below) },
            FileType::Directory => NewNode::Directory { mode: below.mode },
            FileType::Symlink => {
                target = from.fs.readlink(from.id)?;
                NewNode::Symlink { target: &target }
            }
            file_type => NewNode::Special { file_type, mode: below.mode, rdev: below.rdev },
        };
        let made = temp.create(&INTERNAL, &new)?;
        if (below.file_type, below.rdev) == (FileType::CharDevice, 0) {
            // It is shown, so it is no whiteout.
            self.layers.marks.set_device(&*upper.fs, made.id)?;
        }
        let marked = self.fill(upper, node, &made, &below, limit)?;
        Ok(Copy { temp, node: made, below, marked })
    }

    /// Gives a new node of the upper layer everything that its original has. Whether it says where it comes from.
    fn fill(&self, upper: &Upper, node: &Node, made: &NodeRef, below: &Metadata, limit: u64) -> Result<bool> {
        let from = &node.lowers.first().ok_or(Errno::STALE)?.node;
        if below.file_type == FileType::Regular && limit > 0 && below.size > 0 {
            self.copy_content(upper, from, made, below.size, limit)?;
        }
        self.copy_xattrs(from, made)?;
        let origin = Origin { layer: node.key.layer, ino: node.key.ino, born: below.btime };
        let marked = match self.layers.marks.set_origin(&*upper.fs, made.id, origin) {
            Ok(()) => true,
            // Hosts have no such attributes on links and special nodes.
            Err(Errno::NOTSUP | Errno::PERM | Errno::ACCES) => false,
            Err(e) => return Err(e),
        };
        copy_attributes(made, below)?;
        Ok(marked)
    }

    fn copy_content(&self, upper: &Upper, from: &NodeRef, to: &NodeRef, size: u64, limit: u64) -> Result<()> {
        let source = from.fs.open(&INTERNAL, from.id, OpenFlags::READ | OpenFlags::NOATIME)?;
        let target = to.fs.open(&INTERNAL, to.id, OpenFlags::READ | OpenFlags::WRITE)?;
        match source.clone_to(&*target) {
            Ok(()) if limit < size => target.set_len(limit)?,
            Ok(()) => {}
            // The whole may not fit where the part does.
            Err(e) if e == Errno::NOTSUP || limit < size => {
                let holes = from.fs.info().caps.contains(FsCaps::SEEK_HOLE);
                copy_bytes(&*source, &*target, size.min(limit), holes)?;
            }
            Err(e) => return Err(e),
        }
        if upper.sync { target.sync(false) } else { Ok(()) }
    }

    /// All attributes but the marks of the layer they are in.
    fn copy_xattrs(&self, from: &NodeRef, to: &NodeRef) -> Result<()> {
        let (Some(source), Some(target)) = (from.fs.xattrs(), to.fs.xattrs()) else { return Ok(()) };
        let mut names = Vec::new();
        match source.list(from.id, &mut |name| names.push(name.to_vec())) {
            Ok(()) => {}
            Err(Errno::NOTSUP) => return Ok(()),
            Err(e) => return Err(e),
        }
        for name in names.iter().filter(|name| !self.layers.marks.is_mark(name)) {
            let value = match source.get(from.id, name) {
                Err(Errno::NODATA) => continue,
                value => value?,
            };
            match target.set(to.id, name, &value, SetXattr::Any) {
                // A name space that the upper layer does not have.
                Ok(()) | Err(Errno::NOTSUP) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// The permission bits that a copy of a node gets. A file is copied because it is about to be changed, perhaps by a guest,
/// perhaps from an image that nobody vouches for, into a directory of the host: there it must not run as its owner does
/// (as writing takes the bits away, and what CVE-2023-0386 was of Linux's overlayfs).
fn mode_of_copy(below: &Metadata) -> u16 {
    match below.file_type {
        FileType::Regular => below.mode & !(SET_USER_ID | SET_GROUP_ID),
        _ => below.mode,
    }
}

const SET_USER_ID: u16 = 0o4000;
const SET_GROUP_ID: u16 = 0o2000;

/// Owner, permission bits and times.
pub(super) fn copy_attributes(to: &NodeRef, from: &Metadata) -> Result<()> {
    let have = to.getattr()?;
    if (have.uid, have.gid) != (from.uid, from.gid) {
        let owner = SetAttr { uid: Some(from.uid), gid: Some(from.gid), ..SetAttr::default() };
        match to.fs.setattr(&INTERNAL, to.id, &owner) {
            // Who may not give files away keeps them, as with every file that he makes.
            Ok(()) | Err(Errno::PERM | Errno::ACCES | Errno::NOTSUP | Errno::INVAL) => {}
            Err(e) => return Err(e),
        }
    }
    // A new owner takes bits away, and so does writing.
    let wanted = mode_of_copy(from);
    let mode = (from.file_type != FileType::Symlink && (have.mode != wanted || have.uid != from.uid || wanted > 0o777))
        .then_some(wanted);
    let (atime, mtime) = (SetTime::To(from.atime), SetTime::To(from.mtime));
    to.fs.setattr(&INTERNAL, to.id, &SetAttr { mode, atime, mtime, ..SetAttr::default() })
}

fn copy_times(to: &NodeRef, from: &Metadata) -> Result<()> {
    let (atime, mtime) = (SetTime::To(from.atime), SetTime::To(from.mtime));
    to.fs.setattr(&INTERNAL, to.id, &SetAttr { atime, mtime, ..SetAttr::default() })
}

/// Copies what is no hole.
fn copy_bytes(from: &dyn VirtualFile, to: &dyn VirtualFile, size: u64, holes: bool) -> Result<()> {
    let mut buf = vec![0; STEP.min(usize::try_from(size).unwrap_or(STEP))];
    let mut at = 0;
    while at < size {
        let mut end = size;
        if holes {
            at = match from.seek_data(at, Seek::Data) {
                Ok(data) => data.min(size),
                Err(Errno::NXIO) => break,
                Err(e) => return Err(e),
            };
            end = match from.seek_data(at, Seek::Hole) {
                Ok(hole) => hole.min(size),
                Err(Errno::NXIO) => size,
                Err(e) => return Err(e),
            };
        }
        while at < end {
            let want = buf.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            let n = from.read_at(&mut [IoSliceMut::new(&mut buf[..want])], at)?;
            if n == 0 {
                // Somebody has cut it meanwhile.
                return Ok(());
            }
            write_all(to, &buf[..n], at)?;
            at += n as u64;
        }
    }
    to.set_len(size)
}

fn write_all(to: &dyn VirtualFile, mut bytes: &[u8], mut at: u64) -> Result<()> {
    while !bytes.is_empty() {
        let (n, end) = to.write_at(&[IoSlice::new(bytes)], At::Offset(at))?;
        if n == 0 {
            return Err(Errno::IO);
        }
        bytes = &bytes[n..];
        at = end;
    }
    Ok(())
}
