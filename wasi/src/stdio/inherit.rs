//! The embedder's own standard streams.
//!
//! On Unix the descriptor is duplicated and used as it is, see [`from_fd`](super::from_fd). Elsewhere standard input is
//! read by a thread and the outputs are written through `std::io`, whose writes cannot be canceled.

use std::sync::Arc;

#[cfg(unix)]
use gangplank_vfs::OpenFlags;
use gangplank_vfs::Result;

use super::VirtualFile;

/// Standard input. What `std::io::stdin` has buffered is not seen.
///
/// # Errors
/// `BADF` if it is closed (never in a program with Rust's `main`, which opens `/dev/null` then); `MFILE`.
pub fn inherit_stdin() -> Result<Arc<dyn VirtualFile>> {
    #[cfg(unix)]
    return duplicate(rustix::stdio::stdin(), OpenFlags::READ);
    #[cfg(not(unix))]
    {
        let stdin = std::io::stdin();
        let terminal = std::io::IsTerminal::is_terminal(&stdin);
        Ok(super::wrap::reader_as(Box::new(stdin), terminal))
    }
}

/// Standard output. It does not pass through the buffer of `std::io::stdout`: flush that first.
///
/// # Errors
/// As [`inherit_stdin`].
pub fn inherit_stdout() -> Result<Arc<dyn VirtualFile>> {
    #[cfg(unix)]
    return duplicate(rustix::stdio::stdout(), OpenFlags::WRITE);
    #[cfg(not(unix))]
    {
        let stdout = std::io::stdout();
        let terminal = std::io::IsTerminal::is_terminal(&stdout);
        Ok(super::wrap::writer_as(Box::new(stdout), terminal))
    }
}

/// Standard error.
///
/// # Errors
/// As [`inherit_stdin`].
pub fn inherit_stderr() -> Result<Arc<dyn VirtualFile>> {
    #[cfg(unix)]
    return duplicate(rustix::stdio::stderr(), OpenFlags::WRITE);
    #[cfg(not(unix))]
    {
        let stderr = std::io::stderr();
        let terminal = std::io::IsTerminal::is_terminal(&stderr);
        Ok(super::wrap::writer_as(Box::new(stderr), terminal))
    }
}

#[cfg(unix)]
fn duplicate(fd: std::os::fd::BorrowedFd<'_>, access: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
    // Above the standard ones, so that nobody takes the copy for one of them.
    super::from_fd(rustix::io::fcntl_dupfd_cloexec(fd, 3)?, access)
}
