//! [`WaitSet`]: one thread's place to wait.

use core::{fmt, task::Waker, time::Duration};
use std::{io::IoSlice, sync::Arc, task::Wake};

use gangplank_vfs::{Errno, Events, Result, VirtualFile};

use super::Monotonic;
use crate::{
    Fault, Life, SysResult, WatchKey,
    sync::{Condvar, Mutex},
};

/// The longest uninterrupted park. Only so that no sum of times can overflow anywhere below.
const LONGEST_PARK: Duration = Duration::from_secs(3600);

/// How often a file may say that it is ready and then answer `AGAIN` before the thread takes a rest. Another reader
/// may have been faster now and then; a file that keeps saying so shall not cost a core.
const PATIENCE: u32 = 16;

/// One thread's place to wait, made once and used for every wait.
///
/// Several threads may use the same one; each wake is then a hint to all of them.
pub struct WaitSet {
    parker: Arc<Parker>,
    waker: Waker,
    life: Arc<Life>,
    key: Option<WatchKey>,
    /// If it suspends: see [`suspending`](WaitSet::suspending).
    suspends: Option<Mutex<Unfinished>>,
}

/// What a wait that was suspended leaves for the next attempt.
#[derive(Debug, Default)]
struct Unfinished {
    suspension: Option<Suspension>,
    /// When the first attempt of the call began.
    begun: Option<u64>,
}

/// When a wait ends at the latest.
#[derive(Clone, Copy, Debug)]
pub struct Deadline<'a> {
    /// The clock it is on.
    pub clock: &'a dyn Monotonic,
    /// What that clock then shows, in nanoseconds; the past is fine, and so is `u64::MAX`.
    pub at: u64,
}

impl<'a> Deadline<'a> {
    /// `nanos` from now on, or as late as `clock` can tell.
    pub fn after(clock: &'a dyn Monotonic, nanos: u64) -> Deadline<'a> {
        Deadline { clock, at: clock.now().saturating_add(nanos) }
    }
}

/// A file and what it is waited for.
#[derive(Debug)]
pub struct Interest<'a> {
    /// The file.
    pub file: &'a dyn VirtualFile,
    /// What would end the wait; `HUP` and `ERR` always do.
    pub events: Events,
    /// What was found. Meaningful once the wait is over.
    pub ready: Events,
}

impl WaitSet {
    /// For a thread of the process with this life.
    pub fn new(life: &Arc<Life>) -> WaitSet {
        let parker = Arc::new(Parker::default());
        let waker = Waker::from(parker.clone());
        let key = Some(life.watch(&waker));
        WaitSet { parker, waker, life: life.clone(), key, suspends: None }
    }

    /// One that does not wait: where a thread would be parked, the wait fails with [`Fault::Exit`] and leaves a
    /// [`Suspension`]. Whoever performs the call awaits that and performs the same call again, with nothing in between.
    pub fn suspending(life: &Arc<Life>) -> WaitSet {
        let mut set = WaitSet::new(life);
        set.suspends = Some(Mutex::default());
        set
    }

    /// After a call that ended with [`Fault::Exit`]: what to await before the same call is performed again. `None` if
    /// the process is over.
    pub fn suspension(&self) -> Option<Suspension> {
        self.suspends.as_ref()?.lock().suspension.take()
    }

    /// To be called before the first attempt of a call: forgets one that was given up while it was suspended.
    pub fn begin(&self) {
        if let Some(unfinished) = &self.suspends {
            *unfinished.lock() = Unfinished::default();
        }
    }

    /// What `clock` showed when this call began: of a call that was suspended its first attempt.
    pub(crate) fn begun(&self, now: impl FnOnce() -> u64) -> u64 {
        match &self.suspends {
            Some(unfinished) => *unfinished.lock().begun.get_or_insert_with(now),
            None => now(),
        }
    }

    /// Whether what has been done of a call is to be answered, rather than waiting for the rest: the next attempt would
    /// do it again.
    pub(crate) fn suspends(&self) -> bool {
        self.suspends.is_some()
    }

