//! Rights: what a descriptor may be used for, in the words of preview1.
//!
//! A guest's authority is the set of directories it was given, each read-only or not, and the access that each file was
//! opened with; the filesystem sees to that. Rights came before, and most runtimes only pretend them now. So they are
//! a policy: [`Rights::Ignore`] reports what is possible and refuses nothing, [`Rights::Enforce`] narrows and refuses.

use bitflags::bitflags;
use gangplank_vfs::{FileType, OpenFlags};

/// Whether rights are enforced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Rights {
    /// `fdstat` reports all that type and access of a file allow, whatever was asked for when it was opened; nothing is
    /// refused for want of a right; `fd_fdstat_set_rights` is `NOTSUP`.
    #[default]
    Ignore,
    /// A descriptor has the rights that it was opened with, never more than the directory it was opened through hands
    /// on, and loses those that `fd_fdstat_set_rights` takes. What it has no right to is `NOTCAPABLE`.
    Enforce,
}

bitflags! {
    /// A set of rights. Bits without a meaning are dropped: C libraries set them all when they mean everything.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct RightSet: u64 {
        /// `fd_datasync`.
        const FD_DATASYNC = 1 << 0;
        /// `fd_read`, `fd_pread`, `sock_recv`.
        const FD_READ = 1 << 1;
        /// `fd_seek`.
        const FD_SEEK = 1 << 2;
        /// `fd_fdstat_set_flags`.
        const FD_FDSTAT_SET_FLAGS = 1 << 3;
        /// `fd_sync`.
        const FD_SYNC = 1 << 4;
        /// `fd_tell`, and `fd_seek` by 0 from the cursor.
        const FD_TELL = 1 << 5;
        /// `fd_write`, `fd_pwrite`, `sock_send`.
        const FD_WRITE = 1 << 6;
        /// `fd_advise`.
        const FD_ADVISE = 1 << 7;
        /// `fd_allocate`.
        const FD_ALLOCATE = 1 << 8;
        /// `path_create_directory`.
        const PATH_CREATE_DIRECTORY = 1 << 9;
        /// `path_open` with CREAT.
        const PATH_CREATE_FILE = 1 << 10;
        /// `path_link`, where the file is.
        const PATH_LINK_SOURCE = 1 << 11;
        /// `path_link`, where the new name goes.
        const PATH_LINK_TARGET = 1 << 12;
        /// `path_open`.
        const PATH_OPEN = 1 << 13;
        /// `fd_readdir`.
        const FD_READDIR = 1 << 14;
        /// `path_readlink`.
        const PATH_READLINK = 1 << 15;
        /// `path_rename`, where the file is.
        const PATH_RENAME_SOURCE = 1 << 16;
        /// `path_rename`, where it goes.
        const PATH_RENAME_TARGET = 1 << 17;
        /// `path_filestat_get`.
        const PATH_FILESTAT_GET = 1 << 18;
        /// `path_open` with TRUNC.
        const PATH_FILESTAT_SET_SIZE = 1 << 19;
        /// `path_filestat_set_times`.
        const PATH_FILESTAT_SET_TIMES = 1 << 20;
        /// `fd_filestat_get`.
        const FD_FILESTAT_GET = 1 << 21;
        /// `fd_filestat_set_size`.
        const FD_FILESTAT_SET_SIZE = 1 << 22;
        /// `fd_filestat_set_times`.
        const FD_FILESTAT_SET_TIMES = 1 << 23;
        /// `path_symlink`.
        const PATH_SYMLINK = 1 << 24;
        /// `path_remove_directory`.
        const PATH_REMOVE_DIRECTORY = 1 << 25;
        /// `path_unlink_file`.
        const PATH_UNLINK_FILE = 1 << 26;
        /// `poll_oneoff` on the descriptor.
        const POLL_FD_READWRITE = 1 << 27;
        /// `sock_shutdown`.
        const SOCK_SHUTDOWN = 1 << 28;
        /// `sock_accept`.
        const SOCK_ACCEPT = 1 << 29;
    }
}

impl RightSet {
    /// The set that a guest passed.
    pub const fn from_guest(raw: u64) -> RightSet {
        RightSet::from_bits_truncate(raw)
    }

