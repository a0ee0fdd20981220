//! [`Sys`] on Linux: `openat2` for runs of names, the `*at` calls for single ones, `O_PATH` descriptors as pins.
//!
//! An `O_PATH` descriptor has no way of its own to be opened, or to change its mode. `/proc/self/fd` has, and is used
//! for that alone, after it has been seen to be the real procfs (`rustix-linux-procfs` checks device, type, mode and
//! mount); what is opened there is the inode that we hold, whatever has happened to its names.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use bytes::Bytes;
use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags},
    io::Errno as HostErrno,
    path::DecInt,
};

use super::{
    file::TO_APPEND,
    meta::{Attr, Identity, timestamps},
    node::Node,
    sys::{Request, Sys},
};
use crate::{
    Errno, FileType, Name, OpenFlags, Remove, Rename, Result, SetAttr, SetTime,
    sync::atomic::{AtomicBool, Ordering},
};

/// No magic links and no symbolic links at all, so that the only ways left are down.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_SYMLINKS);

/// What every descriptor for reading or writing is opened with: no waiting for the other end of a FIFO, no controlling
/// terminal.
const SAFE: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

const PIN: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

#[derive(Debug, Default)]
pub(super) struct Linux {
    /// The kernel has no `openat2` (before 5.6).
    no_openat2: AtomicBool,
}

impl Linux {
    /// Whether `openat2` works here at all.
    pub(super) fn has_openat2(&self, root: &File) -> bool {
        rustix::fs::openat2(root, c".", PIN | OFlags::DIRECTORY, Mode::empty(), RESOLVE).is_ok()
    }

    #[cfg(test)]
    pub(super) fn without_openat2() -> Linux {
        Linux { no_openat2: true.into() }
    }

    fn openat2(&self, dir: &File, run: &[u8], flags: OFlags, mode: Mode) -> Option<Result<File>> {
        if self.no_openat2.load(Ordering::Relaxed) {
            return None;
        }
        // EAGAIN: something was renamed meanwhile, and the kernel could not exclude an escape.
        for _ in 0..4 {
            return match rustix::fs::openat2(dir, run, flags, mode, RESOLVE) {
                Ok(fd) => Some(Ok(File::from(fd))),
                Err(HostErrno::AGAIN | HostErrno::INTR) => continue,
                Err(HostErrno::NOSYS) => {
                    self.no_openat2.store(true, Ordering::Relaxed);
                    None
                }
                // A symbolic link or a missing name somewhere: where, only single steps tell. EPERM may be a seccomp
                // filter; EINVAL and E2BIG a kernel that knows another `open_how`.
                Err(HostErrno::LOOP | HostErrno::NOENT | HostErrno::XDEV) => None,
                Err(HostErrno::PERM | HostErrno::INVAL | HostErrno::TOOBIG) => None,
                Err(e) => Some(Err(e.into())),
            };
        }
        None
    }
}

impl Sys for Linux {
    fn pins_all(&self) -> bool {
        true
    }

    fn appends(&self) -> bool {
        true
    }

    fn open_run(&self, dir: &File, run: &[u8], how: Request) -> Option<Result<File>> {
        match self.openat2(dir, run, oflags(how) | OFlags::NOFOLLOW, mode_of(how)) {
            // As in `pin_run`: it may be a link to a directory.
            Some(Err(Errno::NOTDIR)) if how.flags.contains(OpenFlags::DIRECTORY) => None,
            done => done,
        }
    }

    fn pin_run(&self, dir: &File, run: &[u8], directory: bool) -> Option<Result<File>> {
        let flags = if directory { PIN | OFlags::DIRECTORY } else { PIN };
        match self.openat2(dir, run, flags, Mode::empty()) {
            // Under O_NOFOLLOW a symbolic link in the last place is just no directory.
            Some(Err(Errno::NOTDIR)) => None,
            done => done,
        }
    }

    fn stat_run(&self, dir: &File, run: &[u8], follow: bool) -> Option<Result<Attr>> {
        if self.no_openat2.load(Ordering::Relaxed) {
            return None;
        }
        // A symbolic link that is to be followed fails at once.
        let flags = if follow { PIN - OFlags::NOFOLLOW } else { PIN };
        match rustix::fs::openat2(dir, run, flags, Mode::empty(), RESOLVE) {
            Ok(fd) => Some(Attr::of(&File::from(fd))),
            // Where no symbolic link is followed, one of the names is missing, and nothing else can be meant.
            Err(HostErrno::NOENT) => Some(Err(Errno::NOENT)),
            // The other way tells.
            Err(_) => None,
        }
    }

