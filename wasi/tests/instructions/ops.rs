//! What is counted: syscalls of a guest on a filesystem in memory, over an exclusive memory, as an engine makes them.

use std::sync::Arc;

use gangplank_vfs::{FileSystem, ManualClock, MemFsOptions, Mount, MountOptions, Tree};
use gangplank_wasi::{
    Call, GuestMemory, ProcessBuilder, RightSet, System, Thread,
    abi::{Outcome, preview1},
    stdio,
};

/// Where paths, the iovec, results and data are in the guest's memory.
const PATHS: [u32; 2] = [1024, 2048];
const IOV: u32 = 0;
const OUT: u32 = 256;
const DATA: u32 = 4096;

/// A file three levels down, and others.
const DEEP: &str = "one/two/file";
const LINK: &str = "link";
const MISSING: &str = "one/two/none";
const NEW: &str = "one/two/new";

/// The preopened directory.
const ROOT: u32 = 3;
const FOLLOW: u32 = 1;
const CREATE: u32 = 1 | 4;
const RIGHTS: u64 =
    RightSet::FD_READ.union(RightSet::FD_WRITE).union(RightSet::FD_SEEK).union(RightSet::FD_TELL).bits();

/// One row: what is counted, and how many instructions it may take. The bounds are what it took when they were written
/// and a seventh more; whoever makes something quicker lowers them.
pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) bound: u64,
    /// Leaves the tree as it was.
    pub(crate) perform: fn(&mut Guest),
}

pub(crate) const OPS: &[Op] = &[
    Op { name: "tell", bound: 58, perform: Guest::tell },
    Op { name: "read 64 B", bound: 585, perform: Guest::read },
    Op { name: "pread 64 B", bound: 510, perform: Guest::pread },
    Op { name: "write 64 B", bound: 805, perform: Guest::write },
    Op { name: "stat, depth 3", bound: 1710, perform: |guest| guest.stat(DEEP, 0) },
    Op { name: "stat, missing name", bound: 1380, perform: |guest| guest.stat(MISSING, 44) },
    Op { name: "stat through a link", bound: 2920, perform: |guest| guest.stat(LINK, 0) },
    Op { name: "open+close, depth 3", bound: 2780, perform: |guest| guest.open_close(DEEP, 0) },
    Op { name: "create+close+unlink", bound: 6650, perform: Guest::create_unlink },
    Op { name: "rename to and fro", bound: 7450, perform: Guest::rename },
];

pub(crate) struct Guest {
    thread: Thread,
    memory: Vec<u8>,
    /// An open file of 64 KiB.
    fd: u32,
}

impl Guest {
    pub(crate) fn new() -> Guest {
        // Nothing by chance: the same names hash to the same places in each run.
        let fs: Arc<dyn FileSystem> =
            Arc::new(MemFsOptions::new().hash_seed(1).clock(Arc::new(ManualClock::new(1))).build());
        let tree = Tree::new(Arc::clone(&fs));
        tree.create_dir_all("one/two").expect("directories");
        tree.write(DEEP, vec![7; 64 << 10]).expect("a file");
        tree.symlink(DEEP, LINK).expect("a link");
        let process = ProcessBuilder::new(&System::deterministic(1), "guest")
            .stdin(stdio::null())
            .stdout(stdio::null())
            .stderr(stdio::null())
            .preopen("/", Mount::detached(fs, MountOptions::default()))
            .build()
            .expect("a process");
        let mut guest = Guest { thread: Thread::main(&process), memory: vec![0; 1 << 16], fd: 0 };
        guest.fd = guest.open(DEEP, 0);
        guest.memory[IOV as usize..][..4].copy_from_slice(&DATA.to_le_bytes());
        guest.memory[IOV as usize + 4] = 64;
        guest
    }

    fn call(&mut self, errno: u32, call: impl FnOnce(&mut Call<'_>) -> Outcome) {
        let mut made = Call::new(&self.thread, GuestMemory::exclusive(&mut self.memory));
        assert_eq!(call(&mut made), Outcome::Return(errno));
    }

    fn path(&mut self, slot: usize, path: &str) -> (u32, u32) {
        self.memory[PATHS[slot] as usize..][..path.len()].copy_from_slice(path.as_bytes());
        (PATHS[slot], path.len() as u32)
    }

    fn open(&mut self, path: &str, oflags: u32) -> u32 {
        let (at, len) = self.path(0, path);
        self.call(0, |call| preview1::path_open(call, ROOT, FOLLOW, at, len, oflags, RIGHTS, 0, 0, OUT));
        self.memory[OUT as usize..][..4].iter().rev().fold(0, |fd, &byte| fd << 8 | u32::from(byte))
    }

    fn tell(&mut self) {
        let fd = self.fd;
        self.call(0, |call| preview1::fd_tell(call, fd, OUT));
    }

    /// Back to the front, for whoever reads and writes it for longer.
    #[allow(dead_code, reason = "counting is over soon")]
    pub(crate) fn rewind(&mut self) {
        let fd = self.fd;
        self.call(0, |call| preview1::fd_seek(call, fd, 0, 0, OUT));
    }

    fn read(&mut self) {
        let fd = self.fd;
        self.call(0, |call| preview1::fd_read(call, fd, IOV, 1, OUT));
    }

    fn pread(&mut self) {
        let fd = self.fd;
        self.call(0, |call| preview1::fd_pread(call, fd, IOV, 1, 128, OUT));
    }

    fn write(&mut self) {
        let fd = self.fd;
        self.call(0, |call| preview1::fd_write(call, fd, IOV, 1, OUT));
    }

    fn stat(&mut self, path: &str, errno: u32) {
        let (at, len) = self.path(0, path);
        self.call(errno, |call| preview1::path_filestat_get(call, ROOT, FOLLOW, at, len, OUT));
    }

    fn open_close(&mut self, path: &str, oflags: u32) {
        let fd = self.open(path, oflags);
        self.call(0, |call| preview1::fd_close(call, fd));
    }

    fn create_unlink(&mut self) {
        self.open_close(NEW, CREATE);
        let (at, len) = self.path(0, NEW);
        self.call(0, |call| preview1::path_unlink_file(call, ROOT, at, len));
    }

    fn rename(&mut self) {
        for (old, new) in [(DEEP, NEW), (NEW, DEEP)] {
            let ((old, old_len), (new, new_len)) = (self.path(0, old), self.path(1, new));
            self.call(0, |call| preview1::path_rename(call, ROOT, old, old_len, ROOT, new, new_len));
        }
    }
}
