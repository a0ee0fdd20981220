//! Standard streams: where a guest's descriptors 0, 1 and 2 lead.
//!
//! Each is a [`VirtualFile`], and may be given to any number of processes:
//!
//! | | input | output |
//! |---|---|---|
//! | the embedder's own | [`inherit_stdin`] | [`inherit_stdout`], [`inherit_stderr`] |
//! | another host descriptor (Unix) | `from_fd` | `from_fd` |
//! | nothing | [`null`] | [`null`] |
//! | known beforehand, looked at afterwards | [`bytes()`] | [`capture`] |
//! | a pipe to a thread of the embedder | [`to_guest`](crate::pipes::to_guest) | [`from_guest`](crate::pipes::from_guest) |
//! | a reader or writer of the embedder's | [`reader`] | [`writer`]; [`tee`] copies what goes elsewhere |
//!
//! All are streams. A host file that a shell has redirected is one too: its cursor belongs to everybody who has it
//! (`(a; b) > file`), so it is read and written where that cursor is, and cannot be moved. Only a terminal is a
//! character device: a guest's `isatty` asks for nothing more.

mod buffer;
#[cfg(feature = "host")]
mod inherit;
mod wrap;

pub use buffer::{Captured, bytes, capture, null};
#[cfg(all(unix, feature = "host"))]
pub use fd::from_fd;
#[cfg(feature = "host")]
pub use inherit::{inherit_stderr, inherit_stdin, inherit_stdout};
pub use wrap::{reader, tee, writer};

#[cfg(all(unix, feature = "host"))]
mod fd;

#[cfg(feature = "host")]
use gangplank_vfs::VirtualFile;

#[cfg(test)]
mod tests;
