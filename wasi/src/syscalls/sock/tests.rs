use core::time::Duration;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::net::{UnixDatagram, UnixStream},
    sync::Arc,
    thread,
    time::Instant,
};

use super::*;
use crate::{
    Cancel, Fault, GuestMemory, Process, ProcessBuilder, System, Thread, abi::Layout, abi::types::IoVec,
    net::HostSocket, stdio,
};

const OUT: u32 = 16;
const FLAGS_OUT: u32 = 24;
const IOVS: u32 = 64;
const DATA: u32 = 1024;
const NONBLOCK: u32 = 4;
const PEEK: u32 = 1;
const WAITALL: u32 = 2;

struct Guest {
    process: Arc<Process>,
    thread: Thread,
    memory: Vec<u8>,
}

fn socket(socket: impl Into<std::os::fd::OwnedFd>) -> OpenFile {
    let file = HostSocket::from_fd(socket).unwrap();
    OpenFile::from_stream(file, OpenFlags::READ | OpenFlags::WRITE, FileType::Socket)
}

/// A connection that a client has made may take a moment to show at the listener.
fn until_ready(descriptor: &Descriptor) {
    let end = Instant::now() + Duration::from_secs(10);
    while descriptor.file().poll(Events::READ, None).unwrap().is_empty() {
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(1));
    }
}

fn errno<T>(e: Errno) -> Result<T, Fault> {
    Err(Fault::Errno(e))
}

impl Guest {
    /// Descriptor 1 is no socket, 3 and on are these.
    fn new(sockets: impl IntoIterator<Item = OpenFile>) -> Guest {
        let builder = ProcessBuilder::new(&System::host(), "guest").stdout(stdio::null());
        let process = sockets.into_iter().fold(builder, ProcessBuilder::file).build().unwrap();
        Guest { thread: Thread::main(&process), process, memory: vec![0; 1 << 17] }
    }

    fn call<T>(&mut self, f: impl FnOnce(&mut Call<'_>) -> T) -> T {
        f(&mut Call::new(&self.thread, GuestMemory::exclusive(&mut self.memory)))
    }

    fn accept(&mut self, fd: u32, flags: u32) -> Result<u32, Fault> {
        self.call(|call| {
            sock_accept(call, fd, flags, OUT)?;
            Ok(call.memory.get(OUT)?)
        })
    }

    /// Describes consecutive buffers of these lengths.
    fn buffers(&mut self, lens: &[u32]) {
        let mut memory = GuestMemory::exclusive(&mut self.memory);
        let mut buf = DATA;
        for (i, &len) in lens.iter().enumerate() {
            let iov = IoVec { buf, len };
            memory.write(IOVS + 8 * i as u32, iov.encode().as_ref()).unwrap();
            buf += len;
        }
    }

    fn recv(&mut self, fd: u32, lens: &[u32], flags: u32) -> Result<(Vec<u8>, bool), Fault> {
        self.buffers(lens);
        let (n, flags) = self.call(|call| {
            sock_recv(call, fd, IOVS, lens.len() as u32, flags, OUT, FLAGS_OUT)?;
            Ok::<(u32, u16), Fault>((call.memory.get(OUT)?, call.memory.get(FLAGS_OUT)?))
        })?;
        Ok((self.memory[DATA as usize..][..n as usize].to_vec(), flags == 1))
    }

    fn send(&mut self, fd: u32, data: &[u8], flags: u32) -> Result<u32, Fault> {
        self.memory[DATA as usize..][..data.len()].copy_from_slice(data);
        let first = data.len() as u32 / 3;
        self.buffers(&[first, 0, data.len() as u32 - first]);
        self.call(|call| {
            sock_send(call, fd, IOVS, 3, flags, OUT)?;
            Ok(call.memory.get(OUT)?)
        })
    }

    fn shutdown(&mut self, fd: u32, how: u32) -> SysResult {
        self.call(|call| sock_shutdown(call, fd, how))
    }

    fn cancel_soon(&self) -> thread::JoinHandle<bool> {
        let canceller = self.process.canceller();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(30));
            canceller.cancel(Cancel::Requested)
        })
    }
}