    fn park(&self, seen: u64, pause: Option<Duration>) -> SysResult {
        match &self.suspends {
            None => Ok(self.parker.park(seen, pause)?),
            Some(unfinished) => {
                let parker = Arc::clone(&self.parker);
                unfinished.lock().suspension = Some(Suspension { parker, seen, pause });
                Err(Fault::Exit)
            }
        }
    }

    /// Waits until `look` answers something, `None` if the deadline comes first.
    ///
    /// `look` is called without a waker first; then, each time before the thread parks, with the one to leave wherever
    /// nothing is ready. Whoever answers `Some` need not have left it anywhere. Allocates nothing itself.
    ///
    /// # Errors
    /// What `look` answers; [`Fault::Exit`] when the process is over; `NOTSUP` where threads cannot park
    /// (`wasm32-unknown-unknown`).
    pub fn wait<T>(
        &self,
        deadline: Option<Deadline<'_>>,
        mut look: impl FnMut(Option<&Waker>) -> Result<Option<T>>,
    ) -> SysResult<Option<T>> {
        if self.life.is_over() {
            return Err(Fault::Exit);
        }
        if let Some(found) = look(None)? {
            return Ok(Some(found));
        }
        // No waker is left anywhere for a mere question (deadline now) or on a clock that jumps.
        let mut pause = pause_until(deadline);
        while pause != Some(Duration::ZERO) {
            let seen = self.parker.wakes();
            if self.life.is_over() {
                return Err(Fault::Exit);
            }
            if let Some(found) = look(Some(&self.waker))? {
                return Ok(Some(found));
            }
            self.park(seen, pause)?;
            pause = pause_until(deadline);
        }
        if self.life.is_over() {
            return Err(Fault::Exit);
        }
        // Whatever came along with the deadline.
        Ok(look(None)?)
    }

    /// Waits until one of `files` is ready, and answers how many are: 0 if the deadline came first. All have been
    /// looked at then, not just the first ready one.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and those of [`VirtualFile::poll`].
    pub fn wait_until(&self, files: &mut [Interest<'_>], deadline: Option<Deadline<'_>>) -> SysResult<usize> {
        let found = self.wait(deadline, |waker| {
            let mut count = 0;
            for interest in files.iter_mut() {
                let waker = waker.filter(|_| count == 0);
                interest.ready = interest.file.poll(interest.events, waker)?;
                count += usize::from(!interest.ready.is_empty());
            }
            Ok((count > 0).then_some(count))
        })?;
        Ok(found.unwrap_or(0))
    }

    /// Does `op`, which answers `AGAIN` for as long as `file` is not ready for `interest`, and in between waits for
    /// that. With `nonblock` it is done once.
    ///
    /// # Errors
    /// Those of `op`; those of [`wait`](Self::wait).
    #[inline]
    pub fn block_on<T>(
        &self,
        file: &dyn VirtualFile,
        interest: Events,
        nonblock: bool,
        mut op: impl FnMut() -> Result<T>,
    ) -> SysResult<T> {
        match op() {
            Err(Errno::AGAIN) if !nonblock => self.keep_trying(file, interest, op),
            done => Ok(done?),
        }
    }

    #[cold]
    fn keep_trying<T>(
        &self,
        file: &dyn VirtualFile,
        interest: Events,
        mut op: impl FnMut() -> Result<T>,
    ) -> SysResult<T> {
        let mut again = 0;
        loop {
            let seen = self.parker.wakes();
            if self.life.is_over() {
                return Err(Fault::Exit);
            }
            if file.poll(interest, Some(&self.waker))?.is_empty() {
                self.park(seen, None)?;
            }
            if self.life.is_over() {
                return Err(Fault::Exit);
            }
            match op() {
                Err(Errno::AGAIN) => {}
                done => return Ok(done?),
            }
            again += 1;
            if again % PATIENCE == 0 {
                self.park(self.parker.wakes(), Some(Duration::from_millis(1)))?;
            }
        }
    }

    /// Reads with `op`, waiting until something can be read: [`block_on`](Self::block_on) for `READ`.
    ///
    /// # Errors
    /// As `block_on`.
    #[inline]
    pub fn block_on_read<T>(
        &self,
        file: &dyn VirtualFile,
        nonblock: bool,
        op: impl FnMut() -> Result<T>,
    ) -> SysResult<T> {
        self.block_on(file, Events::READ, nonblock, op)
    }

    /// Writes `bufs` with `op`. A stream that is not `nonblock` takes all of them, however long that takes, as
    /// `write(2)` promises; anything else is written to once, and the count may be short.
    ///
    /// Nothing that was written is kept secret: once some of it has been, an error is left for the next write to find,
    /// and the answer is the short count.
    ///
    /// # Errors
    /// As [`block_on`](Self::block_on).
    pub fn block_on_write(
        &self,
        file: &dyn VirtualFile,
        nonblock: bool,
        bufs: &mut [IoSlice<'_>],
        mut op: impl FnMut(&[IoSlice<'_>]) -> Result<usize>,
    ) -> SysResult<usize> {
        let mut rest = bufs;
        let once = nonblock || file.seekable() || file.socket().is_some_and(|s| s.is_datagram());
        let mut total = 0;
        loop {
            let once_more = nonblock || (total > 0 && self.suspends());
            let n = match self.block_on(file, Events::WRITE, once_more, || op(rest)) {
                Err(Fault::Errno(_)) if total > 0 => return Ok(total),
                done => done?,
            };
            total += n;
            let left = rest.iter().map(|b| b.len()).fold(0, usize::saturating_add);
            if once || n == 0 || n >= left {
                return Ok(total);
            }
            IoSlice::advance_slices(&mut rest, n);
        }
    }

    #[cfg(test)]
    pub(crate) fn parker(&self) -> &Arc<Parker> {
        &self.parker
    }
}

impl Drop for WaitSet {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.life.unwatch(key);
        }
    }
}

impl fmt::Debug for WaitSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet").field("parker", &self.parker).finish_non_exhaustive()
    }
}

