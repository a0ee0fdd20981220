//! `poll_oneoff`: waits for clocks and files.
//!
//! Decisions where runtimes differ:
//! * A bad descriptor, a directory, a clock that cannot be waited for, or a kind of event that does not exist fails the
//!   call; an error of one file is in its event.
//! * Everything is reported that has happened when the call returns: a timeout that is over does not hide a file that
//!   is ready, nor one file another. Events come in the order of their subscriptions.
//! * To read from what is only open for writing, or the other way round, does not wait, so it is an event, with the
//!   error that the operation would have.
//! * `nbytes` is exact for files with a size, and 1 for others: at least that many.

use core::task::Waker;

use gangplank_vfs::{Errno, Events, OpenFile, OpenFlags, Result};
use smallvec::SmallVec;

use crate::{
    Call, FdTable, RightSet, SharedDescriptor, SysResult,
    abi::{
        EventRwFlags, Layout, SubClockFlags, to_wasi,
        types::{ClockId, Event, EventType, Subscription},
    },
    system::Clocks,
    wait::{Deadline, WaitSet},
};

/// More subscriptions than this are `NOMEM`: far more than a process can have descriptors.
const MAX_SUBSCRIPTIONS: u32 = 8192;

pub(crate) fn poll_oneoff(call: &mut Call<'_>, subscriptions: u32, events: u32, count: u32, nevents: u32) -> SysResult {
    poll::<Subscription>(call, subscriptions, events, count, nevents)
}

/// Waits until one of `count` subscriptions, in any of their layouts, has happened, and writes an event for each that
/// has.
///
/// # Errors
/// `INVAL` if there are none, and for a subscription with an unknown tag, clock or flag; `FAULT`; `NOMEM` for too many;
/// `BADF` for a descriptor that is not open or is a directory; `NOTCAPABLE`.
pub(super) fn poll<S>(call: &mut Call<'_>, subscriptions: u32, events: u32, count: u32, nevents: u32) -> SysResult
where
    S: Layout + Into<Subscription>,
{
    if count == 0 {
        return Err(Errno::INVAL.into());
    }
    call.memory.check(subscriptions, u64::from(count) * S::SIZE as u64)?;
    call.memory.check(events, u64::from(count) * Event::SIZE as u64)?;
    let nevents = call.memory.out::<u32>(nevents)?;
    if count > MAX_SUBSCRIPTIONS {
        return Err(Errno::NOMEM.into());
    }

    let process = call.process();
    let clocks = process.system().clocks();
    // All are read before any event is written: the arrays may overlap.
    let mut set = Set::default();
    for i in 0..u64::from(count) {
        let subscription = call.memory.get::<S>(u64::from(subscriptions) + i * S::SIZE as u64)?;
        set.add(&subscription.into(), process.fds(), clocks, call.thread.wait())?;
    }
    loop {
        call.thread.wait().wait(set.deadline(clocks), |waker| Ok(set.look(waker).then_some(())))?;
        if set.settle(clocks) {
            break;
        }
        // The time of day has been set back.
    }

    let mut written = 0;
    for event in set.events() {
        call.memory.write(u64::from(events) + u64::from(written) * Event::SIZE as u64, event.encode().as_ref())?;
        written += 1;
    }
    call.memory.put(nevents, written)?;
    Ok(())
}

/// What one call waits for.
#[derive(Debug, Default)]
struct Set {
    items: SmallVec<[Item; 16]>,
    /// When the call came, on the monotonic clock. Read once, and only if a clock is subscribed to.
    start: Option<u64>,
}

#[derive(Debug)]
struct Item {
    userdata: u64,
    what: What,
    /// Whether it has happened.
    due: bool,
}

#[derive(Debug)]
enum What {
    /// The monotonic clock shows this.
    Monotonic(u64),
    /// The time of day is this.
    Realtime(u64),
    File {
        descriptor: SharedDescriptor,
        interest: Events,
        found: Result<Events>,
    },
}

impl Set {
    fn add(&mut self, subscription: &Subscription, fds: &FdTable, clocks: &dyn Clocks, wait: &WaitSet) -> Result<()> {
        let what = match EventType::try_from(subscription.tag)? {
            EventType::Clock => self.clock(subscription, clocks, wait)?,
            EventType::FdRead => file(fds, subscription.what.id, Events::READ)?,
            EventType::FdWrite => file(fds, subscription.what.id, Events::WRITE)?,
        };
        self.items.push(Item { userdata: subscription.userdata, what, due: false });
        Ok(())
    }

    fn clock(&mut self, subscription: &Subscription, clocks: &dyn Clocks, wait: &WaitSet) -> Result<What> {
        let id = ClockId::try_from(subscription.what.id)?;
        let absolute = SubClockFlags::from_guest(subscription.what.flags.into())?.contains(SubClockFlags::ABSTIME);
        match (id, absolute) {
            (ClockId::ProcessCputime | ClockId::ThreadCputime, _) => Err(Errno::INVAL),
            (ClockId::Monotonic, true) => Ok(What::Monotonic(subscription.what.timeout)),
            (ClockId::Realtime, true) => Ok(What::Realtime(subscription.what.timeout)),
            (ClockId::Monotonic | ClockId::Realtime, false) => {
                let start = *self.start.get_or_insert_with(|| wait.begun(|| clocks.now()));
                Ok(What::Monotonic(start.saturating_add(subscription.what.timeout)))
            }
        }
    }

    /// The earliest of the clocks.
    fn deadline<'c>(&self, clocks: &'c dyn Clocks) -> Option<Deadline<'c>> {
        let times = self.items.iter().filter_map(|item| match item.what {
            What::Monotonic(at) => Some(at),
            // The time of day is read first, so that the sum is rather too late than too early.
            What::Realtime(at) => {
                let left = at.saturating_sub(clocks.realtime());
                Some(if left == 0 { 0 } else { clocks.now().saturating_add(left) })
            }
            What::File { .. } => None,
        });
        Some(Deadline { clock: clocks, at: times.min()? })
    }

    /// Looks at the files. Answers whether one is ready; all have been looked at then.
    fn look(&mut self, waker: Option<&Waker>) -> bool {
        let mut any = false;
        for item in &mut self.items {
            if let What::File { descriptor, interest, found } = &mut item.what {
                *found = look_at(descriptor.file(), *interest, waker.filter(|_| !any));
                item.due = *found != Ok(Events::empty());
                any |= item.due;
            }
        }
        any
    }

    /// Looks at the clocks. Answers whether anything at all has happened.
    fn settle(&mut self, clocks: &dyn Clocks) -> bool {
        let (mut now, mut realtime) = (None, None);
        for item in &mut self.items {
            match item.what {
                What::Monotonic(at) => item.due = *now.get_or_insert_with(|| clocks.now()) >= at,
                What::Realtime(at) => item.due = *realtime.get_or_insert_with(|| clocks.realtime()) >= at,
                What::File { .. } => {}
            }
        }
        self.items.iter().any(|item| item.due)
    }

    fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.items.iter().filter(|item| item.due).map(Item::event)
    }
}

