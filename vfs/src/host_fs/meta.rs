//! [`Attr`]: what the host says about a node, and what we make of it.

use std::fs::File;

#[cfg(unix)]
use crate::SetTime;
use crate::{Errno, FileType, Metadata, Name, NodeId, Result, Time};

/// Identity of a node on the host.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) dev: u64,
    pub(super) ino: u64,
}

impl Key {
    /// The number by which the outside knows this node, if nobody else has it: the host's own on the device of the
    /// root, so that it equals `d_ino`; on devices mounted below, and for the rare host that uses the top bit, a hash
    /// with the top bit set. A function of the key alone, so that a stat without a table entry agrees with the table.
    pub(super) fn id(self, root_dev: u64) -> NodeId {
        let raw = if self.dev == root_dev && self.ino != 0 && self.ino < TOP {
            self.ino
        } else {
            mix(mix(self.dev) ^ self.ino) | TOP
        };
        NodeId::new(raw).unwrap_or(NodeId(core::num::NonZeroU64::MIN))
    }
}

pub(super) const TOP: u64 = 1 << 63;

/// A bijection that spreads every bit over all others (two xor-shift-multiply rounds).
pub(super) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

/// Who a node is, and of which type: what never changes as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) key: Key,
    pub(super) file_type: FileType,
}

impl Identity {
    /// Of an open file or pinned node, by the cheapest system call.
    pub(super) fn of(file: &File) -> Result<Identity> {
        #[cfg(unix)]
        let attr = posix(&rustix::fs::fstat(file)?);
        #[cfg(not(unix))]
        let attr = host::of(file)?;
        Ok(attr.identity())
    }
}

/// Metadata as the host gave it: [`Metadata`] but for the numbers that we choose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attr {
    pub(super) key: Key,
    pub(super) file_type: FileType,
    pub(super) mode: u16,
    nlink: u64,
    uid: u32,
    gid: u32,
    pub(super) size: u64,
    blocks: u64,
    rdev: u64,
    atime: Time,
    mtime: Time,
    ctime: Time,
    btime: Time,
}

impl Attr {
    /// Whether the node has no name any more.
    pub(super) fn is_nameless(&self) -> bool {
        self.nlink == 0
    }

    pub(super) fn metadata(&self, dev: u64, ino: NodeId) -> Metadata {
        Metadata {
            dev,
            ino,
            file_type: self.file_type,
            mode: self.mode,
            nlink: self.nlink,
            uid: self.uid,
            gid: self.gid,
            size: self.size,
            blocks: self.blocks,
            rdev: self.rdev,
            atime: self.atime,
            mtime: self.mtime,
            ctime: self.ctime,
            btime: self.btime,
        }
    }

    /// Of an open file or pinned node.
    pub(super) fn of(file: &File) -> Result<Attr> {
        host::of(file)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { key: self.key, file_type: self.file_type }
    }

    /// Of an open descriptor.
    #[cfg(unix)]
    pub(super) fn of_fd(fd: std::os::fd::BorrowedFd<'_>) -> Result<Attr> {
        host::of(fd)
    }

    /// Of a name, which is not followed if it is a symbolic link.
    pub(super) fn at(dir: &File, name: Name<'_>) -> Result<Attr> {
        host::at(dir, name)
    }
}

#[cfg(target_os = "linux")]
mod host {
    use rustix::{
        fs::{AtFlags, Statx, StatxFlags, StatxTimestamp, makedev, statx},
        io::retry_on_intr,
    };

    use super::*;

    const WANT: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

    pub(super) fn of(fd: impl std::os::fd::AsFd) -> Result<Attr> {
        match retry_on_intr(|| statx(&fd, c"", AtFlags::EMPTY_PATH, WANT)) {
            Ok(x) => Ok(from_statx(&x)),
            // No statx: an old kernel, or an old seccomp filter.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => Ok(super::posix(&rustix::fs::fstat(fd)?)),
            Err(e) => Err(e.into()),
        }
    }

