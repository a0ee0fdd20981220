use core::time::Duration;
use std::{
    io::{IoSlice, IoSliceMut, Write},
    sync::{Arc, mpsc},
};

use gangplank_vfs::{Errno, Events, FileType, VirtualFile};

use super::*;
use crate::{
    Cancel, Canceller, Fault, Life,
    pipes::{self, PIPE_CAPACITY},
    wait::WaitSet,
};

fn read(file: &dyn VirtualFile, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let n = file.read_stream(&mut [IoSliceMut::new(&mut buf)])?;
    buf.truncate(n);
    Ok(buf)
}

fn write(file: &dyn VirtualFile, bytes: &[u8]) -> Result<usize, Errno> {
    let (a, b) = bytes.split_at(bytes.len() / 2);
    file.write_stream(&[IoSlice::new(a), IoSlice::new(b)])
}

fn read_waiting(file: &dyn VirtualFile, len: usize) -> Vec<u8> {
    let set = WaitSet::new(&Life::new());
    set.block_on_read(file, false, || read(file, len)).unwrap()
}

#[test]
fn null_is_empty_and_bottomless() {
    let null = null();
    assert_eq!(read(&*null, 9).unwrap(), b"");
    assert_eq!(write(&*null, b"abc"), Ok(3));
    assert_eq!(null.poll(Events::READ, None), Ok(Events::READ));
    assert!(!null.is_terminal());
    assert_ne!(null.getattr().unwrap().file_type, FileType::CharDevice);
}

#[test]
fn bytes_are_read_once_and_end() {
    let input = bytes("hello");
    assert_eq!(write(&*input, b"x"), Err(Errno::BADF));
    assert_eq!(read(&*input, 2).unwrap(), b"he");
    assert_eq!(input.poll(Events::READ, None), Ok(Events::READ));
    assert_eq!(read(&*input, 9).unwrap(), b"llo");
    assert_eq!(input.poll(Events::READ, None), Ok(Events::READ | Events::HUP));
    assert_eq!(read(&*input, 9).unwrap(), b"");
}

#[test]
fn captured_output_stops_at_its_limit_after_a_short_count() {
    let (file, captured) = capture(10);
    assert_eq!(read(&*file, 1), Err(Errno::BADF));
    assert_eq!(write(&*file, b"0123"), Ok(4));
    assert!(!captured.is_full());
    assert_eq!(write(&*file, b"456789abc"), Ok(6));
    assert_eq!(write(&*file, b"d"), Err(Errno::NOSPC));
    assert!(captured.is_full());
    assert_eq!(captured.contents(), b"0123456789");
    assert_eq!(captured.take(), b"0123456789");
    assert_eq!(write(&*file, b"d"), Ok(1));
    assert_eq!(captured.contents(), b"d");
    let meta = file.getattr().unwrap();
    assert_eq!((meta.size, meta.mtime), (0, gangplank_vfs::Time::EPOCH));
}

#[test]
fn a_capture_without_a_limit_allocates_what_is_written() {
    let (file, captured) = capture(usize::MAX);
    assert_eq!(write(&*file, &[1; 100_000]), Ok(100_000));
    assert_eq!(captured.len(), 100_000);
}

/// A writer that says what it got, and breaks on request.
struct Sink(mpsc::Sender<Vec<u8>>, usize);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        if self.1 == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let n = buf.len().min(self.1);
        self.1 -= n;
        self.0.send(buf[..n].to_vec()).unwrap();
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_gets_everything_until_it_breaks() {
    let (tx, rx) = mpsc::channel();
    let file = writer(Box::new(Sink(tx, 5)));
    assert_eq!(file.write_stream(&[IoSlice::new(b"abc")]), Ok(3));
    assert_eq!(file.write_stream(&[IoSlice::new(b"def")]), Ok(2));
    assert_eq!(file.write_stream(&[IoSlice::new(b"f")]), Err(Errno::PIPE));
    assert_eq!(rx.try_iter().flatten().collect::<Vec<_>>(), b"abcde");
}

#[test]
fn a_tee_copies_what_was_taken_and_survives_its_copy() {
    let (tx, rx) = mpsc::channel();
    let (main, captured) = capture(8);
    let file = tee(main, Box::new(Sink(tx, 6)));
    assert_eq!(write(&*file, b"abcd"), Ok(4));
    assert_eq!(write(&*file, b"efghij"), Ok(4));
    assert_eq!(write(&*file, b"k"), Err(Errno::NOSPC));
    assert_eq!(captured.contents(), b"abcdefgh");
    assert_eq!(rx.try_iter().flatten().collect::<Vec<_>>(), b"abcdef");
    captured.take();
    assert_eq!(write(&*file, b"more"), Ok(4));
}

