use core::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use std::{
    io::{IoSlice, IoSliceMut, Read, Write},
    sync::Arc,
    thread,
    time::Instant,
};

use gangplank_vfs::{Errno, Events, VirtualFile};

use super::*;
use crate::{
    Cancel, Canceller, ExitStatus, Fault, Life,
    pipes::{self, PIPE_CAPACITY},
};

/// Far more than any scheduling delay, far less than forever.
const SOON: Duration = Duration::from_secs(10);

fn in_a_while(f: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(|| {
        thread::sleep(Duration::from_millis(30));
        f();
    })
}

fn read(set: &WaitSet, file: &Arc<dyn VirtualFile>, buf: &mut [u8]) -> Result<usize, Fault> {
    set.block_on_read(&**file, false, || file.read_stream(&mut [IoSliceMut::new(buf)]))
}

#[test]
fn cancel_ends_a_read() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let (_writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    let reader: Arc<dyn VirtualFile> = reader;
    let canceller = Canceller::new(&life);
    let start = Instant::now();
    let helper = in_a_while(move || assert!(canceller.cancel(Cancel::Requested)));
    assert_eq!(read(&set, &reader, &mut [0; 4]), Err(Fault::Exit));
    assert!(start.elapsed() < SOON);
    helper.join().unwrap();
    assert_eq!(read(&set, &reader, &mut [0; 4]), Err(Fault::Exit));
}

#[test]
fn exit_ends_a_sleep_and_everybody_elses() {
    let life = Life::new();
    let clock = SystemMonotonic::new();
    let start = Instant::now();
    let sleepers: Vec<_> = (0..4)
        .map(|i| {
            let life = life.clone();
            thread::spawn(move || {
                let set = WaitSet::new(&life);
                let deadline = (i % 2 == 0).then(|| Deadline::after(&clock, u64::MAX));
                set.wait_until(&mut [], deadline)
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(30));
    life.end(ExitStatus::Code(7));
    for sleeper in sleepers {
        assert_eq!(sleeper.join().unwrap(), Err(Fault::Exit));
    }
    assert!(start.elapsed() < SOON);
}

#[test]
fn a_sleep_never_ends_early() {
    let (life, clock) = (Life::new(), SystemMonotonic::new());
    let set = WaitSet::new(&life);
    for nanos in [0, 1, 1_000, 300_000, 5_000_000] {
        let before = clock.now();
        assert_eq!(set.wait_until(&mut [], Some(Deadline::after(&clock, nanos))), Ok(0));
        assert!(clock.now() - before >= nanos);
    }
    assert_eq!(set.wait_until(&mut [], Some(Deadline { clock: &clock, at: 0 })), Ok(0));
}

#[test]
fn a_wake_without_cause_does_not_end_a_wait() {
    let (life, clock) = (Life::new(), SystemMonotonic::new());
    let set = WaitSet::new(&life);
    let mut waker = None;
    let mut looks = 0;
    let before = clock.now();
    let found = set.wait(Some(Deadline::after(&clock, 50_000_000)), |w| {
        looks += 1;
        if let (None, Some(w)) = (&waker, w) {
            waker = Some(w.clone());
            let w = w.clone();
            in_a_while(move || w.wake());
        }
        Ok(None::<()>)
    });
    assert_eq!(found, Ok(None));
    assert!(clock.now() - before >= 50_000_000);
    assert!((3..10).contains(&looks), "{looks} looks");
}

#[test]
fn a_virtual_clock_jumps() {
    let (life, clock) = (Life::new(), VirtualMonotonic::new(5));
    let set = WaitSet::new(&life);
    let start = Instant::now();
    assert_eq!(set.wait_until(&mut [], Some(Deadline::after(&clock, 3_600_000_000_000))), Ok(0));
    assert_eq!(clock.now(), 3_600_000_000_005);
    assert_eq!(set.wait_until(&mut [], Some(Deadline::after(&clock, u64::MAX))), Ok(0));
    assert_eq!(clock.now(), u64::MAX);
    assert!(start.elapsed() < SOON);
}

#[test]
fn every_ready_file_is_reported_and_none_is_registered_then() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let (mut w1, r1) = pipes::to_guest(PIPE_CAPACITY);
    let (_w2, r2) = pipes::to_guest(PIPE_CAPACITY);
    let (w3, r3) = pipes::to_guest(PIPE_CAPACITY);
    w1.write_all(b"x").unwrap();
    drop(w3);
    let mut files = [&*r2 as &dyn VirtualFile, &*r1, &*r3].map(|file| Interest {
        file,
        events: Events::READ,
        ready: Events::all(),
    });
    assert_eq!(set.wait_until(&mut files, None), Ok(2));
    assert_eq!(files.map(|f| f.ready), [Events::empty(), Events::READ, Events::READ | Events::HUP]);
    assert_eq!(r2.get().0.waiting(), 0);
}

#[test]
fn waits_that_time_out_leave_one_waker_and_none_after_use() {
    let (life, clock) = (Life::new(), SystemMonotonic::new());
    let set = WaitSet::new(&life);
    let (mut writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    for _ in 0..100 {
        let mut files = [Interest { file: &*reader, events: Events::READ, ready: Events::empty() }];
        assert_eq!(set.wait_until(&mut files, Some(Deadline::after(&clock, 300_000))), Ok(0));
    }
    assert_eq!(reader.get().0.waiting(), 1);
    writer.write_all(b"x").unwrap();
    assert_eq!(reader.get().0.waiting(), 0);
}

#[test]
fn wait_sets_leave_the_process_when_they_go() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let parker = Arc::downgrade(set.parker());
    assert_eq!(parker.strong_count(), 3, "the set, its waker, the one in `life`");
    drop(set);
    assert_eq!(parker.strong_count(), 0);
}

#[test]
fn a_stream_takes_all_unless_nonblock() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let (mut reader, file) = pipes::from_guest(PIPE_CAPACITY);
    let data: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
    let (head, tail) = data.split_at(100_001);
    let write = |nonblock| {
        let mut bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
        set.block_on_write(&*file, nonblock, &mut bufs, |b| file.write_stream(b))
    };
    assert_eq!(write(true), Ok(PIPE_CAPACITY));
    assert_eq!(write(true), Err(Fault::Errno(Errno::AGAIN)));
    let wanted = data.clone();
    let helper = thread::spawn(move || {
        let mut got = vec![0; PIPE_CAPACITY + wanted.len()];
        reader.read_exact(&mut got).unwrap();
        assert_eq!(got[..PIPE_CAPACITY], wanted[..PIPE_CAPACITY]);
        assert_eq!(got[PIPE_CAPACITY..], wanted);
    });
    assert_eq!(write(false), Ok(data.len()));
    helper.join().unwrap();
    // The reader is gone.
    assert_eq!(write(false), Err(Fault::Errno(Errno::PIPE)));
}

#[test]
fn what_was_written_before_the_reader_went_is_counted() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let (mut reader, file) = pipes::from_guest(PIPE_CAPACITY);
    let helper = thread::spawn(move || {
        reader.read_exact(&mut [0; 10_000]).unwrap();
    });
    let data = vec![1; 1_000_000];
    let mut bufs = [IoSlice::new(&data)];
    let n = set.block_on_write(&*file, false, &mut bufs, |b| file.write_stream(b)).unwrap();
    assert!((PIPE_CAPACITY..=PIPE_CAPACITY + 10_000).contains(&n), "{n}");
    helper.join().unwrap();
}

