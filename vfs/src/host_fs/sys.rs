//! [`Sys`]: the syscalls that host_fs is made of, in two implementations: `linux` and `portable`.
//!
//! Every method acts on a descriptor that we hold, or on one [`Name`] in a directory whose descriptor we hold; none of
//! them follows a symbolic link. The two methods that take a run of names may decline.

use core::fmt;
use std::{fs::File, sync::Arc};

use bytes::Bytes;

use super::{meta::Attr, node::Node};
use crate::{FileType, Name, OpenFlags, Remove, Rename, Result, SetAttr};

/// How often an operation is tried again when somebody else changes the name under it.
pub(super) const TRIES: usize = 16;

/// How to open a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// Access, `APPEND`, `TRUNC` and `DIRECTORY` matter. Without access the file is opened for reading.
    pub(super) flags: OpenFlags,
    /// Make a regular file with these permission bits if there is nothing.
    pub(super) create: Option<u16>,
    /// With `create`: `EXIST` if there is anything.
    pub(super) exclusive: bool,
}

/// The host.
pub(super) trait Sys: fmt::Debug + Send + Sync {
    /// Whether [`pin`](Sys::pin) holds on to every kind of node by itself.
    fn pins_all(&self) -> bool;

    /// Whether what is opened to write and append is a descriptor that the host writes to at the end only.
    fn appends(&self) -> bool;

    /// Opens what a run of names leads to. `None`: not in one go, take the names one by one. Never waits.
    fn open_run(&self, dir: &File, run: &[u8], how: Request) -> Option<Result<File>>;

    /// Pins what a run of names leads to. `None`: not in one go.
    fn pin_run(&self, dir: &File, run: &[u8], directory: bool) -> Option<Result<File>>;

    /// Metadata of what a run of names leads to. `None`: not in one go, which a missing name is no reason for.
    fn stat_run(&self, dir: &File, run: &[u8], follow: bool) -> Option<Result<Attr>>;

    /// Opens one name; `LOOP` for a symbolic link. Never waits.
    fn open(&self, dir: &File, name: Name<'_>, how: Request) -> Result<File>;

    /// Finds one name, which may be a symbolic link, and holds on to it.
    fn pin(&self, dir: &Arc<File>, name: Name<'_>) -> Result<Node>;

    /// Opens a node that is known. The caller has excluded symbolic links.
    fn reopen(&self, node: &Node, flags: OpenFlags) -> Result<File>;

    /// The target of the symbolic link of this name, else `INVAL`.
    fn readlink_at(&self, dir: &File, name: Name<'_>) -> Result<Bytes>;

    /// The target of a symbolic link that is known, else `INVAL`.
    fn readlink(&self, node: &Node) -> Result<Bytes>;

    /// Changes attributes of a node; the caller has checked that they fit its type.
    fn set_attr(&self, node: &Node, attr: &SetAttr) -> Result<()>;

    fn mkdir(&self, dir: &File, name: Name<'_>, mode: u16) -> Result<()>;
    /// Makes a FIFO, a socket or a device: its type, permission bits, and number. A character device with number 0 needs
    /// no privilege.
    fn mknod(&self, dir: &File, name: Name<'_>, new: (FileType, u16, u64)) -> Result<()>;
    fn symlink(&self, dir: &File, name: Name<'_>, target: &[u8]) -> Result<()>;
    fn link(&self, node: &Node, dir: &Arc<File>, name: Name<'_>) -> Result<()>;
    fn remove(&self, dir: &File, name: Name<'_>, what: Remove) -> Result<()>;
    fn rename(&self, from: (&File, Name<'_>), to: (&File, Name<'_>), how: Rename) -> Result<()>;
}

/// Changes attributes of an open file. Several attributes are several syscalls, most likely to fail first: the host
/// offers no way to change them all or none.
#[cfg(unix)]
pub(super) fn set_attr_of(file: &File, attr: &SetAttr) -> Result<()> {
    use rustix::fs::{Gid, Mode, Uid};

    use crate::SetTime;

    if attr.uid.is_some() || attr.gid.is_some() {
        rustix::fs::fchown(file, attr.uid.map(Uid::from_raw), attr.gid.map(Gid::from_raw))?;
    }
    if let Some(mode) = attr.mode {
        rustix::fs::fchmod(file, Mode::from_raw_mode((mode & 0o7777) as _))?;
    }
    if let Some(size) = attr.size {
        rustix::io::retry_on_intr(|| rustix::fs::ftruncate(file, size))?;
    }
    if attr.atime != SetTime::Keep || attr.mtime != SetTime::Keep {
        rustix::fs::futimens(file, &super::meta::timestamps(attr.atime, attr.mtime))?;
    }
    Ok(())
}

#[cfg(windows)]
pub(super) fn set_attr_of(file: &File, attr: &SetAttr) -> Result<()> {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use crate::{Errno, SetTime};

    if attr.uid.is_some() || attr.gid.is_some() {
        return Err(Errno::NOTSUP);
    }
    if let Some(mode) = attr.mode {
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(mode & 0o222 == 0);
        file.set_permissions(permissions)?;
    }
    if let Some(size) = attr.size {
        file.set_len(size)?;
    }
    let instant = |t: SetTime| match t {
        SetTime::Keep => Ok(None),
        SetTime::Now => Ok(Some(SystemTime::now())),
        SetTime::To(t) => {
            let (seconds, nanos) = t.to_parts();
            let whole = Duration::from_secs(seconds.unsigned_abs());
            let base = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
            let at = base.and_then(|t| t.checked_add(Duration::from_nanos(nanos.into())));
            at.map(Some).ok_or(Errno::OVERFLOW)
        }
    };
    let mut times = std::fs::FileTimes::new();
    if let Some(t) = instant(attr.atime)? {
        times = times.set_accessed(t);
    }
    if let Some(t) = instant(attr.mtime)? {
        times = times.set_modified(t);
    }
    if attr.atime != SetTime::Keep || attr.mtime != SetTime::Keep {
        file.set_times(times)?;
    }
    Ok(())
}
