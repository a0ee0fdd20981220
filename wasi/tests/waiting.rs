//! Whatever a guest waits in, it stops waiting when its process ends: through the imports, as an engine calls them.
#![cfg(all(unix, feature = "host"))]

use core::time::Duration;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
    thread,
    time::Instant,
};

use gangplank_vfs::{FileType, OpenFile, OpenFlags};
use gangplank_wasi::{
    Call, Cancel, ExitStatus, GuestMemory, Process, ProcessBuilder, System, Thread,
    abi::{self, Outcome},
    net::HostSocket,
    pipes::{self, PIPE_CAPACITY},
    stdio,
};

/// Far more than a wake-up takes, far less than forever.
const BOUND: Duration = Duration::from_secs(10);

/// What a call is expected to wait at least.
const A_WHILE: Duration = Duration::from_millis(40);

const MODULE: &str = "wasi_snapshot_preview1";
const SUCCESS: Outcome = Outcome::Return(0);

struct Guest {
    thread: Thread,
    memory: Vec<u8>,
}

impl Guest {
    fn new(process: &Arc<Process>) -> Guest {
        let mut guest = Guest { thread: Thread::main(process), memory: vec![0; 1 << 21] };
        // One buffer of 1 MiB at 1 MiB, described at 0.
        guest.put(0, 1 << 20);
        guest.put(4, 1 << 20);
        // A subscription to all of time on the monotonic clock at 64, one to descriptor 0 behind it.
        guest.put(64 + 16, 1);
        guest.memory[64 + 24..64 + 32].fill(0xFF);
        guest.memory[112 + 8] = 1;
        guest
    }

    fn put(&mut self, at: usize, value: u32) {
        self.memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn get(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.memory[at..at + 4].try_into().unwrap())
    }

    fn call(&mut self, name: &str, args: &[u64]) -> Outcome {
        let import = abi::find(MODULE, name).unwrap();
        (import.call)(&mut Call::new(&self.thread, GuestMemory::exclusive(&mut self.memory)), args)
    }
}

fn builder() -> ProcessBuilder {
    ProcessBuilder::new(&System::host(), "guest")
}

/// A guest that can wait in every way there is, and what must stay open meanwhile.
fn waiting_guest() -> (Arc<Process>, Vec<OwnedFd>) {
    let (stdin, stdin_writer) = rustix::pipe::pipe().unwrap();
    let (stdout_reader, stdout) = rustix::pipe::pipe().unwrap();
    let (socket, peer) = UnixStream::pair().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let file = |socket: OwnedFd| {
        let flags = OpenFlags::READ | OpenFlags::WRITE;
        OpenFile::from_stream(HostSocket::from_fd(socket).unwrap(), flags, FileType::Socket)
    };
    let process = builder()
        .stdin(stdio::from_fd(stdin, OpenFlags::READ).unwrap())
        .stdout(stdio::from_fd(stdout, OpenFlags::WRITE).unwrap())
        .file(file(listener.into()))
        .file(file(socket.into()))
        .build()
        .unwrap();
    (process, vec![stdin_writer, stdout_reader, peer.into()])
}

/// Name, arguments.
const WAITS: [(&str, &[u64]); 9] = [
    ("fd_read", &[0, 0, 1, 32]),
    ("fd_write", &[1, 0, 1, 32]),
    ("poll_oneoff", &[64, 512, 1, 32]),
    ("poll_oneoff", &[64, 512, 2, 32]),
    ("sock_accept", &[3, 0, 32]),
    ("sock_recv", &[4, 0, 1, 0, 32, 40]),
    ("sock_recv", &[4, 0, 1, 2, 32, 40]),
    ("sock_send", &[4, 0, 1, 0, 32]),
    ("fd_read", &[4, 0, 1, 32]),
];

