//! Sockets that a test is given, each with somebody at its other end.

use std::{
    any::Any,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::net::{UnixDatagram, UnixStream},
    sync::Arc,
    thread,
};

use anyhow::{Result, bail};
use gangplank::{vfs::VirtualFile, wasi::net::HostSocket};

/// A socket, and what its other end needs to stay as it is.
type Made = (Arc<dyn VirtualFile>, Option<Box<dyn Any>>);

/// Makes one of a kind:
///
/// | kind | the other end |
/// |---|---|
/// | `echo` | a stream that says again what it hears, until it hears no more |
/// | `gone` | a stream that said `bye` and was closed |
/// | `listener` | has connected, said `hello`, and listens |
/// | `datagrams` | has sent `0123456789`, nothing, and `x`, and listens |
///
/// # Errors
/// For another kind; if the host has none.
pub fn make(kind: &str) -> Result<Made> {
    match kind {
        "echo" => {
            let (ours, theirs) = UnixStream::pair()?;
            // Ends when the guest's end is closed, at the latest with its process.
            thread::spawn(move || echo(ours));
            Ok((HostSocket::from_fd(theirs)?, None))
        }
        "gone" => {
            let (mut ours, theirs) = UnixStream::pair()?;
            ours.write_all(b"bye")?;
            Ok((HostSocket::from_fd(theirs)?, None))
        }
        "listener" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let mut client = TcpStream::connect(listener.local_addr()?)?;
            client.write_all(b"hello")?;
            Ok((HostSocket::from_fd(listener)?, Some(Box::new(client))))
        }
        "datagrams" => {
            let (ours, theirs) = UnixDatagram::pair()?;
            for message in [&b"0123456789"[..], b"", b"x"] {
                ours.send(message)?;
            }
            Ok((HostSocket::from_fd(theirs)?, Some(Box::new(ours))))
        }
        _ => bail!("`{kind}`: no such socket"),
    }
}

fn echo(mut stream: UnixStream) {
    let mut buf = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        if stream.write_all(&buf[..n]).is_err() {
            return;
        }
    }
}
