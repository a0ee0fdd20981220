//! A directory of any filesystem, mounted on this machine through FUSE (`fuse(4)`): for all its programs, and for test
//! suites that know nothing of us.
//!
//! ```no_run
//! use gangplank_vfs::{dir, fuse::{self, FuseOptions}};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tree = dir! { "greeting.txt": "hello" }.tree()?;
//! let mounted = fuse::mount(tree.place().clone(), "/mnt", &FuseOptions::default())?;
//! assert_eq!(std::fs::read_to_string("/mnt/greeting.txt")?, "hello");
//! mounted.unmount()?;
//! // The tree, and what was done to it, is still ours.
//! # Ok(())
//! # }
//! ```
//!
//! # What the kernel does, and what we do
//! The kernel walks paths, follows symbolic links, and caches; it enforces permission bits (`default_permissions`), and
//! keeps FIFOs, sockets, devices and file locks to itself: all of them work between the programs of this machine, and
//! none of them reaches the filesystem. We are asked for one name in one directory at a time, which is what a
//! [`FileSystem`](crate::FileSystem) answers.
//!
//! What is made belongs to who makes it, or, in a directory with the set-group-ID bit, to the directory's group
//! (`mkdir(2)`). Set-user-ID and device nodes have no effect on programs (`nosuid`, `nodev`).
//!
//! A lookup that the kernel remembers is one reference to the node, given back when the kernel forgets it, and at the
//! latest when the mount ends. Where nodes cost descriptors, the kernel is asked to forget some before they run out
//! (Linux 6.18).
//!
//! # Unmounting
//! `umount(8)` by anybody who may ends it; so does [`Mounted::unmount`], and dropping [`Mounted`]. If programs still
//! have files open, they get errors from then on: what they have written is kept, what they hold is lost.
//!
//! # Limits
//! A lock that waits would have to be interruptible, which the crate `fuser` does not support; that is why locks are the
//! kernel's alone, and are not seen by guests that use the same filesystem without it.
//!
//! Before Linux 6.18 the kernel remembers as many nodes as it has memory for, and a directory of the host takes a
//! descriptor for each: whoever mounts one there should
//! [raise the limit on descriptors](raise_descriptor_limit) first.
//!
//! The mount point must not lie in a directory of the host that the filesystem itself shows: whoever looked at it there
//! would wait for an answer of the one who asks.
//!
//! # Lock order
//! `Nodes::known` and `Files::open` are leaves: the filesystem is not called under them.

mod convert;
mod files;
mod forgetting;
mod listing;
mod mounted;
mod nodes;
mod requests;
mod server;

use std::{io, path::Path, time::Duration};

pub use self::{
    forgetting::raise_descriptor_limit,
    mounted::{Mounted, Unmounter},
};
use crate::Place;

/// How to mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FuseOptions {
    /// How long the kernel may answer for us what a name leads to, and what a node's metadata are. Zero, the default: it
    /// asks each time, and everybody sees at once what is done to the filesystem by other ways than this mount.
    pub ttl: Duration,
    /// Whether reads and writes pass the kernel's cache of file content by. Every one then reaches the filesystem, as it
    /// was asked for. A file can still be mapped into memory where the kernel allows that (Linux 6.6).
    pub direct_io: bool,
    /// Whether other users than the one who mounts may use it, as the permission bits allow them. Needs root, or
    /// `user_allow_other` in `/etc/fuse.conf`.
    pub allow_other: bool,
    /// Whether the kernel refuses all changes. So it does if the place is [read-only](crate::MountOptions::read_only).
    pub read_only: bool,
    /// How many requests are answered at the same time; at least 1.
    pub threads: usize,
    /// What `mount(8)` shows as the source.
    pub source: String,
}

impl Default for FuseOptions {
    fn default() -> FuseOptions {
        FuseOptions {
            ttl: Duration::ZERO,
            direct_io: false,
            allow_other: false,
            read_only: false,
            threads: 4,
            source: "gangplank".to_owned(),
        }
    }
}

/// Mounts the directory `place` on the directory `on` of the host. Threads of this process answer from then on.
///
/// As root this takes nothing but `/dev/fuse`; others need the program `fusermount3` too.
///
/// # Errors
/// `NotFound` without `/dev/fuse` or without `on`; `PermissionDenied`; what the kernel, or `fusermount3`, says against
/// it.
pub fn mount(place: Place, on: impl AsRef<Path>, options: &FuseOptions) -> io::Result<Mounted> {
    Mounted::new(place, on.as_ref(), options)
}
