//! [`Guest`]: a process, its memory, and what is known of both.

use std::{
    collections::BTreeSet,
    os::unix::net::UnixStream,
    sync::{Arc, LazyLock},
};

use gangplank_vfs::{
    FileSystem, FileType, ManualClock, Mount, MountOptions, OpenFile, OpenFlags, OverlayFs, Tree, VirtualFile, dir,
    mem_fs::{MemFs, MemFsOptions},
};
use gangplank_wasi::{
    Call, Cancel, Process, ProcessBuilder, Rights, System, Thread,
    abi::{self, Import, Kind, Outcome, errno_name},
    net::HostSocket,
    pipes, stdio,
};

use super::{
    Lend,
    calls::{PATHS, arguments},
    judge::Judge,
};
use crate::fuzz::{input::Input, watchdog};

/// Bytes of memory: one page, which a guest that has a memory has at least.
pub(super) const SIZE: usize = 1 << 16;

/// Where in memory what is.
pub(super) mod slots {
    /// How many paths, and how many subscriptions there are.
    pub(in super::super) const COUNT: u64 = 8;
    pub(in super::super) const RESULTS: u64 = 0;
    pub(in super::super) const IOVS: u64 = 512;
    pub(in super::super) const SUBSCRIPTIONS: u64 = 1024;
    pub(in super::super) const PATHS: u64 = 2048;
    /// Bytes of each.
    pub(in super::super) const PATH: u64 = 64;
    pub(in super::super) const BUFFERS: u64 = 4096;
}

/// What the arguments and the environment take, NULs included, and how many there are.
pub(super) const ARGS: (u64, u64) = (13, 2);
pub(super) const ENV: (u64, u64) = (8, 2);

pub(super) struct Guest {
    process: Arc<Process>,
    thread: Option<Thread>,
    memory: Box<[u8]>,
    lend: Lend,
    suspends: bool,
    /// The numbers that are open.
    open: BTreeSet<u32>,
    fd_limit: u32,
    /// Everything that it may fill.
    filesystems: Vec<Arc<dyn FileSystem>>,
    /// The other ends of what it has.
    _ends: Vec<Box<dyn core::any::Any>>,
    guard: Option<watchdog::Guard>,
}

/// What the first preopened directory holds.
static TREE: LazyLock<MemFs> = LazyLock::new(|| {
    let options = options().max_bytes(Some(1 << 20)).max_nodes(Some(40));
    let tree = dir! {
        "f": "0123456789",
        "d": { "g": vec![b'g'; 5000], "l" => "../f" },
        "l" => "d",
        "out" => "../x",
        "loop" => "loop",
        "deep": { "er": { "est": "x" } },
    };
    tree.build_with(&options).expect("a tree that fits")
});

/// Of filesystems on which it is always the same moment: what is there can be told apart by nothing from run to run, but
/// by [`Guest::forget_device`].
fn options() -> MemFsOptions {
    MemFsOptions::new().clock(Arc::new(ManualClock::new(1_700_000_000_123_456_789)))
}

