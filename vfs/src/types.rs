//! The plain values that cross the traits: identities, metadata, flags, capabilities.

use core::{fmt, num::NonZeroU64, sync::atomic::Ordering};

use crate::{Name, sync::process};

/// Identity of a node inside one filesystem.
///
/// Never reused while the filesystem lives (a host filesystem can promise it only for nodes that are referenced),
/// equal to `st_ino` and `d_ino`, unchanged by rename, copy-up and fork.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub NonZeroU64);

impl NodeId {
    /// The identity with this number; 0 is no identity.
    pub const fn new(raw: u64) -> Option<NodeId> {
        match NonZeroU64::new(raw) {
            Some(n) => Some(NodeId(n)),
            None => None,
        }
    }

    /// The number, as `st_ino`.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The type of a node (`S_IFMT`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileType {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named or anonymous pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device, a terminal for example.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// Something the filesystem cannot name.
    Unknown,
}

/// A point in time: nanoseconds since 1970-01-01 00:00 UTC, negative before it. 128 bits, so that no timestamp a host
/// can hold (`i64` seconds) overflows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i128);

impl Time {
    /// 1970-01-01 00:00 UTC.
    pub const EPOCH: Time = Time(0);

    /// From seconds and nanoseconds within the second (`struct timespec`).
    pub const fn from_parts(seconds: i64, nanos: u32) -> Time {
        Time(seconds as i128 * 1_000_000_000 + nanos as i128)
    }

    /// Seconds, rounded towards the past and saturated to `i64`, and nanoseconds in `0..1_000_000_000`.
    pub const fn to_parts(self) -> (i64, u32) {
        let seconds = self.0.div_euclid(1_000_000_000);
        let nanos = self.0.rem_euclid(1_000_000_000) as u32;
        if seconds > i64::MAX as i128 {
            (i64::MAX, 999_999_999)
        } else if seconds < i64::MIN as i128 {
            (i64::MIN, 0)
        } else {
            (seconds as i64, nanos)
        }
    }

    /// As WASI wants it: `u64` nanoseconds, 0 for anything before 1970, saturated above.
    pub const fn as_wasi(self) -> u64 {
        if self.0 < 0 {
            0
        } else if self.0 > u64::MAX as i128 {
            u64::MAX
        } else {
            self.0 as u64
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, n) = self.to_parts();
        write!(f, "{s}.{n:09}")
    }
}

/// What to do with one timestamp (`utimensat(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SetTime {
    /// Leave it (`UTIME_OMIT`).
    #[default]
    Keep,
    /// The filesystem's own clock, now (`UTIME_NOW`).
    Now,
    /// This instant, to the nanosecond where [`FsCaps::NS_TIMES`] is claimed.
    To(Time),
}

/// `struct stat`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metadata {
    /// Number of the filesystem (`st_dev`): unlike that of any other filesystem in the process.
    pub dev: u64,
    /// Number of the node (`st_ino`).
    pub ino: NodeId,
    /// Its type (`st_mode & S_IFMT`).
    pub file_type: FileType,
    /// Permission bits (`st_mode & 07777`). Stored, not enforced.
    pub mode: u16,
    /// Number of names; for a directory 2 and one more for each subdirectory, where the filesystem counts them.
    pub nlink: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of content; for a symlink the length of its target; for a directory unspecified.
    pub size: u64,
    /// Allocated space in units of 512 bytes: holes do not count.
    pub blocks: u64,
    /// Device number of a device node.
    pub rdev: u64,
    /// Last read.
    pub atime: Time,
    /// Last change of the content.
    pub mtime: Time,
    /// Last change of content or metadata. Cannot be set.
    pub ctime: Time,
    /// Birth; equal to `ctime` at birth where the filesystem does not know.
    pub btime: Time,
}

/// Changes for [`FileSystem::setattr`](crate::FileSystem::setattr); `Default` changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SetAttr {
    /// New permission bits (`chmod`), masked with 07777.
    pub mode: Option<u16>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
    /// New size (`truncate`): shorter drops the tail, longer adds a hole.
    pub size: Option<u64>,
    /// Last read.
    pub atime: SetTime,
    /// Last change of the content.
    pub mtime: SetTime,
}

