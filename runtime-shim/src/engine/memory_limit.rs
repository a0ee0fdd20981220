//! [`MemoryLimit`]: how much memory a guest may have, for engines that ask before they allocate.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much memory a guest may have: all its memories together, and its tables. One for each process; its threads
/// share it.
#[derive(Debug)]
pub struct MemoryLimit {
    limit: u64,
    used: AtomicU64,
    reached: AtomicBool,
}

impl MemoryLimit {
    /// At most so many bytes.
    pub fn new(limit: u64) -> MemoryLimit {
        MemoryLimit { limit, used: AtomicU64::new(0), reached: AtomicBool::new(false) }
    }

    /// Takes `bytes` more, before they are allocated, if that many are left.
    pub fn take(&self, bytes: u64) -> bool {
        let fits = |used: u64| used.checked_add(bytes).filter(|&sum| sum <= self.limit);
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if !taken {
            self.reached.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// Gives back what was taken and could not be allocated.
    pub fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether anything has been refused.
    pub fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_can_be_had_and_no_more() {
        let limit = MemoryLimit::new(100);
        assert!(limit.take(60) && !limit.was_reached());
        assert!(!limit.take(41) && !limit.take(u64::MAX) && limit.was_reached());
        assert!(limit.take(40) && !limit.take(1));
        limit.give_back(40);
        assert!(limit.take(40) && limit.take(0));
    }
}
