//! [`Quota`]: what one filesystem may use, reserved before anything is allocated.

use crate::{
    Errno, Result,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What a limit has refused, since the filesystem was made or forked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refused {
    /// Content.
    pub bytes: bool,
    /// Files, directories, names.
    pub nodes: bool,
}

/// Bytes and nodes, used and allowed. The number of nodes changes only with the tree locked for writing, so that it
/// takes no atomic operation.
#[derive(Debug)]
pub(super) struct Quota {
    bytes: Account,
    nodes: Account,
}

#[derive(Debug)]
struct Account {
    used: AtomicU64,
    limit: u64,
    /// Whether anything has been refused.
    refused: AtomicBool,
}

impl Quota {
    pub(super) const fn new(bytes: u64, nodes: u64) -> Quota {
        Quota { bytes: Account::new(0, bytes), nodes: Account::new(0, nodes) }
    }

    /// The same limits, with the same use so far, counted apart from now on. Nothing may be reserved or refunded
    /// meanwhile.
    pub(super) fn fork(&self) -> Quota {
        Quota {
            bytes: Account::new(self.used_bytes(), self.bytes.limit),
            nodes: Account::new(self.used_nodes(), self.nodes.limit),
        }
    }

    /// # Errors
    /// `NOSPC` if so much is not left; nothing is reserved then.
    pub(super) fn reserve_bytes(&self, n: u64) -> Result<()> {
        self.bytes.reserve(n)
    }

    pub(super) fn refund_bytes(&self, n: u64) {
        self.bytes.refund(n);
    }

    /// # Errors
    /// `NOSPC` if so many are not left; nothing is reserved then.
    pub(super) fn reserve_nodes(&self, n: u64) -> Result<()> {
        let sum = self.nodes.check(self.used_nodes(), n)?;
        self.nodes.used.store(sum, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn refund_nodes(&self, n: u64) {
        let before = self.used_nodes();
        debug_assert!(before >= n, "more refunded than reserved");
        self.nodes.used.store(before.saturating_sub(n), Ordering::Relaxed);
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.bytes.used.load(Ordering::Relaxed)
    }

    pub(super) fn used_nodes(&self) -> u64 {
        self.nodes.used.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> Refused {
        let refused = |account: &Account| account.refused.load(Ordering::Relaxed);
        Refused { bytes: refused(&self.bytes), nodes: refused(&self.nodes) }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.bytes.limit
    }

    pub(super) fn max_nodes(&self) -> u64 {
        self.nodes.limit
    }
}

impl Account {
    const fn new(used: u64, limit: u64) -> Account {
        Account { used: AtomicU64::new(used), limit, refused: AtomicBool::new(false) }
    }

    /// # Errors
    /// `NOSPC` if `n` more than `used` are too many.
    #[inline]
    fn check(&self, used: u64, n: u64) -> Result<u64> {
        used.checked_add(n).filter(|&sum| sum <= self.limit).ok_or_else(|| {
            self.refused.store(true, Ordering::Relaxed);
            Errno::NOSPC
        })
    }

    fn reserve(&self, n: u64) -> Result<()> {
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let sum = self.check(used, n)?;
            // Nothing asked for is always granted, and costs nothing.
            if n == 0 {
                return Ok(());
            }
            match self.used.compare_exchange_weak(used, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => used = now,
            }
        }
    }

    fn refund(&self, n: u64) {
        if n > 0 {
            let before = self.used.fetch_sub(n, Ordering::Relaxed);
            debug_assert!(before >= n, "more refunded than reserved");
        }
    }
}
