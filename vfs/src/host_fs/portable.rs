//! [`Sys`] on cap-primitives: what every system but Linux uses, and Linux when it is told to.
//!
//! One name at a time, never a path, so that of cap-primitives' resolver only the last step is used. Where the
//! system cannot hold a node without opening it, the node keeps the places where it was found instead (our own renames
//! and links keep them up to date), and every use checks that the name still leads to the node; a node that has been
//! moved by others since is `NOENT` then.

use std::{ffi::OsStr, fs::File, path::Path, sync::Arc};

use bytes::Bytes;
use cap_primitives::fs::{self as cap, DirOptions, FollowSymlinks, OpenOptions};

use super::{
    meta::Attr,
    node::Node,
    sys::{Request, Sys, TRIES, set_attr_of},
};
use crate::{Errno, FileType, Name, OpenFlags, Remove, Rename, Result, SetAttr};

#[derive(Debug)]
pub(super) struct Portable;

impl Sys for Portable {
    fn pins_all(&self) -> bool {
        false
    }

    fn appends(&self) -> bool {
        false
    }

    fn open_run(&self, _dir: &File, _run: &[u8], _how: Request) -> Option<Result<File>> {
        None
    }

    fn pin_run(&self, _dir: &File, _run: &[u8], _directory: bool) -> Option<Result<File>> {
        None
    }

    fn stat_run(&self, _dir: &File, _run: &[u8], _follow: bool) -> Option<Result<Attr>> {
        None
    }

    fn open(&self, dir: &File, name: Name<'_>, how: Request) -> Result<File> {
        if how.create.is_some() && !how.exclusive {
            // In two steps, because std creates only for writing, which what is there may not allow.
            for _ in 0..TRIES {
                match self.open(dir, name, Request { exclusive: true, ..how }) {
                    Err(Errno::EXIST) => {}
                    made => return made,
                }
                match self.open(dir, name, Request { create: None, ..how }) {
                    Err(Errno::NOENT) => {}
                    opened => return opened,
                }
            }
            return Err(Errno::AGAIN);
        }
        if how.create.is_none() {
            match Attr::at(dir, name)?.file_type {
                FileType::Symlink => return Err(Errno::LOOP),
                FileType::Directory => {}
                _ if how.flags.contains(OpenFlags::DIRECTORY) => return Err(Errno::NOTDIR),
                FileType::Socket => return Err(Errno::NXIO),
                _ => {}
            }
        }
        Ok(open_quietly(dir, path_of(&name)?, how)?)
    }

    fn pin(&self, dir: &Arc<File>, name: Name<'_>) -> Result<Node> {
        // The name may change between two calls; what was opened counts.
        for _ in 0..8 {
            let attr = Attr::at(dir, name)?;
            let opened = match attr.file_type {
                FileType::Directory => cap::open_dir_nofollow(dir, path_of(&name)?),
                // A FIFO opened for reading would be a reader that others see.
                FileType::Regular => cap::open(
                    dir,
                    path_of(&name)?,
                    &options(Request { flags: OpenFlags::READ, create: None, exclusive: false }),
                ),
                _ => {
                    let node = Node::new(attr.identity(), None, None);
                    node.add_place(dir, name.as_bytes());
                    return Ok(node);
                }
            };
            let pin = match opened {
                Ok(file) if Attr::of(&file)?.key == attr.key => Some(Arc::new(file)),
                Ok(_) => continue,
                Err(e) if attr.file_type == FileType::Directory => return Err(e.into()),
                // Not ours to read: the place must do.
                Err(_) => None,
            };
            let node = Node::new(attr.identity(), pin, None);
            if attr.file_type != FileType::Directory {
                node.add_place(dir, name.as_bytes());
            }
            return Ok(node);
        }
        Err(Errno::AGAIN)
    }

