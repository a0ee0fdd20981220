//! [`Forgetting`]: a bound on the nodes that the kernel remembers.
//!
//! The kernel keeps what it has been told of as long as it has memory for it, and each such node is a reference. Memory
//! does not mind. A filesystem over the host holds a descriptor for each (an overlay perhaps several), and the process
//! would soon have no more: so when the kernel knows more nodes than a part of the limit on descriptors, it is asked to
//! forget those of which it has heard least recently (`FUSE_NOTIFY_PRUNE`, protocol 7.45, Linux 6.18). It forgets what no
//! program uses. Older kernels answer `EINVAL`, and are not asked again: then the limit itself is all there is.
//!
//! It is a thread of its own that asks. To forget a file, the kernel may have to wait for pages that are being read, and
//! it is the threads of the session that answer those.
//!
//! The crate `fuser` has no word for this request, but lends its `/dev/fuse`, to a copy of which the message is written.

use std::{
    io,
    os::fd::OwnedFd,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use fuser::INodeNo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::server::Server;
use crate::{FileSystem, FsCaps};

/// Nodes that the kernel is asked to forget at a time.
const BATCH: usize = 512;

/// How long the kernel gets to give them back before it is asked for others.
const PATIENCE: Duration = Duration::from_millis(10);

/// How long nothing is asked when everything that it knows is in use.
const PAUSE: Duration = Duration::from_millis(200);

/// How many nodes of a filesystem the kernel should know at most; `None` if they cost no descriptors. A quarter of what
/// the process may have open: the rest is for files, for overlays, which have nodes in two layers, and for everybody
/// else.
pub(super) fn bound(fs: &dyn FileSystem) -> Option<usize> {
    if fs.info().caps.contains(FsCaps::LOCAL) {
        return None;
    }
    let limit = getrlimit(Resource::Nofile).current?;
    Some(usize::try_from(limit / 4).unwrap_or(usize::MAX).max(16))
}

/// Lets this process have as many descriptors open as it may at most: raises the soft limit to the hard one. For
/// programs that mount directories of the host, and do not use `select(2)`.
///
/// # Errors
/// Those of `setrlimit(2)`.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// The thread that asks, until this is dropped.
#[derive(Debug)]
pub(super) struct Forgetting {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Forgetting {
    /// Begins to look after the nodes of a server, by way of its `/dev/fuse`.
    pub(super) fn begin(server: Arc<Server>, device: OwnedFd) -> io::Result<Forgetting> {
        let thread = match server.nodes.is_bounded() {
            true => {
                let server = Arc::clone(&server);
                Some(thread::Builder::new().name("fuse-forget".to_owned()).spawn(move || ask(&server, &device))?)
            }
            false => None,
        };
        Ok(Forgetting { server, thread })
    }
}

impl Drop for Forgetting {
    fn drop(&mut self) {
        self.server.nodes.end();
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, its end would still be its end.
            let _ = thread.join();
        }
    }
}

fn ask(server: &Server, device: &OwnedFd) {
    let nodes = &server.nodes;
    let mut in_vain = 0;
    while let Some(oldest) = nodes.oldest(BATCH) {
        let message = message(&oldest.nodes);
        if rustix::io::retry_on_intr(|| rustix::io::write(device, &message)).is_err() {
            // A kernel that does not know the request, or a connection that has ended.
            return;
        }
        if nodes.fewer(&oldest, PATIENCE) {
            in_vain = 0;
            continue;
        }
        in_vain += oldest.nodes.len();
        if in_vain >= nodes.count() {
            nodes.pause(PAUSE);
            in_vain = 0;
        }
    }
}

/// `struct fuse_out_header` and `struct fuse_notify_prune_out` of `linux/fuse.h`, and the numbers.
fn message(nodes: &[INodeNo]) -> Vec<u8> {
    const FUSE_NOTIFY_PRUNE: i32 = 9;
    const HEADERS: usize = 16 + 16;

    let length = HEADERS + 8 * nodes.len();
    let mut message = Vec::with_capacity(length);
    // Its length, what it is, and that it answers nothing.
    message.extend_from_slice(&(length as u32).to_ne_bytes());
    message.extend_from_slice(&FUSE_NOTIFY_PRUNE.to_ne_bytes());
    message.extend_from_slice(&0u64.to_ne_bytes());
    // How many, and two fields without a meaning.
    message.extend_from_slice(&(nodes.len() as u32).to_ne_bytes());
    message.extend_from_slice(&0u32.to_ne_bytes());
    message.extend_from_slice(&0u64.to_ne_bytes());
    nodes.iter().for_each(|node| message.extend_from_slice(&node.0.to_ne_bytes()));
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemFs, host_fs::HostFs};

    #[test]
    fn a_message_has_the_form_that_the_kernel_reads() {
        let message = message(&[INodeNo(2), INodeNo(u64::MAX)]);
        let number = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!((message.len(), number(0), number(4), number(16)), (48, 48, 9, 2));
        assert_eq!(message[32..40], 2u64.to_ne_bytes());
        assert_eq!(message[40..], [0xff; 8]);
    }

    #[test]
    fn only_what_takes_descriptors_is_bounded() {
        assert_eq!(bound(&MemFs::new()), None);
        let dir = tempfile::tempdir().unwrap();
        let limit = getrlimit(Resource::Nofile).current;
        let bound = bound(&*HostFs::open(dir.path()).unwrap()).map(|bound| bound as u64);
        assert!(bound.is_none_or(|bound| limit.is_some_and(|limit| bound <= limit.max(64) / 4)), "{bound:?} {limit:?}");
    }
}
