//! [`Node`]: a node as the overlay shows it, and where it is in the layers.

use std::sync::Weak;

use bytes::Bytes;

use super::{
    layer::{Lower, NodeRef},
    readdir::LowerNames,
};
use crate::{
    Errno, FileType, Metadata, NodeId, Result, Time,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Where a node comes from: what its number is made of, so that nothing needs to remember it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    /// 0 for the upper layer; the lower ones are counted from the bottom, which is 1.
    pub(super) layer: u32,
    pub(super) ino: u64,
}

/// Numbers with this bit are hashes.
const TOP: u64 = 1 << 63;
const LAYER_SHIFT: u32 = 56;

impl Key {
    /// The number: the layer in the upper bits, as Linux does with `xino`, where both fit; else a hash.
    pub(super) fn id(self) -> NodeId {
        let raw = if self.ino >> LAYER_SHIFT == 0 && self.layer < 0x7f {
            u64::from(self.layer) << LAYER_SHIFT | self.ino
        } else {
            mix(mix(u64::from(self.layer)) ^ self.ino) | TOP
        };
        NodeId::new(raw).unwrap_or(NodeId(core::num::NonZeroU64::MIN))
    }
}

/// Another number, for a node whose own is taken.
pub(super) fn another(id: NodeId) -> NodeId {
    NodeId::new(mix(id.get()) | TOP).unwrap_or(id)
}

/// Spreads every bit over all others (the finalizer of splitmix64).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A node. What never changes, and what may be asked without the tree's lock.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) key: Key,
    pub(super) file_type: FileType,
    /// Set once: by the copy-up, or from the beginning. With the tree locked for writing.
    pub(super) upper: OnceLock<NodeRef>,
    /// Of a directory: all that merge, topmost first. Of anything else: what it was, if it was ever below.
    pub(super) lowers: Vec<Lower>,
    /// Of a directory: whether files in the upper one may be whiteouts.
    pub(super) marked: AtomicBool,
    /// Of a directory: whether nodes in the upper one may have an origin.
    pub(super) impure: AtomicBool,
    /// Those that callers hold, and one for each open file.
    pub(super) refs: AtomicU64,
    /// It has no name any more, nor will it ever have one.
    pub(super) gone: AtomicBool,
    /// Held while its content is being copied up.
    pub(super) copy_up: Mutex<()>,
    /// Of a symbolic link.
    pub(super) target: OnceLock<Bytes>,
    /// Of a directory: what its lower ones hold, as long as somebody lists it.
    pub(super) listing: Mutex<Weak<LowerNames>>,
    shadow: Shadow,
}

/// Where the metadata that is shown differs from that of the layer.
#[derive(Debug, Default)]
struct Shadow {
    used: AtomicBool,
    state: Mutex<Option<Box<ShadowState>>>,
}

/// What is shown instead.
#[derive(Clone, Debug, Default)]
pub(super) struct ShadowState {
    /// The birth of what was copied up.
    pub(super) born: Option<Time>,
    /// What to show instead of a `ctime` that our own work in the layer left.
    pub(super) ctime: Option<(Time, Time)>,
    /// Names beyond those that the upper layer counts.
    pub(super) names: i64,
}

impl Shadow {
    #[cold]
    fn show(&self, m: &mut Metadata) {
        let state = self.state.lock();
        let Some(state) = &*state else { return };
        m.btime = state.born.unwrap_or(m.btime);
        if let Some((layer, shown)) = state.ctime
            && m.ctime == layer
        {
            m.ctime = shown;
        }
        m.nlink = m.nlink.saturating_add_signed(state.names);
    }

    fn change(&self, f: impl FnOnce(&mut ShadowState)) {
        f(self.state.lock().get_or_insert_default());
        self.used.store(true, Ordering::Release);
    }
}

