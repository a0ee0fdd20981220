//! [`Errno`]: the only error that crosses the traits.
//!
//! The numbers are Linux's (`errno(3)`), because every peer and every test of this project speaks them; the map to
//! WASI's own numbering is total and lives in `gangplank-wasi`.

use core::{fmt, num::NonZeroU16};

/// A POSIX error number, two bytes wide, so that `Result<()>` is two bytes as well.
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno(NonZeroU16);

/// The result of everything that a filesystem does.
pub type Result<T, E = Errno> = core::result::Result<T, E>;

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Errno {
            $(
                #[doc = $text]
                pub const $name: Errno = Errno(NonZeroU16::new($value).unwrap());
            )*

            /// Every number that has a name, in ascending order.
            pub const ALL: &'static [Errno] = &[$(Errno::$name),*];

            /// The name without its leading `E`, as WASI spells it: `NOENT`.
            pub const fn name(self) -> &'static str {
                match self.0.get() {
                    $($value => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }

            /// One line for a person: `no such file or directory`.
            pub const fn message(self) -> &'static str {
                match self.0.get() {
                    $($value => $text,)*
                    _ => "unknown error",
                }
            }
        }
    };
}

errnos! {
    PERM = 1, "operation not permitted";
    NOENT = 2, "no such file or directory";
    SRCH = 3, "no such process";
    INTR = 4, "interrupted";
    IO = 5, "input/output error";
    NXIO = 6, "no such device or address";
    TOOBIG = 7, "argument list too long";
    NOEXEC = 8, "not an executable";
    BADF = 9, "bad file descriptor";
    CHILD = 10, "no child process";
    AGAIN = 11, "would block; try again";
    NOMEM = 12, "out of memory";
    ACCES = 13, "permission denied";
    FAULT = 14, "bad address";
    BUSY = 16, "in use";
    EXIST = 17, "file exists";
    XDEV = 18, "link across filesystems";
    NODEV = 19, "no such device";
    NOTDIR = 20, "not a directory";
    ISDIR = 21, "is a directory";
    INVAL = 22, "invalid argument";
    NFILE = 23, "too many open files in the system";
    MFILE = 24, "too many open files";
    NOTTY = 25, "not a terminal";
    TXTBSY = 26, "text file busy";
    FBIG = 27, "file too large";
    NOSPC = 28, "no space left";
    SPIPE = 29, "cannot seek";
    ROFS = 30, "read-only filesystem";
    MLINK = 31, "too many links";
    PIPE = 32, "broken pipe";
    DOM = 33, "argument out of domain";
    RANGE = 34, "result too large";
    DEADLK = 35, "would deadlock";
    NAMETOOLONG = 36, "name too long";
    NOLCK = 37, "no locks available";
    NOSYS = 38, "function not implemented";
    NOTEMPTY = 39, "directory not empty";
    LOOP = 40, "too many symbolic links";
    NOMSG = 42, "no message of that type";
    IDRM = 43, "identifier removed";
    NODATA = 61, "no such attribute";
    NOLINK = 67, "link severed";
    PROTO = 71, "protocol error";
    MULTIHOP = 72, "multihop attempted";
    BADMSG = 74, "bad message";
    OVERFLOW = 75, "value too large";
    ILSEQ = 84, "illegal byte sequence";
    NOTSOCK = 88, "not a socket";
    DESTADDRREQ = 89, "destination address required";
    MSGSIZE = 90, "message too long";
    PROTOTYPE = 91, "wrong protocol type for socket";
    NOPROTOOPT = 92, "protocol option not available";
    PROTONOSUPPORT = 93, "protocol not supported";
    NOTSUP = 95, "not supported";
    AFNOSUPPORT = 97, "address family not supported";
    ADDRINUSE = 98, "address in use";
    ADDRNOTAVAIL = 99, "address not available";
    NETDOWN = 100, "network is down";
    NETUNREACH = 101, "network is unreachable";
    NETRESET = 102, "connection dropped by the network";
    CONNABORTED = 103, "connection aborted";
    CONNRESET = 104, "connection reset";
    NOBUFS = 105, "no buffer space";
    ISCONN = 106, "already connected";
    NOTCONN = 107, "not connected";
    TIMEDOUT = 110, "timed out";
    CONNREFUSED = 111, "connection refused";
    HOSTUNREACH = 113, "host is unreachable";
    ALREADY = 114, "already in progress";
    INPROGRESS = 115, "in progress";
    STALE = 116, "stale file handle";
    DQUOT = 122, "quota exceeded";
    CANCELED = 125, "canceled";
    OWNERDEAD = 130, "previous owner died";
    NOTRECOVERABLE = 131, "state not recoverable";
    NOTCAPABLE = 1000, "capabilities insufficient";
}

