//! Between the words of FUSE and ours.

use std::time::{Duration, SystemTime};

use fuser::{FileAttr, INodeNo, TimeOrNow};
use rustix::fs::OFlags;

use crate::{Errno, FileType, Metadata, OpenFlags, Rename, Result, SetTime, Time};

pub(super) fn errno(errno: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(errno.raw().into())
}

/// Numbers of nodes are swapped with the kernel's: its root is number 1, whatever ours is.
pub(super) fn attr(found: &Metadata, ino: INodeNo) -> FileAttr {
    FileAttr {
        ino,
        size: found.size,
        blocks: found.blocks,
        atime: system_time(found.atime),
        mtime: system_time(found.mtime),
        ctime: system_time(found.ctime),
        crtime: system_time(found.btime),
        kind: kind(found.file_type),
        perm: found.mode,
        nlink: u32::try_from(found.nlink).unwrap_or(u32::MAX),
        uid: found.uid,
        gid: found.gid,
        rdev: u32::try_from(found.rdev).unwrap_or(0),
        blksize: 4096,
        flags: 0,
    }
}

/// The kernel has no word for what has no name; a socket is what can be done least with.
pub(super) fn kind(file_type: FileType) -> fuser::FileType {
    match file_type {
        FileType::Regular => fuser::FileType::RegularFile,
        FileType::Directory => fuser::FileType::Directory,
        FileType::Symlink => fuser::FileType::Symlink,
        FileType::Fifo => fuser::FileType::NamedPipe,
        FileType::CharDevice => fuser::FileType::CharDevice,
        FileType::BlockDevice => fuser::FileType::BlockDevice,
        FileType::Socket | FileType::Unknown => fuser::FileType::Socket,
    }
}

/// Of the mode of `mknod(2)`; no type at all is a regular file.
///
/// # Errors
/// `INVAL` for a type that `mknod` does not make.
pub(super) fn file_type(mode: u32) -> Result<FileType> {
    Ok(match rustix::fs::FileType::from_raw_mode(mode) {
        rustix::fs::FileType::RegularFile => FileType::Regular,
        rustix::fs::FileType::Fifo => FileType::Fifo,
        rustix::fs::FileType::Socket => FileType::Socket,
        rustix::fs::FileType::CharacterDevice => FileType::CharDevice,
        rustix::fs::FileType::BlockDevice => FileType::BlockDevice,
        _ if mode & 0o170_000 == 0 => FileType::Regular,
        _ => return Err(Errno::INVAL),
    })
}

/// The permission bits of a mode.
pub(super) fn bits(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}

/// Times beyond what the host can hold become the last it can.
fn system_time(time: Time) -> SystemTime {
    let (seconds, nanos) = time.to_parts();
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(whole),
        _ => SystemTime::UNIX_EPOCH.checked_sub(whole),
    };
    base.and_then(|base| base.checked_add(Duration::from_nanos(nanos.into()))).unwrap_or(SystemTime::UNIX_EPOCH)
}

pub(super) fn set_time(given: Option<TimeOrNow>) -> SetTime {
    match given {
        None => SetTime::Keep,
        Some(TimeOrNow::Now) => SetTime::Now,
        Some(TimeOrNow::SpecificTime(at)) => SetTime::To(match at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Time::from_parts(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
            // The kernel's `-2 s + 0.75 s` reaches us as `1970 - 2.75 s`: fuser 0.18 takes away the nanoseconds that
            // it should add. `times_before_1970` in the tests notices if that changes.
            Err(before) => {
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds);
                Time::from_parts(seconds, before.subsec_nanos())
            }
        }),
    }
}