    fn reopen(&self, node: &Node, flags: OpenFlags) -> Result<File> {
        if let Ok(dir) = node.dir() {
            if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) {
                return Err(Errno::ISDIR);
            }
            let flags = OpenFlags::READ | OpenFlags::DIRECTORY | (flags & OpenFlags::NOATIME);
            return Ok(open_quietly(dir, Path::new("."), Request { flags, create: None, exclusive: false })?);
        }
        let how = Request { flags: flags - OpenFlags::TRUNC, create: None, exclusive: false };
        let file = node.at_place(|dir, name| self.open(dir, name, how))?;
        if Attr::of(&file)?.key != node.key {
            return Err(Errno::NOENT);
        }
        if flags.contains(OpenFlags::TRUNC | OpenFlags::WRITE) && node.file_type == FileType::Regular {
            file.set_len(0)?;
        }
        Ok(file)
    }

    fn readlink_at(&self, dir: &File, name: Name<'_>) -> Result<Bytes> {
        if Attr::at(dir, name)?.file_type != FileType::Symlink {
            return Err(Errno::INVAL);
        }
        let target = cap::read_link_contents(dir, path_of(&name)?)?;
        bytes_of(target.as_os_str())
    }

    fn readlink(&self, node: &Node) -> Result<Bytes> {
        if node.file_type != FileType::Symlink {
            return Err(Errno::INVAL);
        }
        node.at_place(|dir, name| self.readlink_at(dir, name))
    }

    fn set_attr(&self, node: &Node, attr: &SetAttr) -> Result<()> {
        match node.file_type {
            FileType::Regular if attr.size.is_some() => set_attr_of(&self.reopen(node, OpenFlags::WRITE)?, attr),
            FileType::Regular => match &node.pin {
                Some(file) if cfg!(unix) => set_attr_of(file, attr),
                _ => {
                    let file = self.reopen(node, OpenFlags::WRITE).or_else(|_| self.reopen(node, OpenFlags::READ))?;
                    set_attr_of(&file, attr)
                }
            },
            FileType::Directory => set_attr_of(&self.reopen(node, OpenFlags::READ)?, attr),
            _ => set_attr_at(node, attr),
        }
    }

    fn mkdir(&self, dir: &File, name: Name<'_>, mode: u16) -> Result<()> {
        #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode"))]
        let mut options = DirOptions::new();
        #[cfg(unix)]
        cap::DirBuilderExt::mode(&mut options, mode.into());
        #[cfg(not(unix))]
        let _ = mode;
        Ok(cap::create_dir(dir, path_of(&name)?, &options)?)
    }

    fn mknod(&self, _dir: &File, _name: Name<'_>, _new: (FileType, u16, u64)) -> Result<()> {
        Err(Errno::NOTSUP)
    }

    fn symlink(&self, dir: &File, name: Name<'_>, target: &[u8]) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            Ok(cap::symlink_contents(Path::new(OsStr::from_bytes(target)), dir, path_of(&name)?)?)
        }
        #[cfg(windows)]
        {
            // Windows wants to know what the target is, and takes no other separator.
            let target = core::str::from_utf8(target).map_err(|_| Errno::ILSEQ)?;
            if target.starts_with('/') || target.contains(['\\', ':']) {
                return Err(Errno::PERM);
            }
            Ok(cap::symlink_file(Path::new(target), dir, path_of(&name)?)?)
        }
    }

    fn link(&self, node: &Node, dir: &Arc<File>, name: Name<'_>) -> Result<()> {
        if node.file_type == FileType::Directory {
            return Err(if Attr::at(dir, name).is_ok() { Errno::EXIST } else { Errno::PERM });
        }
        if Attr::at(dir, name).is_ok() {
            return Err(Errno::EXIST);
        }
        node.at_place(|from, old| Ok(cap::hard_link(from, path_of(&old)?, dir, path_of(&name)?)?))?;
        // Somebody may have put another node into the old name after `place` looked.
        if Attr::at(dir, name).map(|attr| attr.key) != Ok(node.key) {
            cap::remove_file(dir, path_of(&name)?)?;
            return Err(Errno::NOENT);
        }
        node.add_place(dir, name.as_bytes());
        Ok(())
    }

    fn remove(&self, dir: &File, name: Name<'_>, what: Remove) -> Result<()> {
        // The systems disagree about the errors, not about the outcome.
        let is_dir = Attr::at(dir, name)?.file_type == FileType::Directory;
        match what {
            Remove::NonDirectory if is_dir => Err(Errno::ISDIR),
            Remove::NonDirectory => Ok(cap::remove_file(dir, path_of(&name)?)?),
            Remove::Directory if !is_dir => Err(Errno::NOTDIR),
            Remove::Directory => Ok(cap::remove_dir(dir, path_of(&name)?)?),
        }
    }

    fn rename(&self, from: (&File, Name<'_>), to: (&File, Name<'_>), how: Rename) -> Result<()> {
        if how != Rename::Replace {
            return Err(Errno::INVAL);
        }
        Ok(cap::rename(from.0, path_of(&from.1)?, to.0, path_of(&to.1)?)?)
    }
}