impl Guest {
    /// The process that the first bytes describe.
    pub(super) fn new(input: &mut Input<'_>, lend: Lend) -> Guest {
        let rights = if input.chance(1, 3) { Rights::Enforce } else { Rights::Ignore };
        let suspends = input.chance(3, 4);
        let (overlaid, sockets, streams) = (input.chance(1, 4), input.chance(1, 3), input.below(4));
        let fd_limit = input.pick(&[64, 64, 8, 12]);

        let first: Arc<dyn FileSystem> = Arc::new(TREE.fork());
        let mut filesystems = vec![];
        let first: Arc<dyn FileSystem> = if overlaid {
            let options = options().max_bytes(Some(1 << 20)).max_nodes(Some(100));
            Arc::new(OverlayFs::builder().lower(first).upper_mem(options).build().expect("an overlay"))
        } else {
            filesystems.push(first.clone());
            first
        };
        let second: Arc<dyn FileSystem> = Arc::new(options().max_bytes(Some(1 << 16)).max_nodes(Some(5)).build());
        filesystems.push(second.clone());
        let place = |fs: &Arc<dyn FileSystem>, read_only| {
            Mount::detached(fs.clone(), MountOptions { read_only, ..MountOptions::default() })
        };
        let mut ends: Vec<Box<dyn core::any::Any>> = vec![];
        let (stdin, stdout): (Arc<dyn VirtualFile>, Arc<dyn VirtualFile>) = match streams {
            0 => (stdio::null(), stdio::null()),
            1 => (stdio::bytes(&b"input of ten or more bytes"[..]), stdio::capture(100).0),
            _ => {
                let (mut to, stdin) = pipes::to_guest(64);
                let (from, stdout) = pipes::from_guest(64);
                if streams == 2 {
                    to.try_write(b"some").expect("there is room");
                }
                ends.push(Box::new(to));
                ends.push(Box::new(from));
                (stdin, stdout)
            }
        };
        let mut builder = ProcessBuilder::new(&System::deterministic(7), "guest")
            .arg("a \u{fc} b")
            .env("A", "1")
            .env("BC", "")
            .rights(rights)
            .fd_limit(fd_limit)
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stdio::capture(1000).0)
            .preopen("/", place(&first, false))
            .preopen("/small", place(&second, false))
            .preopen("ro", place(&first, true));
        if sockets {
            let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
            std::io::Write::write_all(&mut (&ours), b"hello").expect("there is room");
            let socket = HostSocket::from_fd(theirs).expect("a socket");
            builder = builder.file(OpenFile::from_stream(socket, OpenFlags::READ | OpenFlags::WRITE, FileType::Socket));
            ends.push(Box::new(ours));
        }
        let process = builder.build().expect("a process");
        let thread = if suspends { Thread::suspending(&process) } else { Thread::main(&process) };
        let guard = (!suspends).then(|| {
            let canceller = process.canceller();
            watchdog::watch(move || {
                canceller.cancel(Cancel::Timeout);
            })
        });
        let mut guest = Guest {
            memory: vec![0; SIZE].into_boxed_slice(),
            open: (0..6 + u32::from(sockets)).collect(),
            thread: Some(thread),
            process,
            lend,
            suspends,
            fd_limit,
            filesystems,
            _ends: ends,
            guard,
        };
        guest.furnish();
        guest
    }

    /// Paths, buffers and subscriptions as a guest would have them.
    fn furnish(&mut self) {
        for slot in 0..slots::COUNT {
            self.put_path(slot, PATHS[slot as usize].as_bytes());
            let at = slots::BUFFERS + 0x1000 * slot;
            self.put(
                slots::IOVS + 8 * slot,
                &[at.to_le_bytes(), (20 * slot).to_le_bytes()].map(|b| b[..4].to_vec()).concat(),
            );
        }
        for slot in 0..slots::COUNT {
            // A clock, then descriptors to read and to write.
            let at = slots::SUBSCRIPTIONS + 48 * slot;
            self.put(at, &[slot as u8 + 1]);
            self.put(at + 8, &[slot as u8 % 3]);
            self.put(at + 16, &[if slot % 3 == 0 { 1 } else { slot as u8 % 7 }]);
            self.put(at + 24, &[200, 1]);
        }
        for (i, byte) in self.memory[slots::BUFFERS as usize..].iter_mut().enumerate() {
            *byte = (i % 251) as u8;
        }
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        let (at, end) = ((at as usize).min(SIZE), (at as usize + bytes.len()).min(SIZE));
        self.memory[at..end].copy_from_slice(&bytes[..end - at]);
    }

    /// The byte before a path is how long it is.
    fn put_path(&mut self, slot: u64, path: &[u8]) {
        let at = slots::PATHS + slots::PATH * slot;
        self.put(at - 1, &[path.len() as u8]);
        self.put(at, path);
    }

    /// Whatever a guest does between calls.
    pub(super) fn change_memory(&mut self, input: &mut Input<'_>) {
        let slot = input.below(slots::COUNT as usize) as u64;
        match input.below(6) {
            0 | 1 => self.put_path(slot, input.pick(PATHS).as_bytes()),
            2 => self.put_path(slot, input.some(60)),
            3 => {
                let buffer = [input.number(2).to_le_bytes(), input.number(2).to_le_bytes()];
                self.put(slots::IOVS + 8 * slot, &buffer.map(|b| b[..4].to_vec()).concat());
            }
            4 => {
                let at = slots::SUBSCRIPTIONS + 48 * slot + 8 * input.below(7) as u64;
                self.put(at, input.some(12));
            }
            _ => {
                let at = input.number(2);
                self.put(at, input.some(32));
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.process.life().is_over()
    }

    /// One call, and what it answered.
    pub(super) fn call(&mut self, input: &mut Input<'_>) -> String {
        static IMPORTS: LazyLock<Vec<&'static Import>> = LazyLock::new(|| abi::imports().collect());
        let import = IMPORTS[input.below(IMPORTS.len())];
        let len_of = |at: u64| self.memory.get((at as usize).wrapping_sub(1)).copied().unwrap_or(0).into();
        let args = arguments(import, input, len_of);
        let judge = Judge::new(import, &args, &self.memory);
        let outcome = self.perform(import, &args);
        let answer = match outcome {
            Outcome::Return(number) => {
                let name = u16::try_from(number).ok().and_then(errno_name);
                let name = name.unwrap_or_else(|| panic!("{import:?} answered {number}"));
                judge.returned(name, &self.memory);
                self.descriptors(import, &args, name);
                if name == "SUCCESS" {
                    self.forget_device(import, &args);
                }
                name
            }
            Outcome::Exit => {
                let suspended = self.suspends && !self.is_over();
                assert!(suspended || self.is_over(), "{import:?} ended nothing");
                judge.left(&self.memory);
                if suspended {
                    let thread = self.thread.as_ref().expect("it has one");
                    assert!(thread.wait().suspension().is_some(), "{import:?} waits for nothing");
                    // It is given up.
                    thread.wait().begin();
                }
                "EXIT"
            }
        };
        format!("{} {args:?} {answer}", import.name)
    }

    fn perform(&mut self, import: &Import, args: &[u64]) -> Outcome {
        let thread = self.thread.as_ref().expect("it has one");
        (import.call)(&mut Call::new(thread, (self.lend)(&mut self.memory)), args)
    }

    /// Devices are numbered as they are made, so that one run has others than the next. Some memory is the length of a path,
    /// and these are no part of what was asked for.
    fn forget_device(&mut self, import: &Import, args: &[u64]) {
        for (param, at) in import.params.iter().zip(args) {
            if matches!(param.kind, Kind::OutFilestat | Kind::OutFilestatUnstable) {
                self.put(*at, &[0; 8]);
            }
        }
    }

    /// Which numbers are open, after a call that returned.
    fn descriptors(&mut self, import: &Import, args: &[u64], answer: &str) {
        if answer == "SUCCESS" {
            match import.name {
                "fd_close" => assert!(self.open.remove(&(args[0] as u32)), "closed what was not open"),
                "fd_renumber" => {
                    let (from, to) = (args[0] as u32, args[1] as u32);
                    assert!(self.open.contains(&from) && self.open.contains(&to), "renumbered what was not open");
                    if from != to {
                        self.open.remove(&from);
                    }
                }
                "path_open" | "sock_accept" => {
                    let at = args[args.len() - 1] as usize;
                    let fd = u32::from_le_bytes(self.memory[at..at + 4].try_into().expect("four bytes"));
                    let lowest = (3..).find(|fd| !self.open.contains(fd)).expect("there is no end of numbers");
                    assert_eq!(fd, lowest, "{} opened another number than the lowest that was free", import.name);
                    assert!(fd < self.fd_limit, "opened a number above the limit");
                    self.open.insert(fd);
                }
                _ => {}
            }
        }
        if answer == "MFILE" {
            let lowest = (3..).find(|fd| !self.open.contains(fd)).expect("there is no end of numbers");
            assert!(lowest >= self.fd_limit, "there is room for a descriptor");
        }
        let fds = self.process.fds();
        assert_eq!(fds.len(), self.open.len(), "{import:?} opened or closed something");
        for &fd in &self.open {
            assert!(fds.get(fd).is_ok(), "{import:?} closed {fd}");
        }
    }

    /// The process ends, and leaves nothing.
    pub(super) fn end(mut self) {
        self.guard = None;
        self.process.finish(0);
        let outcome = self.perform(&abi::preview1::IMPORTS[0], &[0, 0]);
        assert_eq!(outcome, Outcome::Exit, "a call of a process that has ended");
        assert!(self.process.fds().is_empty(), "a process that has ended has files");
        self.thread = None;
        assert_eq!(Arc::strong_count(&self.process), 1, "somebody keeps the process");
        drop(self.process);
        for fs in self.filesystems {
            nothing_left(fs);
        }
    }
}

/// Once all names are gone, nothing is left of what was created.
fn nothing_left(fs: Arc<dyn FileSystem>) {
    let tree = Tree::new(fs.clone());
    for entry in tree.walk("").expect("list the root").shallow().collect::<Vec<_>>() {
        let path = entry.expect("an entry of the root").path;
        tree.remove_all(&path).expect("remove it");
    }
    let stat = fs.statfs().expect("statfs");
    assert_eq!(stat.files - stat.ffree, 1, "nodes without a name, and nobody has them open");
    assert_eq!(stat.bfree, stat.blocks, "bytes that are nobody's");
}
