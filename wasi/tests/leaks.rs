//! Waits leave nothing behind: no waker, no descriptor, no thread. In a process of its own, because it counts all there
//! are.
#![cfg(all(target_os = "linux", feature = "host"))]

use std::{
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use gangplank_vfs::{Events, OpenFlags, VirtualFile, reactor::Reactor};
use gangplank_wasi::{
    Cancel, Canceller, Fault, Life, stdio,
    wait::{Deadline, Interest, SystemMonotonic, WaitSet},
};

fn count(dir: &str) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

fn host_pipe() -> (std::sync::Arc<dyn VirtualFile>, OwnedFd) {
    let (r, w) = rustix::pipe::pipe().unwrap();
    (stdio::from_fd(r, OpenFlags::READ).unwrap(), w)
}

fn timed_out_wait(set: &WaitSet, file: &dyn VirtualFile) {
    let clock = SystemMonotonic::new();
    let mut files = [Interest { file, events: Events::READ, ready: Events::empty() }];
    assert_eq!(set.wait_until(&mut files, Some(Deadline::after(&clock, 500_000))), Ok(0));
}

fn canceled_wait() {
    let (file, _writer) = host_pipe();
    let life = Life::new();
    let canceller = Canceller::new(&life);
    let helper = thread::spawn(move || canceller.cancel(Cancel::Requested));
    let set = WaitSet::new(&life);
    let read = || file.read_stream(&mut [std::io::IoSliceMut::new(&mut [0])]);
    assert_eq!(set.block_on_read(&*file, false, read), Err(Fault::Exit));
    helper.join().unwrap();
}

#[test]
fn waits_leave_nothing_behind() {
    let life = Life::new();
    let set = WaitSet::new(&life);
    // The first wait, if it does wait, starts the reactor.
    let (file, writer) = host_pipe();
    while Reactor::global().is_empty() {
        timed_out_wait(&set, &*file);
    }
    let (fds, threads) = (count("/proc/self/fd"), count("/proc/self/task"));

    for _ in 0..500 {
        timed_out_wait(&set, &*file);
    }
    assert_eq!(Reactor::global().len(), 1);
    for _ in 0..200 {
        let (other, _writer) = host_pipe();
        timed_out_wait(&set, &*other);
        canceled_wait();
    }
    drop(file);
    drop(writer);
    // The reactor closes what it held when it wakes up from being told.
    let end = Instant::now() + Duration::from_secs(10);
    while (count("/proc/self/fd"), count("/proc/self/task")) != (fds - 2, threads) {
        assert!(Instant::now() < end, "{} descriptors, {} threads", count("/proc/self/fd"), count("/proc/self/task"));
        thread::sleep(Duration::from_millis(1));
    }
    assert!(Reactor::global().is_empty());
}
