//! Readiness of host file descriptors: [`poll_now`] asks, [`Reactor`] wakes, [`Source`] does both for one descriptor.
//!
//! One thread, started when something first has to wait, sits in `poll(2)` for everybody. Registrations are one-shot:
//! when a descriptor becomes ready, its wakers are called, once, and forgotten. Level-triggered, so that what becomes
//! ready between a caller's own look and its registration is not lost.
//!
//! A wake is a hint: whoever is woken looks again. That allows to bound the memory: a waker cannot be taken back (it
//! may belong to a wait that timed out long ago), so once a descriptor has gathered too many, all are woken and those
//! that still wait come back.
//!
//! On macOS `poll(2)` does not work for `/dev/tty`; pipes, sockets and inherited terminals work.
//!
//! # Lock order
//! `Reactor::state` is a leaf. It is not held across `poll(2)`, nor while a waker runs or is dropped, nor while a
//! descriptor is closed.

use core::task::Waker;
use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{Errno, Events, Result};

/// Wakers that one descriptor may gather before all of them are woken for a look.
const FIRST_LIMIT: usize = 64;

/// Which of `interest` is ready on `fd` now, and `HUP` and `ERR`. Does not wait.
///
/// An end of file, a hang-up and a pending error count as readable and writable: neither operation would wait.
/// Regular files and directories are always ready.
///
/// # Errors
/// `NOMEM`.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/poll.html>
pub fn poll_now(fd: BorrowedFd<'_>, interest: Events) -> Result<Events> {
    let mut fds = [PollFd::from_borrowed_fd(fd, flags_of(interest))];
    // Even a call that does not wait ends early if a signal is pending.
    rustix::io::retry_on_intr(|| poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })))?;
    let ready = fds[0].revents();
    if ready.contains(PollFlags::NVAL) {
        return Err(Errno::BADF);
    }
    Ok(events_of(ready) & (interest | Events::HUP | Events::ERR))
}

/// An open descriptor that can be waited for. Dropping it ends its registrations.
#[derive(Debug)]
pub struct Source(Arc<OwnedFd>);

impl Source {
    /// Takes over `fd`. Costs nothing until somebody waits.
    pub fn new(fd: OwnedFd) -> Source {
        Source(Arc::new(fd))
    }

    /// As [`VirtualFile::poll`](crate::VirtualFile::poll): which of `interest` is ready now; if nothing is and `waker`
    /// is given, wakes it once when that may have changed.
    ///
    /// # Errors
    /// As [`poll_now`] and [`Reactor::register`].
    pub fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        let ready = poll_now(self.as_fd(), interest)?;
        if let (true, Some(waker)) = (ready.is_empty(), waker) {
            Reactor::global().register(&self.0, interest, waker)?;
        }
        Ok(ready)
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // Nobody but the reactor holds a second `Arc`, so most files that close never see its lock.
        if Arc::strong_count(&self.0) > 1 {
            Reactor::global().deregister(&self.0);
        }
    }
}

/// Calls wakers when descriptors become ready.
#[derive(Debug, Default)]
pub struct Reactor {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By number: unique, because each entry keeps its descriptor open.
    entries: HashMap<RawFd, Watch, foldhash::fast::RandomState>,
    /// The writing end of the pipe that interrupts the thread; none before the thread runs.
    interrupt: Option<Arc<OwnedFd>>,
    /// Whether a byte is in the pipe already.
    interrupted: bool,
}

#[derive(Debug)]
struct Watch {
    fd: Arc<OwnedFd>,
    wakers: Vec<(Events, Waker)>,
    /// Grows each time it is reached: many threads that really wait for one descriptor must not wake each other in a
    /// circle.
    limit: usize,
}

impl Watch {
    fn interest(&self) -> Events {
        self.wakers.iter().fold(Events::empty(), |all, (one, _)| all | *one)
    }
}

