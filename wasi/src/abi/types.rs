//! The structs and enumerations of preview1.
//!
//! Sets of bits that the guest passes as parameters are in `flags`; the rights are in [`Rights`](crate::Rights).

use gangplank_vfs::{FileType, Metadata};

use super::layout::layouts;

layouts! {
    /// One buffer of a vector: `iovec`, `ciovec`.
    pub struct IoVec: 8 {
        /// Where it begins.
        buf: u32 = 0,
        /// Its bytes.
        len: u32 = 4,
    }

    /// What a descriptor is and may do: `fdstat`.
    pub struct Fdstat: 24 {
        /// A [`Filetype`].
        filetype: u8 = 0,
        /// Set of `fdflags`.
        flags: u16 = 2,
        /// What may be done with it.
        rights_base: u64 = 8,
        /// What may be done with what is opened through it.
        rights_inheriting: u64 = 16,
    }

    /// Metadata: `filestat`.
    pub struct Filestat: 64 {
        /// Number of the filesystem.
        dev: u64 = 0,
        /// Number of the file on it.
        ino: u64 = 8,
        /// A [`Filetype`].
        filetype: u8 = 16,
        /// Number of names.
        nlink: u64 = 24,
        /// Bytes of content.
        size: u64 = 32,
        /// Last read, in nanoseconds since 1970, as are the others.
        atim: u64 = 40,
        /// Last change of the content.
        mtim: u64 = 48,
        /// Last change of content or metadata.
        ctim: u64 = 56,
    }

    /// Head of a directory entry; the name follows: `dirent`.
    pub struct Dirent: 24 {
        /// Cookie of the entry after it.
        next: u64 = 0,
        /// Number of the file.
        ino: u64 = 8,
        /// Bytes of the name.
        namlen: u32 = 16,
        /// A [`Filetype`].
        filetype: u8 = 20,
    }

    /// A preopened directory: `prestat`.
    pub struct Prestat: 8 {
        /// 0, a directory: there is no other kind.
        tag: u8 = 0,
        /// Bytes of its name.
        name_len: u32 = 4,
    }

    /// What a guest waits for: `subscription`.
    pub struct Subscription: 48 {
        /// Repeated in the event.
        userdata: u64 = 0,
        /// An [`EventType`].
        tag: u8 = 8,
        /// The union, as its largest variant.
        what: SubscriptionClock = 16,
    }

    /// A time to wait for: `subscription_clock`. In the other variants of the union the descriptor stands where the
    /// clock does.
    pub struct SubscriptionClock: 32 {
        /// A [`ClockId`], or the descriptor.
        id: u32 = 0,
        /// Nanoseconds: from now, or with the flag ABSTIME on the clock.
        timeout: u64 = 8,
        /// How late it may be.
        precision: u64 = 16,
        /// Set of `subclockflags`.
        flags: u16 = 24,
    }

    /// What happened: `event`.
    pub struct Event: 32 {
        /// That of the subscription.
        userdata: u64 = 0,
        /// An error number.
        error: u16 = 8,
        /// An `eventtype`.
        kind: u8 = 10,
        /// Bytes to read, or room to write.
        nbytes: u64 = 16,
        /// Set of `eventrwflags`.
        flags: u16 = 24,
    }
}

/// Defines an enumeration that travels as a number.
macro_rules! enums {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident: $repr:ident {
            $($(#[$vmeta:meta])* $variant:ident = $value:literal,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[repr($repr)]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $($(#[$vmeta])* $variant = $value,)*
        }

        impl TryFrom<u32> for $name {
            type Error = gangplank_vfs::Errno;

            /// `INVAL` for a number without a meaning.
            fn try_from(raw: u32) -> Result<$name, gangplank_vfs::Errno> {
                match raw {
                    $($value => Ok($name::$variant),)*
                    _ => Err(gangplank_vfs::Errno::INVAL),
                }
            }
        }

        impl TryFrom<u8> for $name {
            type Error = gangplank_vfs::Errno;

            /// `INVAL` for a number without a meaning.
            fn try_from(raw: u8) -> Result<$name, gangplank_vfs::Errno> {
                $name::try_from(u32::from(raw))
            }
        }
    )*};
}