/// A node and its type, as a lookup answers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its identity, with one reference that the receiver gives back with
    /// [`forget`](crate::FileSystem::forget).
    pub node: NodeId,
    /// Its type. It never changes while the node lives.
    pub file_type: FileType,
}

/// What [`FileSystem::create`](crate::FileSystem::create) makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewNode<'a> {
    /// An empty regular file with these permission bits, less the umask.
    Regular {
        /// Permission bits.
        mode: u16,
    },
    /// An empty directory with these permission bits, less the umask.
    Directory {
        /// Permission bits.
        mode: u16,
    },
    /// A symbolic link. The target is stored as it is: any bytes but NUL, 1 to 4095 of them.
    Symlink {
        /// Where it points.
        target: &'a [u8],
    },
    /// A FIFO, socket or device node.
    Special {
        /// Which: `Fifo`, `Socket`, `CharDevice` or `BlockDevice`.
        file_type: FileType,
        /// Permission bits, less the umask.
        mode: u16,
        /// Device number, 0 unless it is a device.
        rdev: u64,
    },
}

/// What [`FileSystem::remove`](crate::FileSystem::remove) is allowed to remove: `unlink` or `rmdir`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remove {
    /// `unlink(2)`: anything but a directory, else `ISDIR`.
    NonDirectory,
    /// `rmdir(2)`: an empty directory, else `NOTDIR` or `NOTEMPTY`.
    Directory,
}

/// What [`FileSystem::rename`](crate::FileSystem::rename) does if the new name exists (`renameat2(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rename {
    /// Replace it, atomically.
    Replace,
    /// Fail with `EXIST` (`RENAME_NOREPLACE`).
    NoReplace,
    /// Swap the two (`RENAME_EXCHANGE`); `NOENT` if it does not exist. Needs [`FsCaps::EXCHANGE`].
    Exchange,
    /// Replace it, and leave a *whiteout* at the old name, in one step (`RENAME_WHITEOUT`): a character device with
    /// number 0, by which an overlay says "nothing, whatever lies below". Needs [`FsCaps::WHITEOUT`].
    Whiteout,
}

bitflags::bitflags! {
    /// How a file is opened (`open(2)`), and what the open file may do afterwards.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct OpenFlags: u32 {
        /// Reading, listing.
        const READ = 1;
        /// Writing, truncating.
        const WRITE = 2;
        /// Every write goes to the end.
        const APPEND = 4;
        /// Cut to length 0 on open; needs `WRITE`.
        const TRUNC = 8;
        /// Writes reach the disk, with metadata, before they return.
        const SYNC = 16;
        /// Writes reach the disk, with the metadata needed to read them back, before they return.
        const DSYNC = 32;
        /// Never wait; answer `AGAIN`.
        const NONBLOCK = 64;
        /// Only a directory will do, else `NOTDIR`.
        const DIRECTORY = 128;
        /// Reading and listing leave `atime` alone. A host does what it lets its user do: `O_NOATIME` on files of the
        /// user's own.
        const NOATIME = 256;
    }

    /// What a filesystem can do. The conformance kit tests exactly what is claimed, and that the rest fails with the
    /// errno that the method documents.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FsCaps: u32 {
        /// `link` works on anything but directories; `nlink` is exact.
        const HARD_LINKS = 1;
        /// `create` makes symbolic links.
        const SYMLINKS = 2;
        /// `rename` can exchange.
        const EXCHANGE = 4;
        /// Readdir cookies are stable: an entry present throughout is never skipped or repeated.
        const STABLE_COOKIES = 8;
        /// Timestamps have a resolution of 1 ns.
        const NS_TIMES = 16;
        /// An open file keeps its content when its last name goes.
        const UNLINKED_OPEN = 32;
        /// `sync` reaches stable storage.
        const DURABLE = 64;
        /// `xattrs` answers.
        const XATTR = 128;
        /// `snapshots` answers.
        const SNAPSHOT = 256;
        /// Nothing but this process changes the tree.
        const LOCAL = 512;
        /// `create` makes FIFOs.
        const FIFOS = 1024;
        /// `allocate` reserves space.
        const ALLOCATE = 2048;
        /// `seek_data` finds holes; without it a file is all data.
        const SEEK_HOLE = 4096;
        /// `nlink` of a directory is 2 and one more for each subdirectory.
        const DIR_NLINK = 8192;
        /// `rename` can refuse to replace, atomically.
        const NO_REPLACE = 16384;
        /// `rename` can leave a whiteout, and `create` makes one: a character device with number 0.
        const WHITEOUT = 32768;
        /// `clone_to` shares content between two files of this filesystem.
        const CLONE = 65536;
        /// `create` makes sockets: names that programs on a host meet at. Nobody opens them.
        const SOCKETS = 131_072;
        /// `create` makes character and block devices. On a host that takes its privilege, too: `PERM` without.
        const DEVICES = 262_144;
    }

    /// Readiness of an open file (`poll(2)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Events: u32 {
        /// A read would not wait.
        const READ = 1;
        /// A write would not wait.
        const WRITE = 2;
        /// The other end is gone. Always reported, whether asked for or not.
        const HUP = 4;
        /// An error is pending. Always reported, whether asked for or not.
        const ERR = 8;
    }
}

