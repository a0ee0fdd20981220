//! Host sockets that the embedder opens and hands to a guest. A guest can accept, receive, send and shut down; it can
//! make no socket of its own in preview1.
//!
//! Unix only. Elsewhere there is none of this module: a guest has no sockets there.

mod message;
mod socket;

pub(crate) use message::{receive, send};
pub use socket::HostSocket;

#[cfg(test)]
mod tests;
