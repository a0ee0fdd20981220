//! What the filesystem of a directory can do.

use std::fs::File;

use super::Options;
#[cfg(target_os = "linux")]
use super::Resolver;
use crate::FsCaps;

/// The longest name in bytes; some encrypting filesystems allow less than others.
pub(super) fn name_max(root: &File) -> u16 {
    #[cfg(unix)]
    if let Ok(s) = rustix::fs::fstatvfs(root) {
        return u16::try_from(s.f_namemax).unwrap_or(255).clamp(1, 255);
    }
    let _ = root;
    255
}

pub(super) const TMPFS: u64 = 0x0102_1994;

/// The kind of filesystem, by the numbers of `statfs(2)`; 0 where there are none.
pub(super) fn fs_kind(root: &File) -> u64 {
    #[cfg(target_os = "linux")]
    if let Ok(s) = rustix::fs::fstatfs(root) {
        #[allow(clippy::unnecessary_cast)]
        return s.f_type as u64 & 0xffff_ffff;
    }
    let _ = root;
    0
}

/// What this directory's filesystem can do.
#[cfg(target_os = "linux")]
pub(super) fn caps(root: &File, options: Options) -> FsCaps {
    const EXT: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    const OVERLAY: u64 = 0x794c_7630;

    let mut caps = FsCaps::HARD_LINKS | FsCaps::SYMLINKS | FsCaps::NS_TIMES | FsCaps::UNLINKED_OPEN | FsCaps::DURABLE;
    let kind = fs_kind(root);
    let full = matches!(kind, EXT | TMPFS | XFS | BTRFS);
    caps.set(FsCaps::ALLOCATE | FsCaps::SEEK_HOLE | FsCaps::CLONE, full);
    caps.set(FsCaps::DIR_NLINK, matches!(kind, EXT | TMPFS | XFS));
    if options.resolver == Resolver::Portable {
        caps |= FsCaps::STABLE_COOKIES;
    } else {
        caps |= FsCaps::FIFOS | FsCaps::SOCKETS;
        caps.set(FsCaps::DEVICES, options.devices);
        caps.set(FsCaps::STABLE_COOKIES, full || kind == OVERLAY);
        caps.set(FsCaps::NO_REPLACE, full || kind == OVERLAY);
        caps.set(FsCaps::EXCHANGE | FsCaps::WHITEOUT, full);
    }
    caps.set(FsCaps::XATTR, super::linux::has_xattrs(root));
    caps
}

#[cfg(not(target_os = "linux"))]
pub(super) fn caps(_root: &File, _options: Options) -> FsCaps {
    let caps = FsCaps::HARD_LINKS | FsCaps::SYMLINKS | FsCaps::STABLE_COOKIES | FsCaps::DURABLE;
    if cfg!(unix) { caps | FsCaps::NS_TIMES | FsCaps::UNLINKED_OPEN } else { caps }
}
