//! Advisory locks: `flock(2)` and open-file-description range locks (`fcntl(2)`, `F_OFD_SETLK`), for all filesystems
//! alike, keyed by filesystem and node.
//!
//! They bind the open files of this process; other processes on the host do not see them.
//!
//! # Lock order
//! `TABLE` is the last lock of all: nothing is called under it. Wakers are woken after it is released.

use core::task::Waker;

use hashbrown::HashMap;

use crate::{Errno, NodeId, Result, sync::process::Mutex};

/// Filesystem (`st_dev`) and node.
type Identity = (u64, NodeId);

/// How many locks one node may hold, so that a guest cannot fill the host's memory; more are `NOLCK`.
const MAX_LOCKS: usize = 4096;

/// Who else may hold a lock at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockKind {
    /// Others may, shared (`LOCK_SH`, `F_RDLCK`).
    Shared,
    /// Nobody (`LOCK_EX`, `F_WRLCK`).
    Exclusive,
}

impl LockKind {
    fn conflicts(self, other: LockKind) -> bool {
        self == LockKind::Exclusive || other == LockKind::Exclusive
    }
}

/// Bytes `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    start: u64,
    /// `u64::MAX` stands for "and all that will ever follow".
    end: u64,
}

impl Range {
    const ALL: Range = Range { start: 0, end: u64::MAX };

    /// `len` bytes from `start` on, all of them if `len` is 0.
    pub(crate) fn new(start: u64, len: u64) -> Result<Range> {
        let end = match len {
            0 => u64::MAX,
            _ => start.checked_add(len).filter(|&end| end <= i64::MAX as u64 + 1).ok_or(Errno::INVAL)?,
        };
        if start > i64::MAX as u64 { Err(Errno::INVAL) } else { Ok(Range { start, end }) }
    }

    fn overlaps(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }

    fn touches(self, other: Range) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    owner: u64,
    kind: LockKind,
    range: Range,
}

/// The locks of one kind on one node, and who waits for them.
#[derive(Default)]
struct Locks {
    held: Vec<Held>,
    waiters: Vec<Waker>,
}

impl Locks {
    const NONE: Locks = Locks { held: Vec::new(), waiters: Vec::new() };

    fn conflict(&self, owner: u64, kind: LockKind, range: Range) -> Option<&Held> {
        self.held.iter().find(|h| h.owner != owner && h.kind.conflicts(kind) && h.range.overlaps(range))
    }

    /// Replaces what `owner` holds in `range` by `kind`, and hands out the waiters if that freed anything.
    fn set(&mut self, owner: u64, kind: Option<LockKind>, range: Range, waker: Option<&Waker>) -> Result<Vec<Waker>> {
        if let Some(kind) = kind {
            if self.conflict(owner, kind, range).is_some() {
                if let Some(waker) = waker
                    && !self.waiters.iter().any(|w| w.will_wake(waker))
                {
                    self.waiters.push(waker.clone());
                }
                return Err(Errno::AGAIN);
            }
            // Cutting a range out of the middle of another adds two at most.
            if self.held.len() + 2 > MAX_LOCKS {
                return Err(Errno::NOLCK);
            }
        }
        let mut freed = false;
        let mut merged = range;
        let mut parts: Vec<Held> = Vec::new();
        self.held.retain(|h| {
            if h.owner != owner || !h.range.touches(range) {
                return true;
            }
            if Some(h.kind) == kind {
                merged = Range { start: merged.start.min(h.range.start), end: merged.end.max(h.range.end) };
                return false;
            }
            if !h.range.overlaps(range) {
                return true;
            }
            freed |= kind.is_none() || h.kind == LockKind::Exclusive;
            for part in [
                Range { start: h.range.start, end: range.start.min(h.range.end) },
                Range { start: range.end.max(h.range.start), end: h.range.end },
            ] {
                if part.start < part.end {
                    parts.push(Held { range: part, ..*h });
                }
            }
            false
        });
        self.held.append(&mut parts);
        if let Some(kind) = kind {
            self.held.push(Held { owner, kind, range: merged });
        }
        Ok(if freed { core::mem::take(&mut self.waiters) } else { Vec::new() })
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.waiters.is_empty()
    }
}

/// Whole-file locks, and range locks: two worlds that ignore each other, as on Linux.
struct NodeLocks {
    whole: Locks,
    ranges: Locks,
}

static TABLE: Mutex<HashMap<Identity, NodeLocks, foldhash::fast::FixedState>> =
    Mutex::new(HashMap::with_hasher(foldhash::fast::FixedState::with_seed(0)));

pub(crate) fn flock(at: Identity, owner: u64, kind: Option<LockKind>, waker: Option<&Waker>) -> Result<()> {
    change(at, |node| node.whole.set(owner, kind, Range::ALL, waker))
}

pub(crate) fn lock_range(
    at: Identity,
    owner: u64,
    kind: Option<LockKind>,
    range: Range,
    waker: Option<&Waker>,
) -> Result<()> {
    change(at, |node| node.ranges.set(owner, kind, range, waker))
}