impl Reactor {
    /// The reactor of this process.
    pub fn global() -> &'static Reactor {
        static GLOBAL: OnceLock<Reactor> = OnceLock::new();
        GLOBAL.get_or_init(Reactor::default)
    }

    /// Wakes `waker` once when something of `interest` is ready on `fd`, or it hangs up, or an error is pending. The
    /// same waker again adds to its interest. Keeps `fd` open until then, or until
    /// [`deregister`](Reactor::deregister).
    ///
    /// # Errors
    /// `AGAIN`, `MFILE`, `NFILE`, `NOMEM` if the thread cannot be started.
    pub fn register(&'static self, fd: &Arc<OwnedFd>, interest: Events, waker: &Waker) -> Result<()> {
        let mut crowd = Vec::new();
        {
            let mut state = self.state.lock();
            if state.interrupt.is_none() {
                state.interrupt = Some(self.start()?);
            }
            let watch = state.entries.entry(fd.as_raw_fd()).or_insert_with(|| Watch {
                fd: fd.clone(),
                wakers: Vec::new(),
                limit: FIRST_LIMIT,
            });
            match watch.wakers.iter_mut().find(|(_, known)| known.will_wake(waker)) {
                Some((known, _)) if known.contains(interest) => return Ok(()),
                Some((known, _)) => *known |= interest,
                None => {
                    if watch.wakers.len() >= watch.limit {
                        watch.limit = watch.limit.saturating_mul(2);
                        crowd = core::mem::take(&mut watch.wakers);
                    }
                    watch.wakers.push((interest, waker.clone()));
                }
            }
            state.interrupt();
        }
        for (_, waker) in crowd {
            waker.wake();
        }
        Ok(())
    }

    /// Forgets everybody who waits for `fd`, after waking them for a last look.
    pub fn deregister(&self, fd: &Arc<OwnedFd>) {
        let gone = {
            let mut state = self.state.lock();
            match state.entries.get(&fd.as_raw_fd()) {
                Some(watch) if Arc::ptr_eq(&watch.fd, fd) => {}
                _ => return,
            }
            let gone = state.entries.remove(&fd.as_raw_fd());
            state.interrupt();
            gone
        };
        for (_, waker) in gone.into_iter().flat_map(|watch| watch.wakers) {
            waker.wake();
        }
    }

    /// How many descriptors are being waited for.
    pub fn len(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Whether nobody waits for anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn start(&'static self) -> Result<Arc<OwnedFd>> {
        let (read, write) = rustix::pipe::pipe()?;
        for end in [&read, &write] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(end, true)?;
        }
        std::thread::Builder::new().name("vfs-reactor".into()).spawn(move || self.run(&read))?;
        Ok(Arc::new(write))
    }

    fn run(&self, interrupts: &OwnedFd) {
        let mut held: Vec<(Arc<OwnedFd>, Events)> = Vec::new();
        let mut ready: Vec<(RawFd, Events)> = Vec::new();
        loop {
            {
                let mut state = self.state.lock();
                // Before the list is taken: whoever registers after it writes a new byte.
                let mut sink = [0; 64];
                while matches!(rustix::io::read(interrupts, &mut sink), Ok(n) if n == sink.len()) {}
                state.interrupted = false;
                held.extend(state.entries.values().map(|w| (w.fd.clone(), w.interest())));
            }
            ready.clear();
            {
                let mut fds = Vec::with_capacity(held.len() + 1);
                fds.push(PollFd::new(interrupts, PollFlags::IN));
                fds.extend(held.iter().map(|(fd, interest)| PollFd::new(&**fd, flags_of(*interest))));
                if let Err(e) = poll(&mut fds, None)
                    && e != rustix::io::Errno::INTR
                {
                    // Out of memory, or more descriptors than the limit of open files: everybody shall look for
                    // himself, at a bearable rate.
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    ready.extend(held.iter().map(|(fd, _)| (fd.as_raw_fd(), Events::all())));
                } else {
                    let hits = held.iter().zip(&fds[1..]).filter(|(_, p)| !p.revents().is_empty());
                    ready.extend(hits.map(|((fd, _), p)| (fd.as_raw_fd(), events_of(p.revents()))));
                }
            }
            let wake = self.take_ready(&ready);
            // May close descriptors whose owners have gone.
            held.clear();
            for waker in wake {
                // A waker that panics must not take everybody else's readiness with it.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
        }
    }

    /// Takes the wakers out that have something of `ready` to look at. The caller keeps all these descriptors open, so
    /// that their numbers cannot have been reused.
    fn take_ready(&self, ready: &[(RawFd, Events)]) -> Vec<Waker> {
        let mut wake = Vec::new();
        if ready.is_empty() {
            return wake;
        }
        let mut state = self.state.lock();
        for &(raw, events) in ready {
            let Some(watch) = state.entries.get_mut(&raw) else { continue };
            let hits = |interest: Events| events.intersects(interest | Events::HUP | Events::ERR);
            wake.extend(watch.wakers.extract_if(.., |(interest, _)| hits(*interest)).map(|(_, waker)| waker));
            if watch.wakers.is_empty() {
                state.entries.remove(&raw);
            }
        }
        wake
    }
}

