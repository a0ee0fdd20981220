//! [`Call`]: one syscall, as the handlers see it.

use std::sync::Arc;

use crate::{GuestMemory, Life, Process, Trace, held::Known, wait::WaitSet};

/// A thread of a process.
#[derive(Debug)]
pub struct Thread {
    process: Arc<Process>,
    /// Those of the process, which every syscall asks first.
    life: Arc<Life>,
    traced: bool,
    id: u32,
    wait: WaitSet,
    known: Known,
}

impl Thread {
    /// The thread that a process begins with.
    pub fn main(process: &Arc<Process>) -> Thread {
        process.thread_begins();
        Thread {
            process: process.clone(),
            life: process.life().clone(),
            traced: process.trace().is_some(),
            id: 0,
            wait: WaitSet::new(process.life()),
            known: Known::default(),
        }
    }

    /// As [`main`](Thread::main), for an embedder that awaits where a thread would wait:
    /// [`WaitSet::suspending`].
    pub fn suspending(process: &Arc<Process>) -> Thread {
        let mut thread = Thread::main(process);
        thread.wait = WaitSet::suspending(process.life());
        thread
    }

    /// Its process.
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Whether its process has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.life.is_over()
    }

    /// Who watches the syscalls of its process.
    #[inline]
    pub(crate) fn trace(&self) -> Option<&dyn Trace> {
        if self.traced { self.process.trace() } else { None }
    }

    /// Where it waits.
    #[inline]
    pub fn wait(&self) -> &WaitSet {
        &self.wait
    }

    #[inline]
    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Its number in the process; 0 is the first.
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.process.thread_ends();
    }
}

/// One syscall: who makes it, and the memory that its pointers point into.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who makes it.
    pub thread: &'a Thread,
    /// The memory, for as long as the call lasts.
    pub memory: GuestMemory<'a>,
}

impl<'a> Call<'a> {
    /// A call of `thread`.
    #[inline]
    pub fn new(thread: &'a Thread, memory: GuestMemory<'a>) -> Call<'a> {
        Call { thread, memory }
    }

    /// The same call once more, for whoever is called seldom. A call whose address nobody is ever given can stay in
    /// registers.
    #[inline]
    pub(crate) fn lend(&mut self) -> Call<'_> {
        Call { thread: self.thread, memory: self.memory.lend() }
    }

    /// The process that makes the call.
    #[inline]
    pub fn process(&self) -> &'a Process {
        self.thread.process()
    }
}
