//! [`Clocks`]: what time it is.

use core::time::Duration;

use crate::{
    abi::types::ClockId,
    sync::atomic::{AtomicU64, Ordering},
    wait::Monotonic,
};

/// The clocks of a system, on top of the one that never goes back. All times are nanoseconds.
pub trait Clocks: Monotonic {
    /// Since 1970; 0 before that.
    fn realtime(&self) -> u64;

    /// Processor time used by the process, where that is known.
    fn process_cputime(&self) -> Option<u64>;

    /// Processor time used by this thread, where that is known.
    fn thread_cputime(&self) -> Option<u64>;

    /// Between two different values of a clock, at least 1.
    fn resolution(&self, clock: ClockId) -> u64;
}

/// Clocks that advance by one microsecond each time that one is read, so that loops that wait for time to pass end, and
/// jump over all sleep.
#[derive(Debug)]
pub struct VirtualClocks {
    start: u64,
    now: AtomicU64,
}

const STEP: u64 = 1000;

impl VirtualClocks {
    /// Clocks whose time of day is `realtime` at first.
    pub const fn new(realtime: u64) -> VirtualClocks {
        VirtualClocks { start: realtime, now: AtomicU64::new(0) }
    }
}

impl Monotonic for VirtualClocks {
    fn now(&self) -> u64 {
        let advance = |now: u64| Some(now.saturating_add(STEP));
        // The closure never declines; both arms hold the time before.
        self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance).unwrap_or_else(|now| now)
    }

    fn pause(&self, deadline: u64) -> Duration {
        self.now.fetch_max(deadline, Ordering::Relaxed);
        Duration::ZERO
    }
}

impl Clocks for VirtualClocks {
    fn realtime(&self) -> u64 {
        self.start.saturating_add(self.now())
    }

    fn process_cputime(&self) -> Option<u64> {
        Some(self.now())
    }

    fn thread_cputime(&self) -> Option<u64> {
        Some(self.now())
    }

    fn resolution(&self, _clock: ClockId) -> u64 {
        STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_advances_when_read_and_when_waited_for() {
        let clocks = VirtualClocks::new(5_000);
        assert_eq!((clocks.now(), clocks.realtime(), clocks.now()), (0, 6_000, 2_000));
        assert_eq!(clocks.pause(1_000_000), Duration::ZERO);
        assert_eq!(clocks.now(), 1_000_000);
        assert_eq!(clocks.pause(5), Duration::ZERO);
        assert!(clocks.now() > 1_000_000);
        assert_eq!(clocks.pause(u64::MAX), Duration::ZERO);
        assert_eq!((clocks.now(), clocks.realtime()), (u64::MAX, u64::MAX));
    }
}