impl State {
    fn interrupt(&mut self) {
        if let (false, Some(pipe)) = (self.interrupted, &self.interrupt) {
            // It cannot be full: at most one byte is in it.
            self.interrupted = rustix::io::write(pipe, &[0]).is_ok();
        }
    }
}

fn flags_of(interest: Events) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.contains(Events::READ));
    flags.set(PollFlags::OUT, interest.contains(Events::WRITE));
    flags
}

fn events_of(flags: PollFlags) -> Events {
    let mut events = Events::empty();
    events.set(Events::HUP, flags.contains(PollFlags::HUP));
    events.set(Events::ERR, flags.intersects(PollFlags::ERR | PollFlags::NVAL));
    let over = events.intersects(Events::HUP | Events::ERR);
    events.set(Events::READ, over || flags.contains(PollFlags::IN));
    events.set(Events::WRITE, over || flags.contains(PollFlags::OUT));
    events
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::Wake,
        time::{Duration, Instant},
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Count {
        fn reaches(&self, n: usize) -> bool {
            let end = Instant::now() + Duration::from_secs(5);
            while Instant::now() < end {
                if self.0.load(Ordering::SeqCst) >= n {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            false
        }
    }

    fn pair() -> (Source, OwnedFd) {
        let (r, w) = rustix::pipe::pipe().unwrap();
        (Source::new(r), w)
    }

    fn waits(source: &Source) -> bool {
        Reactor::global().state.lock().entries.contains_key(&source.as_fd().as_raw_fd())
    }

    #[test]
    fn a_waker_is_called_once_and_then_forgotten() {
        let (source, writer) = pair();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        for _ in 0..100 {
            assert_eq!(source.poll(Events::READ, Some(&waker)), Ok(Events::empty()));
        }
        assert_eq!(Reactor::global().state.lock().entries[&source.as_fd().as_raw_fd()].wakers.len(), 1);
        rustix::io::write(&writer, b"x").unwrap();
        assert!(count.reaches(1));
        assert!(!waits(&source));
        assert_eq!(source.poll(Events::READ, Some(&waker)), Ok(Events::READ));
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(Arc::strong_count(&count), 2);
    }

    #[test]
    fn a_hang_up_wakes_and_reads_as_ready() {
        let (source, writer) = pair();
        let count = Arc::new(Count::default());
        assert!(source.poll(Events::READ, Some(&count.clone().into())).unwrap().is_empty());
        drop(writer);
        assert!(count.reaches(1));
        assert_eq!(source.poll(Events::READ, None), Ok(Events::READ | Events::HUP));
        assert_eq!(source.poll(Events::empty(), None), Ok(Events::HUP));
    }

    #[test]
    fn dropping_a_source_closes_it_and_wakes() {
        let (source, writer) = pair();
        let count = Arc::new(Count::default());
        assert!(source.poll(Events::READ, Some(&count.clone().into())).unwrap().is_empty());
        drop(source);
        assert!(count.reaches(1));
        let end = Instant::now() + Duration::from_secs(5);
        while !poll_now(writer.as_fd(), Events::empty()).unwrap().contains(Events::ERR) {
            assert!(Instant::now() < end, "the reading end is still open");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn wakers_of_forgotten_waits_do_not_pile_up() {
        let (source, _writer) = pair();
        let counts: Vec<_> = (0..1000).map(|_| Arc::new(Count::default())).collect();
        for count in &counts {
            source.poll(Events::READ, Some(&count.clone().into())).unwrap();
        }
        let woken = counts.iter().filter(|c| c.0.load(Ordering::SeqCst) == 1).count();
        // 64 + 128 + 256 + 512 have been woken, the last 40 wait.
        assert_eq!(woken, 960);
    }

    #[test]
    fn hundreds_of_descriptors() {
        let pairs: Vec<_> = (0..400).map(|_| pair()).collect();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        for (source, _) in &pairs {
            assert!(source.poll(Events::READ, Some(&waker)).unwrap().is_empty());
        }
        for (_, writer) in &pairs {
            rustix::io::write(writer, b"x").unwrap();
        }
        assert!(count.reaches(pairs.len()));
        assert!(pairs.iter().all(|(source, _)| !waits(source)));
    }
}
