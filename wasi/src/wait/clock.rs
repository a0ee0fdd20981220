//! [`Monotonic`]: the clock that deadlines are on. Injected, because `wasm32-unknown-unknown` has none and tests and
//! deterministic runs want their own.

use core::{fmt, time::Duration};

use crate::sync::atomic::{AtomicU64, Ordering};

/// A clock that never goes back.
pub trait Monotonic: fmt::Debug + Send + Sync + 'static {
    /// Nanoseconds since some moment of its own.
    fn now(&self) -> u64;

    /// How long, in the host's time, a thread that waits for `deadline` and for nothing that is ready shall park
    /// before it asks again. Zero exactly if the deadline is reached. A clock that no time drives moves itself to the
    /// deadline here.
    fn pause(&self, deadline: u64) -> Duration;
}

/// The host's clock (`CLOCK_MONOTONIC`), from the moment it was made on.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Copy, Debug)]
pub struct SystemMonotonic(std::time::Instant);

#[cfg(not(target_family = "wasm"))]
impl SystemMonotonic {
    /// A clock that shows 0.
    pub fn new() -> Self {
        SystemMonotonic(std::time::Instant::now())
    }
}

#[cfg(not(target_family = "wasm"))]
impl Default for SystemMonotonic {
    fn default() -> Self {
        SystemMonotonic::new()
    }
}

#[cfg(not(target_family = "wasm"))]
impl Monotonic for SystemMonotonic {
    fn now(&self) -> u64 {
        // 584 years.
        self.0.elapsed().as_nanos() as u64
    }

    fn pause(&self, deadline: u64) -> Duration {
        Duration::from_nanos(deadline.saturating_sub(self.now()))
    }
}

/// A clock that stands still but for waiting: a sleep is over at once, and the clock shows that it has been slept.
#[derive(Debug, Default)]
pub struct VirtualMonotonic(AtomicU64);

impl VirtualMonotonic {
    /// A clock that shows `nanos`.
    pub const fn new(nanos: u64) -> Self {
        VirtualMonotonic(AtomicU64::new(nanos))
    }

    /// Moves it forward.
    pub fn advance(&self, nanos: u64) {
        let moved = |now: u64| Some(now.saturating_add(nanos));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved);
    }
}

impl Monotonic for VirtualMonotonic {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn pause(&self, deadline: u64) -> Duration {
        self.0.fetch_max(deadline, Ordering::Relaxed);
        Duration::ZERO
    }
}
