//! [`Trace`]: who watches the syscalls of a process.

use core::fmt;

use crate::{Call, SysResult, abi::Import};

/// Hears of every syscall, after it has been performed.
pub trait Trace: Send + Sync + fmt::Debug {
    /// One syscall is done. It runs on the thread that made it, before that goes on.
    fn event(&self, event: &Event<'_, '_>);
}

/// One syscall that is done.
#[derive(Debug)]
pub struct Event<'e, 'c> {
    /// Which.
    pub import: &'static Import,
    /// Its arguments, as [`Import::call`] takes them.
    pub args: &'e [u64],
    /// What it answered.
    pub result: SysResult,
    /// The thread, and the memory as it is now.
    pub call: &'e Call<'c>,
}
