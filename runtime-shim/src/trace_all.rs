//! [`TraceAll`]: several tracers for one process.

use core::cell::RefCell;
use std::sync::Arc;

use gangplank_wasi::{Event, Trace, abi::Import};

/// Tells several tracers of each syscall, in their order.
#[derive(Debug)]
pub struct TraceAll(Vec<Arc<dyn Trace>>);

thread_local! {
    /// What the tracers answered at the beginning of the calls that this thread is in: of one, or of several if what
    /// serves a call runs another guest.
    static BEGUN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl TraceAll {
    /// Tells these.
    pub fn new(tracers: impl IntoIterator<Item = Arc<dyn Trace>>) -> TraceAll {
        TraceAll(tracers.into_iter().collect())
    }
}

impl Trace for TraceAll {
    fn begin(&self, import: &'static Import) -> u64 {
        let mark = BEGUN.with_borrow(|begun| begun.len());
        for tracer in &self.0 {
            let begun = tracer.begin(import);
            BEGUN.with_borrow_mut(|all| all.push(begun));
        }
        mark as u64
    }

    fn event(&self, event: &Event<'_, '_>) {
        let mark = event.begun as usize;
        for (i, tracer) in self.0.iter().enumerate() {
            let begun = BEGUN.with_borrow(|all| all.get(mark + i).copied()).unwrap_or_default();
            tracer.event(&Event { begun, ..*event });
        }
        // Also what calls have left that ended in a panic.
        BEGUN.with_borrow_mut(|all| all.truncate(mark));
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use gangplank_wasi::{Call, GuestMemory, ProcessBuilder, System, Thread, abi};
    use parking_lot::Mutex;

    use super::*;

    /// Answers a number that is its own for each call, and keeps those that come back.
    #[derive(Debug, Default)]
    struct Counter {
        next: AtomicU64,
        back: Mutex<Vec<u64>>,
    }

    impl Counter {
        fn from(first: u64) -> Arc<Counter> {
            Arc::new(Counter { next: AtomicU64::new(first), ..Counter::default() })
        }
    }

    impl Trace for Counter {
        fn begin(&self, _import: &'static Import) -> u64 {
            self.next.fetch_add(1, Ordering::Relaxed)
        }

        fn event(&self, event: &Event<'_, '_>) {
            self.back.lock().push(event.begun);
        }
    }

    fn yield_now(trace: &Arc<dyn Trace>) {
        let process = ProcessBuilder::new(&System::deterministic(0), "prog").trace(Arc::clone(trace)).build().unwrap();
        let thread = Thread::main(&process);
        let _ = abi::preview1::sched_yield(&mut Call::new(&thread, GuestMemory::none()));
    }

    #[test]
    fn each_tracer_gets_back_what_it_answered() {
        let (one, two) = (Counter::from(10), Counter::from(20));
        let all: Arc<dyn Trace> = Arc::new(TraceAll::new([one.clone() as Arc<dyn Trace>, two.clone() as _]));
        yield_now(&all);
        // One that never ended, as after a panic, and one inside of another.
        let import = abi::find("wasi_snapshot_preview1", "sched_yield").unwrap();
        let mark = all.begin(import);
        yield_now(&all);
        assert_eq!((&*one.back.lock(), &*two.back.lock()), (&vec![10, 12], &vec![20, 22]));
        assert_eq!(mark, 0, "nothing is left of a call that has ended");
    }
}
