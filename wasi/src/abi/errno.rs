//! WASI's numbers for errors.

use gangplank_vfs::Errno;

/// The names, each at the index that is its number; 0 is no error. `2BIG` is our `TOOBIG`.
const NAMES: [&str; 77] = [
    "SUCCESS",
    "2BIG",
    "ACCES",
    "ADDRINUSE",
    "ADDRNOTAVAIL",
    "AFNOSUPPORT",
    "AGAIN",
    "ALREADY",
    "BADF",
    "BADMSG",
    "BUSY",
    "CANCELED",
    "CHILD",
    "CONNABORTED",
    "CONNREFUSED",
    "CONNRESET",
    "DEADLK",
    "DESTADDRREQ",
    "DOM",
    "DQUOT",
    "EXIST",
    "FAULT",
    "FBIG",
    "HOSTUNREACH",
    "IDRM",
    "ILSEQ",
    "INPROGRESS",
    "INTR",
    "INVAL",
    "IO",
    "ISCONN",
    "ISDIR",
    "LOOP",
    "MFILE",
    "MLINK",
    "MSGSIZE",
    "MULTIHOP",
    "NAMETOOLONG",
    "NETDOWN",
    "NETRESET",
    "NETUNREACH",
    "NFILE",
    "NOBUFS",
    "NODEV",
    "NOENT",
    "NOEXEC",
    "NOLCK",
    "NOLINK",
    "NOMEM",
    "NOMSG",
    "NOPROTOOPT",
    "NOSPC",
    "NOSYS",
    "NOTCONN",
    "NOTDIR",
    "NOTEMPTY",
    "NOTRECOVERABLE",
    "NOTSOCK",
    "NOTSUP",
    "NOTTY",
    "NXIO",
    "OVERFLOW",
    "OWNERDEAD",
    "PERM",
    "PIPE",
    "PROTO",
    "PROTONOSUPPORT",
    "PROTOTYPE",
    "RANGE",
    "ROFS",
    "SPIPE",
    "SRCH",
    "STALE",
    "TIMEDOUT",
    "TXTBSY",
    "XDEV",
    "NOTCAPABLE",
];

/// Numbers of [`Errno`] are below this, all but `NOTCAPABLE`.
const RAW_END: usize = 160;

/// WASI's number at the index that is Linux's; 0 where there is none. Made from the names when we are compiled.
const BY_RAW: [u8; RAW_END] = {
    let mut table = [0; RAW_END];
    let mut i = 0;
    while i < Errno::ALL.len() {
        let errno = Errno::ALL[i];
        if (errno.raw() as usize) < RAW_END {
            table[errno.raw() as usize] = number_of(errno.name());
        }
        i += 1;
    }
    table
};

/// WASI's number of `errno`, `NODATA` being `NOENT` for want of its own.
#[inline]
pub const fn to_wasi(errno: Errno) -> u16 {
    let raw = errno.raw() as usize;
    if raw < RAW_END && BY_RAW[raw] != 0 {
        BY_RAW[raw] as u16
    } else if raw == Errno::NOTCAPABLE.raw() as usize {
        76
    } else {
        29
    }
}

/// The name of WASI's number, as the specification spells it: `NOENT`.
pub const fn errno_name(number: u16) -> Option<&'static str> {
    if (number as usize) < NAMES.len() { Some(NAMES[number as usize]) } else { None }
}

const fn number_of(name: &str) -> u8 {
    let name: &[u8] = match name.as_bytes() {
        b"TOOBIG" => b"2BIG",
        // Extended attributes are not WASI's; a missing one is something missing.
        b"NODATA" => b"NOENT",
        name => name,
    };
    let mut i = 1;
    while i < NAMES.len() {
        if equal(NAMES[i].as_bytes(), name) {
            return i as u8;
        }
        i += 1;
    }
    panic!("an Errno without a number in WASI")
}

const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_own_number() {
        for &errno in Errno::ALL {
            let name = errno_name(to_wasi(errno)).unwrap();
            match errno {
                Errno::TOOBIG => assert_eq!(name, "2BIG"),
                Errno::NODATA => assert_eq!(name, "NOENT"),
                _ => assert_eq!(name, errno.name()),
            }
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_specification() {
        for (errno, number) in [
            (Errno::TOOBIG, 1),
            (Errno::BADF, 8),
            (Errno::FAULT, 21),
            (Errno::INVAL, 28),
            (Errno::NOENT, 44),
            (Errno::NOTSUP, 58),
            (Errno::PERM, 63),
            (Errno::SPIPE, 70),
            (Errno::XDEV, 75),
            (Errno::NOTCAPABLE, 76),
        ] {
            assert_eq!(to_wasi(errno), number);
        }
    }
}
