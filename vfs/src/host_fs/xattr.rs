//! Extended attributes: those of users (`user.*`), on regular files and directories, which are all that Linux allows;
//! and, if asked for, those of root's overlays (`trusted.overlay.*`), on everything.
//!
//! A file or directory is opened for it (an `O_PATH` descriptor has no attributes), which needs the permission to read
//! that reading an attribute needs anyway. Anything else must not be opened, and is reached through `/proc/self/fd`, by
//! path, since there is no other call before Linux 6.13: but only after that has been seen to be the real one.

use std::{fs::File, os::fd::AsRawFd as _, sync::Arc};

use bytes::Bytes;
use rustix::{fs::XattrFlags, io};

use super::Inner;
use crate::{Errno, FileType, NodeId, OpenFlags, Result, SetXattr, Xattrs};

/// Longest name (`XATTR_NAME_MAX`), largest value and largest list (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const NAME_MAX: usize = 255;
const SIZE_MAX: usize = 64 * 1024;

const TRUSTED: &[u8] = b"trusted.overlay.";

/// What the kernel is asked about.
enum Target {
    Opened(File),
    /// By path, which is right as long as the descriptor is open.
    Pinned {
        path: String,
        _pin: Arc<File>,
    },
}

impl Target {
    fn get(&self, name: &[u8], value: &mut Vec<u8>) -> io::Result<usize> {
        let value = rustix::buffer::spare_capacity(value);
        match self {
            Target::Opened(file) => rustix::fs::fgetxattr(file, name, value),
            Target::Pinned { path, .. } => rustix::fs::getxattr(&**path, name, value),
        }
    }

    fn set(&self, name: &[u8], value: &[u8], flags: XattrFlags) -> io::Result<()> {
        match self {
            Target::Opened(file) => rustix::fs::fsetxattr(file, name, value, flags),
            Target::Pinned { path, .. } => rustix::fs::setxattr(&**path, name, value, flags),
        }
    }

    fn remove(&self, name: &[u8]) -> io::Result<()> {
        match self {
            Target::Opened(file) => rustix::fs::fremovexattr(file, name),
            Target::Pinned { path, .. } => rustix::fs::removexattr(&**path, name),
        }
    }

    fn list(&self, names: &mut Vec<u8>) -> io::Result<usize> {
        let names = rustix::buffer::spare_capacity(names);
        match self {
            Target::Opened(file) => rustix::fs::flistxattr(file, names),
            Target::Pinned { path, .. } => rustix::fs::listxattr(&**path, names),
        }
    }
}

impl Inner {
    /// `name`: of one attribute, or what all names that are wanted begin with.
    fn target(&self, node: NodeId, name: &[u8]) -> Result<Target> {
        let node = Inner::get(self, node)?;
        let opened = |flags| self.sys.reopen(&node, flags).map(Target::Opened);
        match (node.file_type, &node.pin) {
            (FileType::Regular, _) => match opened(OpenFlags::READ) {
                Err(Errno::ACCES) => opened(OpenFlags::WRITE),
                opened => opened,
            },
            (FileType::Directory, _) => opened(OpenFlags::READ),
            (_, Some(pin)) if self.options.overlay_xattrs && name.starts_with(TRUSTED) => {
                rustix_linux_procfs::proc_self_fd().map_err(|_| Errno::NOTSUP)?;
                Ok(Target::Pinned { path: format!("/proc/self/fd/{}", pin.as_raw_fd()), _pin: pin.clone() })
            }
            _ => Err(Errno::NOTSUP),
        }
    }

    fn check_name(&self, name: &[u8]) -> Result<()> {
        match name {
            b"" => Err(Errno::RANGE),
            _ if name.len() > NAME_MAX => Err(Errno::RANGE),
            _ if name.contains(&0) => Err(Errno::INVAL),
            [b'u', b's', b'e', b'r', b'.', _, ..] => Ok(()),
            _ if self.options.overlay_xattrs && name.starts_with(TRUSTED) => Ok(()),
            _ => Err(Errno::NOTSUP),
        }
    }
}

impl Xattrs for Inner {
    fn get(&self, node: NodeId, name: &[u8]) -> Result<Bytes> {
        self.check_name(name)?;
        let mut value = Vec::with_capacity(SIZE_MAX);
        self.target(node, name)?.get(name, &mut value)?;
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
        Ok(self.target(node, name)?.set(name, value, flags)?)
    }

    fn remove(&self, node: NodeId, name: &[u8]) -> Result<()> {
        self.check_name(name)?;
        Ok(self.target(node, name)?.remove(name)?)
    }

    fn list(&self, node: NodeId, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut names = Vec::with_capacity(SIZE_MAX);
        self.target(node, TRUSTED)?.list(&mut names)?;
        for name in names.split(|b| *b == 0).filter(|name| self.check_name(name).is_ok()) {
            sink(name);
        }
        Ok(())
    }
}
