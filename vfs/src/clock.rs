//! [`Clock`]: where timestamps come from. Injected, because `wasm32-unknown-unknown` has no clock and tests want their
//! own.

use core::fmt;

use crate::{
    Time,
    sync::atomic::{AtomicI64, Ordering},
};

/// The time of day.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Time;
}

/// The host's clock. On Linux the coarse one, as the kernel's own filesystems use (a few milliseconds, a few
/// nanoseconds to read); 1970 where there is no clock at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[cfg(all(feature = "host", target_os = "linux"))]
        {
            let t = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
            Time::from_parts(t.tv_sec, t.tv_nsec as u32)
        }
        #[cfg(all(not(all(feature = "host", target_os = "linux")), not(target_family = "wasm")))]
        {
            use std::time::{SystemTime, UNIX_EPOCH};
            match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(after) => Time(after.as_nanos() as i128),
                Err(before) => Time(-(before.duration().as_nanos() as i128)),
            }
        }
        #[cfg(target_family = "wasm")]
        Time::EPOCH
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `nanos` nanoseconds after 1970.
    pub const fn new(nanos: i64) -> Self {
        ManualClock(AtomicI64::new(nanos))
    }

    /// Moves it forward.
    pub fn advance(&self, nanos: i64) {
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed).into())
    }
}