#[test]
fn what_is_no_socket_and_what_is_not_open() {
    let mut guest = Guest::new([]);
    for (fd, e) in [(1, Errno::NOTSOCK), (3, Errno::BADF), (u32::MAX, Errno::BADF)] {
        assert_eq!(guest.accept(fd, 0), errno(e));
        assert_eq!(guest.recv(fd, &[1], 0), errno(e));
        assert_eq!(guest.send(fd, b"abc", 0), errno(e));
        assert_eq!(guest.shutdown(fd, 1), errno(e));
    }
}

#[test]
fn flags_without_a_meaning() {
    let (a, _b) = UnixStream::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    for flags in [1, 2, 8, 0x20, 0x1_0000] {
        assert_eq!(guest.accept(3, flags), errno(Errno::INVAL));
    }
    for flags in [4, 8, 0x8000, 0x1_0000] {
        assert_eq!(guest.recv(3, &[1], flags), errno(Errno::INVAL));
    }
    for flags in [1, 2, 0x8000, 0x1_0000] {
        assert_eq!(guest.send(3, b"abc", flags), errno(Errno::INVAL));
    }
    for how in [0, 4, 7, 0x100, 0x101] {
        assert_eq!(guest.shutdown(3, how), errno(Errno::INVAL));
    }
}

#[test]
fn bad_pointers_lose_nothing() {
    let (a, mut b) = UnixStream::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    b.write_all(b"data").unwrap();
    guest.buffers(&[4]);
    let end = guest.memory.len() as u32;
    for (iovs, count, nread, flags) in [
        (IOVS, 1, end - 3, FLAGS_OUT),
        (IOVS, 1, OUT, end - 1),
        (end - 7, 1, OUT, FLAGS_OUT),
        (IOVS, u32::MAX, OUT, FLAGS_OUT),
    ] {
        let got = guest.call(|call| sock_recv(call, 3, iovs, count, 0, nread, flags));
        assert_eq!(got, errno(Errno::FAULT));
    }
    assert_eq!(guest.recv(3, &[4], 0), Ok((b"data".to_vec(), false)));
    assert_eq!(guest.call(|call| sock_send(call, 3, IOVS, 1, 0, end)), errno(Errno::FAULT));
    b.set_nonblocking(true).unwrap();
    assert!(b.read(&mut [0]).is_err());
}

#[test]
fn accept_waits_for_a_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut guest = Guest::new([socket(listener)]);
    let client = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"ping").unwrap();
        let mut reply = String::new();
        client.read_to_string(&mut reply).unwrap();
        reply
    });
    let fd = guest.accept(3, 0).unwrap();
    assert_eq!(fd, 4);
    assert_eq!(guest.recv(fd, &[2, 2], WAITALL), Ok((b"ping".to_vec(), false)));
    assert_eq!(guest.send(fd, b"pong", 0), Ok(4));
    assert_eq!(guest.shutdown(fd, 2), Ok(()));
    assert_eq!(client.join().unwrap(), "pong");
    assert_eq!(guest.accept(fd, 0), errno(Errno::INVAL));
}

#[test]
fn nonblock_does_not_wait() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let mut guest = Guest::new([socket(listener)]);
    let listening = guest.process.fds().get(3).unwrap();
    listening.file().set_status_flags(OpenFlags::NONBLOCK).unwrap();
    assert_eq!(guest.accept(3, 0), errno(Errno::AGAIN));
    let mut client = TcpStream::connect(address).unwrap();
    until_ready(&listening);
    let fd = guest.accept(3, NONBLOCK).unwrap();
    assert_eq!(guest.recv(fd, &[9], 0), errno(Errno::AGAIN));
    client.write_all(b"x").unwrap();
    listening.file().set_status_flags(OpenFlags::empty()).unwrap();
    let connection = guest.process.fds().get(fd).unwrap();
    connection.file().set_status_flags(OpenFlags::empty()).unwrap();
    assert_eq!(guest.recv(fd, &[9], 0), Ok((b"x".to_vec(), false)));
}