#[test]
fn cancel_ends_every_wait() {
    for (name, args) in WAITS {
        let (process, _open) = waiting_guest();
        let canceller = process.canceller();
        let start = Instant::now();
        let helper = thread::spawn(move || {
            thread::sleep(A_WHILE);
            canceller.cancel(Cancel::Timeout)
        });
        let mut guest = Guest::new(&process);
        assert_eq!(guest.call(name, args), Outcome::Exit, "{name}");
        assert!(start.elapsed() >= A_WHILE, "{name} did not wait");
        assert!(start.elapsed() < BOUND, "{name}");
        assert!(helper.join().unwrap());
        assert_eq!(process.exit_status(), Some(ExitStatus::Canceled(Cancel::Timeout)));
        assert_eq!(guest.call(name, args), Outcome::Exit, "{name} again");
    }
}

#[test]
fn the_exit_of_one_thread_ends_the_waits_of_all_others() {
    let (process, _open) = waiting_guest();
    let start = Instant::now();
    // Two that write to one pipe, and so on, would wait just as well.
    let waiters: Vec<_> = WAITS
        .into_iter()
        .map(|(name, args)| {
            let process = process.clone();
            thread::spawn(move || (name, Guest::new(&process).call(name, args)))
        })
        .collect();
    thread::sleep(A_WHILE);
    assert_eq!(Guest::new(&process).call("proc_exit", &[99]), Outcome::Exit);
    for waiter in waiters {
        let (name, outcome) = waiter.join().unwrap();
        assert_eq!(outcome, Outcome::Exit, "{name}");
    }
    assert!(start.elapsed() < BOUND);
    assert_eq!(process.exit_status(), Some(ExitStatus::Code(99)));
}

#[test]
fn streamed_standard_streams_hold_back_and_close() {
    let (mut input, stdin) = pipes::to_guest(PIPE_CAPACITY);
    let (mut output, stdout) = pipes::from_guest(PIPE_CAPACITY);
    let process = builder().stdin(stdin).stdout(stdout).build().unwrap();
    let cat = thread::spawn(move || {
        let mut guest = Guest::new(&process);
        loop {
            assert_eq!(guest.call("fd_read", &[0, 0, 1, 32]), SUCCESS);
            let n = guest.get(32);
            if n == 0 {
                break process.finish(0);
            }
            guest.put(4, n);
            assert_eq!(guest.call("fd_write", &[1, 0, 1, 32]), SUCCESS);
            assert_eq!(guest.get(32), n);
            guest.put(4, 1 << 20);
        }
    });
    let data: Vec<u8> = (0..3_000_000u32).map(|i| (i % 241) as u8).collect();
    let wanted = data.clone();
    let writer = thread::spawn(move || input.write_all(&data).unwrap());
    let mut all = Vec::new();
    output.read_to_end(&mut all).unwrap();
    assert!(all == wanted);
    writer.join().unwrap();
    assert_eq!(cat.join().unwrap(), ExitStatus::Code(0));
}

#[test]
fn processes_share_their_standard_output() {
    let (stdout, captured) = stdio::capture(1 << 20);
    let guests: Vec<_> = (0..4u8)
        .map(|i| {
            let process = builder().stdout(stdout.clone()).build().unwrap();
            thread::spawn(move || {
                let mut guest = Guest::new(&process);
                guest.put(4, 10);
                guest.memory[1 << 20..][..10].fill(b'0' + i);
                for _ in 0..100 {
                    assert_eq!(guest.call("fd_write", &[1, 0, 1, 32]), SUCCESS);
                }
                process.finish(0);
            })
        })
        .collect();
    guests.into_iter().for_each(|guest| guest.join().unwrap());
    let all = captured.take();
    assert_eq!(all.len(), 4000);
    // No write is torn by another.
    assert!(all.chunks(10).all(|write| write.iter().all(|b| *b == write[0])));
}

#[test]
fn a_limit_on_output_is_a_short_count_and_then_no_space() {
    let (stdout, captured) = stdio::capture(1000);
    let process = builder().stdout(stdout).build().unwrap();
    let mut guest = Guest::new(&process);
    guest.put(4, 1500);
    assert_eq!(guest.call("fd_write", &[1, 0, 1, 32]), SUCCESS);
    assert_eq!(guest.get(32), 1000);
    let nospc = u32::from(abi::to_wasi(gangplank_vfs::Errno::NOSPC));
    assert_eq!(guest.call("fd_write", &[1, 0, 1, 32]), Outcome::Return(nospc));
    assert!(captured.is_full());
}