#[test]
fn no_wake_up_is_lost_in_ping_pong() {
    const ROUNDS: u32 = 20_000;
    let life = Life::new();
    let (ping_r, ping_w) = pipes::pipe(PIPE_CAPACITY);
    let (pong_r, pong_w) = pipes::pipe(PIPE_CAPACITY);
    let echo = {
        let life = life.clone();
        thread::spawn(move || {
            let set = WaitSet::new(&life);
            let file: Arc<dyn VirtualFile> = ping_r;
            let mut buf = [0; 4];
            while read(&set, &file, &mut buf).unwrap() == 4 {
                assert_eq!(pong_w.write_stream(&[IoSlice::new(&buf)]), Ok(4));
            }
        })
    };
    let watchdog = {
        let canceller = Canceller::new(&life);
        move || canceller.cancel(Cancel::Timeout)
    };
    let (done_tx, done_rx) = std::sync::mpsc::channel::<()>();
    let guard = thread::spawn(move || {
        if done_rx.recv_timeout(Duration::from_secs(60)).is_err() {
            watchdog();
        }
    });
    let set = WaitSet::new(&life);
    let file: Arc<dyn VirtualFile> = pong_r;
    for i in 0..ROUNDS {
        assert_eq!(ping_w.write_stream(&[IoSlice::new(&i.to_le_bytes())]), Ok(4));
        let mut buf = [0; 4];
        assert_eq!(read(&set, &file, &mut buf), Ok(4), "lost in round {i}");
        assert_eq!(u32::from_le_bytes(buf), i);
    }
    drop(ping_w);
    echo.join().unwrap();
    done_tx.send(()).unwrap();
    guard.join().unwrap();
}

#[test]
fn threads_that_share_a_wait_set_all_wake() {
    let life = Life::new();
    let set = Arc::new(WaitSet::new(&life));
    let done = Arc::new(AtomicUsize::new(0));
    let (mut writer, reader) = pipes::to_guest(PIPE_CAPACITY);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (set, done, file) = (set.clone(), done.clone(), reader.clone() as Arc<dyn VirtualFile>);
            thread::spawn(move || {
                for _ in 0..200 {
                    assert_eq!(read(&set, &file, &mut [0]), Ok(1));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..800 {
        writer.write_all(b"x").unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(done.load(Ordering::Relaxed), 800);
}

/// Says that it is ready, and is not, for a while.
#[test]
fn a_file_that_lies_about_readiness_costs_no_core() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    let (_writer, reader) = pipes::from_guest(PIPE_CAPACITY);
    let mut calls = 0;
    let start = Instant::now();
    let done = set.block_on(&*reader, Events::WRITE, false, || {
        calls += 1;
        if start.elapsed() < Duration::from_millis(50) { Err(Errno::AGAIN) } else { Ok(()) }
    });
    assert_eq!(done, Ok(()));
    assert!(calls < 2000, "{calls} calls");
}