    /// All that a file of this type, opened with this access, can be used for.
    ///
    /// A directory has no FD_WRITE and no FD_SEEK, so that it can be opened again with the rights it reports. Streams
    /// have neither FD_SEEK nor FD_TELL: C libraries take what has them for seekable.
    pub(crate) fn possible(file_type: FileType, access: OpenFlags, rights: Rights) -> (RightSet, RightSet) {
        let mut base = match file_type {
            // The right to TRUNC is reported only where taking it away has a consequence.
            FileType::Directory if rights == Rights::Ignore => {
                return (DIRECTORY - RightSet::PATH_FILESTAT_SET_SIZE, INHERITED - RightSet::PATH_FILESTAT_SET_SIZE);
            }
            FileType::Directory => return (DIRECTORY, INHERITED),
            FileType::Regular | FileType::BlockDevice => FILE,
            FileType::Socket => STREAM | RightSet::SOCK_SHUTDOWN | RightSet::SOCK_ACCEPT,
            FileType::Symlink | FileType::Fifo | FileType::CharDevice | FileType::Unknown => STREAM,
        };
        if access.contains(OpenFlags::READ) {
            base |= RightSet::FD_READ;
        }
        if access.contains(OpenFlags::WRITE) {
            base |= RightSet::FD_WRITE;
            if base.contains(RightSet::FD_SEEK) {
                base |= RightSet::FD_ALLOCATE | RightSet::FD_FILESTAT_SET_SIZE;
            }
        }
        (base, RightSet::empty())
    }

    /// The access to open a file with for these rights. Without any, for reading: a directory to look up names in, a
    /// file to ask for its metadata.
    pub(crate) fn access(self) -> OpenFlags {
        const WRITING: RightSet = RightSet::FD_WRITE.union(RightSet::FD_ALLOCATE).union(RightSet::FD_FILESTAT_SET_SIZE);
        match (self.intersects(RightSet::FD_READ | RightSet::FD_READDIR), self.intersects(WRITING)) {
            (_, false) => OpenFlags::READ,
            (false, true) => OpenFlags::WRITE,
            (true, true) => OpenFlags::READ | OpenFlags::WRITE,
        }
    }
}

const STREAM: RightSet =
    RightSet::FD_FDSTAT_SET_FLAGS.union(RightSet::FD_FILESTAT_GET).union(RightSet::POLL_FD_READWRITE);

const FILE: RightSet = STREAM
    .union(RightSet::FD_DATASYNC)
    .union(RightSet::FD_SEEK)
    .union(RightSet::FD_SYNC)
    .union(RightSet::FD_TELL)
    .union(RightSet::FD_ADVISE)
    .union(RightSet::FD_FILESTAT_SET_TIMES);

const DIRECTORY: RightSet = RightSet::FD_DATASYNC
    .union(RightSet::FD_SYNC)
    .union(RightSet::PATH_CREATE_DIRECTORY)
    .union(RightSet::PATH_CREATE_FILE)
    .union(RightSet::PATH_LINK_SOURCE)
    .union(RightSet::PATH_LINK_TARGET)
    .union(RightSet::PATH_OPEN)
    .union(RightSet::FD_READDIR)
    .union(RightSet::PATH_READLINK)
    .union(RightSet::PATH_RENAME_SOURCE)
    .union(RightSet::PATH_RENAME_TARGET)
    .union(RightSet::PATH_FILESTAT_GET)
    .union(RightSet::PATH_FILESTAT_SET_SIZE)
    .union(RightSet::PATH_FILESTAT_SET_TIMES)
    .union(RightSet::FD_FILESTAT_GET)
    .union(RightSet::FD_FILESTAT_SET_TIMES)
    .union(RightSet::PATH_SYMLINK)
    .union(RightSet::PATH_REMOVE_DIRECTORY)
    .union(RightSet::PATH_UNLINK_FILE);

const INHERITED: RightSet = DIRECTORY
    .union(FILE)
    .union(RightSet::FD_READ)
    .union(RightSet::FD_WRITE)
    .union(RightSet::FD_ALLOCATE)
    .union(RightSet::FD_FILESTAT_SET_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_can_be_opened_again_with_what_it_reports() {
        for rights in [Rights::Ignore, Rights::Enforce] {
            let (base, inheriting) = RightSet::possible(FileType::Directory, OpenFlags::READ, rights);
            assert_eq!(base.access(), OpenFlags::READ);
            assert!(inheriting.contains(base));
            assert_eq!(base.contains(RightSet::PATH_FILESTAT_SET_SIZE), rights == Rights::Enforce);
        }
    }

    #[test]
    fn access_shows_in_the_rights_of_a_file() {
        let all = OpenFlags::READ | OpenFlags::WRITE;
        for access in [OpenFlags::READ, OpenFlags::WRITE, all] {
            let (base, _) = RightSet::possible(FileType::Regular, access, Rights::Ignore);
            assert_eq!(base.access() & all, access);
        }
        let (stdout, _) = RightSet::possible(FileType::CharDevice, OpenFlags::WRITE, Rights::Ignore);
        assert!(stdout.contains(RightSet::FD_WRITE | RightSet::POLL_FD_READWRITE));
        assert!(!stdout.intersects(RightSet::FD_READ | RightSet::FD_SEEK | RightSet::FD_TELL | RightSet::FD_ALLOCATE));
        assert_eq!(RightSet::from_guest(u64::MAX), RightSet::all());
    }
}
