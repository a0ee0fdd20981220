//! [`Guest`]: a process and its memory, and the calls that a program would make.

use std::sync::Arc;

use gangplank_vfs::{Mount, MountOptions, Place, mem_fs::MemFs};
use gangplank_wasi::{
    Call, GuestMemory, Process, ProcessBuilder, RightSet, Rights, System, Thread,
    abi::{self, Layout, Outcome, types::Filestat},
    stdio,
};

/// Bytes of memory.
pub(crate) const SIZE: usize = 1 << 17;

/// Where results go, paths lie, and buffers begin.
pub(crate) const OUT: u64 = 0;
pub(crate) const IOVS: u64 = 256;
pub(crate) const PATH: u64 = 8 << 10;
pub(crate) const PATH2: u64 = 16 << 10;
pub(crate) const BUF: u64 = 32 << 10;

pub(crate) const CREAT: u64 = 1;
pub(crate) const DIRECTORY: u64 = 2;
pub(crate) const EXCL: u64 = 4;
pub(crate) const TRUNC: u64 = 8;
pub(crate) const APPEND: u64 = 1;
pub(crate) const FOLLOW: u64 = 1;

/// The preopened directory.
pub(crate) const ROOT: u64 = 3;

/// What a program asks for that wants to read, or to read and write.
pub(crate) const R: RightSet = READABLE;
pub(crate) const RW: RightSet = READABLE.union(WRITABLE);
const READABLE: RightSet = RightSet::FD_READ
    .union(RightSet::FD_SEEK)
    .union(RightSet::FD_TELL)
    .union(RightSet::FD_ADVISE)
    .union(RightSet::FD_SYNC)
    .union(RightSet::FD_DATASYNC)
    .union(RightSet::FD_READDIR)
    .union(RightSet::FD_FDSTAT_SET_FLAGS)
    .union(RightSet::FD_FILESTAT_GET)
    .union(RightSet::FD_FILESTAT_SET_TIMES);
const WRITABLE: RightSet = RightSet::FD_WRITE.union(RightSet::FD_ALLOCATE).union(RightSet::FD_FILESTAT_SET_SIZE);

pub(crate) struct Guest {
    pub(crate) process: Arc<Process>,
    pub(crate) memory: Vec<u8>,
    pub(crate) rights: Rights,
    thread: Thread,
    shared: bool,
}

/// Runs a test in all the ways that must not make a difference.
pub(crate) fn everywhere(test: impl Fn(&mut Guest)) {
    for rights in [Rights::Ignore, Rights::Enforce] {
        for shared in [false, true] {
            test(&mut Guest { shared, ..Guest::new(rights) });
        }
    }
}

/// A fresh filesystem, as a place to preopen.
pub(crate) fn mem_fs(read_only: bool) -> Place {
    Mount::detached(Arc::new(MemFs::new()), MountOptions { read_only, ..MountOptions::default() })
}

/// A process with these rights, standard streams that lead nowhere, and `place` as `/`.
pub(crate) fn builder(rights: Rights, place: Place) -> ProcessBuilder {
    ProcessBuilder::new(&System::deterministic(7), "guest")
        .rights(rights)
        .stdin(stdio::null())
        .stdout(stdio::null())
        .stderr(stdio::null())
        .preopen("/", place)
}

impl Guest {
    pub(crate) fn new(rights: Rights) -> Guest {
        Guest::of(builder(rights, mem_fs(false)))
    }

    pub(crate) fn of(builder: ProcessBuilder) -> Guest {
        let process = builder.build().unwrap();
        let rights = process.rights();
        Guest { thread: Thread::main(&process), process, memory: vec![0; SIZE], rights, shared: false }
    }

