//! Extended attributes: those of users (`user.*`), on regular files and directories, which are all that Linux allows;
//! and, if asked for, those of root's overlays (`trusted.overlay.*`).
//!
//! The node is opened for it (an `O_PATH` descriptor has no attributes), which needs the permission to read that
//! reading an attribute needs anyway.

use std::fs::File;

use bytes::Bytes;
use rustix::fs::XattrFlags;

use super::Inner;
use crate::{Errno, FileType, NodeId, OpenFlags, Result, SetXattr, Xattrs};

/// Longest name (`XATTR_NAME_MAX`), largest value and largest list (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const NAME_MAX: usize = 255;
const SIZE_MAX: usize = 64 * 1024;

impl Inner {
    fn open_for_xattr(&self, node: NodeId) -> Result<File> {
        let node = Inner::get(self, node)?;
        match node.file_type {
            FileType::Regular => match self.sys.reopen(&node, OpenFlags::READ) {
                Err(Errno::ACCES) => self.sys.reopen(&node, OpenFlags::WRITE),
                opened => opened,
            },
            FileType::Directory => self.sys.reopen(&node, OpenFlags::READ),
            _ => Err(Errno::NOTSUP),
        }
    }

    fn check_name(&self, name: &[u8]) -> Result<()> {
        match name {
            b"" => Err(Errno::RANGE),
            _ if name.len() > NAME_MAX => Err(Errno::RANGE),
            _ if name.contains(&0) => Err(Errno::INVAL),
            [b'u', b's', b'e', b'r', b'.', _, ..] => Ok(()),
            _ if self.options.overlay_xattrs && name.starts_with(b"trusted.overlay.") => Ok(()),
            _ => Err(Errno::NOTSUP),
        }
    }
}

impl Xattrs for Inner {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        self.check_name(name)?;
        let file = self.open_for_xattr(node)?;
        let mut value = Vec::with_capacity(SIZE_MAX);
        rustix::fs::fgetxattr(&file, name, rustix::buffer::spare_capacity(&mut value))?;
        value.shrink_to_fit();
        Ok(value.into())
    }

    fn set(&self, node: NodeId, name: &[u8], value: &[u8], how: SetXattr) -> Result<()> {
        self.check_name(name)?;
        if value.len() > SIZE_MAX {
            return Err(Errno::TOOBIG);
        }
        let flags = match how {
            SetXattr::Any => XattrFlags::empty(),
            SetXattr::Create => XattrFlags::CREATE,
            SetXattr::Replace => XattrFlags::REPLACE,
        };
        Ok(rustix::fs::fsetxattr(&self.open_for_xattr(node)?, name, value, flags)?)
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        self.check_name(name)?;
        Ok(rustix::fs::fremovexattr(&self.open_for_xattr(node)?, name)?)
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        let file = self.open_for_xattr(node)?;
        let mut names = Vec::with_capacity(SIZE_MAX);
        rustix::fs::flistxattr(&file, rustix::buffer::spare_capacity(&mut names))?;
        for name in names.split(|b| *b == 0).filter(|name| self.check_name(name).is_ok()) {
            sink(name);
        }
        Ok(())
    }
}
