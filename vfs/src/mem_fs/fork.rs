//! Copying a whole filesystem. Why this is one point in time: [`mem_fs`](super).

use super::{
    Atime, info,
    refs::Refs,
    shared::{Shared, next_epoch},
};
use crate::{
    FsInfo,
    sync::{
        RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

impl Shared {
    pub(super) fn fork(&self) -> Shared {
        self.fork_with(self.atime)
    }

    /// A fork with a policy of its own for `atime`.
    pub(super) fn fork_with(&self, atime: Atime) -> Shared {
        let tree = self.tree.write();
        // From here on neither side may change in place what both see.
        self.epoch.store(next_epoch(), Ordering::SeqCst);
        let orphans = self.refs.orphans();
        let quota = self.quota.fork();
        let copy = Shared {
            info: info(FsInfo::fresh_dev()),
            clock: self.clock.clone(),
            atime,
            hash: self.hash.clone(),
            tree: RwLock::new(tree.clone()),
            refs: Refs::default(),
            quota,
            epoch: AtomicU64::new(next_epoch()),
            family: self.family,
        };
        drop(tree);
        // Nothing in the copy refers to these.
        for id in orphans {
            copy.free(&mut copy.tree.write(), id);
        }
        copy
    }
}