/// What would be in the way of `kind`: its kind, start, and length, 0 meaning to the end.
pub(crate) fn test(at: Identity, owner: u64, kind: LockKind, range: Range) -> Option<(LockKind, u64, u64)> {
    let table = TABLE.lock();
    let held = table.get(&at)?.ranges.conflict(owner, kind, range)?;
    let len = if held.range.end == u64::MAX { 0 } else { held.range.end - held.range.start };
    Some((held.kind, held.range.start, len))
}

/// Drops everything that `owner` holds on the node.
pub(crate) fn release(at: Identity, owner: u64) {
    let released = change(at, |node| {
        let mut woken = node.whole.set(owner, None, Range::ALL, None)?;
        woken.append(&mut node.ranges.set(owner, None, Range::ALL, None)?);
        Ok(woken)
    });
    debug_assert!(released.is_ok(), "releasing needs nothing");
}

fn change(at: Identity, action: impl FnOnce(&mut NodeLocks) -> Result<Vec<Waker>>) -> Result<()> {
    let mut table = TABLE.lock();
    let node = table.entry(at).or_insert(NodeLocks { whole: Locks::NONE, ranges: Locks::NONE });
    let woken = action(node);
    if node.whole.is_empty() && node.ranges.is_empty() {
        table.remove(&at);
    }
    drop(table);
    for waker in woken? {
        waker.wake();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    use LockKind::{Exclusive as X, Shared as S};

    fn node(n: u64) -> Identity {
        (u64::MAX, NodeId::new(n).unwrap())
    }

    fn range(start: u64, len: u64) -> Range {
        Range::new(start, len).unwrap()
    }

    fn set(at: Identity, owner: u64, kind: Option<LockKind>, start: u64, len: u64) -> Result<()> {
        lock_range(at, owner, kind, range(start, len), None)
    }

    #[test]
    fn shared_locks_share_and_exclusive_ones_do_not() {
        let at = node(1);
        flock(at, 1, Some(S), None).unwrap();
        flock(at, 2, Some(S), None).unwrap();
        assert_eq!(flock(at, 1, Some(X), None), Err(Errno::AGAIN));
        flock(at, 2, None, None).unwrap();
        flock(at, 1, Some(X), None).unwrap();
        assert_eq!(flock(at, 2, Some(S), None), Err(Errno::AGAIN));
        release(at, 1);
        flock(at, 2, Some(X), None).unwrap();
        release(at, 2);
        assert!(!TABLE.lock().contains_key(&at), "nothing is left behind");
    }

    #[test]
    fn ranges_split_merge_and_are_found() {
        let at = node(2);
        set(at, 1, Some(X), 0, 100).unwrap();
        set(at, 1, None, 40, 20).unwrap();
        set(at, 2, Some(X), 40, 20).unwrap();
        assert_eq!(test(at, 3, S, range(0, 1)), Some((X, 0, 40)));
        assert_eq!(test(at, 2, S, range(50, 0)), Some((X, 60, 40)));
        assert_eq!(test(at, 1, S, range(0, 40)), None);
        assert_eq!(set(at, 2, Some(S), 39, 1), Err(Errno::AGAIN));
        // A downgrade in the middle, then an upgrade that joins all three parts again.
        set(at, 1, Some(S), 60, 10).unwrap();
        set(at, 3, Some(S), 60, 10).unwrap();
        assert_eq!(set(at, 1, Some(X), 60, 10), Err(Errno::AGAIN));
        release(at, 3);
        set(at, 1, Some(X), 60, 10).unwrap();
        assert_eq!(test(at, 9, X, range(60, 1)), Some((X, 60, 40)));
        release(at, 2);
        set(at, 1, Some(X), 40, 20).unwrap();
        assert_eq!(test(at, 9, X, range(99, 1)), Some((X, 0, 100)));
        release(at, 1);
    }

    #[test]
    fn ranges_end_at_the_largest_offset() {
        assert_eq!(Range::new(1 << 63, 0).err(), Some(Errno::INVAL));
        assert_eq!(Range::new(i64::MAX as u64, 2).err(), Some(Errno::INVAL));
        assert!(Range::new(i64::MAX as u64, 1).is_ok());
        assert_eq!(Range::new(u64::MAX, u64::MAX).err(), Some(Errno::INVAL));
    }

    #[test]
    fn a_waiter_is_woken_once_by_release_and_by_downgrade() {
        use std::sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        };
        struct Count(AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let at = node(3);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        flock(at, 1, Some(X), None).unwrap();
        for _ in 0..3 {
            assert_eq!(flock(at, 2, Some(S), Some(&waker)), Err(Errno::AGAIN));
        }
        flock(at, 1, Some(S), None).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        flock(at, 2, Some(S), None).unwrap();
        assert_eq!(flock(at, 2, Some(X), Some(&waker)), Err(Errno::AGAIN));
        release(at, 1);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        release(at, 2);
    }

    #[test]
    fn a_node_holds_a_bounded_number_of_locks() {
        let at = node(4);
        let result = (0..).map(|i| set(at, 1, Some(X), i * 2, 1)).take(MAX_LOCKS + 1).find(|r| r.is_err());
        assert_eq!(result, Some(Err(Errno::NOLCK)));
        release(at, 1);
    }
}
