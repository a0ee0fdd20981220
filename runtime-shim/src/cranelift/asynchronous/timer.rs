//! [`Timer`]: wakes a task at a time, without a runtime.
//!
//! # Lock order
//! `Clock::due` is a leaf: wakers run after it is released.

use core::{task::Waker, time::Duration};
use std::{
    collections::BTreeMap,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use parking_lot::{Condvar, Mutex};

/// Far enough away for anything that wants to wait longer to ask again.
const LONGEST: Duration = Duration::from_secs(3600);

/// A moment to come.
pub(super) struct Timer {
    at: Instant,
    /// Where it is in the list, once it is.
    key: Option<(Instant, u64)>,
}

/// What the thread sleeps on.
#[derive(Default)]
struct Clock {
    due: Mutex<BTreeMap<(Instant, u64), Waker>>,
    changed: Condvar,
}

impl Timer {
    pub(super) fn after(pause: Duration) -> Timer {
        let now = Instant::now();
        Timer { at: now.checked_add(pause.min(LONGEST)).unwrap_or(now), key: None }
    }

    /// Whether the moment has come. If not, `waker` is woken then, in place of one that was given before.
    pub(super) fn is_over(&mut self, waker: &Waker) -> bool {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if Instant::now() >= self.at {
            return true;
        }
        // Without a thread nobody would wake the task: it asks again at once.
        let Some(clock) = clock() else {
            waker.wake_by_ref();
            return false;
        };
        let key = *self.key.get_or_insert_with(|| (self.at, NEXT.fetch_add(1, Ordering::Relaxed)));
        let mut due = clock.due.lock();
        due.insert(key, waker.clone());
        if due.first_key_value().is_some_and(|(first, _)| *first == key) {
            clock.changed.notify_one();
        }
        false
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let (Some(key), Some(clock)) = (self.key, clock()) {
            let waker = clock.due.lock().remove(&key);
            drop(waker);
        }
    }
}

/// The clock, with its thread; `None` if the host has no thread for it.
fn clock() -> Option<&'static Clock> {
    static CLOCK: OnceLock<Option<&'static Clock>> = OnceLock::new();
    *CLOCK.get_or_init(|| {
        let clock: &'static Clock = Box::leak(Box::default());
        thread::Builder::new().name("wasi-timer".to_owned()).spawn(|| clock.run()).ok()?;
        Some(clock)
    })
}

impl Clock {
    fn run(&self) {
        let mut due = self.due.lock();
        loop {
            let Some((first, _)) = due.first_key_value() else {
                self.changed.wait(&mut due);
                continue;
            };
            if Instant::now() < first.0 {
                let at = first.0;
                self.changed.wait_until(&mut due, at);
                continue;
            }
            if let Some((_, waker)) = due.pop_first() {
                parking_lot::MutexGuard::unlocked(&mut due, || waker.wake());
            }
        }
    }
}