/// Attributes of what cannot be opened.
#[cfg(unix)]
fn set_attr_at(node: &Node, attr: &SetAttr) -> Result<()> {
    use rustix::fs::AtFlags;

    use crate::SetTime;

    if attr.mode.is_some() {
        return Err(Errno::NOTSUP);
    }
    node.at_place(|dir, name| {
        if attr.uid.is_some() || attr.gid.is_some() {
            let (uid, gid) = (attr.uid.map(rustix::fs::Uid::from_raw), attr.gid.map(rustix::fs::Gid::from_raw));
            rustix::fs::chownat(dir, name.as_bytes(), uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if attr.atime != SetTime::Keep || attr.mtime != SetTime::Keep {
            let times = super::meta::timestamps(attr.atime, attr.mtime);
            rustix::fs::utimensat(dir, name.as_bytes(), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    })
}

#[cfg(windows)]
fn set_attr_at(_node: &Node, attr: &SetAttr) -> Result<()> {
    if *attr == SetAttr::default() { Ok(()) } else { Err(Errno::NOTSUP) }
}

/// Opens, and if `NOATIME` is what the host does not permit, once more without it.
fn open_quietly(dir: &File, path: &Path, how: Request) -> std::io::Result<File> {
    match cap::open(dir, path, &options(how)) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied && how.flags.contains(OpenFlags::NOATIME) => {
            cap::open(dir, path, &options(Request { flags: how.flags - OpenFlags::NOATIME, ..how }))
        }
        done => done,
    }
}

fn options(how: Request) -> OpenOptions {
    let write = how.flags.contains(OpenFlags::WRITE) || how.create.is_some();
    let read = how.flags.contains(OpenFlags::READ) || !write;
    let mut options = OpenOptions::new();
    options.read(read).write(write).create_new(how.create.is_some());
    options.truncate(how.create.is_none() && how.flags.contains(OpenFlags::TRUNC | OpenFlags::WRITE));
    options._cap_fs_ext_follow(FollowSymlinks::No)._cap_fs_ext_nonblock(true)._cap_fs_ext_maybe_dir(true);
    #[cfg(unix)]
    {
        use cap::OpenOptionsExt;
        let mut flags = rustix::fs::OFlags::NOCTTY;
        flags.set(rustix::fs::OFlags::DIRECTORY, how.flags.contains(OpenFlags::DIRECTORY));
        #[cfg(target_os = "linux")]
        flags.set(rustix::fs::OFlags::NOATIME, how.flags.contains(OpenFlags::NOATIME));
        #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)]
        options.custom_flags(flags.bits() as i32);
        options.mode(how.create.unwrap_or(0o666).into());
    }
    options
}

/// The name as a path of one component.
#[cfg(unix)]
pub(super) fn path_of<'a>(name: &'a Name<'_>) -> Result<&'a Path> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Path::new(OsStr::from_bytes(name.as_bytes())))
}

/// The name as a path of one component. What Windows would read as something else (a separator, a drive, a stream, a
/// wildcard; dots and spaces at the end, which it drops) is `INVAL`; names of devices are refused by cap-primitives.
#[cfg(windows)]
pub(super) fn path_of<'a>(name: &'a Name<'_>) -> Result<&'a Path> {
    let text = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::ILSEQ)?;
    let odd = |c: char| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    if text.contains(odd) || text.ends_with(['.', ' ']) {
        return Err(Errno::INVAL);
    }
    Ok(Path::new(text))
}

#[cfg(unix)]
fn bytes_of(text: &OsStr) -> Result<Bytes> {
    use std::os::unix::ffi::OsStrExt;
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

#[cfg(windows)]
fn bytes_of(text: &OsStr) -> Result<Bytes> {
    let text = text.to_str().ok_or(Errno::ILSEQ)?;
    Ok(text.replace('\\', "/").into_bytes().into())
}