    pub(super) fn at(dir: &File, name: Name<'_>) -> Result<Attr> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match retry_on_intr(|| statx(dir, name.as_bytes(), flags, WANT)) {
            Ok(x) => Ok(from_statx(&x)),
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => {
                Ok(super::posix(&rustix::fs::statat(dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)?))
            }
            Err(e) => Err(e.into()),
        }
    }

    fn from_statx(x: &Statx) -> Attr {
        let time = |t: StatxTimestamp| Time::from_parts(t.tv_sec, t.tv_nsec);
        let born = x.stx_mask & StatxFlags::BTIME.bits() != 0;
        Attr {
            key: Key { dev: makedev(x.stx_dev_major, x.stx_dev_minor), ino: x.stx_ino },
            file_type: super::type_of(rustix::fs::FileType::from_raw_mode(x.stx_mode.into())),
            mode: x.stx_mode & 0o7777,
            nlink: x.stx_nlink.into(),
            uid: x.stx_uid,
            gid: x.stx_gid,
            size: x.stx_size,
            blocks: x.stx_blocks,
            rdev: makedev(x.stx_rdev_major, x.stx_rdev_minor),
            atime: time(x.stx_atime),
            mtime: time(x.stx_mtime),
            ctime: time(x.stx_ctime),
            btime: if born { time(x.stx_btime) } else { time(x.stx_ctime) },
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod host {
    use super::*;

    pub(super) fn of(fd: impl std::os::fd::AsFd) -> Result<Attr> {
        Ok(super::posix(&rustix::fs::fstat(fd)?))
    }

    pub(super) fn at(dir: &File, name: Name<'_>) -> Result<Attr> {
        Ok(super::posix(&rustix::fs::statat(dir, name.as_bytes(), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?))
    }
}

/// The fields have other widths on other systems, hence the casts.
#[cfg(unix)]
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn posix(s: &rustix::fs::Stat) -> Attr {
    let time = |sec: i64, nsec: u64| Time::from_parts(sec, nsec as u32);
    let ctime = time(s.st_ctime as i64, s.st_ctime_nsec as u64);
    Attr {
        key: Key { dev: s.st_dev as u64, ino: s.st_ino as u64 },
        file_type: type_of(rustix::fs::FileType::from_raw_mode(s.st_mode as _)),
        mode: (s.st_mode & 0o7777) as u16,
        nlink: s.st_nlink as u64,
        uid: s.st_uid,
        gid: s.st_gid,
        size: s.st_size as u64,
        blocks: s.st_blocks as u64,
        rdev: s.st_rdev as u64,
        atime: time(s.st_atime as i64, s.st_atime_nsec as u64),
        mtime: time(s.st_mtime as i64, s.st_mtime_nsec as u64),
        ctime,
        btime: ctime,
    }
}

#[cfg(unix)]
pub(super) fn type_of(t: rustix::fs::FileType) -> FileType {
    use rustix::fs::FileType as T;
    match t {
        T::RegularFile => FileType::Regular,
        T::Directory => FileType::Directory,
        T::Symlink => FileType::Symlink,
        T::Fifo => FileType::Fifo,
        T::Socket => FileType::Socket,
        T::CharacterDevice => FileType::CharDevice,
        T::BlockDevice => FileType::BlockDevice,
        _ => FileType::Unknown,
    }
}

#[cfg(windows)]
mod host {
    use std::time::{SystemTime, UNIX_EPOCH};

    use cap_primitives::fs::{_WindowsByHandle, FollowSymlinks, Metadata as Cap, stat};

    use super::*;

    pub(super) fn of(file: &File) -> Result<Attr> {
        from_cap(&Cap::from_file(file)?)
    }

    pub(super) fn at(dir: &File, name: Name<'_>) -> Result<Attr> {
        from_cap(&stat(dir, super::super::portable::path_of(&name)?, FollowSymlinks::No)?)
    }

    fn from_cap(m: &Cap) -> Result<Attr> {
        let time = |t: std::io::Result<SystemTime>| match t.map(|t| t.duration_since(UNIX_EPOCH)) {
            Ok(Ok(after)) => Time(after.as_nanos() as i128),
            Ok(Err(before)) => Time(-(before.duration().as_nanos() as i128)),
            Err(_) => Time::EPOCH,
        };
        let file_type = match m.file_type() {
            t if t.is_dir() => FileType::Directory,
            t if t.is_symlink() => FileType::Symlink,
            t if t.is_file() => FileType::Regular,
            _ => FileType::Unknown,
        };
        let writable = if m.permissions().readonly() { 0 } else { 0o222 };
        let search = if file_type == FileType::Directory { 0o111 } else { 0 };
        let mtime = time(m.modified().map(|t| t.into_std()));
        Ok(Attr {
            key: Key { dev: m.volume_serial_number().ok_or(Errno::IO)?.into(), ino: m.file_index().ok_or(Errno::IO)? },
            file_type,
            mode: 0o444 | writable | search,
            nlink: m.number_of_links().unwrap_or(1).into(),
            uid: 0,
            gid: 0,
            size: m.len(),
            blocks: m.len().div_ceil(512),
            rdev: 0,
            atime: time(m.accessed().map(|t| t.into_std())),
            mtime,
            // Windows does not tell.
            ctime: mtime,
            btime: time(m.created().map(|t| t.into_std())),
        })
    }
}

/// Both times for `utimensat(2)`.
#[cfg(unix)]
#[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
pub(super) fn timestamps(atime: SetTime, mtime: SetTime) -> rustix::fs::Timestamps {
    let one = |t: SetTime| match t {
        SetTime::Keep => rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        SetTime::Now => rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
        SetTime::To(t) => {
            let (sec, nsec) = t.to_parts();
            rustix::fs::Timespec { tv_sec: sec as _, tv_nsec: nsec as _ }
        }
    };
    rustix::fs::Timestamps { last_access: one(atime), last_modification: one(mtime) }
}

/// Permission bits for a new node: what the caller asked for less his umask, and never set-user-ID, set-group-ID or
/// sticky, which would act on the host.
pub(super) fn new_mode(mode: u16, umask: u16) -> u16 {
    mode & 0o777 & !umask
}

/// Refuses what no node of this type can take, before anything is changed.
pub(super) fn check_attr(attr: &crate::SetAttr, file_type: FileType) -> Result<()> {
    match (attr.size, file_type) {
        (None, _) | (Some(_), FileType::Regular) => {}
        (Some(_), FileType::Directory) => return Err(Errno::ISDIR),
        (Some(_), _) => return Err(Errno::INVAL),
    }
    match attr.size {
        Some(size) if size > i64::MAX as u64 => Err(Errno::FBIG),
        _ if attr.mode.is_some() && file_type == FileType::Symlink => Err(Errno::NOTSUP),
        _ => Ok(()),
    }
}
