//! [`Import`]: a row of the table, for engines, tracing and tools that take functions as they come.

use super::{Kind, ValType, preview1, unstable};
use crate::{Call, Fault, SysResult, Trace, trace::Event};

/// One function that a guest can import.
pub struct Import {
    /// The module it is imported from.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it does, one line.
    pub doc: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its results: one `I32`, the error number, or nothing if it does not return.
    pub results: &'static [ValType],
    /// Performs it. The arguments are those of `params`, an `I32` zero-extended to 64 bits; another number of them
    /// than that is answered with `INVAL`.
    pub call: fn(&mut Call<'_>, &[u64]) -> Outcome,
}

/// One parameter of an [`Import`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param {
    /// Its name in the specification.
    pub name: &'static str,
    /// What it means, and from that its type.
    pub kind: Kind,
}

/// What the engine does after a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    /// Go on in the guest, with this result: WASI's number of an error, 0 for none.
    Return(u32),
    /// Unwind the guest in a way that it cannot catch: its process has ended.
    Exit,
}

impl core::fmt::Debug for Import {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}

/// All that we have, module by module, preview1 first.
pub fn imports() -> impl Iterator<Item = &'static Import> {
    [preview1::IMPORTS, unstable::IMPORTS].into_iter().flatten()
}

/// The import of this name, or `None` if we do not have it.
pub fn find(module: &str, name: &str) -> Option<&'static Import> {
    imports().find(|i| i.name == name && i.module == module)
}

/// Everything that is common to all syscalls: nothing happens any more once the process has ended, the handler's error
/// becomes a number, and whoever traces sees it.
#[inline(always)]
pub(super) fn perform<const N: usize>(
    import: &'static Import,
    call: &mut Call<'_>,
    args: impl FnOnce() -> [u64; N],
    handler: impl FnOnce(&mut Call<'_>) -> SysResult,
) -> Outcome {
    let thread = call.thread;
    if thread.is_over() {
        return Outcome::Exit;
    }
    let result = match thread.trace() {
        None => handler(call),
        Some(trace) => traced(trace, import, &mut call.lend(), args(), handler),
    };
    match result {
        Ok(()) => Outcome::Return(0),
        Err(Fault::Errno(errno)) => Outcome::Return(super::to_wasi(errno).into()),
        Err(Fault::Exit) => Outcome::Exit,
    }
}

/// Apart from [`perform`], so that a syscall that nobody watches keeps nothing for it.
#[cold]
#[inline(never)]
fn traced<const N: usize>(
    trace: &dyn Trace,
    import: &'static Import,
    call: &mut Call<'_>,
    args: [u64; N],
    handler: impl FnOnce(&mut Call<'_>) -> SysResult,
) -> SysResult {
    let begun = trace.begin(import);
    let result = handler(call);
    trace.event(&Event { import, begun, args: &args, result, call });
    result
}
