//! [`Process`]: everything that a guest can reach.

mod builder;
mod strings;

use std::sync::Arc;

use gangplank_vfs::{Cred, Ctx, Errno, FileType, Namespace, Result, Scope, Start};

pub use self::builder::{BuildError, ProcessBuilder};
pub(crate) use self::strings::Strings;
use crate::{
    Canceller, Descriptor, ExitStatus, FdTable, Life, RightSet, Rights, System, Trace,
    sync::atomic::{AtomicU32, Ordering},
};

/// Everything that a guest can reach.
#[derive(Debug)]
pub struct Process {
    life: Arc<Life>,
    system: Arc<System>,
    namespace: Arc<Namespace>,
    fds: FdTable,
    args: Strings,
    env: Strings,
    cred: Cred,
    rights: Rights,
    trace: Option<Arc<dyn Trace>>,
    threads: AtomicU32,
}

impl Process {
    /// Whether it runs, and how it ended.
    #[inline]
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// How it ended, if it has.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.life.status()
    }

    /// What ends it from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.life)
    }

    /// Ends it with `code` unless it has ended already, closes its files and answers how it ended. For an engine whose
    /// guest has returned or unwound.
    pub fn finish(&self, code: u32) -> ExitStatus {
        self.life.end(ExitStatus::Code(code));
        self.fds.close_all();
        self.life.status().unwrap_or(ExitStatus::Code(code))
    }

    /// Clocks and random numbers.
    #[inline]
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// Its mounts.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// Its descriptors.
    #[inline]
    pub fn fds(&self) -> &FdTable {
        &self.fds
    }

    /// What becomes of rights.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Who watches its syscalls.
    #[inline]
    pub fn trace(&self) -> Option<&dyn Trace> {
        self.trace.as_deref()
    }

    pub(crate) fn thread_begins(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn thread_ends(&self) {
        self.threads.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn has_one_thread(&self) -> bool {
        self.threads.load(Ordering::Relaxed) == 1
    }

    #[inline]
    pub(crate) fn args(&self) -> &Strings {
        &self.args
    }

    #[inline]
    pub(crate) fn env(&self) -> &Strings {
        &self.env
    }

    /// On whose behalf filesystems act.
    #[inline]
    pub(crate) fn cx(&self) -> Ctx<'_> {
        Ctx { cred: &self.cred }
    }

    /// Resolution of paths beneath a directory.
    ///
    /// # Errors
    /// `NOTDIR` for a file, `BADF` for a stream, `NOTCAPABLE` without the rights `need`.
    #[inline]
    pub(crate) fn beneath<'a>(&'a self, directory: &'a Descriptor, need: RightSet) -> Result<Start<'a>> {
        let place = directory.file().place().ok_or_else(|| match directory.file().file_type() {
            FileType::Regular => Errno::NOTDIR,
            _ => Errno::BADF,
        })?;
        directory.require(need)?;
        Ok(Start { namespace: &self.namespace, cx: self.cx(), place, scope: Scope::Beneath(place) })
    }
}
