//! [`Life`]: whether a process still runs, and who must hear when it does not.
//!
//! A process ends once: by `proc_exit`, by returning from `_start`, or because the embedder cancels it. From then on
//! every syscall of every thread answers [`Fault::Exit`](crate::Fault::Exit), and everything that waits is woken.
//!
//! # Lock order
//! `Life::state` is a leaf: wakers run after it is released.

use core::task::Waker;
use std::sync::Arc;

use crate::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExitStatus {
    /// By itself, with this code: that of `proc_exit`, or 0 from `_start`.
    Code(u32),
    /// From outside.
    Canceled(Cancel),
}

/// Why a process was canceled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cancel {
    /// The embedder no longer wants it.
    Requested,
    /// It ran longer than it was allowed to.
    Timeout,
    /// Somebody pressed Ctrl-C.
    Interrupt,
}

/// The state that all threads of one process share about its end.
#[derive(Debug, Default)]
pub struct Life {
    /// Set once, after the status; the only thing that a syscall looks at.
    over: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    status: Option<ExitStatus>,
    /// Whoever waits, at the index that is their key.
    watchers: Vec<Option<Waker>>,
}

/// Names one watcher of a [`Life`].
#[derive(Debug)]
#[must_use = "a watcher stays until it is given to `unwatch`"]
pub struct WatchKey(usize);

impl Life {
    /// A process that runs.
    pub fn new() -> Arc<Life> {
        Arc::default()
    }

    /// Whether it has ended. One load.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// How it ended, if it has.
    pub fn status(&self) -> Option<ExitStatus> {
        self.state.lock().status
    }

    /// Ends it, unless it has ended already: the first status counts. Wakes every watcher. Answers whether this call
    /// was the first.
    pub fn end(&self, status: ExitStatus) -> bool {
        let watchers = {
            let mut state = self.state.lock();
            if state.status.is_some() {
                return false;
            }
            state.status = Some(status);
            self.over.store(true, Ordering::Release);
            core::mem::take(&mut state.watchers)
        };
        watchers.into_iter().flatten().for_each(Waker::wake);
        true
    }

    /// Has `waker` woken at the end; at once if that has come.
    pub fn watch(&self, waker: &Waker) -> WatchKey {
        let mut state = self.state.lock();
        if state.status.is_some() {
            drop(state);
            waker.wake_by_ref();
            return WatchKey(usize::MAX);
        }
        let free = state.watchers.iter().position(Option::is_none);
        let index = free.unwrap_or_else(|| {
            state.watchers.push(None);
            state.watchers.len() - 1
        });
        state.watchers[index] = Some(waker.clone());
        WatchKey(index)
    }

    /// Forgets a watcher.
    pub fn unwatch(&self, key: WatchKey) {
        if let Some(slot) = self.state.lock().watchers.get_mut(key.0) {
            *slot = None;
        }
    }
}

/// Ends a process from outside, from any thread; a clone ends the same process.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<Life>);

impl Canceller {
    /// What ends the process with this life.
    pub fn new(life: &Arc<Life>) -> Canceller {
        Canceller(life.clone())
    }

    /// Ends every wait of the process and makes each of its later syscalls unwind. Code that makes no syscalls is the
    /// engine's to interrupt. Answers whether the process was still running.
    pub fn cancel(&self, why: Cancel) -> bool {
        self.0.end(ExitStatus::Canceled(why))
    }

    /// Whether the process has ended, for whatever reason.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn first_status_counts_and_wakes_everybody() {
        let (life, count) = (Life::new(), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let gone = life.watch(&waker);
        let _stays = life.watch(&waker);
        life.unwatch(gone);
        let _reuses_the_slot = life.watch(&waker);
        assert!(!life.is_over());
        assert!(life.end(ExitStatus::Code(3)));
        assert!(!Canceller::new(&life).cancel(Cancel::Timeout));
        assert_eq!(life.status(), Some(ExitStatus::Code(3)));
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        let late = life.watch(&waker);
        assert_eq!(count.0.load(Ordering::Relaxed), 3);
        life.unwatch(late);
    }
}