impl Node {
    pub(super) fn new(id: NodeId, key: Key, file_type: FileType, upper: Option<NodeRef>, lowers: Vec<Lower>) -> Node {
        Node {
            id,
            key,
            file_type,
            upper: upper.map_or_else(OnceLock::new, OnceLock::from),
            lowers,
            marked: AtomicBool::new(false),
            impure: AtomicBool::new(false),
            refs: AtomicU64::new(0),
            gone: AtomicBool::new(false),
            copy_up: Mutex::new(()),
            target: OnceLock::new(),
            listing: Mutex::new(Weak::new()),
            shadow: Shadow::default(),
        }
    }

    pub(super) fn is_dir(&self) -> bool {
        self.file_type == FileType::Directory
    }

    /// Where its metadata and content are now.
    ///
    /// # Errors
    /// `STALE` if it is nowhere, which cannot be.
    #[inline]
    pub(super) fn real(&self) -> Result<&NodeRef> {
        match self.upper.get() {
            Some(upper) => Ok(upper),
            None => Ok(&self.lowers.first().ok_or(Errno::STALE)?.node),
        }
    }

    /// The node as shown, from the metadata of the layer.
    #[inline]
    pub(super) fn shown(&self, dev: u64, mut m: Metadata) -> Metadata {
        self.show(dev, &mut m);
        m
    }

    #[inline]
    fn show(&self, dev: u64, m: &mut Metadata) {
        (m.dev, m.ino) = (dev, self.id);
        if self.is_dir() {
            if !self.lowers.is_empty() {
                // What merges cannot be counted without listing it; Linux answers 1 too.
                m.nlink = 1;
            }
        } else if self.gone.load(Ordering::Acquire) {
            m.nlink = 0;
        }
        if self.shadow.used.load(Ordering::Acquire) {
            self.shadow.show(m);
        }
    }

    #[inline]
    pub(super) fn metadata(&self, dev: u64) -> Result<Metadata> {
        let mut metadata = self.real()?.getattr();
        if let Ok(m) = &mut metadata {
            self.show(dev, m);
        }
        metadata
    }

    /// Where what is shown differs from the layer, for a copy of this node.
    pub(super) fn shadow(&self) -> Option<Box<ShadowState>> {
        self.shadow.state.lock().clone()
    }

    pub(super) fn set_shadow(&self, shadow: Option<Box<ShadowState>>) {
        self.shadow.used.store(shadow.is_some(), Ordering::Release);
        *self.shadow.state.lock() = shadow;
    }

    pub(super) fn set_born(&self, born: Time) {
        self.shadow.change(|state| state.born = Some(born));
    }

    /// From now on `shown` stands for the layer's `ctime` of `layer`.
    pub(super) fn set_ctime(&self, layer: Time, shown: Time) {
        self.shadow.change(|state| state.ctime = Some((layer, shown)));
    }

    /// It has been changed: its `ctime` is that of the layer.
    pub(super) fn changed(&self) {
        if self.shadow.used.load(Ordering::Acquire) {
            self.shadow.change(|state| state.ctime = None);
        }
    }

    pub(super) fn extra_names(&self) -> i64 {
        if !self.shadow.used.load(Ordering::Acquire) {
            return 0;
        }
        self.shadow.state.lock().as_ref().map_or(0, |state| state.names)
    }

    pub(super) fn set_extra_names(&self, names: i64) {
        self.shadow.change(|state| state.names = names);
    }

    pub(super) fn retain(&self, n: u64) {
        self.refs.fetch_add(n, Ordering::Relaxed);
    }

    /// Gives references back; whether none is left.
    pub(super) fn release(&self, n: u64) -> bool {
        let before = self
            .refs
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |refs| Some(refs.saturating_sub(n)))
            .unwrap_or_default();
        before <= n
    }

    pub(super) fn is_held(&self) -> bool {
        self.refs.load(Ordering::Acquire) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_different_layers_differ() {
        let key = |layer, ino| Key { layer, ino }.id();
        assert_eq!(key(0, 5).get(), 5, "nodes of the upper layer keep their numbers");
        assert_ne!(key(0, 5), key(1, 5));
        assert_ne!(key(1, u64::MAX), key(2, u64::MAX));
        assert_ne!(key(200, 1), key(201, 1));
        assert!(key(0, u64::MAX).get() & TOP != 0);
        assert_ne!(another(key(0, 5)), key(0, 5));
    }
}
