//! [`Stats`]: how often, how long, and with what outcome each syscall was made.

use core::{
    fmt::{self, Write as _},
    time::Duration,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use gangplank_wasi::{
    Event, Fault, Trace,
    abi::{self, Import, Kind},
};
use parking_lot::Mutex;

/// Counts the syscalls of a process, or of several.
pub struct Stats {
    /// By the address of the import, of which there is one of each.
    calls: Mutex<HashMap<usize, CallStats>>,
    /// Zero of our clock.
    epoch: Instant,
}

/// What has become of the calls of one import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallStats {
    /// Which.
    pub import: &'static Import,
    /// How many there were, those that failed included.
    pub calls: u64,
    /// How many failed, by WASI's number of the error.
    pub errors: BTreeMap<u16, u64>,
    /// How long they took together, waiting included.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
    /// Bytes that they moved to or from the guest: data, names, random bytes; 0 for calls that move none.
    pub bytes: u64,
}

impl Stats {
    /// Nothing counted yet.
    #[expect(clippy::new_without_default, reason = "it starts a clock")]
    pub fn new() -> Stats {
        Stats { calls: Mutex::default(), epoch: Instant::now() }
    }

    /// What has been counted so far, the longest total time first.
    pub fn calls(&self) -> Vec<CallStats> {
        let mut calls: Vec<CallStats> = self.calls.lock().values().cloned().collect();
        calls.sort_by_key(|one| (core::cmp::Reverse(one.total), one.import.module, one.import.name));
        calls
    }

    /// As a table for people, one line for each syscall and one for all together.
    pub fn table(&self) -> String {
        let calls = self.calls();
        let all = Sum::of(&calls);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(text, "% time      total       mean      calls   errors        bytes  syscall");
        for one in &calls {
            let share = one.total.as_secs_f64() / all.total.as_secs_f64().max(f64::MIN_POSITIVE) * 100.0;
            let _ = write!(
                text,
                "{share:>6.2} {:>10} {:>10} {:>10} {:>8} {:>12}  {}",
                Short(one.total),
                Short(one.mean()),
                one.calls,
                one.failed(),
                one.bytes,
                one.import.name
            );
            let mut open = " (";
            for (number, count) in &one.errors {
                let _ = write!(text, "{open}{} {count}", abi::errno_name(*number).unwrap_or("?"));
                open = ", ";
            }
            text.push_str(if one.errors.is_empty() { "\n" } else { ")\n" });
        }
        let mean = Short(mean(all.total, all.calls));
        let _ = writeln!(
            text,
            "100.00 {:>10} {mean:>10} {:>10} {:>8} {:>12}  total",
            Short(all.total),
            all.calls,
            all.errors,
            all.bytes
        );
        text
    }

    /// As JSON on one line:
    ///
    /// ```json
    /// {"calls": 2, "errors": 1, "bytes": 13, "total_ns": 4100, "syscalls": [
    ///   {"module": "wasi_snapshot_preview1", "name": "fd_read", "calls": 2, "errors": {"BADF": 1}, "bytes": 13,
    ///    "total_ns": 4100, "mean_ns": 2050, "max_ns": 3900}]}
    /// ```
    pub fn json(&self) -> String {
        let calls = self.calls();
        let all = Sum::of(&calls);
        let syscall = |one: &CallStats| {
            let errors: serde_json::Map<_, _> = one
                .errors
                .iter()
                .map(|(number, count)| (abi::errno_name(*number).unwrap_or("?").to_owned(), (*count).into()))
                .collect();
            serde_json::json!({
                "module": one.import.module,
                "name": one.import.name,
                "calls": one.calls,
                "errors": errors,
                "bytes": one.bytes,
                "total_ns": nanoseconds(one.total),
                "mean_ns": nanoseconds(one.mean()),
                "max_ns": nanoseconds(one.longest),
            })
        };
        let document = serde_json::json!({
            "calls": all.calls,
            "errors": all.errors,
            "bytes": all.bytes,
            "total_ns": nanoseconds(all.total),
            "syscalls": calls.iter().map(syscall).collect::<Vec<_>>(),
        });
        format!("{document}\n")
    }
}

impl Trace for Stats {
    fn begin(&self, _import: &'static Import) -> u64 {
        nanoseconds(self.epoch.elapsed())
    }

    fn event(&self, event: &Event<'_, '_>) {
        let taken = Duration::from_nanos(nanoseconds(self.epoch.elapsed()).saturating_sub(event.begun));
        let mut calls = self.calls.lock();
        let one = calls.entry(core::ptr::from_ref(event.import).addr()).or_insert_with(|| CallStats {
            import: event.import,
            calls: 0,
            errors: BTreeMap::new(),
            total: Duration::ZERO,
            longest: Duration::ZERO,
            bytes: 0,
        });
        one.calls += 1;
        one.total += taken;
        one.longest = one.longest.max(taken);
        match event.result {
            Ok(()) => one.bytes += moved(event).unwrap_or(0),
            Err(Fault::Errno(errno)) => *one.errors.entry(abi::to_wasi(errno)).or_default() += 1,
            // The end of the process is no error.
            Err(Fault::Exit) => {}
        }
    }
}

impl fmt::Debug for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stats")
    }
}

impl CallStats {
    /// How long one took in the mean.
    pub fn mean(&self) -> Duration {
        mean(self.total, self.calls)
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// All calls together.
#[derive(Default)]
struct Sum {
    calls: u64,
    errors: u64,
    bytes: u64,
    total: Duration,
}

impl Sum {
    fn of(calls: &[CallStats]) -> Sum {
        calls.iter().fold(Sum::default(), |sum, one| Sum {
            calls: sum.calls + one.calls,
            errors: sum.errors + one.failed(),
            bytes: sum.bytes + one.bytes,
            total: sum.total + one.total,
        })
    }
}

/// The bytes that a call has moved: the number that it wrote, or else the length of what it filled.
fn moved(event: &Event<'_, '_>) -> Option<u64> {
    let first = |wanted: &[Kind]| {
        let mut given = event.import.params.iter().zip(event.args);
        given.find(|(param, _)| wanted.contains(&param.kind)).map(|(_, value)| *value)
    };
    first(&[Kind::Iovs, Kind::IovsMut, Kind::OutBuf])?;
    match first(&[Kind::OutU32]) {
        Some(count) => event.call.memory.get::<u32>(count).ok().map(u64::from),
        None => first(&[Kind::Len]),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn mean(total: Duration, calls: u64) -> Duration {
    Duration::from_nanos(nanoseconds(total).checked_div(calls).unwrap_or(0))
}

/// A time in few characters.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = nanoseconds(self.0);
        f.pad(&match ns {
            0..1_000 => format!("{ns}ns"),
            1_000..1_000_000 => format!("{:.2}µs", ns as f64 / 1e3),
            1_000_000..1_000_000_000 => format!("{:.2}ms", ns as f64 / 1e6),
            _ => format!("{:.2}s", ns as f64 / 1e9),
        })
    }
}