/// Of the flags of `open(2)`.
pub(super) fn open_flags(flags: i32) -> OpenFlags {
    let given = OFlags::from_bits_retain(flags as u32);
    let mut flags = match given & OFlags::RWMODE {
        OFlags::WRONLY => OpenFlags::WRITE,
        OFlags::RDWR => OpenFlags::READ | OpenFlags::WRITE,
        _ => OpenFlags::READ,
    };
    for (theirs, ours) in [
        (OFlags::TRUNC, OpenFlags::TRUNC),
        (OFlags::SYNC, OpenFlags::SYNC),
        (OFlags::DSYNC, OpenFlags::DSYNC),
        (OFlags::NOATIME, OpenFlags::NOATIME),
    ] {
        flags.set(ours, given.contains(theirs));
    }
    // Linux's open(2): truncation without access for writing is "unspecified", and done if it is allowed at all.
    if flags.contains(OpenFlags::TRUNC) {
        flags |= OpenFlags::WRITE;
    }
    flags
}

/// Whether `O_EXCL` is among the flags of `open(2)`.
pub(super) fn is_exclusive(flags: i32) -> bool {
    OFlags::from_bits_retain(flags as u32).contains(OFlags::EXCL)
}

/// Whether a file with these flags of `open(2)` is written at its end.
pub(super) fn appends(flags: i32) -> bool {
    OFlags::from_bits_retain(flags as u32).contains(OFlags::APPEND)
}

/// Of the flags of `renameat2(2)`.
///
/// # Errors
/// `INVAL` for what it does not know, and for more than one of them.
pub(super) fn rename(flags: fuser::RenameFlags) -> Result<Rename> {
    const NO_REPLACE: fuser::RenameFlags = fuser::RenameFlags::RENAME_NOREPLACE;
    const EXCHANGE: fuser::RenameFlags = fuser::RenameFlags::RENAME_EXCHANGE;
    const WHITEOUT: fuser::RenameFlags = fuser::RenameFlags::RENAME_WHITEOUT;
    match flags {
        _ if flags.is_empty() => Ok(Rename::Replace),
        NO_REPLACE => Ok(Rename::NoReplace),
        EXCHANGE => Ok(Rename::Exchange),
        WHITEOUT => Ok(Rename::Whiteout),
        _ => Err(Errno::INVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_both_ways() {
        for time in [Time(0), Time(1), Time(-1), Time(1_600_000_000_123_456_789), Time::from_parts(i64::MAX, 0)] {
            let (seconds, nanos) = time.to_parts();
            // As fuser makes it of what the kernel sends.
            let from_kernel = match seconds {
                0.. => SystemTime::UNIX_EPOCH + Duration::new(seconds as u64, nanos),
                _ => SystemTime::UNIX_EPOCH - Duration::new(seconds.unsigned_abs(), nanos),
            };
            assert_eq!(set_time(Some(TimeOrNow::SpecificTime(from_kernel))), SetTime::To(time), "{time:?}");
            // As fuser makes of it what it sends to the kernel.
            let to_kernel = match system_time(time).duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => since.as_nanos() as i128,
                Err(before) => -(before.duration().as_nanos() as i128),
            };
            assert_eq!(to_kernel, time.0);
        }
        // No panic.
        for seconds in [i64::MIN, i64::MAX] {
            system_time(Time::from_parts(seconds, 999_999_999));
        }
    }

    #[test]
    fn renaming_knows_one_flag_at_a_time() {
        use fuser::RenameFlags as F;
        assert_eq!(rename(F::empty()), Ok(Rename::Replace));
        assert_eq!(rename(F::RENAME_NOREPLACE), Ok(Rename::NoReplace));
        assert_eq!(rename(F::RENAME_EXCHANGE), Ok(Rename::Exchange));
        assert_eq!(rename(F::RENAME_NOREPLACE | F::RENAME_EXCHANGE), Err(Errno::INVAL));
        assert_eq!(rename(F::from_bits_retain(64)), Err(Errno::INVAL));
    }

    #[test]
    fn modes_of_mknod() {
        assert_eq!(file_type(0o644), Ok(FileType::Regular));
        assert_eq!(file_type(0o100_644), Ok(FileType::Regular));
        assert_eq!(file_type(0o010_644), Ok(FileType::Fifo));
        assert_eq!(file_type(0o060_644), Ok(FileType::BlockDevice));
        assert_eq!(file_type(0o040_755), Err(Errno::INVAL));
        assert_eq!(file_type(0o120_777), Err(Errno::INVAL));
    }
}