pub(super) use enums;

enums! {
    /// Type of a file: `filetype`.
    pub enum Filetype: u8 {
        /// None of the others, a pipe for example.
        Unknown = 0,
        /// A block device.
        BlockDevice = 1,
        /// A character device.
        CharacterDevice = 2,
        /// A directory.
        Directory = 3,
        /// A regular file.
        RegularFile = 4,
        /// A socket for datagrams.
        SocketDgram = 5,
        /// A socket for a stream.
        SocketStream = 6,
        /// A symbolic link.
        SymbolicLink = 7,
    }

    /// A clock: `clockid`.
    pub enum ClockId: u32 {
        /// Time of day.
        Realtime = 0,
        /// Time since some moment; never goes back.
        Monotonic = 1,
        /// Processor time of the process.
        ProcessCputime = 2,
        /// Processor time of the thread.
        ThreadCputime = 3,
    }

    /// What a subscription waits for: `eventtype`.
    pub enum EventType: u8 {
        /// A time.
        Clock = 0,
        /// Something to read.
        FdRead = 1,
        /// Room to write.
        FdWrite = 2,
    }

    /// Where an offset counts from: `whence`.
    pub enum Whence: u8 {
        /// The beginning.
        Set = 0,
        /// The cursor.
        Cur = 1,
        /// The end.
        End = 2,
    }

    /// How a range of a file will be used: `advice`.
    pub enum Advice: u8 {
        /// Nothing special.
        Normal = 0,
        /// From front to back.
        Sequential = 1,
        /// In no order.
        Random = 2,
        /// Soon.
        WillNeed = 3,
        /// Not soon.
        DontNeed = 4,
        /// Once.
        NoReuse = 5,
    }
}

impl From<FileType> for Filetype {
    /// WASI has no type for pipes; a socket is a stream unless somebody knows better.
    fn from(t: FileType) -> Filetype {
        match t {
            FileType::Regular => Filetype::RegularFile,
            FileType::Directory => Filetype::Directory,
            FileType::Symlink => Filetype::SymbolicLink,
            FileType::Socket => Filetype::SocketStream,
            FileType::CharDevice => Filetype::CharacterDevice,
            FileType::BlockDevice => Filetype::BlockDevice,
            FileType::Fifo | FileType::Unknown => Filetype::Unknown,
        }
    }
}

impl From<&Metadata> for Filestat {
    fn from(m: &Metadata) -> Filestat {
        Filestat {
            dev: m.dev,
            ino: m.ino.get(),
            filetype: Filetype::from(m.file_type) as u8,
            nlink: m.nlink,
            size: m.size,
            atim: m.atime.as_wasi(),
            mtim: m.mtime.as_wasi(),
            ctim: m.ctime.as_wasi(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Layout;

    #[test]
    fn layouts_round_trip_with_zero_padding() {
        let stat = Fdstat { filetype: 4, flags: 0x0102, rights_base: u64::MAX, rights_inheriting: 1 };
        let bytes = stat.encode();
        assert_eq!(bytes[..8], [4, 0, 2, 1, 0, 0, 0, 0]);
        assert_eq!(Fdstat::decode(&bytes), stat);
        let what = SubscriptionClock { id: 1, timeout: 5, precision: 6, flags: 1 };
        let sub = Subscription { userdata: 7, tag: 0, what };
        assert_eq!(sub.encode()[16..25], [1, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(Subscription::decode(&sub.encode()), sub);
        assert_eq!(
            Event { userdata: 1, error: 2, kind: 3, nbytes: 4, flags: 5 }.encode()[24..],
            [5, 0, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn numbers_without_a_meaning_are_invalid() {
        assert_eq!(Whence::try_from(2u32), Ok(Whence::End));
        assert!(Whence::try_from(3u8).is_err());
        assert!(Advice::try_from(6u32).is_err());
        assert!(ClockId::try_from(u32::MAX).is_err());
    }
}