#[test]
fn no_connection_is_taken_without_a_descriptor_for_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let builder = ProcessBuilder::new(&System::host(), "guest").fd_limit(4).file(socket(listener));
    let process = builder.build().unwrap();
    let mut guest = Guest { thread: Thread::main(&process), process, memory: vec![0; 64] };
    let _client = TcpStream::connect(address).unwrap();
    let listening = guest.process.fds().get(3).unwrap();
    until_ready(&listening);
    assert_eq!(guest.accept(3, 0), errno(Errno::MFILE));
    assert!(!listening.file().poll(Events::READ, None).unwrap().is_empty());
}

#[test]
fn peek_leaves_and_waitall_collects() {
    let (a, mut b) = UnixStream::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    b.write_all(b"abc").unwrap();
    assert_eq!(guest.recv(3, &[1, 1], PEEK), Ok((b"ab".to_vec(), false)));
    assert_eq!(guest.recv(3, &[0], 0), Ok((Vec::new(), false)));
    let helper = thread::spawn(move || {
        for part in [&b"de"[..], b"fghi", b"j"] {
            thread::sleep(Duration::from_millis(10));
            b.write_all(part).unwrap();
        }
        b
    });
    assert_eq!(guest.recv(3, &[4, 0, 5], WAITALL), Ok((b"abcdefghi".to_vec(), false)));
    drop(helper.join().unwrap());
    // The end comes before the buffers are full.
    assert_eq!(guest.recv(3, &[9], WAITALL), Ok((b"j".to_vec(), false)));
    assert_eq!(guest.recv(3, &[9], WAITALL), Ok((Vec::new(), false)));
}

#[test]
fn a_long_datagram_is_cut_and_says_so() {
    let (a, b) = UnixDatagram::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    b.send(b"longer").unwrap();
    b.send(b"").unwrap();
    b.send(b"short").unwrap();
    assert_eq!(guest.recv(3, &[2, 2], WAITALL), Ok((b"long".to_vec(), true)));
    assert_eq!(guest.recv(3, &[9], 0), Ok((Vec::new(), false)));
    assert_eq!(guest.recv(3, &[9], WAITALL), Ok((b"short".to_vec(), false)));
    assert_eq!(guest.send(3, b"one message", 0), Ok(11));
    let mut buf = [0; 64];
    assert_eq!(b.recv(&mut buf).unwrap(), 11);
}

#[test]
fn a_blocking_send_sends_all() {
    let (a, mut b) = UnixStream::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    let rounds = 20;
    let helper = thread::spawn(move || {
        let mut all = Vec::new();
        b.read_to_end(&mut all).unwrap();
        all
    });
    let data: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
    for _ in 0..rounds {
        assert_eq!(guest.send(3, &data, 0), Ok(data.len() as u32));
    }
    guest.process.fds().close(3).unwrap();
    assert!(helper.join().unwrap() == data.repeat(rounds));
}

#[test]
fn a_gone_peer_is_a_broken_pipe_and_no_signal() {
    let (a, b) = UnixStream::pair().unwrap();
    let mut guest = Guest::new([socket(a)]);
    drop(b);
    assert_eq!(guest.send(3, b"abc", 0), errno(Errno::PIPE));
    assert_eq!(guest.recv(3, &[3], 0), Ok((Vec::new(), false)));
}

#[test]
fn every_wait_can_be_canceled() {
    type Wait = fn(&mut Guest) -> Result<(), Fault>;
    let waits: [Wait; 4] = [
        |guest| guest.accept(3, 0).map(drop),
        |guest| guest.recv(4, &[9], 0).map(drop),
        |guest| guest.recv(4, &[9], WAITALL).map(drop),
        |guest| {
            let data = [0; 100_000];
            loop {
                guest.send(4, &data, 0)?;
            }
        },
    ];
    for wait in waits {
        let (a, mut b) = UnixStream::pair().unwrap();
        let mut guest = Guest::new([socket(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()), socket(a)]);
        b.write_all(b"x").unwrap();
        guest.recv(4, &[1], 0).unwrap();
        let start = Instant::now();
        let helper = guest.cancel_soon();
        assert_eq!(wait(&mut guest), Err(Fault::Exit));
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(helper.join().unwrap());
    }
}
