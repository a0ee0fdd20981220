//! Pipes in memory, between guests, or between a guest and the embedder.
//!
//! [`pipe`] makes two files for guests. [`to_guest`] and [`from_guest`] make one file for a guest, the other end being
//! a [`std::io::Write`] or [`std::io::Read`] that a thread of the embedder may block on; it can be closed from any other
//! thread. A slow reader holds the writer back: the buffer is bounded.
//!
//! The file closes when it is dropped, not when a descriptor is: several processes may share it, each with its own open
//! file description.

mod ends;
mod host;
mod ring;
mod stream;
mod wakers;

pub use ends::{PipeReader, PipeWriter, pipe};
pub use host::{Closer, HostReader, HostWriter, from_guest, to_guest};
pub use ring::{PIPE_BUF, PIPE_CAPACITY};
pub use stream::{Stream, StreamFile};
pub(crate) use {ring::Ring, wakers::Wakers};

#[cfg(test)]
mod tests;
