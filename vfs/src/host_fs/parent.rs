//! `..`: which directory holds a directory.
//!
//! Directories move, by our own renames and by other processes', so what a walk saw on its way down is a guess. And
//! the kernel, if asked to open `..`, opens it, be it in the root or not: somebody may have moved the directory out.
//! So the answer is always a directory that we know to be inside, and the kernel is only asked *who* `..` is:
//!
//! 1. `stat(dir, "..")` names the parent's identity, and opens nothing.
//! 2. If that is the root, or the directory the walk came through, or any other that somebody holds, the answer is the
//!    descriptor that we have of it, which was opened inside the root. One syscall; the usual case.
//! 3. Else the way up is opened step by step, each step checked against the identity named before, until the root is
//!    met (it is inside), or the host's own root, a mount boundary, or too many steps (`NOENT`). Then the whole chain
//!    is checked a second time, downwards: if every link held on the way up and again on the way down, all of them
//!    held at the moment in between, and the directory was below the root then. A link that has changed starts it all
//!    again, a few times, and then it is `NOENT`.
//!
//! A directory that is moved out after that moment is one we hold a capability for, like any directory that was open
//! when it was moved. What a guest can do, rename inside the root, can never lead out in any step: it takes another
//! process that moves directories in and out between two of our syscalls, and back, to deceive step 3.

use std::sync::Arc;

use super::{Inner, node::Node};
#[cfg(windows)]
use crate::Errno;
use crate::{NodeId, Result};

/// What a child remembers of the directory it was found in. Not of the directory's own parent: else a deep directory
/// would hold a descriptor for each level above it.
#[cfg(unix)]
pub(super) fn link_to(parent: &Arc<Node>) -> Arc<Node> {
    Arc::new(Node {
        key: parent.key,
        file_type: parent.file_type,
        pin: parent.pin.clone(),
        places: Default::default(),
        parent: Default::default(),
    })
}

/// Windows cannot be asked for `..`, so the way down must be remembered whole.
#[cfg(windows)]
pub(super) fn link_to(parent: &Arc<Node>) -> Arc<Node> {
    parent.clone()
}

impl Inner {
    /// See [`FileSystem::parent`](crate::FileSystem::parent).
    pub(super) fn parent(&self, dir: NodeId) -> Result<NodeId> {
        let node = self.get(dir)?;
        let pin = node.dir()?;
        if node.key == self.root_key {
            return Ok(self.root);
        }
        #[cfg(windows)]
        {
            let _ = pin;
            let up = node.parent.lock().clone().ok_or(Errno::NOENT)?;
            Ok(self.intern(up))
        }
        #[cfg(unix)]
        {
            let found = climb::parent(self, &node, pin)?;
            if found.key != self.root_key {
                *node.parent.lock() = Some(link_to(&found));
            }
            Ok(self.intern(found))
        }
    }
}

#[cfg(unix)]
mod climb {
    use std::fs::File;

    use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};

    use super::*;
    use crate::{
        Errno,
        host_fs::meta::{Attr, Identity, Key},
    };

    /// Deeper trees exist, but nobody climbs out of them by `..`.
    const MAX_STEPS: usize = 1024;

    /// How often a chain that changes under our feet is climbed again.
    const TRIES: usize = 4;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    const UP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const UP: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    pub(super) fn parent(fs: &Inner, node: &Node, pin: &Arc<File>) -> Result<Arc<Node>> {
        for _ in 0..TRIES {
            let up = key_above(pin)?;
            if up == fs.root_key {
                return fs.get(fs.root);
            }
            if let Some(known) = node.parent.lock().clone().filter(|link| link.key == up) {
                return Ok(known);
            }
            if let Some(known) = fs.held(up).filter(|known| known.pin.is_some()) {
                return Ok(known);
            }
            if let Some(found) = from_kernel(fs, node.key, pin)? {
                return Ok(found);
            }
        }
        Err(Errno::NOENT)
    }

    /// Opens `..`, if it is below the root. `None` if something moved meanwhile.
    fn from_kernel(fs: &Inner, start: Key, pin: &Arc<File>) -> Result<Option<Arc<Node>>> {
        // Each with the identity it was seen to have, lowest first.
        let mut chain: Vec<(Arc<File>, Key)> = vec![(pin.clone(), start)];
        loop {
            let (below, below_key) = &chain[chain.len() - 1];
            let above = File::from(openat(below, c"..", UP, Mode::empty())?);
            let attr = Attr::of(&above)?;
            if attr.key == *below_key || chain.len() > MAX_STEPS {
                return Err(Errno::NOENT);
            }
            let inside = attr.key == fs.root_key;
            chain.push((Arc::new(above), attr.key));
            if inside {
                break;
            }
        }
        for pair in chain.windows(2).rev() {
            if key_above(&pair[0].0)? != pair[1].1 {
                return Ok(None);
            }
        }
        let file = chain.swap_remove(1).0;
        Ok(Some(Arc::new(Node::new(Identity::of(&file)?, Some(file), None))))
    }

    fn key_above(dir: &File) -> Result<Key> {
        #[allow(clippy::unnecessary_cast)]
        let key = |s: rustix::fs::Stat| Key { dev: s.st_dev as u64, ino: s.st_ino as u64 };
        Ok(key(statat(dir, c"..", AtFlags::SYMLINK_NOFOLLOW)?))
    }
}
