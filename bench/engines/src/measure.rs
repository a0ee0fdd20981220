//! Time.

use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Processor time of the whole process: helper threads that compile count too.
    pub(crate) cpu: Duration,
    /// By the clock on the wall.
    pub(crate) wall: Duration,
}

pub(crate) fn time(run: impl FnOnce() -> Result<()>) -> Result<Spent> {
    let (wall, cpu) = (Instant::now(), processor());
    run()?;
    Ok(Spent { cpu: processor().saturating_sub(cpu), wall: wall.elapsed() })
}

/// The processor time of this process.
pub(crate) fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

pub(crate) fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