    fn open(&self, dir: &File, name: Name<'_>, how: Request) -> Result<File> {
        let open = |flags| {
            let flags = flags | OFlags::NOFOLLOW;
            rustix::io::retry_on_intr(|| rustix::fs::openat(dir, name.as_bytes(), flags, mode_of(how)))
        };
        match quietly(oflags(how), open) {
            Ok(fd) => Ok(File::from(fd)),
            // With O_DIRECTORY a symbolic link is just no directory; the caller must know.
            Err(HostErrno::NOTDIR) if rustix::fs::readlinkat(dir, name.as_bytes(), Vec::new()).is_ok() => {
                Err(Errno::LOOP)
            }
            Err(e) => Err(e.into()),
        }
    }

    fn pin(&self, dir: &Arc<File>, name: Name<'_>) -> Result<Node> {
        let open = || rustix::fs::openat(dir, name.as_bytes(), PIN, Mode::empty());
        let file = File::from(rustix::io::retry_on_intr(open)?);
        Ok(Node::new(Identity::of(&file)?, Some(Arc::new(file)), None))
    }

    fn reopen(&self, node: &Node, flags: OpenFlags) -> Result<File> {
        let pin = pin_of(node)?;
        let open = |flags| match node.file_type {
            FileType::Directory => rustix::fs::openat(pin, c".", flags, Mode::empty()),
            _ => rustix::fs::openat(proc_self_fd()?, DecInt::from_fd(pin), flags, Mode::empty()),
        };
        let flags = oflags(Request { flags, create: None, exclusive: false });
        Ok(File::from(quietly(flags, |flags| rustix::io::retry_on_intr(|| open(flags)))?))
    }

    fn readlink_at(&self, dir: &File, name: Name<'_>) -> Result<Bytes> {
        let read = || rustix::fs::readlinkat(dir, name.as_bytes(), Vec::new());
        Ok(rustix::io::retry_on_intr(read)?.into_bytes().into())
    }

    fn readlink(&self, node: &Node) -> Result<Bytes> {
        if node.file_type != FileType::Symlink {
            return Err(Errno::INVAL);
        }
        let pin = pin_of(node)?;
        Ok(rustix::io::retry_on_intr(|| rustix::fs::readlinkat(pin, c"", Vec::new()))?.into_bytes().into())
    }

