use core::time::Duration;
use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    thread,
};

use gangplank_vfs::{At, Errno, Events, FileType, OpenFlags, VirtualFile};

use super::*;

fn read(file: &dyn VirtualFile, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let (a, b) = buf.split_at_mut(len / 3);
    let n = file.read_stream(&mut [IoSliceMut::new(a), IoSliceMut::new(&mut []), IoSliceMut::new(b)])?;
    buf.truncate(n);
    Ok(buf)
}

fn write(file: &dyn VirtualFile, bytes: &[u8]) -> Result<usize, Errno> {
    let (a, b) = bytes.split_at(bytes.len() / 2);
    file.write_stream(&[IoSlice::new(a), IoSlice::new(b)])
}

#[test]
fn bytes_come_out_in_order_across_the_wrap() {
    let (r, w) = pipe(PIPE_BUF);
    let mut next = 0u32..;
    let mut wanted = Vec::new();
    let mut got = Vec::new();
    for len in (1..1500).step_by(7) {
        let chunk: Vec<u8> = next.by_ref().take(len).map(|i| (i % 251) as u8).collect();
        assert_eq!(write(&*w, &chunk), Ok(len));
        wanted.extend_from_slice(&chunk);
        let part = read(&*r, len).unwrap();
        assert_eq!(part.len(), len);
        got.extend_from_slice(&part);
    }
    assert_eq!(got, wanted);
}

#[test]
fn small_writes_are_whole_and_large_ones_fill_up() {
    let (r, w) = pipe(PIPE_CAPACITY);
    assert_eq!(w.poll(Events::WRITE, None), Ok(Events::WRITE));
    assert_eq!(write(&*w, &vec![1; PIPE_CAPACITY - 100]), Ok(PIPE_CAPACITY - 100));
    assert_eq!(w.poll(Events::WRITE, None), Ok(Events::empty()));
    assert_eq!(write(&*w, &[2; 101]), Err(Errno::AGAIN));
    assert_eq!(write(&*w, &[2; 90]), Ok(90));
    assert_eq!(write(&*w, &[3; PIPE_BUF + 1]), Ok(10));
    assert_eq!(write(&*w, &[3; PIPE_BUF + 1]), Err(Errno::AGAIN));
    assert_eq!(read(&*r, PIPE_BUF - 1).unwrap().len(), PIPE_BUF - 1);
    assert_eq!(w.poll(Events::WRITE, None), Ok(Events::empty()));
    assert_eq!(read(&*r, 1).unwrap().len(), 1);
    assert_eq!(w.poll(Events::WRITE, None), Ok(Events::WRITE));
}

#[test]
fn the_end_and_the_broken_pipe() {
    let (r, w) = pipe(PIPE_CAPACITY);
    assert_eq!(read(&*r, 9), Err(Errno::AGAIN));
    assert_eq!(r.poll(Events::READ, None), Ok(Events::empty()));
    write(&*w, b"tail").unwrap();
    drop(w);
    assert_eq!(r.poll(Events::READ, None), Ok(Events::READ | Events::HUP));
    assert_eq!(read(&*r, 9).unwrap(), b"tail");
    assert_eq!(read(&*r, 9).unwrap(), b"");
    assert_eq!(r.poll(Events::READ, None), Ok(Events::READ | Events::HUP));

    let (r, w) = pipe(PIPE_CAPACITY);
    r.flush().unwrap();
    assert_eq!(write(&*w, b"x"), Ok(1), "somebody else may still have it");
    drop(r);
    assert_eq!(write(&*w, b"x"), Err(Errno::PIPE));
    assert_eq!(w.poll(Events::WRITE, None), Ok(Events::WRITE | Events::ERR));
}

#[test]
fn the_shape_of_a_stream() {
    let (r, w) = pipe(PIPE_CAPACITY);
    assert_eq!(read(&*w, 1), Err(Errno::BADF));
    assert_eq!(write(&*r, b"x"), Err(Errno::BADF));
    assert_eq!(w.read_at(&mut [], 0), Err(Errno::BADF));
    assert_eq!(r.read_at(&mut [], 0), Err(Errno::SPIPE));
    assert_eq!(w.write_at(&[], At::End), Err(Errno::SPIPE));
    assert_eq!(w.set_len(0), Err(Errno::INVAL));
    assert_eq!(r.readdir(gangplank_vfs::Cookie::START, &mut |_| unreachable!()), Err(Errno::NOTDIR));
    assert_eq!(r.sync(true), Err(Errno::INVAL));
    assert_eq!(r.set_flags(OpenFlags::NONBLOCK | OpenFlags::APPEND), Ok(()));
    assert_eq!(r.set_flags(OpenFlags::SYNC), Err(Errno::INVAL));
    let (a, b) = (r.getattr().unwrap(), w.getattr().unwrap());
    assert_eq!(a.file_type, FileType::Fifo);
    assert_ne!(a.ino, b.ino);
    // Nothing to read into is no end of file, and no wait either.
    assert_eq!(r.read_stream(&mut []), Ok(0));
    assert_eq!(w.write_stream(&[]), Ok(0));
}

#[test]
fn the_host_end_blocks_and_can_be_closed_from_elsewhere() {
    let (mut host, guest) = from_guest(PIPE_CAPACITY);
    let closer = host.closer();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        host.read_to_end(&mut all).map(|_| all)
    });
    write(&*guest, b"some").unwrap();
    thread::sleep(Duration::from_millis(30));
    closer.close();
    assert_eq!(reader.join().unwrap().unwrap(), b"some");
    assert_eq!(write(&*guest, b"x"), Err(Errno::PIPE));

    let (mut host, guest) = to_guest(PIPE_CAPACITY);
    let closer = host.closer();
    let writer = thread::spawn(move || host.write_all(&vec![7; PIPE_CAPACITY + 1]).map_err(|e| e.kind()));
    thread::sleep(Duration::from_millis(30));
    closer.close();
    assert_eq!(writer.join().unwrap(), Err(ErrorKind::BrokenPipe));
    assert_eq!(read(&*guest, PIPE_CAPACITY + 9).unwrap().len(), PIPE_CAPACITY);
    assert_eq!(read(&*guest, 1).unwrap(), b"");
}

#[test]
fn a_pipe_holds_its_capacity_and_no_more() {
    let (mut host, _guest) = to_guest(0);
    assert_eq!(host.try_write(&[0; 3 * PIPE_BUF]), Ok(PIPE_BUF));
    assert_eq!(host.try_write(&[0; 1]), Err(Errno::AGAIN));
}