impl Errno {
    /// The number itself, Linux's; `NOTCAPABLE`, which only WASI has, is 1000.
    pub const fn raw(self) -> u16 {
        self.0.get()
    }

    /// The error with this Linux number, or `None` for one that has no name here.
    pub fn from_raw(raw: i32) -> Option<Errno> {
        let wanted = u16::try_from(raw).ok()?;
        Errno::ALL.binary_search_by_key(&wanted, |e| e.raw()).ok().map(|i| Errno::ALL[i])
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (E{})", self.message(), self.name())
    }
}

impl core::error::Error for Errno {}

#[cfg(all(feature = "host", unix))]
impl From<rustix::io::Errno> for Errno {
    /// An unnamed host error is `IO`: nothing of the host but the fact that it failed.
    fn from(e: rustix::io::Errno) -> Errno {
        host_errno(e.raw_os_error())
    }
}

impl From<std::io::Error> for Errno {
    /// By number where the host gave one, else by kind, else `IO`.
    fn from(e: std::io::Error) -> Errno {
        #[cfg(all(feature = "host", unix))]
        if let Some(raw) = e.raw_os_error() {
            return host_errno(raw);
        }
        errno_of_kind(e.kind())
    }
}

/// On Linux the numbers are ours; elsewhere only the names are, so the way leads over [`std::io::ErrorKind`] and the
/// names that rustix knows.
#[cfg(all(feature = "host", unix))]
fn host_errno(raw: i32) -> Errno {
    #[cfg(target_os = "linux")]
    return Errno::from_raw(raw).unwrap_or(Errno::IO);
    #[cfg(not(target_os = "linux"))]
    {
        use rustix::io::Errno as H;
        let table: &[(H, Errno)] = &[
            (H::PERM, Errno::PERM),
            (H::NOENT, Errno::NOENT),
            (H::INTR, Errno::INTR),
            (H::IO, Errno::IO),
            (H::NXIO, Errno::NXIO),
            (H::BADF, Errno::BADF),
            (H::AGAIN, Errno::AGAIN),
            (H::NOMEM, Errno::NOMEM),
            (H::ACCESS, Errno::ACCES),
            (H::BUSY, Errno::BUSY),
            (H::EXIST, Errno::EXIST),
            (H::XDEV, Errno::XDEV),
            (H::NOTDIR, Errno::NOTDIR),
            (H::ISDIR, Errno::ISDIR),
            (H::INVAL, Errno::INVAL),
            (H::NFILE, Errno::NFILE),
            (H::MFILE, Errno::MFILE),
            (H::TXTBSY, Errno::TXTBSY),
            (H::FBIG, Errno::FBIG),
            (H::NOSPC, Errno::NOSPC),
            (H::SPIPE, Errno::SPIPE),
            (H::ROFS, Errno::ROFS),
            (H::MLINK, Errno::MLINK),
            (H::PIPE, Errno::PIPE),
            (H::NAMETOOLONG, Errno::NAMETOOLONG),
            (H::NOTEMPTY, Errno::NOTEMPTY),
            (H::LOOP, Errno::LOOP),
            (H::OVERFLOW, Errno::OVERFLOW),
            (H::ILSEQ, Errno::ILSEQ),
            (H::NOTSUP, Errno::NOTSUP),
            (H::DQUOT, Errno::DQUOT),
            (H::STALE, Errno::STALE),
            (H::NOSYS, Errno::NOSYS),
            (H::CONNRESET, Errno::CONNRESET),
            (H::NOTCONN, Errno::NOTCONN),
            (H::TIMEDOUT, Errno::TIMEDOUT),
        ];
        let wanted = H::from_raw_os_error(raw);
        table
            .iter()
            .find(|(h, _)| *h == wanted)
            .map(|(_, e)| *e)
            .unwrap_or_else(|| errno_of_kind(std::io::Error::from_raw_os_error(raw).kind()))
    }
}