impl Item {
    fn event(&self) -> Event {
        let mut event = Event { userdata: self.userdata, error: 0, kind: EventType::Clock as u8, nbytes: 0, flags: 0 };
        if let What::File { descriptor, interest, found } = &self.what {
            let read = interest.contains(Events::READ);
            event.kind = if read { EventType::FdRead } else { EventType::FdWrite } as u8;
            let found = found.and_then(|found| Ok((found, available(descriptor.file(), read)?)));
            match found {
                Err(e) => event.error = to_wasi(e),
                Ok((found, nbytes)) => {
                    event.nbytes = nbytes;
                    // A pipe that nobody reads is an error for `poll(2)`, and as dead.
                    let over = if read { Events::HUP } else { Events::HUP | Events::ERR };
                    if found.intersects(over) || nbytes == 0 {
                        event.flags = EventRwFlags::HANGUP.bits();
                    }
                }
            }
        }
        event
    }
}

fn file(fds: &FdTable, fd: u32, interest: Events) -> Result<What> {
    let descriptor = fds.get(fd)?;
    let need = if interest.contains(Events::READ) { RightSet::FD_READ } else { RightSet::FD_WRITE };
    descriptor.content(RightSet::POLL_FD_READWRITE | need)?;
    Ok(What::File { descriptor, interest, found: Ok(Events::empty()) })
}

fn look_at(file: &OpenFile, interest: Events, waker: Option<&Waker>) -> Result<Events> {
    let access = if interest.contains(Events::READ) { OpenFlags::READ } else { OpenFlags::WRITE };
    if !file.flags().contains(access) {
        return Err(Errno::BADF);
    }
    file.poll(interest, waker)
}

/// How much can be read or written without waiting: 0 only at the end of a file.
fn available(file: &OpenFile, read: bool) -> Result<u64> {
    if !read || !file.file().seekable() {
        return Ok(1);
    }
    Ok(file.metadata()?.size.saturating_sub(file.tell()?))
}

#[cfg(all(test, feature = "host"))]
mod tests;
