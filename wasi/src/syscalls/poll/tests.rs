use core::time::Duration;
use std::{io::Write, sync::Arc, thread, time::Instant};

use gangplank_vfs::{Ctx, Errno, MemFs, Mount, MountOptions, Namespace, NewNode, OpenHow, Place, Scope, Start, Whence};

use super::*;
use crate::{
    Cancel, Fault, GuestMemory, Process, ProcessBuilder, Rights, System, Thread,
    abi::types::SubscriptionClock,
    pipes::{self, PIPE_CAPACITY},
    stdio,
};

const SUBS: u32 = 64;
const EVENTS: u32 = 4096;
const NEVENTS: u32 = 8;
const ABSTIME: u16 = 1;
const SOON: Duration = Duration::from_secs(10);

fn clock(id: u32, timeout: u64, flags: u16) -> Subscription {
    Subscription { userdata: 0xC10C, tag: 0, what: SubscriptionClock { id, timeout, precision: 0, flags } }
}

fn fd(tag: u8, id: u32) -> Subscription {
    Subscription {
        userdata: 0xF0 + u64::from(id),
        tag,
        what: SubscriptionClock { id, timeout: 0, precision: 0, flags: 0 },
    }
}

fn read(id: u32) -> Subscription {
    fd(1, id)
}

fn write(id: u32) -> Subscription {
    fd(2, id)
}

struct Guest {
    process: Arc<Process>,
    thread: Thread,
    memory: Vec<u8>,
}

impl Guest {
    fn new(builder: ProcessBuilder) -> Guest {
        let process = builder.build().unwrap();
        Guest { thread: Thread::main(&process), process, memory: vec![0xAA; 16384] }
    }

    fn raw(&mut self, subs: u32, events: u32, count: u32, nevents: u32) -> SysResult {
        let mut call = Call::new(&self.thread, GuestMemory::exclusive(&mut self.memory));
        poll_oneoff(&mut call, subs, events, count, nevents)
    }

    fn poll_at(&mut self, at: u32, subs: &[Subscription]) -> Result<Vec<Event>, Fault> {
        let mut memory = GuestMemory::exclusive(&mut self.memory);
        for (i, sub) in subs.iter().enumerate() {
            memory.write(at + 48 * i as u32, sub.encode().as_ref()).unwrap();
        }
        self.raw(at, EVENTS, subs.len() as u32, NEVENTS)?;
        let memory = GuestMemory::exclusive(&mut self.memory);
        let count: u32 = memory.get(NEVENTS).unwrap();
        assert!(count as usize <= subs.len());
        Ok((0..count).map(|i| memory.get(EVENTS + 32 * i).unwrap()).collect())
    }

    fn poll(&mut self, subs: &[Subscription]) -> Result<Vec<Event>, Fault> {
        self.poll_at(SUBS, subs)
    }
}

fn host() -> ProcessBuilder {
    ProcessBuilder::new(&System::host(), "guest")
}

fn deterministic() -> ProcessBuilder {
    ProcessBuilder::new(&System::deterministic(1), "guest")
}

/// Who it is, what kind, error, bytes, flags.
fn brief(events: &[Event]) -> Vec<(u64, u8, u16, u64, u16)> {
    events.iter().map(|e| (e.userdata, e.kind, e.error, e.nbytes, e.flags)).collect()
}

const TIME: (u64, u8, u16, u64, u16) = (0xC10C, 0, 0, 0, 0);

#[test]
fn bad_calls() {
    let mut guest = Guest::new(deterministic().stdin(stdio::null()));
    let errno = |e| Err(Fault::Errno(e));
    assert_eq!(guest.raw(SUBS, EVENTS, 0, NEVENTS), errno(Errno::INVAL));
    assert_eq!(guest.raw(SUBS, EVENTS, u32::MAX, NEVENTS), errno(Errno::FAULT));
    assert_eq!(guest.raw(u32::MAX, EVENTS, 1, NEVENTS), errno(Errno::FAULT));
    assert_eq!(guest.raw(SUBS, 16384 - 31, 1, NEVENTS), errno(Errno::FAULT));
    assert_eq!(guest.raw(SUBS, EVENTS, 1, u32::MAX - 2), errno(Errno::FAULT));
    assert_eq!(guest.poll(&[fd(3, 0)]).unwrap_err(), Fault::Errno(Errno::INVAL));
    assert_eq!(guest.poll(&[fd(255, 0)]).unwrap_err(), Fault::Errno(Errno::INVAL));
    assert_eq!(guest.poll(&[read(0), read(77)]).unwrap_err(), Fault::Errno(Errno::BADF));
    assert_eq!(guest.poll(&[read(u32::MAX)]).unwrap_err(), Fault::Errno(Errno::BADF));
    for id in [2, 3, 4, u32::MAX] {
        assert_eq!(guest.poll(&[clock(id, 0, 0)]).unwrap_err(), Fault::Errno(Errno::INVAL));
    }
    assert_eq!(guest.poll(&[clock(1, 0, 2)]).unwrap_err(), Fault::Errno(Errno::INVAL));
}

