//! A virtual filesystem for WebAssembly runtimes.
//!
//! A [`FileSystem`] is a tree of nodes: it is asked for one [`Name`] in one directory at a time and never sees a path.
//! A [`VirtualFile`] is an open file without a cursor. Everything that paths are about is done once, above them.
#![forbid(unsafe_code)]

mod clock;
mod ctx;
mod cursor;
pub mod diff;
mod errno;
mod file;
mod forward;
mod fs;
#[cfg(all(feature = "fuse", target_os = "linux"))]
pub mod fuse;
mod generated;
#[cfg(all(feature = "host", any(unix, windows)))]
pub mod host_fs;
#[cfg(feature = "images")]
pub mod image_fs;
pub mod layers;
pub mod lock;
pub mod mem_fs;
mod mount;
mod name;
mod open_file;
pub mod overlay_fs;
#[cfg(all(feature = "host", unix))]
pub mod reactor;
mod read_only;
mod resolve;
mod shapes;
pub mod source_fs;
mod start;
#[cfg(not(shuttle))]
mod sync;
#[cfg(shuttle)]
#[doc(hidden)]
pub mod sync;
pub mod tree;
mod types;

pub use bytes::Bytes;
pub use clock::{Clock, ManualClock, SystemClock};
pub use ctx::{Cred, Ctx};
pub use errno::{Errno, Result};
pub use file::{Advice, Received, Socket, VirtualFile};
pub use fs::{
    FileSystem, Goal, MountPoints, NoMounts, OpenHow, Opened, SetXattr, Snapshots, Walked, Xattrs, walk_by_lookup,
};
pub use lock::LockKind;
pub use mem_fs::{MemFs, MemFsOptions};
pub use mount::{Mount, MountOptions, Namespace, Place};
pub use name::{Component, Components, NAME_MAX, Name, PATH_MAX};
pub use open_file::{OpenFile, Whence};
pub use overlay_fs::OverlayFs;
pub use resolve::Scope;
pub use start::Start;
pub use tree::{Dir, Tree, TreeError};
pub use types::{
    At, Cookie, DirEntry, Entry, Events, FileType, FsCaps, FsInfo, Metadata, NewNode, NodeId, OpenFlags, Remove,
    Rename, Seek, SetAttr, SetTime, StatFs, Time,
};