fn pause_until(deadline: Option<Deadline<'_>>) -> Option<Duration> {
    deadline.map(|d| d.clock.pause(d.at))
}

/// A wait that a call was suspended in.
#[derive(Debug)]
pub struct Suspension {
    parker: Arc<Parker>,
    seen: u64,
    pause: Option<Duration>,
}

impl Suspension {
    /// How long to wait at most; `None`: until it is woken.
    pub fn pause(&self) -> Option<Duration> {
        self.pause
    }

    /// Whether it has been woken. If not, `waker` will be, once, in place of one that was given before.
    pub fn is_woken(&self, waker: &Waker) -> bool {
        let mut state = self.parker.state.lock();
        let woken = state.wakes != self.seen;
        if !woken && !state.task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            state.task = Some(waker.clone());
        }
        woken
    }
}

/// A counter of wakes that a thread can sleep on, or a task be woken by.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    state: Mutex<Parked>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Parked {
    wakes: u64,
    /// The task that waits in place of a thread.
    task: Option<Waker>,
}

impl Parker {
    pub(crate) fn wakes(&self) -> u64 {
        self.state.lock().wakes
    }

    /// Sleeps while the counter is `seen`, at most for `pause`. May return early.
    pub(crate) fn park(&self, seen: u64, pause: Option<Duration>) -> Result<()> {
        let mut state = self.state.lock();
        if state.wakes != seen {
            return Ok(());
        }
        if cfg!(target_family = "wasm") {
            return Err(Errno::NOTSUP);
        }
        self.moved.wait_for(&mut state, pause.unwrap_or(LONGEST_PARK).min(LONGEST_PARK));
        Ok(())
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let task = {
            let mut state = self.state.lock();
            state.wakes = state.wakes.wrapping_add(1);
            self.moved.notify_all();
            state.task.take()
        };
        // Not under the lock: it may run the executor's code.
        if let Some(task) = task {
            task.wake();
        }
    }
}
