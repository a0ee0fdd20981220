//! [`System`]: what processes take from outside: clocks and random numbers.

mod clocks;
#[cfg(feature = "host")]
mod host;
mod random;

use std::sync::Arc;

#[cfg(feature = "host")]
pub use self::host::{HostClocks, HostRandom};
pub use self::{
    clocks::{Clocks, VirtualClocks},
    random::{Random, SeededRandom},
};

/// What processes take from outside. Shared by all that belong together.
#[derive(Debug)]
pub struct System {
    clocks: Box<dyn Clocks>,
    random: Box<dyn Random>,
}

impl System {
    /// With these services.
    pub fn new(clocks: impl Clocks, random: impl Random) -> Arc<System> {
        Arc::new(System { clocks: Box::new(clocks), random: Box::new(random) })
    }

    /// With the host's clocks and random numbers.
    #[cfg(feature = "host")]
    pub fn host() -> Arc<System> {
        System::new(HostClocks::new(), HostRandom)
    }

    /// The same for every run: clocks that show 2000-01-01 at first and advance only when they are read or waited for,
    /// random numbers that follow from `seed`.
    pub fn deterministic(seed: u64) -> Arc<System> {
        System::new(VirtualClocks::new(946_684_800_000_000_000), SeededRandom::new(seed))
    }

    /// The clocks.
    #[inline]
    pub fn clocks(&self) -> &dyn Clocks {
        &*self.clocks
    }

    /// The random numbers.
    #[inline]
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }
}
