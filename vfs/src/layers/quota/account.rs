//! What is charged, to whom.

use std::collections::BTreeMap;

use crate::{
    Errno, Result,
    mem_fs::ranges::Ranges,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Content is charged in blocks of so many bytes.
pub(super) const BLOCK: u64 = 4096;

/// One of the two limits.
#[derive(Debug)]
pub(super) struct Limit {
    used: AtomicU64,
    pub(super) limit: u64,
}

impl Limit {
    pub(super) const fn new(limit: u64) -> Limit {
        Limit { used: AtomicU64::new(0), limit }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// # Errors
    /// `NOSPC` if so much is not left; nothing is reserved then.
    pub(super) fn reserve(&self, n: u64) -> Result<()> {
        if self.reserve_some(n, n) == n { Ok(()) } else { Err(Errno::NOSPC) }
    }

    /// Reserves as many times `unit` as there is room for, at most `most` in all; answers how much that is.
    pub(super) fn reserve_some(&self, most: u64, unit: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        let mut got = 0;
        let update = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let left = self.limit.saturating_sub(used).min(most);
            got = left - left % unit;
            (got > 0).then_some(used + got)
        });
        if update.is_ok() { got } else { 0 }
    }

    /// Counts what is there already, limit or not.
    pub(super) fn add(&self, n: u64) {
        self.used.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn refund(&self, n: u64) {
        let before = self.used.fetch_sub(n, Ordering::Relaxed);
        debug_assert!(before >= n, "more refunded than reserved");
    }
}

/// What is charged for one node.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Blocks of content.
    pub(super) blocks: Ranges,
    /// Bytes that were there before, and are free.
    pub(super) free: u64,
    /// Names.
    pub(super) names: u64,
    /// The target of a symbolic link.
    pub(super) target: u64,
    /// Extended attributes.
    pub(super) xattrs: BTreeMap<Box<[u8]>, u64>,
    /// Open files.
    pub(super) open: u64,
    /// Whether it has no name any more.
    pub(super) gone: bool,
}

impl State {
    /// Bytes charged.
    pub(super) fn bytes(&self) -> u64 {
        self.blocks.total() * BLOCK + self.target + self.xattrs.values().sum::<u64>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes() == 0 && self.names == 0 && self.open == 0
    }

    /// Notes that content ends at `len`; answers the bytes to refund.
    pub(super) fn cut(&mut self, len: u64) -> u64 {
        let before = self.blocks.total();
        self.blocks.cut(len.div_ceil(BLOCK));
        self.free = self.free.min(len);
        (before - self.blocks.total()) * BLOCK
    }

    /// The blocks of `from..to`, not empty, that have to be charged.
    pub(super) fn missing(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let first = (from / BLOCK).max(self.free.div_ceil(BLOCK));
        self.blocks.clone().insert(first, to.div_ceil(BLOCK))
    }

    /// Charges them.
    pub(super) fn charge(&mut self, from: u64, to: u64) -> u64 {
        let first = (from / BLOCK).max(self.free.div_ceil(BLOCK));
        self.blocks.insert(first, to.div_ceil(BLOCK)).iter().map(|(from, to)| to - from).sum::<u64>() * BLOCK
    }
}