fn errno_of_kind(kind: std::io::ErrorKind) -> Errno {
    use std::io::ErrorKind as K;
    match kind {
        K::NotFound => Errno::NOENT,
        K::PermissionDenied => Errno::PERM,
        K::AlreadyExists => Errno::EXIST,
        K::WouldBlock => Errno::AGAIN,
        K::NotADirectory => Errno::NOTDIR,
        K::IsADirectory => Errno::ISDIR,
        K::DirectoryNotEmpty => Errno::NOTEMPTY,
        K::ReadOnlyFilesystem => Errno::ROFS,
        K::StorageFull => Errno::NOSPC,
        K::QuotaExceeded => Errno::DQUOT,
        K::NotSeekable => Errno::SPIPE,
        K::FileTooLarge => Errno::FBIG,
        K::ResourceBusy => Errno::BUSY,
        K::ExecutableFileBusy => Errno::TXTBSY,
        K::Deadlock => Errno::DEADLK,
        K::CrossesDevices => Errno::XDEV,
        K::TooManyLinks => Errno::MLINK,
        K::InvalidFilename => Errno::NAMETOOLONG,
        K::ArgumentListTooLong => Errno::TOOBIG,
        K::InvalidInput => Errno::INVAL,
        K::BrokenPipe => Errno::PIPE,
        K::TimedOut => Errno::TIMEDOUT,
        K::Interrupted => Errno::INTR,
        K::Unsupported => Errno::NOTSUP,
        K::OutOfMemory => Errno::NOMEM,
        K::ConnectionRefused => Errno::CONNREFUSED,
        K::ConnectionReset => Errno::CONNRESET,
        K::ConnectionAborted => Errno::CONNABORTED,
        K::NotConnected => Errno::NOTCONN,
        K::AddrInUse => Errno::ADDRINUSE,
        K::AddrNotAvailable => Errno::ADDRNOTAVAIL,
        K::HostUnreachable => Errno::HOSTUNREACH,
        K::NetworkUnreachable => Errno::NETUNREACH,
        K::NetworkDown => Errno::NETDOWN,
        K::StaleNetworkFileHandle => Errno::STALE,
        _ => Errno::IO,
    }
}

const _: () = assert!(size_of::<Result<()>>() == 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_sorted_and_round_trips() {
        assert!(Errno::ALL.windows(2).all(|w| w[0] < w[1]));
        for &e in Errno::ALL {
            assert_eq!(Errno::from_raw(e.raw().into()), Some(e));
            assert_ne!(e.name(), "UNKNOWN");
        }
        assert_eq!(Errno::from_raw(0), None);
        assert_eq!(Errno::from_raw(-1), None);
        assert_eq!(Errno::from_raw(999), None);
    }

    #[test]
    fn kinds_map_where_no_number_is() {
        assert_eq!(Errno::from(std::io::Error::from(std::io::ErrorKind::DirectoryNotEmpty)), Errno::NOTEMPTY);
        assert_eq!(Errno::from(std::io::Error::other("x")), Errno::IO);
    }
}
