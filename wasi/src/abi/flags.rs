//! The sets of bits that a guest passes as parameters. A bit without a meaning is `INVAL`, but for rights.

use bitflags::bitflags;
use gangplank_vfs::{Errno, OpenFlags, Result};

bitflags! {
    /// Status of a descriptor: `fdflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FdFlags: u16 {
        /// Every write goes to the end.
        const APPEND = 1;
        /// Writes reach the disk before they return, with the metadata needed to read them back.
        const DSYNC = 2;
        /// Never wait.
        const NONBLOCK = 4;
        /// Reads wait for writes of the same file to reach the disk.
        const RSYNC = 8;
        /// Writes reach the disk before they return, with all metadata.
        const SYNC = 16;
    }

    /// How `path_open` opens: `oflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OFlags: u16 {
        /// Make the file if it is missing.
        const CREAT = 1;
        /// Only a directory will do.
        const DIRECTORY = 2;
        /// With `CREAT`: only a new file will do.
        const EXCL = 4;
        /// Cut it to length 0.
        const TRUNC = 8;
    }

    /// What to do with times: `fstflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FstFlags: u16 {
        /// Set the last read to the value given.
        const ATIM = 1;
        /// Set the last read to now.
        const ATIM_NOW = 2;
        /// Set the last change to the value given.
        const MTIM = 4;
        /// Set the last change to now.
        const MTIM_NOW = 8;
    }

    /// How a path is resolved: `lookupflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct LookupFlags: u32 {
        /// Follow a symbolic link at its end.
        const SYMLINK_FOLLOW = 1;
    }

    /// How `sock_recv` receives: `riflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RiFlags: u16 {
        /// Leave the data where it is.
        const PEEK = 1;
        /// Wait until the buffers are full.
        const WAITALL = 2;
    }

    /// What `sock_recv` says of what it received: `roflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RoFlags: u16 {
        /// The datagram was longer than the buffers.
        const DATA_TRUNCATED = 1;
    }

    /// How `sock_send` sends: `siflags`. There are none.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SiFlags: u16 {}

    /// Which directions `sock_shutdown` ends: `sdflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SdFlags: u8 {
        /// No more receiving.
        const RD = 1;
        /// No more sending.
        const WR = 2;
    }

    /// How a clock subscription counts: `subclockflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SubClockFlags: u16 {
        /// The timeout is a time of the clock, not from now.
        const ABSTIME = 1;
    }

    /// What an event says of a descriptor: `eventrwflags`.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct EventRwFlags: u16 {
        /// The other end is gone.
        const HANGUP = 1;
    }
}

macro_rules! from_guest {
    ($($name:ident: $bits:ident)*) => {$(
        impl $name {
            /// The set that a guest passed.
            ///
            /// # Errors
            /// `INVAL` if there are bits without a meaning.
            pub fn from_guest(raw: u32) -> Result<$name> {
                $bits::try_from(raw).ok().and_then($name::from_bits).ok_or(Errno::INVAL)
            }
        }
    )*};
}

from_guest! { FdFlags: u16 OFlags: u16 FstFlags: u16 LookupFlags: u32 RiFlags: u16 SiFlags: u16 SdFlags: u8 SubClockFlags: u16 }

/// The pairs of the two namings. `RSYNC` is `SYNC` (as on Linux), so it comes back as that.
const STATUS: [(FdFlags, OpenFlags); 4] = [
    (FdFlags::APPEND, OpenFlags::APPEND),
    (FdFlags::DSYNC, OpenFlags::DSYNC),
    (FdFlags::NONBLOCK, OpenFlags::NONBLOCK),
    (FdFlags::SYNC, OpenFlags::SYNC),
];

impl FdFlags {
    /// In the words of the filesystem.
    pub fn to_open_flags(self) -> OpenFlags {
        let mut flags = OpenFlags::empty();
        for (ours, theirs) in STATUS {
            flags.set(theirs, self.contains(ours));
        }
        if self.contains(FdFlags::RSYNC) {
            flags |= OpenFlags::SYNC;
        }
        flags
    }

    /// In the words of WASI.
    pub fn from_open_flags(flags: OpenFlags) -> FdFlags {
        let mut all = FdFlags::empty();
        for (ours, theirs) in STATUS {
            all.set(ours, flags.contains(theirs));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_without_a_meaning_are_invalid() {
        assert_eq!(OFlags::from_guest(9), Ok(OFlags::CREAT | OFlags::TRUNC));
        assert_eq!(OFlags::from_guest(16), Err(Errno::INVAL));
        assert_eq!(FdFlags::from_guest(0x1_0001), Err(Errno::INVAL));
        assert_eq!(SiFlags::from_guest(1), Err(Errno::INVAL));
        assert_eq!(SdFlags::from_guest(0x100), Err(Errno::INVAL));
    }

    #[test]
    fn status_flags_round_trip() {
        let all = FdFlags::APPEND | FdFlags::NONBLOCK | FdFlags::DSYNC | FdFlags::SYNC;
        assert_eq!(FdFlags::from_open_flags(all.to_open_flags()), all);
        assert_eq!(FdFlags::RSYNC.to_open_flags(), OpenFlags::SYNC);
        assert_eq!(FdFlags::from_open_flags(OpenFlags::READ | OpenFlags::TRUNC), FdFlags::empty());
    }
}
