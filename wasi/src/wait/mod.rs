//! Where threads wait: the only place.
//!
//! A thread that cannot go on (an empty pipe, a sleep, `poll_oneoff`) parks in its [`WaitSet`] until a file wakes it, a
//! deadline passes, or the process ends. Nothing else in this crate blocks a thread on behalf of a guest.
//!
//! # No wake-up is lost
//! A [`Waker`](core::task::Waker) is a hint: it only adds one to the wait set's counter. Whoever waits goes round:
//! 1. note the counter;
//! 2. look at the process, then at every file, leaving the waker with those that are not ready;
//! 3. park for as long as the counter is still what was noted.
//!
//! What happens before step 2 is seen by the look. What happens after a file was looked at finds the waker there
//! (`VirtualFile::poll` looks and registers in one critical section), and what ends the process finds it in
//! [`Life`](crate::Life), where it lies for as long as the wait set lives. Both move the counter after step 1, so that
//! step 3 does not park. The counter and the parking share a mutex: it cannot move between the comparison and the
//! parking.
//!
//! A stale waker, left behind by a wait that ended otherwise, costs the next wait one more look. Files keep one waker
//! per wait set (`Waker::will_wake`), so what is left behind is bounded by threads times files.
//!
//! # Lock order
//! `Parker::state` is a leaf; no file is looked at, and no task woken, under it. `WaitSet::suspends` is a leaf too.
//!
//! # Without a thread to park
//! An embedder that runs guests as asynchronous tasks makes the thread's wait set
//! [`suspending`](WaitSet::suspending): instead of parking in step 3 the call unwinds to the embedder, which awaits the
//! [`Suspension`] (the counter and the time) and performs the call again from the beginning. Nothing that a call does
//! before it would park has an effect: what it did in part is answered as a short count.

mod clock;
mod set;

#[cfg(not(target_family = "wasm"))]
pub use clock::SystemMonotonic;
pub use clock::{Monotonic, VirtualMonotonic};
pub(crate) use set::Parker;
pub use set::{Deadline, Interest, Suspension, WaitSet};

#[cfg(test)]
mod tests;