#[cfg(unix)]
#[test]
fn a_reader_is_read_by_a_thread_and_can_be_left() {
    let (mut tap, source) = {
        let (host, guest) = std::os::unix::net::UnixStream::pair().unwrap();
        (host, guest)
    };
    let file = reader(Box::new(source));
    assert_eq!(read(&*file, 9), Err(Errno::AGAIN));
    tap.write_all(b"line\n").unwrap();
    assert_eq!(read_waiting(&*file, 9), b"line\n");

    let life = Life::new();
    let canceller = Canceller::new(&life);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        canceller.cancel(Cancel::Requested);
    });
    let set = WaitSet::new(&life);
    assert_eq!(set.block_on_read(&*file, false, || read(&*file, 9)), Err(Fault::Exit));

    drop(tap);
    assert_eq!(read_waiting(&*file, 9), b"");
    assert_eq!(file.poll(Events::READ, None), Ok(Events::READ | Events::HUP));
}

#[test]
fn streamed_output_can_be_shared() {
    let (mut host, file) = pipes::from_guest(PIPE_CAPACITY);
    let second: Arc<dyn VirtualFile> = file.clone();
    write(&*file, b"one ").unwrap();
    file.flush().unwrap();
    drop(file);
    write(&*second, b"two").unwrap();
    drop(second);
    let mut all = String::new();
    std::io::Read::read_to_string(&mut host, &mut all).unwrap();
    assert_eq!(all, "one two");
}

#[cfg(all(unix, feature = "host"))]
mod host_fd {
    use std::{
        fs::File,
        io::{Read, Seek},
        os::fd::{AsFd, OwnedFd},
        thread,
        time::Instant,
    };

    use gangplank_vfs::OpenFlags;

    use super::*;
    #[cfg(target_os = "linux")]
    use crate::stdio::fd;

    fn is_nonblocking(fd: impl AsFd) -> bool {
        rustix::fs::fcntl_getfl(fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK)
    }

    #[test]
    fn a_host_pipe_is_ready_empty_and_at_its_end() {
        let (r, w) = rustix::pipe::pipe().unwrap();
        let other = r.try_clone().unwrap();
        let stdin = from_fd(r, OpenFlags::READ).unwrap();
        assert_eq!(stdin.getattr().unwrap().file_type, FileType::Fifo);
        assert_eq!(stdin.poll(Events::READ, None), Ok(Events::empty()));
        assert_eq!(read(&*stdin, 9), Err(Errno::AGAIN));
        rustix::io::write(&w, b"data").unwrap();
        assert_eq!(stdin.poll(Events::READ, None), Ok(Events::READ));
        assert_eq!(read(&*stdin, 9).unwrap(), b"data");
        drop(w);
        assert!(stdin.poll(Events::READ, None).unwrap().contains(Events::READ | Events::HUP));
        assert_eq!(read(&*stdin, 9).unwrap(), b"");
        assert!(!is_nonblocking(&other), "the description is not ours to change");
    }

