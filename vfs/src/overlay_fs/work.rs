//! The work directory: where everything is made before one rename shows it, and where what a rename took away is
//! cleared.
//!
//! Whatever is left in it by a crash is nothing that anybody has seen, and is removed when the layer is opened again.

use core::{ops::ControlFlow, sync::atomic::Ordering};

use super::{
    layer::{INTERNAL, LIST, NodeRef},
    marks::{Marks, Opacity},
    node::Node,
    shared::{Shared, Upper},
};
use crate::{
    Cookie, Ctx, Errno, FileSystem, FileType, Name, NewNode, NodeId, Remove, Rename, Result, SetAttr, SetTime,
};

/// A whiteout, where devices can be made.
const WHITEOUT: NewNode<'static> = NewNode::Special { file_type: FileType::CharDevice, mode: 0, rdev: 0 };

/// How deep a tree may be that is cleared: ours are one level deep.
const MAX_DEPTH: u32 = 64;

/// A name in the work directory, which is gone when this is dropped, with all that is in it.
pub(super) struct Temp<'a> {
    shared: &'a Shared,
    upper: &'a Upper,
    name: String,
    /// Whether the name leads to something.
    used: bool,
}

impl Temp<'_> {
    pub(super) fn name(&self) -> Name<'_> {
        Name::from_checked(self.name.as_bytes())
    }

    /// The name as a place of a rename or link.
    pub(super) fn place(&self) -> (NodeId, Name<'_>) {
        (self.upper.work.id, self.name())
    }

    /// Makes the node that this name is for.
    pub(super) fn create(&mut self, cx: &Ctx<'_>, new: &NewNode<'_>) -> Result<NodeRef> {
        let mut tries = 0;
        loop {
            match self.upper.fs.create(cx, self.upper.work.id, self.name(), new) {
                Ok(made) => {
                    self.used = true;
                    return Ok(NodeRef::adopt(&self.upper.fs, made.node));
                }
                // Left by a fork, or by a crash.
                Err(Errno::EXIST) if tries < 1000 => tries += 1,
                Err(e) => return Err(e),
            }
            self.name = self.shared.temp_name();
        }
    }

    /// A whiteout.
    fn create_whiteout(&mut self) -> Result<()> {
        if self.upper.devices {
            return self.create(&INTERNAL, &WHITEOUT).map(drop);
        }
        let file = self.create(&INTERNAL, &NewNode::Regular { mode: 0 })?;
        self.shared.layers.marks.set_whiteout(&*file.fs, file.id)
    }

    /// Renames it into place.
    pub(super) fn move_to(&mut self, to: (NodeId, Name<'_>), how: Rename) -> Result<()> {
        self.upper.fs.rename(&INTERNAL, self.place(), to, how)?;
        // After an exchange the name leads to what was there.
        self.used = how == Rename::Exchange;
        Ok(())
    }

    /// Renames something here, to be cleared.
    fn take(&mut self, from: (NodeId, Name<'_>)) -> Result<()> {
        self.upper.fs.rename(&INTERNAL, from, self.place(), Rename::Replace)?;
        self.used = true;
        Ok(())
    }

    /// Gives a node this name.
    pub(super) fn link(&mut self, node: NodeId) -> Result<()> {
        self.upper.fs.link(&INTERNAL, node, self.upper.work.id, self.name())?;
        self.used = true;
        Ok(())
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if self.used {
            // What cannot be removed now is removed when the layer is opened again.
            let _ = remove_tree(&*self.upper.fs, self.upper.work.id, self.name(), 0);
        }
        self.shared.temps.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn temp_name(&self) -> String {
        format!("#{:x}", self.next_temp.fetch_add(1, Ordering::Relaxed))
    }

    /// A name in the work directory that leads to nothing yet.
    pub(super) fn temp<'a>(&'a self, upper: &'a Upper) -> Temp<'a> {
        self.temps.fetch_add(1, Ordering::AcqRel);
        Temp { shared: self, upper, name: self.temp_name(), used: false }
    }

    /// Puts a whiteout at a name of an upper directory, in place of what is there, if anything is.
    pub(super) fn whiteout(&self, dir: &Node, name: Name<'_>, there: Option<FileType>) -> Result<()> {
        let upper = self.upper()?;
        let place = dir.real()?;
        self.mark_for_whiteouts(dir)?;
        if there.is_none() && upper.devices {
            let made = upper.fs.create(&INTERNAL, place.id, name, &WHITEOUT)?;
            upper.fs.forget(made.node, 1);
            return Ok(());
        }
        let mut temp = self.temp(upper);
        temp.create_whiteout()?;
        let how = if there == Some(FileType::Directory) { Rename::Exchange } else { Rename::Replace };
        temp.move_to((place.id, name), how)
    }

    /// Renames within the upper layer, leaving a whiteout. Where the layer cannot do that in one step, the whiteout is
    /// made first and put in place second: a crash in between shows what lies below the old name again, and loses
    /// nothing.
    pub(super) fn rename_with_whiteout(&self, from: (&Node, Name<'_>), to: (&Node, Name<'_>)) -> Result<()> {
        let upper = self.upper()?;
        let (old, new) = ((from.0.real()?.id, from.1), (to.0.real()?.id, to.1));
        if upper.devices {
            return upper.fs.rename(&INTERNAL, old, new, Rename::Whiteout);
        }
        self.mark_for_whiteouts(from.0)?;
        let mut temp = self.temp(upper);
        temp.create_whiteout()?;
        upper.fs.rename(&INTERNAL, old, new, Rename::Replace)?;
        temp.move_to(old, Rename::Replace)
    }

    /// Where whiteouts are not devices, the directory says that it holds some.
    pub(super) fn mark_for_whiteouts(&self, dir: &Node) -> Result<()> {
        let (upper, place, marks) = (self.upper()?, dir.real()?, &self.layers.marks);
        if upper.devices || dir.marked.load(Ordering::Relaxed) {
            return Ok(());
        }
        if marks.opacity(&*upper.fs, place.id)? != Opacity::Opaque {
            marks.set_marked(&*upper.fs, place.id)?;
        }
        dir.marked.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes a directory of the upper layer in which there is nothing but whiteouts, perhaps none.
    pub(super) fn remove_dir(&self, dir: &Node, name: Name<'_>) -> Result<()> {
        let upper = self.upper()?;
        let place = dir.real()?.id;
        match upper.fs.remove(&INTERNAL, place, name, Remove::Directory) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => self.temp(upper).take((place, name)),
            done => done,
        }
    }

    /// Takes the whiteouts out of a directory that shows nothing, so that the upper layer lets it be replaced. It shows
    /// nothing all the while.
    pub(super) fn clear(&self, dir: &Node, name: Name<'_>, like: &Node) -> Result<()> {
        let upper = self.upper()?;
        if is_bare(like.real()?)? {
            return Ok(());
        }
        let mut temp = self.temp(upper);
        let empty = temp.create(&INTERNAL, &NewNode::Directory { mode: 0o755 })?;
        self.layers.marks.set_opaque(&*upper.fs, empty.id)?;
        temp.move_to((dir.real()?.id, name), Rename::Exchange)
    }
}

/// Whether a directory of a layer has no entries at all.
pub(super) fn is_bare(dir: &NodeRef) -> Result<bool> {
    let mut bare = true;
    let open = dir.fs.open(&INTERNAL, dir.id, LIST)?;
    open.readdir(Cookie::START, &mut |_| {
        bare = false;
        ControlFlow::Break(())
    })?;
    Ok(bare)
}

/// Removes all that is in a directory of a layer.
pub(super) fn clear_work(dir: &NodeRef) -> Result<()> {
    for name in names_in(&*dir.fs, dir.id)? {
        remove_tree(&*dir.fs, dir.id, Name::from_checked(&name), 0)?;
    }
    Ok(())
}

/// Removes from the index what a crash left there of nodes that have no other name.
pub(super) fn sweep_index(dir: &NodeRef, marks: &Marks) -> Result<()> {
    for name in names_in(&*dir.fs, dir.id)? {
        let name = Name::from_checked(&name);
        let Some((node, _)) = dir.lookup(name)? else { continue };
        let own = node.getattr()?.nlink;
        if own == 1 && marks.read(&*node.fs, node.id)?.names < 0 {
            dir.fs.remove(&INTERNAL, dir.id, name, Remove::NonDirectory)?;
        }
    }
    Ok(())
}

fn names_in(fs: &dyn FileSystem, dir: NodeId) -> Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    let open = fs.open(&INTERNAL, dir, LIST)?;
    open.readdir(Cookie::START, &mut |entry| {
        names.push(entry.name.as_bytes().to_vec());
        ControlFlow::Continue(())
    })?;
    Ok(names)
}

fn remove_tree(fs: &dyn FileSystem, dir: NodeId, name: Name<'_>, depth: u32) -> Result<()> {
    match fs.remove(&INTERNAL, dir, name, Remove::NonDirectory) {
        // Some systems say so of every directory.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        done => return done,
    }
    match fs.remove(&INTERNAL, dir, name, Remove::Directory) {
        Err(Errno::NOTEMPTY | Errno::EXIST) if depth < MAX_DEPTH => {}
        done => return done,
    }
    let found = fs.lookup(&INTERNAL, dir, name)?;
    let inner = NodeRefIn(fs, found.node);
    let mtime = fs.getattr(inner.1)?.mtime;
    for child in names_in(fs, inner.1)? {
        remove_tree(fs, inner.1, Name::from_checked(&child), depth + 1)?;
    }
    // Whoever has it open has not seen what was in it, so to them nothing has been changed. A layer that cannot set times
    // shows another, and that is no reason to leave the directory there.
    let _ = fs.setattr(&INTERNAL, inner.1, &SetAttr { mtime: SetTime::To(mtime), ..SetAttr::default() });
    drop(inner);
    fs.remove(&INTERNAL, dir, name, Remove::Directory)
}

/// A node that is held while a tree is cleared.
struct NodeRefIn<'a>(&'a dyn FileSystem, NodeId);

impl Drop for NodeRefIn<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1, 1);
    }
}