#[test]
fn too_many_subscriptions_are_refused_before_anything_is_allocated() {
    let mut guest = Guest::new(deterministic());
    guest.memory = vec![0; 1 << 20];
    assert_eq!(guest.raw(0, 0, MAX_SUBSCRIPTIONS + 1, 0), Err(Fault::Errno(Errno::NOMEM)));
    // All zero: as many sleeps of no time on the time of day.
    assert_eq!(guest.raw(0, 1 << 19, MAX_SUBSCRIPTIONS, 0), Ok(()));
    assert_eq!(guest.memory[..4], MAX_SUBSCRIPTIONS.to_le_bytes());
}

#[test]
fn sleeps_last_and_the_past_is_over() {
    let mut guest = Guest::new(host());
    for id in [0, 1] {
        for nanos in [0, 1, 3_000_000] {
            let start = Instant::now();
            assert_eq!(brief(&guest.poll(&[clock(id, nanos, 0)]).unwrap()), [TIME]);
            assert!(start.elapsed() >= Duration::from_nanos(nanos));
        }
        let start = Instant::now();
        assert_eq!(brief(&guest.poll(&[clock(id, 1, ABSTIME)]).unwrap()), [TIME]);
        assert_eq!(brief(&guest.poll(&[clock(id, 0, ABSTIME)]).unwrap()), [TIME]);
        assert!(start.elapsed() < SOON);
    }
    let system = guest.process.system().clone();
    for id in [0, 1] {
        let now = || if id == 0 { system.clocks().realtime() } else { system.clocks().now() };
        let until = now() + 5_000_000;
        assert_eq!(brief(&guest.poll(&[clock(id, until, ABSTIME)]).unwrap()), [TIME]);
        assert!(now() >= until);
    }
}

#[test]
fn of_several_clocks_the_earliest_fires() {
    let mut guest = Guest::new(deterministic());
    let late = Subscription { userdata: 1, ..clock(1, u64::MAX, 0) };
    let absolute = Subscription { userdata: 2, ..clock(0, u64::MAX, ABSTIME) };
    let early = Subscription { userdata: 3, ..clock(0, 1_000_000_000, 0) };
    let events = guest.poll(&[late, absolute, early]).unwrap();
    assert_eq!(brief(&events), [(3, 0, 0, 0, 0)]);
}

#[test]
fn deterministic_sleeps_take_no_time() {
    let mut guest = Guest::new(deterministic());
    let system = guest.process.system().clone();
    let start = Instant::now();
    let before = system.clocks().now();
    guest.poll(&[clock(1, 3_600_000_000_000, 0)]).unwrap();
    assert!(system.clocks().now() - before >= 3_600_000_000_000);
    let until = system.clocks().realtime() + 3_600_000_000_000;
    guest.poll(&[clock(0, until, ABSTIME)]).unwrap();
    assert!(system.clocks().realtime() >= until);
    guest.poll(&[clock(1, u64::MAX, 0)]).unwrap();
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_huge_timeout_waits_and_can_be_canceled() {
    for sub in [clock(1, u64::MAX, 0), clock(0, u64::MAX, 0), clock(0, u64::MAX, ABSTIME), clock(1, u64::MAX, ABSTIME)]
    {
        let mut guest = Guest::new(host());
        let canceller = guest.process.canceller();
        let start = Instant::now();
        let helper = thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            canceller.cancel(Cancel::Requested)
        });
        assert_eq!(guest.poll(&[sub]).unwrap_err(), Fault::Exit);
        assert!(start.elapsed() >= Duration::from_millis(30) && start.elapsed() < SOON);
        assert!(helper.join().unwrap());
    }
}

