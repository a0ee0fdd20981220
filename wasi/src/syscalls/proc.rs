//! The process itself.

use gangplank_vfs::Errno;

use crate::{Call, ExitStatus, Fault, SysResult};

/// Needs no memory: a module without one can exit.
pub(crate) fn proc_exit(call: &mut Call<'_>, code: u32) -> SysResult {
    call.process().life().end(ExitStatus::Code(code));
    Err(Fault::Exit)
}

/// `NOTSUP`: preview1 has no way to handle a signal, and the host's are not the guest's to send.
pub(crate) fn proc_raise(_call: &mut Call<'_>, _signal: u32) -> SysResult {
    Err(Errno::NOTSUP.into())
}
