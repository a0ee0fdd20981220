//! Copying a whole overlay: a fork of the upper layer, and an empty cache.

use std::sync::Arc;

use super::{
    shared::{Seed, Shared, Upper},
    tree::{ROOT, Tree},
    work,
};
use crate::{
    Errno, FileSystem, FsInfo, Result, Snapshots,
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

impl Shared {
    pub(super) fn fork(&self) -> Result<Shared> {
        self.copy(|snapshots| snapshots.fork())
    }

    pub(super) fn freeze(&self) -> Result<Shared> {
        self.copy(|snapshots| snapshots.freeze())
    }

    fn copy(&self, of: impl FnOnce(&dyn Snapshots) -> Result<Arc<dyn FileSystem>>) -> Result<Shared> {
        // Nothing that takes more than one step in the upper layer is half done while this is held.
        let tree = self.tree.write();
        let upper = match &self.upper {
            Some(upper) => Some(upper.with_fs(of(upper.fs.snapshots().ok_or(Errno::NOTSUP)?)?)?),
            None => None,
        };
        let temps = self.temps.load(Ordering::Acquire) > 0;
        let seed = match tree.node(ROOT) {
            Ok(root) => Seed {
                marked: root.marked.load(Ordering::Relaxed),
                impure: root.impure.load(Ordering::Relaxed),
                shadow: root.shadow(),
                ..self.seed.clone()
            },
            Err(_) => self.seed.clone(),
        };
        let mut copy = Tree::new(tree.hasher(), tree.limit());
        if !tree.origins.is_empty() {
            copy.origins.clone_from(&tree.origins);
        }
        drop(tree);
        if let (true, Some(upper)) = (temps, &upper) {
            // Somebody copies content there, for the original.
            work::clear_work(&upper.work)?;
        }
        Ok(Shared {
            info: FsInfo { dev: FsInfo::fresh_dev(), ..self.info.clone() },
            layers: self.layers.clone(),
            upper,
            tree: RwLock::new(copy),
            root: self.root,
            seed,
            next_temp: AtomicU64::new(self.next_temp.load(Ordering::Relaxed)),
            indexed: AtomicBool::new(self.indexed.load(Ordering::Relaxed)),
            temps: AtomicUsize::new(0),
        })
    }
}

impl Upper {
    /// The same directories in a copy of the filesystem.
    fn with_fs(&self, fs: Arc<dyn FileSystem>) -> Result<Upper> {
        let (root, work, index) = (self.root.in_copy(&fs)?, self.work.in_copy(&fs)?, self.index.in_copy(&fs)?);
        Ok(Upper { fs, root, work, index, devices: self.devices, sync: self.sync })
    }
}