#[test]
fn a_timeout_of_zero_does_not_hide_readable_input() {
    let (mut writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    let mut guest = Guest::new(host().stdin(reader));
    assert_eq!(brief(&guest.poll(&[clock(1, 0, 0), read(0)]).unwrap()), [TIME]);
    writer.write_all(b"x").unwrap();
    assert_eq!(brief(&guest.poll(&[clock(1, 0, 0), read(0)]).unwrap()), [TIME, (0xF0, 1, 0, 1, 0)]);
    assert_eq!(brief(&guest.poll(&[read(0), clock(1, 0, ABSTIME)]).unwrap()), [(0xF0, 1, 0, 1, 0), TIME]);
    // One that is not over is not reported.
    assert_eq!(brief(&guest.poll(&[clock(1, 1 << 60, 0), read(0)]).unwrap()), [(0xF0, 1, 0, 1, 0)]);
}

#[test]
fn standard_streams() {
    let (writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    let (stdout, _) = stdio::capture(100);
    let mut guest = Guest::new(host().stdin(reader).stdout(stdout).stderr(stdio::null()));
    let subs = [read(0), write(1), write(2), clock(1, 200_000_000, 0)];
    assert_eq!(brief(&guest.poll(&subs).unwrap()), [(0xF1, 2, 0, 1, 0), (0xF2, 2, 0, 1, 0)]);
    drop(writer);
    assert_eq!(brief(&guest.poll(&subs).unwrap())[0], (0xF0, 1, 0, 1, 1));
    // To read from what can only be written does not wait either.
    assert_eq!(brief(&guest.poll(&[read(1)]).unwrap()), [(0xF1, 1, 8, 0, 0)]);
}

#[test]
fn input_that_comes_later_wakes() {
    let (mut writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    let mut guest = Guest::new(host().stdin(reader));
    let helper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        writer.write_all(b"x").unwrap();
        writer
    });
    let start = Instant::now();
    let events = guest.poll(&[clock(1, 60_000_000_000, 0), read(0)]).unwrap();
    assert_eq!(brief(&events), [(0xF0, 1, 0, 1, 0)]);
    assert!(start.elapsed() < SOON);
    helper.join().unwrap();
}

#[test]
fn the_arrays_may_overlap() {
    let mut guest = Guest::new(deterministic().stdin(stdio::bytes("x")).stdout(stdio::null()));
    let subs = [clock(1, 0, 0), read(0), write(1), read(0)];
    let want = guest.poll(&subs).unwrap();
    assert_eq!(want.len(), 4);
    for at in [EVENTS, EVENTS - 40, EVENTS + 24] {
        assert_eq!(guest.poll_at(at, &subs).unwrap(), want);
    }
}

#[test]
fn many_subscriptions_of_one_file() {
    let mut guest = Guest::new(deterministic().stdin(stdio::bytes("x")));
    assert_eq!(guest.poll(&[read(0); 40]).unwrap().len(), 40);
}

fn directory() -> Place {
    Mount::detached(Arc::new(MemFs::new()), MountOptions::default())
}

#[test]
fn a_file_is_ready_with_what_is_left_of_it() {
    let place = directory();
    let namespace = Namespace::new();
    let start = Start { namespace: &namespace, cx: Ctx::ROOT, place: &place, scope: Scope::Beneath(&place) };
    let flags = OpenFlags::READ | OpenFlags::WRITE;
    let how = OpenHow { flags, create: Some(NewNode::Regular { mode: 0o644 }), exclusive: true, follow: true };
    let file = start.open(b"file", &how).unwrap();
    file.set_len(10).unwrap();
    let mut guest = Guest::new(deterministic().file(file));
    assert_eq!(brief(&guest.poll(&[read(3), write(3)]).unwrap()), [(0xF3, 1, 0, 10, 0), (0xF3, 2, 0, 1, 0)]);
    let descriptor = guest.process.fds().get(3).unwrap();
    descriptor.file().seek(Whence::Start, 8).unwrap();
    assert_eq!(brief(&guest.poll(&[read(3)]).unwrap()), [(0xF3, 1, 0, 2, 0)]);
    descriptor.file().seek(Whence::Start, 80).unwrap();
    assert_eq!(brief(&guest.poll(&[read(3), write(3)]).unwrap()), [(0xF3, 1, 0, 0, 1), (0xF3, 2, 0, 1, 0)]);
}

#[test]
fn a_directory_is_no_file_to_wait_for() {
    let mut guest = Guest::new(deterministic().preopen("/", directory()));
    assert_eq!(guest.poll(&[read(3)]).unwrap_err(), Fault::Errno(Errno::BADF));
    assert_eq!(guest.poll(&[write(3), clock(1, 0, 0)]).unwrap_err(), Fault::Errno(Errno::BADF));
}

#[test]
fn rights_are_asked_for_where_they_count() {
    let mut guest = Guest::new(deterministic().stdin(stdio::bytes("x")).rights(Rights::Enforce));
    assert_eq!(guest.poll(&[read(0)]).unwrap().len(), 1);
    assert_eq!(guest.poll(&[write(0)]).unwrap_err(), Fault::Errno(Errno::NOTCAPABLE));
    let stdin = guest.process.fds().get(0).unwrap();
    stdin.narrow(RightSet::FD_READ, RightSet::empty()).unwrap();
    assert_eq!(guest.poll(&[read(0)]).unwrap_err(), Fault::Errno(Errno::NOTCAPABLE));
}

#[cfg(unix)]
#[test]
fn a_host_pipe_as_standard_input() {
    let (r, w) = rustix::pipe::pipe().unwrap();
    let mut guest = Guest::new(host().stdin(stdio::from_fd(r, OpenFlags::READ).unwrap()));
    let subs = [read(0), clock(1, 1_000_000, 0)];
    assert_eq!(brief(&guest.poll(&subs).unwrap()), [TIME]);
    rustix::io::write(&w, b"x").unwrap();
    assert_eq!(brief(&guest.poll(&subs).unwrap()), [(0xF0, 1, 0, 1, 0)]);
    let stdin = guest.process.fds().get(0).unwrap();
    assert_eq!(stdin.file().read(&mut [std::io::IoSliceMut::new(&mut [0; 9])]), Ok(1));
    assert_eq!(brief(&guest.poll(&subs).unwrap()), [TIME]);
    let helper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        drop(w);
    });
    let start = Instant::now();
    assert_eq!(brief(&guest.poll(&[clock(1, u64::MAX, 0), read(0)]).unwrap()), [(0xF0, 1, 0, 1, 1)]);
    assert!(start.elapsed() < SOON);
    helper.join().unwrap();
}
