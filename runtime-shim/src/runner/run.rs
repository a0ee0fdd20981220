//! [`Run`]: a process that has been prepared, and how it is driven to its end.

use core::time::Duration;
use std::{
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use gangplank_wasi::{Cancel, Canceller, Process, Thread, stdio::Captured};

use super::{Limits, RunResult, Status};
use crate::{
    Program, RunError,
    engine::{Instance, InstanceOptions, Stop},
};

/// A process that has not begun to run.
#[derive(Debug)]
pub struct Run {
    pub(super) program: Program,
    pub(super) process: Arc<Process>,
    /// Of descriptors 1 and 2.
    pub(super) captured: [Option<Captured>; 2],
    pub(super) calls: Vec<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    pub(super) limits: InstanceOptions,
}

impl Run {
    /// Ends it from any thread, before, while, or after it runs: every wait ends at once, and, if the engine has
    /// [`Capabilities::INTERRUPT`](crate::engine::Capabilities::INTERRUPT), so does a loop without syscalls.
    pub fn canceller(&self) -> Canceller {
        self.process.canceller()
    }

    /// The process.
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Runs it on this thread until it ends.
    ///
    /// # Errors
    /// [`RunError::Engine`] if there is not enough memory for it.
    pub fn run(self) -> Result<RunResult, RunError> {
        // Dropped at the end, which ends the watchdog.
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let limit = self.timeout.into_iter().chain(left).min();
        let _watchdog = limit.map(|limit| Watchdog::start(limit, self.canceller())).transpose()?;
        let ended = match self.program.module().instance(Thread::main(&self.process), &self.limits) {
            Ok(mut instance) => drive(&mut *instance, &self.calls),
            Err(error) => Err(Stop::Failed(error)),
        };
        // The first status counts: that of a syscall or of a cancellation, if there has been one.
        let status = match ended {
            Ok(()) | Err(Stop::Exit) => Status::of(self.process.finish(0)),
            Err(Stop::Trap(trap)) => {
                self.process.finish(Status::TRAP.into());
                Status::Trap(trap)
            }
            Err(Stop::Failed(error)) => {
                self.process.finish(Status::TRAP.into());
                return Err(error.into());
            }
        };
        let mut limits = Limits::empty();
        limits.set(Limits::FDS, self.process.fds().limit_was_reached());
        limits.set(Limits::MEMORY, self.limits.memory.is_some_and(|limit| limit.was_reached()));
        let [stdout, stderr] = self.captured.map(|kept| kept.map(|kept| kept.take()).unwrap_or_default());
        Ok(RunResult { status, limits, stdout, stderr })
    }
}

fn drive(instance: &mut dyn Instance, calls: &[String]) -> Result<(), Stop> {
    instance.start()?;
    calls.iter().try_for_each(|export| instance.call(export))
}

/// Cancels a process after a while, unless dropped before.
struct Watchdog(#[allow(dead_code, reason = "its drop is the message")] mpsc::Sender<()>);

impl Watchdog {
    fn start(limit: Duration, canceller: Canceller) -> Result<Watchdog, RunError> {
        let (alive, dropped) = mpsc::channel();
        let watch = move || {
            if dropped.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                canceller.cancel(Cancel::Timeout);
            }
        };
        thread::Builder::new().name("timeout".to_owned()).spawn(watch).map_err(|_| RunError::NoThread)?;
        Ok(Watchdog(alive))
    }
}
