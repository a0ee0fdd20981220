//! [`Cursor`]: where the next read or write of an open file goes, and the lock under which it moves, in one word.
//!
//! To lock is one atomic exchange of the word, to unlock a plain store of the new position: half of what a mutex beside
//! the position costs, and of a read of 64 bytes that is a tenth. The price is paid by those who must wait.
//!
//! Whoever finds the word locked looks at it for a little while first: most moves are over before a thread could have
//! gone to sleep, and two threads that put each other to sleep in turns would be slower by hundreds of times.
//!
//! # Why nobody waits for ever
//! Whoever has looked for long enough draws a number, counts himself in `waiters`, and from then on looks at the word,
//! under the mutex, whenever he is woken. Whoever unlocks stores the word and then looks at `waiters`. A processor may
//! put off that store until after that look, so that each of the two misses the other; therefore a waiter never sleeps
//! longer than [`NAP`] before he looks again. Numbers are served in their order. Who comes while others wait may be
//! quicker than they are, but only [`PATIENCE`] times: then the first in the line says so in `waiters`, and all others
//! draw a number, too. So nobody is overtaken for ever.

use core::time::Duration;

use crate::sync::{
    Condvar, Mutex, OnceLock,
    atomic::{AtomicU32, AtomicU64, Ordering},
    hint,
};

/// Set while somebody moves the cursor; the other bits are the position before.
const HELD: u64 = 1 << 63;

/// The largest position.
const LAST: u64 = HELD - 1;

/// How long a waiter sleeps at most, should nobody have seen him.
const NAP: Duration = Duration::from_millis(1);

/// How often somebody looks before he waits in the line: about as long as a move takes that copies 4 KiB. Where
/// schedules are searched, all that comes after is to be reached by short ones.
const LOOKS: u32 = if cfg!(shuttle) { 2 } else { 100 };

/// How often the first in the line is overtaken before nobody else may lock.
const PATIENCE: u32 = if cfg!(shuttle) { 2 } else { 8 };

/// In `waiters`: the first in the line has lost his patience.
const IMPATIENT: u32 = 1 << 31;

/// A position that is moved by one at a time, and looked at by anybody.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    word: AtomicU64,
    waiters: AtomicU32,
    /// Where they wait. Most cursors are never waited for.
    line: OnceLock<Box<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    numbers: Mutex<Numbers>,
    unlocked: Condvar,
}

/// Numbers of those who wait.
#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    served: u64,
}

/// A cursor that nobody else moves. Where it is put shows when this is dropped.
#[derive(Debug)]
pub(crate) struct CursorGuard<'c> {
    cursor: &'c Cursor,
    at: u64,
}

impl Cursor {
    /// Where it is; while it is being moved, where it was.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.word.load(Ordering::Acquire) & LAST
    }

    /// Waits until nobody else moves it.
    #[inline]
    pub(crate) fn lock(&self) -> CursorGuard<'_> {
        let at = if self.may_try() { self.try_lock() } else { None };
        let at = match at {
            Some(at) => at,
            None => self.look().unwrap_or_else(|| self.wait()),
        };
        CursorGuard { cursor: self, at }
    }

    #[inline]
    fn may_try(&self) -> bool {
        self.waiters.load(Ordering::Relaxed) & IMPATIENT == 0
    }

    #[cold]
    fn look(&self) -> Option<u64> {
        for _ in 0..LOOKS {
            if !self.may_try() {
                return None;
            }
            hint::spin_loop();
            if self.word.load(Ordering::Relaxed) & HELD == 0
                && let Some(at) = self.try_lock()
            {
                return Some(at);
            }
        }
        None
    }

    #[inline]
    fn try_lock(&self) -> Option<u64> {
        let at = self.word.load(Ordering::Relaxed) & LAST;
        self.word.compare_exchange(at, at | HELD, Ordering::Acquire, Ordering::Relaxed).ok()
    }

    #[cold]
    fn wait(&self) -> u64 {
        let line = self.line.get_or_init(Box::default);
        let mut numbers = line.numbers.lock();
        let number = numbers.next;
        numbers.next += 1;
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let mut overtaken = 0;
        let at = loop {
            if numbers.served == number {
                if let Some(at) = self.try_lock() {
                    break at;
                }
                overtaken += 1;
                if overtaken == PATIENCE {
                    self.waiters.fetch_or(IMPATIENT, Ordering::Relaxed);
                }
            }
            line.unlocked.wait_for(&mut numbers, NAP);
        };
        numbers.served += 1;
        // Only the first in the line sets the bit, and he is that until here.
        if overtaken >= PATIENCE {
            self.waiters.fetch_and(!IMPATIENT, Ordering::Relaxed);
        }
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        at
    }

    #[cold]
    fn wake(&self) {
        if let Some(line) = self.line.get() {
            // Whoever is about to sleep holds the mutex until he does.
            drop(line.numbers.lock());
            line.unlocked.notify_all();
        }
    }
}

impl CursorGuard<'_> {
    /// Where it is.
    #[inline]
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Puts it there, or as far as positions go.
    #[inline]
    pub(crate) fn set(&mut self, at: u64) {
        self.at = at.min(LAST);
    }

    /// Shows already where it is put, before this is dropped.
    #[inline]
    pub(crate) fn publish(&mut self) {
        self.cursor.word.store(self.at | HELD, Ordering::Release);
    }

    /// Moves it forward.
    #[inline]
    pub(crate) fn advance(&mut self, by: u64) {
        self.set(self.at.saturating_add(by));
    }
}

impl Drop for CursorGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.cursor.word.store(self.at, Ordering::Release);
        if self.cursor.waiters.load(Ordering::Relaxed) != 0 {
            self.cursor.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_moves_when_the_guard_goes_and_not_past_the_last_position() {
        let cursor = Cursor::default();
        let mut guard = cursor.lock();
        guard.set(5);
        assert_eq!((guard.at(), cursor.get()), (5, 0));
        guard.publish();
        assert_eq!(cursor.get(), 5);
        assert_eq!(cursor.try_lock(), None);
        drop(guard);
        assert_eq!((cursor.get(), cursor.lock().at()), (5, 5));
        cursor.lock().advance(u64::MAX);
        assert_eq!(cursor.get(), i64::MAX as u64);
    }

    #[test]
    fn no_move_is_lost_however_many_move_it() {
        const EACH: u64 = 20_000;
        let cursor = Cursor::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for i in 0..EACH {
                        let mut guard = cursor.lock();
                        let before = guard.at();
                        if i % 1000 == 0 {
                            // Long enough for the others to go to sleep.
                            thread::sleep(Duration::from_micros(200));
                        }
                        assert_eq!(cursor.get(), before);
                        guard.advance(1);
                    }
                });
            }
        });
        assert_eq!(cursor.get(), 4 * EACH);
        assert_eq!(cursor.waiters.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn whoever_waits_is_served_though_the_holder_comes_back_at_once() {
        let cursor = Cursor::default();
        let served = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while served.load(Ordering::Relaxed) == 0 {
                    cursor.lock().advance(1);
                }
            });
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(cursor.lock());
                }
                served.store(1, Ordering::Relaxed);
            });
        });
    }
}
