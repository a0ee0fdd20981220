//! [`Fault`]: why a syscall does not succeed.

use gangplank_vfs::Errno;

/// Why a syscall does not succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The guest gets this error number.
    Errno(Errno),
    /// The guest gets no answer: its process has ended, and the engine unwinds it. How it ended is in
    /// [`Life::status`](crate::Life::status).
    Exit,
}

/// What a syscall answers.
pub type SysResult<T = ()> = Result<T, Fault>;

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Fault {
        Fault::Errno(errno)
    }
}