    /// Makes a call and answers the name of the error number, `SUCCESS` or `EXIT`.
    pub(crate) fn call(&mut self, name: &str, args: &[u64]) -> &'static str {
        self.perform(abi::find("wasi_snapshot_preview1", name).unwrap(), args)
    }

    /// The same for an import of any module.
    pub(crate) fn perform(&mut self, import: &abi::Import, args: &[u64]) -> &'static str {
        assert_eq!(args.len(), import.params.len(), "{import:?}");
        let memory = match self.shared {
            false => GuestMemory::exclusive(&mut self.memory),
            // SAFETY: all of the vector, which nobody touches during the call.
            true => unsafe { GuestMemory::shared(self.memory.as_mut_ptr(), self.memory.len()) },
        };
        match (import.call)(&mut Call::new(&self.thread, memory), args) {
            Outcome::Return(number) => abi::errno_name(number as u16).unwrap(),
            Outcome::Exit => "EXIT",
        }
    }

    #[track_caller]
    pub(crate) fn ok(&mut self, name: &str, args: &[u64]) {
        assert_eq!(self.call(name, args), "SUCCESS", "{name} {args:?}");
    }

    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) -> u64 {
        self.memory[at as usize..][..bytes.len()].copy_from_slice(bytes);
        bytes.len() as u64
    }

    pub(crate) fn bytes(&self, at: u64, len: usize) -> &[u8] {
        &self.memory[at as usize..][..len]
    }

    pub(crate) fn u32(&self, at: u64) -> u64 {
        u64::from(u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap()))
    }

    pub(crate) fn u64(&self, at: u64) -> u64 {
        u64::from_le_bytes(self.bytes(at, 8).try_into().unwrap())
    }

    /// Describes buffers at [`IOVS`].
    pub(crate) fn iovs(&mut self, iovs: &[(u64, u64)]) -> u64 {
        for (i, &(at, len)) in iovs.iter().enumerate() {
            self.put(IOVS + i as u64 * 8, &(at as u32).to_le_bytes());
            self.put(IOVS + i as u64 * 8 + 4, &(len as u32).to_le_bytes());
        }
        iovs.len() as u64
    }

    /// `path_open` beneath `dir`.
    pub(crate) fn open_at(
        &mut self,
        dir: u64,
        lookup: u64,
        path: &str,
        oflags: u64,
        rights: RightSet,
        fdflags: u64,
    ) -> Result<u64, &'static str> {
        let len = self.put(PATH, path.as_bytes());
        match self.call("path_open", &[dir, lookup, PATH, len, oflags, rights.bits(), 0, fdflags, OUT]) {
            "SUCCESS" => Ok(self.u32(OUT)),
            error => Err(error),
        }
    }

    /// `path_open` of a file beneath the root.
    pub(crate) fn open(&mut self, path: &str, oflags: u64, rights: RightSet) -> Result<u64, &'static str> {
        self.open_at(ROOT, FOLLOW, path, oflags, rights, 0)
    }

    /// A directory as `opendir` opens it, so that everything can be done beneath.
    pub(crate) fn open_dir(&mut self, path: &str) -> Result<u64, &'static str> {
        let len = self.put(PATH, path.as_bytes());
        self.ok("fd_fdstat_get", &[ROOT, OUT]);
        let (base, inheriting) = (self.u64(OUT + 8), self.u64(OUT + 16));
        match self.call("path_open", &[ROOT, FOLLOW, PATH, len, DIRECTORY, base, inheriting, 0, OUT]) {
            "SUCCESS" => Ok(self.u32(OUT)),
            error => Err(error),
        }
    }

    pub(crate) fn close(&mut self, fd: u64) {
        self.ok("fd_close", &[fd]);
    }

    /// `fd_write` of one buffer.
    pub(crate) fn write(&mut self, fd: u64, bytes: &[u8]) -> Result<u64, &'static str> {
        let len = self.put(BUF, bytes);
        let n = self.iovs(&[(BUF, len)]);
        match self.call("fd_write", &[fd, IOVS, n, OUT]) {
            "SUCCESS" => Ok(self.u32(OUT)),
            error => Err(error),
        }
    }

    /// `fd_read` into one buffer.
    pub(crate) fn read(&mut self, fd: u64, len: u64) -> Result<Vec<u8>, &'static str> {
        let n = self.iovs(&[(BUF, len)]);
        match self.call("fd_read", &[fd, IOVS, n, OUT]) {
            "SUCCESS" => Ok(self.bytes(BUF, self.u32(OUT) as usize).to_vec()),
            error => Err(error),
        }
    }

    pub(crate) fn seek(&mut self, fd: u64, offset: i64, whence: u64) -> Result<u64, &'static str> {
        match self.call("fd_seek", &[fd, offset as u64, whence, OUT]) {
            "SUCCESS" => Ok(self.u64(OUT)),
            error => Err(error),
        }
    }

    /// Makes a file with this content.
    pub(crate) fn file(&mut self, path: &str, content: &[u8]) {
        let fd = self.open(path, CREAT | TRUNC, RW).unwrap();
        assert_eq!(self.write(fd, content), Ok(content.len() as u64));
        self.close(fd);
    }

    pub(crate) fn content(&mut self, path: &str) -> Result<Vec<u8>, &'static str> {
        let fd = self.open(path, 0, R)?;
        let content = self.read(fd, 4096);
        self.close(fd);
        content
    }

    /// A call on one path beneath the root.
    pub(crate) fn on(&mut self, name: &str, path: &str) -> &'static str {
        let len = self.put(PATH, path.as_bytes());
        self.call(name, &[ROOT, PATH, len])
    }

    pub(crate) fn mkdir(&mut self, path: &str) -> &'static str {
        self.on("path_create_directory", path)
    }

    pub(crate) fn rmdir(&mut self, path: &str) -> &'static str {
        self.on("path_remove_directory", path)
    }

    pub(crate) fn unlink(&mut self, path: &str) -> &'static str {
        self.on("path_unlink_file", path)
    }

    pub(crate) fn symlink(&mut self, target: &str, path: &str) -> &'static str {
        let (target, len) = (self.put(PATH2, target.as_bytes()), self.put(PATH, path.as_bytes()));
        self.call("path_symlink", &[PATH2, target, ROOT, PATH, len])
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> &'static str {
        let (from, to) = (self.put(PATH, from.as_bytes()), self.put(PATH2, to.as_bytes()));
        self.call("path_rename", &[ROOT, PATH, from, ROOT, PATH2, to])
    }

    pub(crate) fn link(&mut self, flags: u64, from: &str, to: &str) -> &'static str {
        let (from, to) = (self.put(PATH, from.as_bytes()), self.put(PATH2, to.as_bytes()));
        self.call("path_link", &[ROOT, flags, PATH, from, ROOT, PATH2, to])
    }

    pub(crate) fn stat(&mut self, path: &str, flags: u64) -> Result<Filestat, &'static str> {
        let len = self.put(PATH, path.as_bytes());
        match self.call("path_filestat_get", &[ROOT, flags, PATH, len, OUT]) {
            "SUCCESS" => Ok(self.filestat()),
            error => Err(error),
        }
    }

    pub(crate) fn fstat(&mut self, fd: u64) -> Result<Filestat, &'static str> {
        match self.call("fd_filestat_get", &[fd, OUT]) {
            "SUCCESS" => Ok(self.filestat()),
            error => Err(error),
        }
    }

    fn filestat(&self) -> Filestat {
        Filestat::decode(self.bytes(OUT, Filestat::SIZE).try_into().unwrap())
    }
}