/// Constants of one filesystem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FsInfo {
    /// Kind, for people: `mem`, `host`, `overlay`. A layer of an overlay that is an `overlay` itself has no whiteouts.
    pub fs_type: &'static str,
    /// `st_dev` of its nodes.
    pub dev: u64,
    /// What it can do.
    pub caps: FsCaps,
    /// Longest name in bytes, at most 255.
    pub name_max: u16,
    /// Resolution of its timestamps in nanoseconds.
    pub time_granularity_ns: u32,
    /// Largest possible size of a file in bytes; beyond it `FBIG`.
    pub max_file_size: u64,
}

impl FsInfo {
    /// A number for [`dev`](FsInfo::dev) that no other filesystem of this process has.
    pub fn fresh_dev() -> u64 {
        static NEXT: process::AtomicU64 = process::AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// `struct statvfs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatFs {
    /// Unit of the block counts, in bytes.
    pub bsize: u32,
    /// Size of the filesystem in blocks.
    pub blocks: u64,
    /// Free blocks.
    pub bfree: u64,
    /// Free blocks that the caller may use.
    pub bavail: u64,
    /// Number of nodes that can exist.
    pub files: u64,
    /// How many more can be made.
    pub ffree: u64,
}

/// Position in a directory: opaque but for [`Cookie::START`], stable as [`FsCaps::STABLE_COOKIES`] says. A filesystem
/// hands out values up to `u64::MAX - 16`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cookie(pub u64);

impl Cookie {
    /// The beginning.
    pub const START: Cookie = Cookie(0);
}

/// One entry of a directory. `.` and `..` are not listed: whoever needs them adds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DirEntry<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// Equal to `st_ino`. Carries no reference.
    pub node: NodeId,
    /// Equal to the type in its metadata, or `Unknown`.
    pub file_type: FileType,
    /// Where to go on after it.
    pub next: Cookie,
}

/// Where [`VirtualFile::write_at`](crate::VirtualFile::write_at) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum At {
    /// At this offset.
    Offset(u64),
    /// At the end, wherever that is when the write happens: atomic against all other writes.
    End,
}

/// What [`VirtualFile::seek_data`](crate::VirtualFile::seek_data) looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seek {
    /// The first byte at or after the offset that is not in a hole (`SEEK_DATA`).
    Data,
    /// The first byte at or after the offset that is in a hole, the end of the file being one (`SEEK_HOLE`).
    Hole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_parts_round_trip_and_saturate() {
        for t in [Time(0), Time(1), Time(-1), Time(1_600_000_000_123_456_789), Time::from_parts(i64::MIN, 0)] {
            let (s, n) = t.to_parts();
            assert_eq!(Time::from_parts(s, n), t);
        }
        assert_eq!(Time(-1).to_parts(), (-1, 999_999_999));
        assert_eq!(Time(i128::MAX).to_parts().0, i64::MAX);
        assert_eq!(Time(-5).as_wasi(), 0);
        assert_eq!(Time(i128::MAX).as_wasi(), u64::MAX);
    }

    const _: () = assert!(size_of::<Option<NodeId>>() == 8);
}
