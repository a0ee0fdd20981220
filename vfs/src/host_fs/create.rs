//! Making nodes.

use std::{fs::File, sync::Arc};

use super::{
    Inner,
    meta::{Attr, new_mode},
    node::Node,
    parent,
    sys::Request,
};
use crate::{Ctx, Entry, Errno, FileType, Name, NewNode, NodeId, OpenFlags, Result};

impl Inner {
    pub(super) fn create(&self, cx: &Ctx<'_>, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        let node = self.get(dir)?;
        let dir = node.dir()?;
        self.make(cx, &node, name, new)?;
        let made = self.sys.pin(dir, name)?;
        if made.file_type == FileType::Directory {
            *made.parent.lock() = Some(parent::link_to(&node));
        }
        let file_type = made.file_type;
        Ok(Entry { node: self.intern(Arc::new(made)), file_type })
    }

    pub(super) fn make(&self, cx: &Ctx<'_>, node: &Node, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        let dir = node.dir()?;
        self.changing(&[(node.key, name)], || self.make_in(cx, dir, name, new))
    }

    fn make_in(&self, cx: &Ctx<'_>, dir: &File, name: Name<'_>, new: &NewNode<'_>) -> Result<()> {
        match *new {
            NewNode::Regular { mode } => {
                let mode = new_mode(mode, cx.cred.umask);
                let request = Request { flags: OpenFlags::empty(), create: Some(mode), exclusive: true };
                drop(self.sys.open(dir, name, request)?);
            }
            NewNode::Directory { mode } => {
                let mode = new_mode(mode, cx.cred.umask);
                self.sys.mkdir(dir, name, mode)?;
            }
            NewNode::Symlink { target } => {
                check_target(target).or_else(|e| taken(dir, name, e))?;
                self.sys.symlink(dir, name, target)?;
            }
            NewNode::Special { file_type, mode, rdev } => {
                let mode = new_mode(mode, cx.cred.umask);
                self.make_special(dir, name, (file_type, mode, rdev)).or_else(|e| taken(dir, name, e))?;
            }
        }
        Ok(())
    }

    fn make_special(&self, dir: &File, name: Name<'_>, new: (FileType, u16, u64)) -> Result<()> {
        match new {
            (FileType::Fifo | FileType::Socket, mode, _) => self.sys.mknod(dir, name, (new.0, mode, 0)),
            (FileType::CharDevice | FileType::BlockDevice, ..) if self.options.devices => {
                self.sys.mknod(dir, name, new)
            }
            // A whiteout has no bits: nobody opens it.
            (FileType::CharDevice, _, 0) => self.sys.mknod(dir, name, (FileType::CharDevice, 0, 0)),
            _ => Err(Errno::NOTSUP),
        }
    }
}

/// `EXIST` comes before `e`.
fn taken<T>(dir: &File, name: Name<'_>, e: Errno) -> Result<T> {
    match Attr::at(dir, name) {
        Ok(_) => Err(Errno::EXIST),
        Err(_) => Err(e),
    }
}

fn check_target(target: &[u8]) -> Result<()> {
    if target.is_empty() || target.contains(&0) {
        return Err(Errno::INVAL);
    }
    if target.len() > crate::PATH_MAX { Err(Errno::NAMETOOLONG) } else { Ok(()) }
}
