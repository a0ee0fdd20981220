//! [`Freedom`]: where the specifications leave a choice.

/// A choice that a filesystem, or whatever lies above it, has. None of them changes what is there afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Freedom {
    /// Of a rename that must not replace, into its own subtree, to a name that is taken.
    NoReplaceIntoItself,
    /// Of an exchange with something in its own subtree that does not exist.
    ExchangeIntoItself,
    /// Of a size that is set through a file that was not opened for writing.
    SizeWithoutWriting,
    /// Of an allocation of nothing through a file that was not opened for writing.
    NothingWithoutWriting,
    /// Of a listing of what is no directory and was not opened for reading.
    ListWithoutReading,
    /// Of `O_DIRECTORY | O_NOFOLLOW` on a symbolic link.
    LinkAsDirectory,
    /// Of `O_DIRECTORY | O_TRUNC`.
    TruncatedDirectory,
    /// Of a name on which something is mounted, and which cannot be moved or removed for other reasons, too.
    MountPoint,
    /// Of a removed directory, to be linked.
    RemovedDirectory,
    /// Of a way to rename that the filesystem does not have, where the rename would fail anyway.
    UnclaimedRename,
    /// Of timestamps, where nanoseconds are not claimed.
    CoarseTimes,
    /// Of what is open and has no name any more, where that is not claimed to work.
    LostWhenRemoved,
}

impl Freedom {
    /// All of them.
    pub const ALL: &[Freedom] = &[
        Freedom::NoReplaceIntoItself,
        Freedom::ExchangeIntoItself,
        Freedom::SizeWithoutWriting,
        Freedom::NothingWithoutWriting,
        Freedom::ListWithoutReading,
        Freedom::LinkAsDirectory,
        Freedom::TruncatedDirectory,
        Freedom::MountPoint,
        Freedom::RemovedDirectory,
        Freedom::UnclaimedRename,
        Freedom::CoarseTimes,
        Freedom::LostWhenRemoved,
    ];

    /// Why there is a choice.
    pub const fn reason(self) -> &'static str {
        match self {
            Freedom::NoReplaceIntoItself => {
                "INVAL and EXIST both apply; Linux looks for the new name first, the trait for the subtree"
            }
            Freedom::ExchangeIntoItself => {
                "INVAL and NOENT both apply; Linux looks for the new name first, the trait for the subtree"
            }
            Freedom::SizeWithoutWriting => "POSIX names both EBADF and EINVAL for it",
            Freedom::NothingWithoutWriting => "BADF and INVAL both apply; the trait asks for access first",
            Freedom::ListWithoutReading => "BADF and NOTDIR both apply; Linux looks at the type first",
            Freedom::LinkAsDirectory => "LOOP and NOTDIR both apply; Linux looks for the directory first",
            Freedom::TruncatedDirectory => {
                "preview1 refuses the flags as such; to the kernel they are a directory to be written"
            }
            Freedom::MountPoint => "BUSY applies besides; the kernel asks for it late, the namespace early",
            Freedom::RemovedDirectory => "PERM and NOENT both apply; Linux looks at the type first",
            Freedom::UnclaimedRename => "INVAL applies besides; a filesystem may refuse the way before it looks",
            Freedom::CoarseTimes => "without NS_TIMES a timestamp keeps what the medium can hold",
            Freedom::LostWhenRemoved => "without UNLINKED_OPEN the content may go with the last name",
        }
    }

    /// Where that is said.
    pub const fn reference(self) -> &'static str {
        match self {
            Freedom::NoReplaceIntoItself | Freedom::ExchangeIntoItself => {
                "XSH 2.3 (order of errors is unspecified); renameat2(2); FileSystem::rename"
            }
            Freedom::SizeWithoutWriting => "https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html",
            Freedom::NothingWithoutWriting => "XSH 2.3; posix_fallocate(3); VirtualFile, Access",
            Freedom::ListWithoutReading => "XSH 2.3; getdents(2); VirtualFile, Access",
            Freedom::LinkAsDirectory => "https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html",
            Freedom::TruncatedDirectory => "open(2); Start::open",
            Freedom::MountPoint => "XSH 2.3; rename(2), unlink(2); Start::rename",
            Freedom::RemovedDirectory => "XSH 2.3; link(2); FileSystem::link",
            Freedom::UnclaimedRename => "XSH 2.3; renameat2(2); FileSystem::rename",
            Freedom::CoarseTimes => "FsCaps::NS_TIMES; utimensat(2)",
            Freedom::LostWhenRemoved => "FsCaps::UNLINKED_OPEN",
        }
    }
}
