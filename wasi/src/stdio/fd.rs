//! A host descriptor as a standard stream (Unix).
//!
//! The open file description behind it belongs to others too (the shell, its other children), so its flags are left
//! alone: a process that finds its terminal switched to `O_NONBLOCK` by somebody else breaks. Yet no read or write may
//! block, because a guest's wait must end when its process does:
//!
//! * Linux can be asked for one call that does not wait (`RWF_NOWAIT`; `MSG_DONTWAIT` for sockets): one syscall per
//!   read or write.
//! * A terminal is opened a second time through `/proc/self/fd`; that description is ours, and non-blocking.
//! * Where neither works (macOS, old kernels), `poll(2)` is asked first, and a pipe gets at most `PIPE_BUF` bytes at a
//!   time, for which it then has room. Another process on the same pipe can still be faster; that wait cannot be
//!   canceled.
//!
//! A socket shows neither its type nor its other calls: `shutdown` would reach everybody who shares it.
//!
//! Writing to a pipe that nobody reads raises `SIGPIPE`, which Rust programs ignore; an embedder in another language
//! should do the same.
//!
//! # Lock order
//! `HostFd::ask_first` is held across one `poll(2)` that does not wait and one read or write. Otherwise a leaf.

#[cfg(target_os = "linux")]
use core::task::Waker;
use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use gangplank_vfs::{
    Errno, Events, FileType, Metadata, OpenFlags, Result, Time, VirtualFile,
    reactor::{Source, poll_now},
};
use rustix::io::Errno as HostErrno;

use crate::{
    net::{receive, send},
    pipes::{Stream, StreamFile},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// A host descriptor as a standard stream, for the reading or writing that `access` names. What the descriptor was not
/// opened for is `BADF` when it is tried, as it is for a host program: `nohup`, for example, starts programs with a
/// standard input that cannot be read. Reading a directory is `ISDIR`.
///
/// # Errors
/// None of its own.
pub fn from_fd(fd: OwnedFd, access: OpenFlags) -> Result<Arc<dyn VirtualFile>> {
    let access = access & access_of(&fd)?;
    let stat = rustix::fs::fstat(&fd)?;
    let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode as _) {
        rustix::fs::FileType::RegularFile | rustix::fs::FileType::BlockDevice => Kind::Regular,
        rustix::fs::FileType::Socket => Kind::Socket,
        rustix::fs::FileType::Fifo => Kind::Fifo,
        _ if rustix::termios::isatty(&fd) => Kind::Terminal,
        _ => Kind::Device,
    };
    let own = if kind == Kind::Terminal { open_again(&fd, access, &stat) } else { None };
    let nonblocking = own.is_some();
    Ok(StreamFile::shared(HostFd {
        source: Source::new(own.unwrap_or(fd)),
        access,
        kind,
        nonblocking,
        #[cfg(target_os = "linux")]
        no_nowait: AtomicBool::new(kind == Kind::Device),
        ask_first: Mutex::new(()),
    }))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Never waits.
    Regular,
    Fifo,
    Socket,
    Terminal,
    /// `/dev/null` and the like, and a directory, which takes no reads.
    Device,
}

#[derive(Debug)]
struct HostFd {
    source: Source,
    access: OpenFlags,
    kind: Kind,
    /// Whether the description is ours and does not block.
    nonblocking: bool,
    /// Whether `RWF_NOWAIT` has turned out not to work.
    #[cfg(target_os = "linux")]
    no_nowait: AtomicBool,
    /// Serialises our own threads between asking and doing.
    ask_first: Mutex<()>,
}

impl Stream for HostFd {
    fn access(&self) -> OpenFlags {
        self.access
    }

    fn file_type(&self) -> FileType {
        match self.kind {
            Kind::Regular => FileType::Regular,
            Kind::Fifo => FileType::Fifo,
            Kind::Terminal => FileType::CharDevice,
            // A guest would call socket functions, or take the device for a terminal.
            Kind::Socket | Kind::Device => FileType::Unknown,
        }
    }

    fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        if self.kind == Kind::Socket {
            let count = bufs.len().min(MAX_BUFS);
            return receive(self.source.as_fd(), &mut bufs[..count], false).map(|r| r.bytes);
        }
        if self.kind == Kind::Regular || self.nonblocking {
            return retry(|| rustix::io::readv(&self.source, bufs));
        }
        #[cfg(target_os = "linux")]
        if !self.no_nowait.load(Ordering::Relaxed) {
            let nowait = rustix::io::ReadWriteFlags::NOWAIT;
            match retry(|| rustix::io::preadv2(&self.source, bufs, CURRENT, nowait)) {
                Err(e) if lacks_nowait(e) => self.no_nowait.store(true, Ordering::Relaxed),
                done => return done,
            }
        }
        let _turn = self.ask_first.lock();
        if poll_now(self.source.as_fd(), Events::READ)?.is_empty() {
            return Err(Errno::AGAIN);
        }
        retry(|| rustix::io::readv(&self.source, bufs))
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        if self.kind == Kind::Socket {
            return send(self.source.as_fd(), &bufs[..bufs.len().min(MAX_BUFS)]);
        }
        if matches!(self.kind, Kind::Regular | Kind::Device) || self.nonblocking {
            return retry(|| rustix::io::writev(&self.source, bufs));
        }
        #[cfg(target_os = "linux")]
        if !self.no_nowait.load(Ordering::Relaxed) {
            let nowait = rustix::io::ReadWriteFlags::NOWAIT;
            match retry(|| rustix::io::pwritev2(&self.source, bufs, CURRENT, nowait)) {
                Err(e) if lacks_nowait(e) => self.no_nowait.store(true, Ordering::Relaxed),
                done => return done,
            }
        }
        let _turn = self.ask_first.lock();
        if poll_now(self.source.as_fd(), Events::WRITE)?.is_empty() {
            return Err(Errno::AGAIN);
        }
        let Some(first) = bufs.iter().find(|b| !b.is_empty()) else { return Ok(0) };
        let limit = if self.kind == Kind::Terminal { TERMINAL_ROOM } else { rustix::pipe::PIPE_BUF };
        retry(|| rustix::io::write(&self.source, &first[..first.len().min(limit)]))
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        if self.kind == Kind::Regular {
            return Ok(interest & (Events::READ | Events::WRITE));
        }
        self.source.poll(interest, waker)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn is_terminal(&self) -> bool {
        self.kind == Kind::Terminal
    }

    fn metadata(&self, blank: Metadata) -> Result<Metadata> {
        if self.kind != Kind::Regular {
            return Ok(blank);
        }
        let stat = rustix::fs::fstat(&self.source)?;
        Ok(Metadata {
            size: stat.st_size as u64,
            blocks: stat.st_blocks as u64,
            atime: Time::from_parts(stat.st_atime as i64, stat.st_atime_nsec as u32),
            mtime: Time::from_parts(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            ctime: Time::from_parts(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            ..blank
        })
    }
}

/// As [`from_fd`], with or without `RWF_NOWAIT`.
#[cfg(all(test, target_os = "linux"))]
pub(super) fn of(fd: OwnedFd, access: OpenFlags, nowait: bool) -> Arc<dyn VirtualFile> {
    StreamFile::shared(HostFd {
        source: Source::new(fd),
        access,
        kind: Kind::Fifo,
        nonblocking: false,
        no_nowait: AtomicBool::new(!nowait),
        ask_first: Mutex::new(()),
    })
}

/// The offset with which `preadv2(2)` and `pwritev2(2)` use the cursor: -1.
#[cfg(target_os = "linux")]
const CURRENT: u64 = u64::MAX;

/// Buffers of one `recvmsg` or `sendmsg` (`IOV_MAX`). The next call takes the rest.
const MAX_BUFS: usize = 1024;

/// What a terminal takes at least once `poll(2)` calls it writable (`WAKEUP_CHARS` of Linux).
const TERMINAL_ROOM: usize = 256;

#[cfg(target_os = "linux")]
fn lacks_nowait(e: Errno) -> bool {
    matches!(e, Errno::NOTSUP | Errno::NOSYS | Errno::INVAL)
}

fn retry(mut op: impl FnMut() -> rustix::io::Result<usize>) -> Result<usize> {
    loop {
        match op() {
            Err(HostErrno::INTR) => {}
            done => return Ok(done?),
        }
    }
}

fn access_of(fd: &OwnedFd) -> Result<OpenFlags> {
    use rustix::fs::OFlags;
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(match flags & OFlags::RWMODE {
        OFlags::RDONLY => OpenFlags::READ,
        OFlags::WRONLY => OpenFlags::WRITE,
        _ => OpenFlags::READ | OpenFlags::WRITE,
    })
}

/// A second, non-blocking description of a terminal, if the system has a way to it.
#[cfg(target_os = "linux")]
fn open_again(fd: &OwnedFd, access: OpenFlags, stat: &rustix::fs::Stat) -> Option<OwnedFd> {
    use rustix::fs::OFlags;
    use std::os::fd::AsRawFd;
    // Opening the master of a pseudo-terminal makes another one.
    const PTMX: (u32, u32) = (5, 2);
    if (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == PTMX {
        return None;
    }
    let mode = match (access.contains(OpenFlags::READ), access.contains(OpenFlags::WRITE)) {
        (true, false) => OFlags::RDONLY,
        (false, true) => OFlags::WRONLY,
        _ => OFlags::RDWR,
    };
    let flags = mode | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let own = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
    let again = rustix::fs::fstat(&own).ok()?;
    let same = (again.st_dev, again.st_ino, again.st_rdev) == (stat.st_dev, stat.st_ino, stat.st_rdev);
    (same && rustix::termios::isatty(&own)).then_some(own)
}

#[cfg(not(target_os = "linux"))]
fn open_again(_fd: &OwnedFd, _access: OpenFlags, _stat: &rustix::fs::Stat) -> Option<OwnedFd> {
    None
}
