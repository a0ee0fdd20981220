use core::time::Duration;
use std::{
    io::{IoSlice, IoSliceMut, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener, UnixStream},
    sync::Arc,
    thread,
    time::Instant,
};

use gangplank_vfs::{Errno, Events, FileType, Received, Socket, VirtualFile};

use super::*;
use crate::{Cancel, Canceller, Fault, Life, wait::WaitSet};

fn recv(file: &dyn VirtualFile, len: usize, peek: bool) -> Result<(Vec<u8>, bool), Errno> {
    let mut buf = vec![0; len];
    let (a, b) = buf.split_at_mut(len / 2);
    let received = socket(file).recv(&mut [IoSliceMut::new(a), IoSliceMut::new(b)], peek)?;
    buf.truncate(received.bytes);
    Ok((buf, received.truncated))
}

fn socket(file: &dyn VirtualFile) -> &dyn Socket {
    file.socket().unwrap()
}

fn wait_read(file: &dyn VirtualFile) {
    let set = WaitSet::new(&Life::new());
    let op = || if file.poll(Events::READ, None)?.is_empty() { Err(Errno::AGAIN) } else { Ok(()) };
    set.block_on_read(file, false, op).unwrap();
}

#[test]
fn a_tcp_listener_accepts_and_the_connection_talks() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = HostSocket::from_fd(listener).unwrap();
    assert_eq!(socket(&*listener).accept().unwrap_err(), Errno::AGAIN);
    let mut client = TcpStream::connect(address).unwrap();
    wait_read(&*listener);
    let server = socket(&*listener).accept().unwrap();
    assert_eq!(server.getattr().unwrap().file_type, FileType::Socket);
    assert_eq!(recv(&*server, 9, false), Err(Errno::AGAIN));
    client.write_all(b"hello").unwrap();
    wait_read(&*server);
    assert_eq!(recv(&*server, 3, true), Ok((b"hel".to_vec(), false)));
    assert_eq!(recv(&*server, 9, false), Ok((b"hello".to_vec(), false)));
    assert_eq!(socket(&*server).send(&[IoSlice::new(b"good"), IoSlice::new(b"bye")]), Ok(7));
    assert_eq!(socket(&*server).shutdown(false, true), Ok(()));
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    assert_eq!(all, "goodbye");
    drop(client);
    wait_read(&*server);
    assert_eq!(recv(&*server, 9, false), Ok((Vec::new(), false)));
    // Not a listener.
    assert_eq!(socket(&*server).accept().unwrap_err(), Errno::INVAL);
}

#[test]
fn a_unix_listener_and_a_pair() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = HostSocket::from_fd(UnixListener::bind(&path).unwrap()).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    assert!(socket(&*listener).accept().is_ok());

    let (a, b) = UnixStream::pair().unwrap();
    let (a, b) = (HostSocket::from_fd(a).unwrap(), HostSocket::from_fd(b).unwrap());
    assert_eq!(a.write_stream(&[IoSlice::new(b"x")]), Ok(1));
    assert_eq!(b.read_stream(&mut [IoSliceMut::new(&mut [0; 4])]), Ok(1));
    drop(b);
    assert_eq!(a.write_stream(&[IoSlice::new(b"x")]), Err(Errno::PIPE));
    assert!(a.poll(Events::READ, None).unwrap().contains(Events::READ | Events::HUP));
}

#[test]
fn datagrams_keep_their_bounds() {
    let (a, b) = UnixDatagram::pair().unwrap();
    let (a, b) = (HostSocket::from_fd(a).unwrap(), HostSocket::from_fd(b).unwrap());
    assert!(socket(&*a).is_datagram());
    for message in [&b"long message"[..], b"", b"2"] {
        assert_eq!(a.write_stream(&[IoSlice::new(message)]), Ok(message.len()));
    }
    assert_eq!(recv(&*b, 4, true), Ok((b"long".to_vec(), true)));
    assert_eq!(recv(&*b, 4, false), Ok((b"long".to_vec(), true)));
    assert_eq!(recv(&*b, 4, false), Ok((Vec::new(), false)));
    assert_eq!(recv(&*b, 4, false), Ok((b"2".to_vec(), false)));
    assert_eq!(recv(&*b, 4, false), Err(Errno::AGAIN));
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert!(socket(&*HostSocket::from_fd(udp).unwrap()).is_datagram());
}

#[test]
fn cancel_ends_an_accept() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener: Arc<dyn VirtualFile> = HostSocket::from_fd(listener).unwrap();
    let life = Life::new();
    let canceller = Canceller::new(&life);
    let start = Instant::now();
    let helper = thread::spawn(move || {
        thread::sleep(Duration::from_millis(30));
        canceller.cancel(Cancel::Requested)
    });
    let set = WaitSet::new(&life);
    let accepted = set.block_on_read(&*listener, false, || socket(&*listener).accept());
    assert_eq!(accepted.unwrap_err(), Fault::Exit);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(helper.join().unwrap());
}

#[test]
fn more_buffers_than_the_host_takes() {
    let (a, b) = UnixStream::pair().unwrap();
    let (a, b) = (HostSocket::from_fd(a).unwrap(), HostSocket::from_fd(b).unwrap());
    let bufs = vec![IoSlice::new(b"x"); 3000];
    assert_eq!(a.write_stream(&bufs), Ok(1024));
    let mut bytes = vec![[0u8; 1]; 3000];
    let mut bufs: Vec<_> = bytes.iter_mut().map(|b| IoSliceMut::new(b)).collect();
    assert_eq!(socket(&*b).recv(&mut bufs, false), Ok(Received { bytes: 1024, truncated: false }));
}

#[test]
fn only_sockets() {
    let (r, _w) = rustix::pipe::pipe().unwrap();
    assert_eq!(HostSocket::from_fd(r).unwrap_err(), Errno::NOTSOCK);
}
