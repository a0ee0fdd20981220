//! [`WaitSet`]: one thread's place to wait.

use core::{fmt, task::Waker, time::Duration};
use std::{io::IoSlice, sync::Arc, task::Wake};

use gangplank_vfs::{Errno, Events, Result, VirtualFile};
use parking_lot::{Condvar, Mutex};

use super::Monotonic;
use crate::{Fault, Life, SysResult, WatchKey};

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
        WaitSet { parker, waker, life: life.clone(), key }
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
            self.parker.park(seen, pause)?;
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
    pub fn block_on<T>(
        &self,
        file: &dyn VirtualFile,
        interest: Events,
        nonblock: bool,
        mut op: impl FnMut() -> Result<T>,
    ) -> SysResult<T> {
        let mut again = match op() {
            Err(Errno::AGAIN) if !nonblock => 0,
            done => return Ok(done?),
        };
        loop {
            let seen = self.parker.wakes();
            if self.life.is_over() {
                return Err(Fault::Exit);
            }
            if file.poll(interest, Some(&self.waker))?.is_empty() {
                self.parker.park(seen, None)?;
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
                self.parker.park(self.parker.wakes(), Some(Duration::from_millis(1)))?;
            }
        }
    }

    /// Reads with `op`, waiting until something can be read: [`block_on`](Self::block_on) for `READ`.
    ///
    /// # Errors
    /// As `block_on`.
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
            let n = match self.block_on(file, Events::WRITE, nonblock, || op(rest)) {
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

/// A counter of wakes that a thread can sleep on.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    wakes: Mutex<u64>,
    moved: Condvar,
}

impl Parker {
    pub(crate) fn wakes(&self) -> u64 {
        *self.wakes.lock()
    }

    /// Sleeps while the counter is `seen`, at most for `pause`. May return early.
    pub(crate) fn park(&self, seen: u64, pause: Option<Duration>) -> Result<()> {
        let mut wakes = self.wakes.lock();
        if *wakes != seen {
            return Ok(());
        }
        if cfg!(target_family = "wasm") {
            return Err(Errno::NOTSUP);
        }
        self.moved.wait_for(&mut wakes, pause.unwrap_or(LONGEST_PARK).min(LONGEST_PARK));
        Ok(())
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut wakes = self.wakes.lock();
        *wakes = wakes.wrapping_add(1);
        self.moved.notify_all();
    }
}
