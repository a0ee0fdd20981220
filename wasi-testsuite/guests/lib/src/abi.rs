//! Numbers and layouts of preview1, from its witx.

/// A preview1 errno other than success.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub u16);

/// The result of a call.
pub type Result<T = ()> = core::result::Result<T, Errno>;

macro_rules! errnos {
    ($($name:ident = $value:literal,)*) => {
        $(pub const $name: Errno = Errno($value);)*

        impl Errno {
            /// The name as the specification spells it.
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($value => stringify!($name),)*
                    _ => "?",
                }
            }
        }
    };
}

errnos! {
    ACCES = 2, AGAIN = 6, BADF = 8, BUSY = 10, CONNRESET = 15, DQUOT = 19, EXIST = 20, FAULT = 21, FBIG = 22, ILSEQ = 25, INVAL = 28,
    IO = 29, ISDIR = 31, LOOP = 32, MFILE = 33, MSGSIZE = 35, NAMETOOLONG = 37, NFILE = 41, NOBUFS = 42, NOENT = 44, NOMEM = 48,
    NOSPC = 51, NOSYS = 52, NOTCONN = 53, NOTDIR = 54, NOTEMPTY = 55, NOTSOCK = 57, NOTSUP = 58, OVERFLOW = 61, PERM = 63, PIPE = 64, ROFS = 69,
    SPIPE = 70, TIMEDOUT = 73, TXTBSY = 74, XDEV = 75, NOTCAPABLE = 76,
}

/// The first preopen.
pub const ROOT: u32 = 3;

pub const FOLLOW: u32 = 1;
pub const NOFOLLOW: u32 = 0;

pub const O_CREAT: u32 = 1;
pub const O_DIRECTORY: u32 = 2;
pub const O_EXCL: u32 = 4;
pub const O_TRUNC: u32 = 8;

pub const APPEND: u32 = 1;
pub const DSYNC: u32 = 2;
pub const NONBLOCK: u32 = 4;
pub const RSYNC: u32 = 8;
pub const SYNC: u32 = 16;

pub const ATIM: u32 = 1;
pub const ATIM_NOW: u32 = 2;
pub const MTIM: u32 = 4;
pub const MTIM_NOW: u32 = 8;

pub const SET: u32 = 0;
pub const CUR: u32 = 1;
pub const END: u32 = 2;

pub const REALTIME: u32 = 0;
pub const MONOTONIC: u32 = 1;

pub const UNKNOWN: u8 = 0;
pub const CHARACTER_DEVICE: u8 = 2;
pub const DIRECTORY: u8 = 3;
pub const REGULAR_FILE: u8 = 4;
pub const SOCKET_DGRAM: u8 = 5;
pub const SOCKET_STREAM: u8 = 6;
pub const SYMBOLIC_LINK: u8 = 7;

pub const RECV_PEEK: u32 = 1;
pub const RECV_WAITALL: u32 = 2;

pub const SHUT_RD: u32 = 1;
pub const SHUT_WR: u32 = 2;

pub const FD_DATASYNC: u64 = 1 << 0;
pub const FD_READ: u64 = 1 << 1;
pub const FD_SEEK: u64 = 1 << 2;
pub const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
pub const FD_SYNC: u64 = 1 << 4;
pub const FD_TELL: u64 = 1 << 5;
pub const FD_WRITE: u64 = 1 << 6;
pub const FD_ADVISE: u64 = 1 << 7;
pub const FD_ALLOCATE: u64 = 1 << 8;
pub const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
pub const PATH_CREATE_FILE: u64 = 1 << 10;
pub const PATH_LINK_SOURCE: u64 = 1 << 11;
pub const PATH_LINK_TARGET: u64 = 1 << 12;
pub const PATH_OPEN: u64 = 1 << 13;
pub const FD_READDIR: u64 = 1 << 14;
pub const PATH_READLINK: u64 = 1 << 15;
pub const PATH_RENAME_SOURCE: u64 = 1 << 16;
pub const PATH_RENAME_TARGET: u64 = 1 << 17;
pub const PATH_FILESTAT_GET: u64 = 1 << 18;
pub const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
pub const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
pub const FD_FILESTAT_GET: u64 = 1 << 21;
pub const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
pub const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
pub const PATH_SYMLINK: u64 = 1 << 24;
pub const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
pub const PATH_UNLINK_FILE: u64 = 1 << 26;
pub const POLL_FD_READWRITE: u64 = 1 << 27;

/// What a file opened for reading asks for.
pub const READ: u64 = FD_READ
    | FD_SEEK
    | FD_FDSTAT_SET_FLAGS
    | FD_SYNC
    | FD_DATASYNC
    | FD_TELL
    | FD_ADVISE
    | FD_FILESTAT_GET
    | FD_FILESTAT_SET_TIMES
    | POLL_FD_READWRITE;
/// What a file opened for writing asks for.
pub const WRITE: u64 = (READ & !FD_READ) | FD_WRITE | FD_ALLOCATE | FD_FILESTAT_SET_SIZE;
/// Both.
pub const READ_WRITE: u64 = READ | WRITE;
/// What a directory asks for; also what a preopen must report.
pub const DIR: u64 = PATH_CREATE_DIRECTORY
    | PATH_CREATE_FILE
    | PATH_LINK_SOURCE
    | PATH_LINK_TARGET
    | PATH_OPEN
    | FD_READDIR
    | PATH_READLINK
    | PATH_RENAME_SOURCE
    | PATH_RENAME_TARGET
    | PATH_FILESTAT_GET
    | PATH_FILESTAT_SET_TIMES
    | FD_FILESTAT_GET
    | FD_FILESTAT_SET_TIMES
    | PATH_SYMLINK
    | PATH_REMOVE_DIRECTORY
    | PATH_UNLINK_FILE;

/// `iovec` and `ciovec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Iov {
    pub base: u32,
    pub len: u32,
}

/// `filestat`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub filetype: u8,
    pub nlink: u64,
    pub size: u64,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
}

/// `fdstat`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct FdStat {
    pub filetype: u8,
    pub flags: u16,
    pub base: u64,
    pub inheriting: u64,
}

/// `subscription`, its union spelled out as the clock, which is the larger member.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Subscription {
    pub userdata: u64,
    pub tag: u8,
    /// The union begins at 16.
    pub padding: u32,
    pub fd_or_clock: u32,
    pub timeout: u64,
    pub precision: u64,
    pub flags: u16,
}

/// `event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Event {
    pub userdata: u64,
    pub error: u16,
    pub kind: u8,
    pub nbytes: u64,
    pub flags: u16,
}

const _: () = {
    assert!(size_of::<Iov>() == 8);
    assert!(size_of::<Stat>() == 64);
    assert!(core::mem::offset_of!(Stat, nlink) == 24);
    assert!(core::mem::offset_of!(Stat, ctim) == 56);
    assert!(size_of::<FdStat>() == 24);
    assert!(core::mem::offset_of!(FdStat, base) == 8);
    assert!(size_of::<Subscription>() == 48);
    assert!(core::mem::offset_of!(Subscription, fd_or_clock) == 16);
    assert!(core::mem::offset_of!(Subscription, flags) == 40);
    assert!(size_of::<Event>() == 32);
    assert!(core::mem::offset_of!(Event, nbytes) == 16);
};
