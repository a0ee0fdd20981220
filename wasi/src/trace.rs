//! [`Trace`]: who watches the syscalls of a process.

use core::fmt;

use crate::{Call, SysResult, abi::Import};

/// Hears of every syscall, before and after it is performed.
pub trait Trace: Send + Sync + fmt::Debug {
    /// One syscall begins. The answer comes back in [`Event::begun`]; it can be the time, on a clock of the tracer's.
    fn begin(&self, import: &'static Import) -> u64;

    /// One syscall is done. It runs on the thread that made it, before that goes on.
    fn event(&self, event: &Event<'_, '_>);
}

/// One syscall that is done.
#[derive(Debug)]
pub struct Event<'e, 'c> {
    /// Which.
    pub import: &'static Import,
    /// What [`Trace::begin`] answered.
    pub begun: u64,
    /// Its arguments, as [`Import::call`] takes them.
    pub args: &'e [u64],
    /// What it answered.
    pub result: SysResult,
    /// The thread, and the memory as it is now.
    pub call: &'e Call<'c>,
}
