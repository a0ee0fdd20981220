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
