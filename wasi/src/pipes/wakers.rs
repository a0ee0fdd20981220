//! [`Wakers`]: who waits for one thing.

use core::task::Waker;

/// Wakers of one file and direction, one per wait set.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Vec<Waker>);

/// Wakers that a list may gather before all of them are woken for a look. A waker cannot be taken back, and most of so
/// many belong to waits that ended long ago.
const LIMIT: usize = 1024;

impl Wakers {
    /// Adds one. Answers those that must be woken, outside of any lock, to keep the list short.
    #[must_use]
    pub(crate) fn add(&mut self, waker: &Waker) -> Wakers {
        if self.0.iter().any(|known| known.will_wake(waker)) {
            return Wakers::default();
        }
        let crowd = if self.0.len() >= LIMIT { self.take() } else { Wakers::default() };
        self.0.push(waker.clone());
        crowd
    }

    /// All of them, to be woken outside of any lock.
    #[must_use]
    pub(crate) fn take(&mut self) -> Wakers {
        core::mem::take(self)
    }

    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
