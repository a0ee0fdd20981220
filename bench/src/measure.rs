//! How it is measured: batches of some milliseconds, in turns over all subjects, and the median of the turns.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use crate::op::Op;

/// Performs an operation as often as it is told, and fails if one of them fails.
pub(crate) type Batch<'a> = Box<dyn FnMut(u64) -> Result<()> + 'a>;

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// A batch is at least this long.
    pub(crate) batch: Duration,
    /// How many batches of each subject count.
    pub(crate) rounds: u32,
}

/// Nanoseconds of processor time per unit of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Median of the rounds: the number in the table.
    pub(crate) median: f64,
    /// The quickest round.
    pub(crate) min: f64,
    /// The slowest.
    pub(crate) max: f64,
    /// Median by the clock on the wall.
    pub(crate) wall: f64,
}

/// Measures all `batches` in turns. What a batch costs is the processor time of the whole process, helper threads of
/// the subject included, so that other programs on the machine disturb it as little as can be.
pub(crate) fn in_turns(op: Op, plan: Plan, batches: &mut [Batch<'_>]) -> Result<Vec<Cost>> {
    let mut counts = Vec::with_capacity(batches.len());
    for batch in batches.iter_mut() {
        counts.push(calibrate(plan, batch)?);
    }
    let mut samples: Vec<Vec<(f64, f64)>> = vec![Vec::new(); batches.len()];
    for _ in 0..plan.rounds {
        for ((batch, &count), samples) in batches.iter_mut().zip(&counts).zip(&mut samples) {
            let (cpu, wall) = time(batch, count)?;
            let units = (count * op.units()) as f64;
            samples.push((cpu.as_nanos() as f64 / units, wall.as_nanos() as f64 / units));
        }
    }
    Ok(samples.into_iter().map(|samples| cost(&samples)).collect())
}

fn cost(samples: &[(f64, f64)]) -> Cost {
    let mut cpu: Vec<f64> = samples.iter().map(|s| s.0).collect();
    let mut wall: Vec<f64> = samples.iter().map(|s| s.1).collect();
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    Cost { median: median(&cpu), min: cpu[0], max: cpu[cpu.len() - 1], wall: median(&wall) }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// How many iterations make a batch; warms up on the way.
fn calibrate(plan: Plan, batch: &mut Batch<'_>) -> Result<u64> {
    let mut count = 1;
    loop {
        let (cpu, _) = time(batch, count)?;
        if cpu >= plan.batch {
            return Ok(count);
        }
        // Not by more than 8 at a time: what is not warm yet is no measure of what is.
        let wanted = plan.batch.as_secs_f64() / cpu.as_secs_f64().max(1e-9) * 1.2;
        count = (count as f64 * wanted.clamp(1.1, 8.0)).ceil() as u64;
    }
}

fn time(batch: &mut Batch<'_>, count: u64) -> Result<(Duration, Duration)> {
    let wall = Instant::now();
    let before = cpu_time();
    batch(count)?;
    let cpu = cpu_time() - before;
    Ok((cpu, wall.elapsed()))
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Keeps the process on one processor, the last it may use, so that caches stay warm.
pub(crate) fn pin() -> Result<usize> {
    let allowed = sched_getaffinity(None).context("which processors there are")?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu)).context("no processor")?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).context("pinning to a processor")?;
    Ok(last)
}
