//! [`RunResult`]: what came out of a run.

use gangplank_wasi::{Cancel, ExitStatus};

use crate::engine::{Trap, TrapKind};

/// What came out of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RunResult {
    /// How it ended.
    pub status: Status,
    /// Which limits have refused it something. It may have coped with that.
    pub limits: Limits,
    /// What it wrote to descriptor 1, with [`Runner::capture_output`](super::Runner::capture_output).
    pub stdout: Vec<u8>,
    /// What it wrote to descriptor 2, with [`Runner::capture_output`](super::Runner::capture_output).
    pub stderr: Vec<u8>,
}

bitflags::bitflags! {
    /// Limits of a run that the program is told of when it reaches them. Those of filesystems are theirs:
    /// [`MemFs::refused`](gangplank_vfs::MemFs::refused).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct Limits: u8 {
        /// [`Runner::fd_limit`](super::Runner::fd_limit).
        const FDS = 1;
        /// [`Runner::memory_limit`](super::Runner::memory_limit).
        const MEMORY = 2;
    }
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// By itself: the code of `proc_exit`, or 0.
    Code(u32),
    /// By a trap.
    Trap(Trap),
    /// From outside.
    Canceled(Cancel),
}

impl Status {
    /// The exit code of a trap, as a shell reports `SIGABRT`.
    pub const TRAP: u8 = 134;

    /// The exit code of a run that took more time or more instructions than it was given, as `timeout(1)`.
    pub const LIMIT: u8 = 124;

    pub(super) fn of(status: ExitStatus) -> Status {
        match status {
            ExitStatus::Code(code) => Status::Code(code),
            ExitStatus::Canceled(why) => Status::Canceled(why),
        }
    }

    /// Whether the program ended by itself with code 0.
    pub fn is_success(&self) -> bool {
        *self == Status::Code(0)
    }

    /// As the exit code of a host process: the lowest 8 bits of the program's own, 134 for a trap, 124 for a limit of
    /// time or of instructions, 130 for Ctrl-C, 143 for any other cancellation.
    pub fn exit_code(&self) -> u8 {
        match self {
            Status::Code(code) => *code as u8,
            Status::Trap(Trap { kind: TrapKind::OutOfFuel, .. }) | Status::Canceled(Cancel::Timeout) => Status::LIMIT,
            Status::Trap(_) => Status::TRAP,
            Status::Canceled(Cancel::Interrupt) => 130,
            Status::Canceled(Cancel::Requested) => 143,
        }
    }
}