    fn set_attr(&self, node: &Node, attr: &SetAttr) -> Result<()> {
        let pin = pin_of(node)?;
        if attr.uid.is_some() || attr.gid.is_some() {
            let (uid, gid) = (attr.uid.map(rustix::fs::Uid::from_raw), attr.gid.map(rustix::fs::Gid::from_raw));
            rustix::fs::chownat(pin, c"", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        if let Some(mode) = attr.mode {
            let mode = Mode::from_raw_mode((mode & 0o7777).into());
            rustix::fs::chmodat(proc_self_fd()?, DecInt::from_fd(pin), mode, AtFlags::empty())?;
        }
        if let Some(size) = attr.size {
            let file = self.reopen(node, OpenFlags::WRITE)?;
            rustix::io::retry_on_intr(|| rustix::fs::ftruncate(&file, size))?;
        }
        if attr.atime != SetTime::Keep || attr.mtime != SetTime::Keep {
            let times = timestamps(attr.atime, attr.mtime);
            match rustix::fs::utimensat(pin, c"", &times, AtFlags::EMPTY_PATH) {
                // Before Linux 5.8.
                Err(HostErrno::INVAL) => {
                    rustix::fs::utimensat(proc_self_fd()?, DecInt::from_fd(pin), &times, AtFlags::empty())?;
                }
                done => done?,
            }
        }
        Ok(())
    }

    fn mkdir(&self, dir: &File, name: Name<'_>, mode: u16) -> Result<()> {
        Ok(rustix::fs::mkdirat(dir, name.as_bytes(), Mode::from_raw_mode(mode.into()))?)
    }

    fn mknod(&self, dir: &File, name: Name<'_>, (file_type, mode, rdev): (FileType, u16, u64)) -> Result<()> {
        use rustix::fs::FileType as T;

        let file_type = match file_type {
            FileType::Fifo => T::Fifo,
            FileType::Socket => T::Socket,
            FileType::CharDevice => T::CharacterDevice,
            FileType::BlockDevice => T::BlockDevice,
            _ => return Err(Errno::NOTSUP),
        };
        // The kernel takes 32 bits (12 of the major number, 20 of the minor), and would make another device of more.
        if u32::try_from(rdev).is_err() {
            return Err(Errno::INVAL);
        }
        Ok(rustix::fs::mknodat(dir, name.as_bytes(), file_type, Mode::from_raw_mode(mode.into()), rdev)?)
    }

    fn symlink(&self, dir: &File, name: Name<'_>, target: &[u8]) -> Result<()> {
        Ok(rustix::fs::symlinkat(target, dir, name.as_bytes())?)
    }

    fn link(&self, node: &Node, dir: &Arc<File>, name: Name<'_>) -> Result<()> {
        let pin = pin_of(node)?;
        match rustix::fs::linkat(pin, c"", dir, name.as_bytes(), AtFlags::EMPTY_PATH) {
            // Linking a bare descriptor needs CAP_DAC_READ_SEARCH, or since 6.10 the credentials that opened it; the
            // lack of them is ENOENT, as is a node without names. Procfs needs nothing, and jumps to the node itself,
            // be it a symbolic link.
            Err(HostErrno::NOENT) => {
                let from = proc_self_fd()?;
                Ok(rustix::fs::linkat(from, DecInt::from_fd(pin), dir, name.as_bytes(), AtFlags::SYMLINK_FOLLOW)?)
            }
            done => Ok(done?),
        }
    }

    fn remove(&self, dir: &File, name: Name<'_>, what: Remove) -> Result<()> {
        let flags = match what {
            Remove::NonDirectory => AtFlags::empty(),
            Remove::Directory => AtFlags::REMOVEDIR,
        };
        Ok(rustix::fs::unlinkat(dir, name.as_bytes(), flags)?)
    }

    fn rename(&self, from: (&File, Name<'_>), to: (&File, Name<'_>), how: Rename) -> Result<()> {
        let (old, new) = (from.1.as_bytes(), to.1.as_bytes());
        let flags = match how {
            Rename::Replace => return Ok(rustix::fs::renameat(from.0, old, to.0, new)?),
            Rename::NoReplace => RenameFlags::NOREPLACE,
            Rename::Exchange => RenameFlags::EXCHANGE,
            Rename::Whiteout => RenameFlags::WHITEOUT,
        };
        Ok(rustix::fs::renameat_with(from.0, old, to.0, new, flags)?)
    }
}

/// The verified `/proc/self/fd`. Where there is none, what needs it is not supported.
fn proc_self_fd() -> Result<BorrowedFd<'static>, HostErrno> {
    rustix_linux_procfs::proc_self_fd().map_err(|_| HostErrno::OPNOTSUPP)
}

fn pin_of(node: &Node) -> Result<BorrowedFd<'_>> {
    node.pin.as_deref().map(|pin| pin.as_fd()).ok_or(Errno::STALE)
}

fn oflags(how: Request) -> OFlags {
    let mut flags = SAFE;
    flags |= match (how.flags.contains(OpenFlags::READ), how.flags.contains(OpenFlags::WRITE)) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        (_, false) => OFlags::RDONLY,
    };
    flags.set(OFlags::TRUNC, how.flags.contains(OpenFlags::TRUNC | OpenFlags::WRITE));
    flags.set(OFlags::DIRECTORY, how.flags.contains(OpenFlags::DIRECTORY));
    flags.set(OFlags::CREATE, how.create.is_some());
    flags.set(OFlags::EXCL, how.exclusive);
    flags.set(OFlags::APPEND, how.flags.contains(TO_APPEND));
    flags.set(OFlags::NOATIME, how.flags.contains(OpenFlags::NOATIME));
    flags
}

/// Opens, and if `O_NOATIME` is what the host does not permit (the file is somebody else's), once more without it.
fn quietly<T>(
    flags: OFlags,
    open: impl Fn(OFlags) -> core::result::Result<T, HostErrno>,
) -> core::result::Result<T, HostErrno> {
    match open(flags) {
        Err(HostErrno::PERM) if flags.contains(OFlags::NOATIME) => open(flags - OFlags::NOATIME),
        done => done,
    }
}

fn mode_of(how: Request) -> Mode {
    Mode::from_raw_mode(how.create.unwrap_or(0).into())
}

/// Whether the host lets us use extended attributes on this directory.
pub(super) fn has_xattrs(root: &File) -> bool {
    let flags = SAFE | OFlags::RDONLY | OFlags::DIRECTORY;
    let Ok(fd) = rustix::fs::openat(root, c".", flags, Mode::empty()) else { return false };
    let mut value = [0u8; 1];
    matches!(
        rustix::fs::fgetxattr(&fd, c"user.probe", &mut value[..]),
        Ok(_) | Err(HostErrno::NODATA | HostErrno::RANGE)
    )
}