    #[test]
    fn cancel_ends_a_read_of_a_host_pipe_and_a_write_to_a_full_one() {
        let (r, w) = rustix::pipe::pipe().unwrap();
        let stdin = from_fd(r, OpenFlags::READ).unwrap();
        let (full_r, full_w) = rustix::pipe::pipe().unwrap();
        let stdout = from_fd(full_w, OpenFlags::WRITE).unwrap();
        let life = Life::new();
        let start = Instant::now();
        let threads = [
            thread::spawn({
                let life = life.clone();
                move || {
                    let set = WaitSet::new(&life);
                    set.block_on_read(&*stdin, false, || read(&*stdin, 9)).map(|_| ())
                }
            }),
            thread::spawn({
                let life = life.clone();
                move || {
                    let set = WaitSet::new(&life);
                    let data = vec![0; 1 << 20];
                    set.block_on_write(&*stdout, false, &mut [IoSlice::new(&data)], |b| stdout.write_stream(b))
                        .map(|_| ())
                }
            }),
        ];
        thread::sleep(Duration::from_millis(50));
        Canceller::new(&life).cancel(Cancel::Timeout);
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Err(Fault::Exit));
        }
        assert!(start.elapsed() < Duration::from_secs(10));
        drop((w, full_r));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_slow_host_reader_gets_every_byte_and_a_gone_one_is_a_broken_pipe() {
        for nowait in [true, false] {
            let (r, w) = rustix::pipe::pipe().unwrap();
            let stdout = fd::of(w, OpenFlags::WRITE, nowait);
            let data: Vec<u8> = (0..500_000u32).map(|i| (i % 253) as u8).collect();
            let wanted = data.clone();
            let helper = thread::spawn(move || {
                let mut all = vec![0; wanted.len()];
                File::from(r).read_exact(&mut all).unwrap();
                assert!(all == wanted);
            });
            let set = WaitSet::new(&Life::new());
            let mut bufs = [IoSlice::new(&data[..7]), IoSlice::new(&data[7..])];
            let n = set.block_on_write(&*stdout, false, &mut bufs, |b| stdout.write_stream(b));
            assert_eq!(n, Ok(data.len()));
            helper.join().unwrap();
            assert_eq!(write(&*stdout, b"xy"), Err(Errno::PIPE));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn input_arrives_without_nowait_too() {
        for nowait in [true, false] {
            let (r, w) = rustix::pipe::pipe().unwrap();
            let stdin = fd::of(r, OpenFlags::READ, nowait);
            assert_eq!(read(&*stdin, 4), Err(Errno::AGAIN));
            thread::spawn(move || {
                for _ in 0..100 {
                    rustix::io::write(&w, b"abc").unwrap();
                    thread::yield_now();
                }
            });
            let mut all = Vec::new();
            loop {
                match read_waiting(&*stdin, 7) {
                    part if part.is_empty() => break,
                    part => all.extend(part),
                }
            }
            assert_eq!(all, b"abc".repeat(100));
        }
    }

    #[test]
    fn a_redirected_file_keeps_the_cursor_it_came_with() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before ").unwrap();
        let stdout = from_fd(file.try_clone().unwrap().into(), OpenFlags::WRITE).unwrap();
        assert_eq!(stdout.getattr().unwrap().file_type, FileType::Regular);
        assert!(!stdout.seekable());
        assert_eq!(stdout.poll(Events::WRITE, None), Ok(Events::WRITE));
        assert_eq!(write(&*stdout, b"guest "), Ok(6));
        file.write_all(b"after").unwrap();
        assert_eq!(stdout.getattr().unwrap().size, 18);
        file.rewind().unwrap();
        let stdin = from_fd(file.into(), OpenFlags::READ).unwrap();
        assert_eq!(read(&*stdin, 100).unwrap(), b"before guest after");
        assert_eq!(read(&*stdin, 100).unwrap(), b"");
    }

    #[test]
    fn what_a_descriptor_was_not_opened_for_fails_when_tried() {
        let (r, w) = rustix::pipe::pipe().unwrap();
        assert_eq!(write(&*from_fd(r, OpenFlags::WRITE).unwrap(), b"x"), Err(Errno::BADF));
        assert_eq!(read(&*from_fd(w, OpenFlags::READ).unwrap(), 1), Err(Errno::BADF));
        let unreadable: OwnedFd = File::options().write(true).open("/dev/null").unwrap().into();
        assert_eq!(read(&*from_fd(unreadable, OpenFlags::READ).unwrap(), 1), Err(Errno::BADF));
        let dir = from_fd(File::open("/").unwrap().into(), OpenFlags::READ).unwrap();
        assert_eq!(dir.getattr().unwrap().file_type, FileType::Unknown);
        assert_eq!(read(&*dir, 1), Err(Errno::ISDIR));
    }

    #[test]
    fn a_socket_shows_no_socket_and_dev_null_no_terminal() {
        let (a, mut b) = std::os::unix::net::UnixStream::pair().unwrap();
        let file = from_fd(a.into(), OpenFlags::READ | OpenFlags::WRITE).unwrap();
        assert!(file.socket().is_none());
        assert_eq!(read(&*file, 5), Err(Errno::AGAIN));
        b.write_all(b"in").unwrap();
        assert_eq!(read_waiting(&*file, 5), b"in");
        assert_eq!(write(&*file, b"out"), Ok(3));
        drop(b);
        assert_eq!(write(&*file, b"out"), Err(Errno::PIPE));

        let null: OwnedFd = File::options().read(true).write(true).open("/dev/null").unwrap().into();
        let null = from_fd(null, OpenFlags::READ | OpenFlags::WRITE).unwrap();
        assert!(!null.is_terminal());
        assert_eq!(null.getattr().unwrap().file_type, FileType::Unknown);
        assert_eq!(write(&*null, &[0; 100_000]), Ok(100_000));
        assert_eq!(read(&*null, 5).unwrap(), b"");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_terminal_is_read_and_written_without_changing_it() {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
        let slave = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty()).unwrap();
        let tty = from_fd(slave.try_clone().unwrap(), OpenFlags::READ | OpenFlags::WRITE).unwrap();
        assert!(tty.is_terminal());
        assert_eq!(tty.getattr().unwrap().file_type, FileType::CharDevice);
        assert_eq!(read(&*tty, 9), Err(Errno::AGAIN));
        rustix::io::write(&master, b"line\n").unwrap();
        assert_eq!(read_waiting(&*tty, 9), b"line\n");
        // Nobody reads the master: it fills up, and the write does not block.
        let mut written = 0;
        let full = loop {
            match write(&*tty, &[b'x'; 4096]) {
                Ok(n) => written += n,
                Err(e) => break e,
            }
        };
        assert_eq!(full, Errno::AGAIN);
        assert!(written > 0);
        assert!(!is_nonblocking(&slave), "the description is not ours to change");
        // The master is a terminal too, but cannot be opened twice.
        let master = from_fd(master, OpenFlags::READ).unwrap();
        assert!(read(&*master, 64).unwrap().starts_with(b"line\r\n"));
    }
}
