//! The host's clocks and random numbers.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use gangplank_vfs::{Errno, Result};

use super::{Clocks, Random};
use crate::{
    abi::types::ClockId,
    wait::{Monotonic, SystemMonotonic},
};

/// The host's clocks. The monotonic one begins when this value is made, so that a guest does not learn when the host
/// was started.
#[derive(Debug, Default)]
pub struct HostClocks {
    monotonic: SystemMonotonic,
}

impl HostClocks {
    /// Clocks that begin now.
    pub fn new() -> HostClocks {
        HostClocks::default()
    }
}

impl Monotonic for HostClocks {
    fn now(&self) -> u64 {
        self.monotonic.now()
    }

    fn pause(&self, deadline: u64) -> Duration {
        self.monotonic.pause(deadline)
    }
}

impl Clocks for HostClocks {
    fn realtime(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos().try_into().unwrap_or(u64::MAX))
    }

    fn process_cputime(&self) -> Option<u64> {
        cputime(ClockId::ProcessCputime)
    }

    fn thread_cputime(&self) -> Option<u64> {
        cputime(ClockId::ThreadCputime)
    }

    fn resolution(&self, clock: ClockId) -> u64 {
        resolution(clock)
    }
}

#[cfg(unix)]
fn host_id(clock: ClockId) -> rustix::time::ClockId {
    match clock {
        ClockId::Realtime => rustix::time::ClockId::Realtime,
        ClockId::Monotonic => rustix::time::ClockId::Monotonic,
        ClockId::ProcessCputime => rustix::time::ClockId::ProcessCPUTime,
        ClockId::ThreadCputime => rustix::time::ClockId::ThreadCPUTime,
    }
}

#[cfg(unix)]
fn nanos(t: rustix::time::Timespec) -> u64 {
    (t.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(t.tv_nsec as u64)
}

#[cfg(unix)]
fn cputime(clock: ClockId) -> Option<u64> {
    Some(nanos(rustix::time::clock_gettime(host_id(clock))))
}

#[cfg(unix)]
fn resolution(clock: ClockId) -> u64 {
    nanos(rustix::time::clock_getres(host_id(clock))).max(1)
}

#[cfg(not(unix))]
fn cputime(_clock: ClockId) -> Option<u64> {
    None
}

/// 100 ns, the unit in which Windows keeps time.
#[cfg(not(unix))]
fn resolution(_clock: ClockId) -> u64 {
    100
}

/// The host's source of random numbers, fit for keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostRandom;

impl Random for HostRandom {
    fn fill(&self, to: &mut [u8]) -> Result<()> {
        getrandom::fill(to).map_err(|_| Errno::IO)
    }
}
