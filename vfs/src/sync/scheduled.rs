//! What the checker lacks, made of what it has.

use std::sync::OnceLock as Cell;

use shuttle::sync::{
    Condvar as Inner, Mutex as Count,
    atomic::{AtomicBool, Ordering},
};
use shuttle_parking_lot::{Mutex, MutexGuard, const_mutex};

/// A [`parking_lot::Condvar`] on which no time passes.
#[derive(Debug, Default)]
pub struct Condvar {
    /// How often it has been notified.
    notified: Count<u64>,
    moved: Inner,
}

impl Condvar {
    /// Unlocks `guard`, waits for a notification, and locks again.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        // While whoever is about to notify can still be waiting for `guard`.
        let seen = *self.notified.lock().expect("nobody panics with it");
        MutexGuard::unlocked(guard, || {
            let mut notified = self.notified.lock().expect("nobody panics with it");
            while *notified == seen {
                notified = self.moved.wait(notified).expect("nobody panics with it");
            }
        });
    }

    /// As [`wait`](Self::wait): the time never comes.
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: core::time::Duration) {
        self.wait(guard);
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        *self.notified.lock().expect("nobody panics with it") += 1;
        self.moved.notify_all();
    }
}

/// A [`std::sync::OnceLock`]. With that of the standard library the machine's only thread would wait for itself, if
/// whoever makes the value is interrupted.
#[derive(Debug)]
pub struct OnceLock<T> {
    value: Cell<T>,
    is_made: AtomicBool,
    making: Mutex<()>,
}

impl<T> OnceLock<T> {
    /// An empty one.
    pub const fn new() -> OnceLock<T> {
        OnceLock { value: Cell::new(), is_made: AtomicBool::new(false), making: const_mutex(()) }
    }

    /// What is in it.
    pub fn get(&self) -> Option<&T> {
        if self.is_made.load(Ordering::SeqCst) { self.value.get() } else { None }
    }

    /// Puts `value` in, if it is empty.
    ///
    /// # Errors
    /// `value`, if it is not.
    pub fn set(&self, value: T) -> Result<(), T> {
        let _making = self.making.lock();
        let done = self.value.set(value);
        self.is_made.store(true, Ordering::SeqCst);
        done
    }

    /// What is in it, which `make` makes if it is empty; others wait meanwhile.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(made) = self.get() {
            return made;
        }
        let _making = self.making.lock();
        if self.value.get().is_none() {
            let value = make();
            // Nobody else can have put one in.
            let _ = self.value.set(value);
            self.is_made.store(true, Ordering::SeqCst);
        }
        self.value.get().expect("it has been made")
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        OnceLock { value: Cell::from(value), is_made: AtomicBool::new(true), making: const_mutex(()) }
    }
}
