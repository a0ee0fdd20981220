//! The locks and the atomics of this crate: those of `gangplank-vfs`, which says what becomes of them under
//! `--cfg shuttle`.

#[cfg(shuttle)]
pub(crate) use gangplank_vfs::sync::{Condvar, Mutex, RwLock, atomic, thread};
#[cfg(not(shuttle))]
pub(crate) use {
    core::sync::atomic,
    parking_lot::{Condvar, Mutex, RwLock},
    std::thread,
};

/// For what is static: never scheduled.
pub(crate) mod process {
    pub(crate) use core::sync::atomic::AtomicU64;
}
