//! The locks, the atomics and the cells that this crate uses: everything by which one of its threads waits for another or
//! tells it something.
//!
//! They are those of `parking_lot` and of the standard library. Under `--cfg shuttle` they are those of a checker that
//! runs one thread at a time and chooses, before each use of one of them, who goes on: `cargo xtask shuttle`. It is a cfg
//! and no feature, so that no build has it unless it is asked for by name.
//!
//! # What is not scheduled
//! * What is [static](process) outlives a schedule, and is shared with other tests. It is a leaf, so nobody can see
//!   another in the middle of it.
//! * Counts of references (`Arc`). Nobody waits for one; whoever drops the last one is alone with what it held, and what
//!   that does to anything shared goes through a lock or an atomic, which is scheduled.
//! * The memory of a guest, which is not ours.
//! * The host. A system call, or the few that one step of `host_fs` makes, is a step: others may come before it and after it
//!   (`host_fs/scheduled.rs`), but not into it.
//! * `reactor` and `fuse` have threads of their own, which wait for the system. Nothing that is checked uses them.
//! * Time. A wait that has an end comes to it only by being woken, so that what would save itself by looking again after a
//!   while is found.

#[cfg(shuttle)]
mod scheduled;

#[cfg(shuttle)]
pub use {
    self::scheduled::{Condvar, OnceLock},
    shuttle::{hint, sync::atomic, thread},
    shuttle_parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
#[cfg(not(shuttle))]
pub(crate) use {
    core::{hint, sync::atomic},
    parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
    std::sync::OnceLock,
};

/// For what is static: never scheduled.
pub(crate) mod process {
    pub(crate) use core::sync::atomic::AtomicU64;
    pub(crate) use parking_lot::Mutex;
}
