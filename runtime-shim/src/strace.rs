//! [`Strace`]: one line for each syscall, as `strace(1)` prints them.

use core::fmt::{self, Write as _};
use std::{io::Write, time::Instant};

use gangplank_wasi::{
    Event, Fault, GuestMemory, Trace,
    abi::{self, Kind, Layout, Param, types},
};
use parking_lot::Mutex;

/// Prints each syscall to a writer when it is done:
///
/// ```text
/// path_open(fd=3, dirflags=SYMLINK_FOLLOW, path="a.txt", oflags=0, …) = 0 SUCCESS opened_fd=4 <12µs>
/// ```
///
/// Pointers are shown as they are, paths as the bytes they point to, results after the error number. Lines of several
/// threads do not mix. What cannot be written is dropped.
pub struct Strace {
    out: Mutex<Box<dyn Write + Send>>,
    /// Zero of our clock.
    epoch: Instant,
}

impl Strace {
    /// Prints to `out`, each line at once.
    pub fn new(out: impl Write + Send + 'static) -> Strace {
        Strace { out: Mutex::new(Box::new(out)), epoch: Instant::now() }
    }
}

impl Strace {
    /// Nanoseconds since our zero.
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Strace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strace")
    }
}

impl Trace for Strace {
    fn begin(&self, _import: &'static abi::Import) -> u64 {
        self.now()
    }

    fn event(&self, event: &Event<'_, '_>) {
        let taken = self.now().saturating_sub(event.begun);
        let mut line = String::with_capacity(128);
        // Writing to a string does not fail.
        let _ = print(&mut line, event);
        let _ = match (event.result, taken) {
            // It is the process that is done, not the call.
            (Err(Fault::Exit), _) => writeln!(line),
            (_, 0..10_000) => writeln!(line, " <{}.{:01}µs>", taken / 1000, taken % 1000 / 100),
            (_, 10_000..10_000_000) => writeln!(line, " <{}µs>", taken / 1000),
            _ => writeln!(line, " <{}ms>", taken / 1_000_000),
        };
        let _ = self.out.lock().write_all(line.as_bytes());
    }
}

fn print(line: &mut String, event: &Event<'_, '_>) -> fmt::Result {
    let memory = &event.call.memory;
    let given = || event.import.params.iter().copied().zip(event.args.iter().copied());
    write!(line, "{}(", event.import.name)?;
    let mut comma = "";
    for (i, (param, value)) in given().enumerate() {
        let next = event.args.get(i + 1).copied().unwrap_or(0);
        if argument(line, comma, param, value, next, memory)? {
            comma = ", ";
        }
    }
    match event.result {
        Ok(()) => {
            line.push_str(") = 0 SUCCESS");
            for (param, value) in given() {
                outcome(line, param, value, memory)?;
            }
        }
        Err(Fault::Errno(errno)) => {
            let number = abi::to_wasi(errno);
            write!(line, ") = {number} {}", abi::errno_name(number).unwrap_or("?"))?;
        }
        Err(Fault::Exit) => line.push_str(") = ?"),
    }
    Ok(())
}

/// Prints one argument, if it is worth it; `next` is the one after it.
fn argument(
    line: &mut String,
    comma: &str,
    param: Param,
    value: u64,
    next: u64,
    memory: &GuestMemory<'_>,
) -> Result<bool, fmt::Error> {
    let low = value as u32;
    // Lengths have been printed with what they are the length of; results come after the call.
    if matches!(
        param.kind,
        Kind::PathLen
            | Kind::IovsLen
            | Kind::OutU16
            | Kind::OutU32
            | Kind::OutU64
            | Kind::OutFd
            | Kind::OutFdstat
            | Kind::OutFilestat
            | Kind::OutPrestat
    ) {
        return Ok(false);
    }
    write!(line, "{comma}{}=", param.name)?;
    match param.kind {
        Kind::Path => path(line, value, next, memory)?,
        Kind::Iovs | Kind::IovsMut => write!(line, "{value:#x}[{next}]")?,
        Kind::Subscriptions | Kind::OutEvents | Kind::OutBuf | Kind::OutPtrs => write!(line, "{value:#x}")?,
        Kind::Rights => write!(line, "{value:#x}")?,
        Kind::Fd => write!(line, "{}", low as i32)?,
        Kind::I64 => write!(line, "{}", value as i64)?,
        Kind::LookupFlags => flags::<abi::LookupFlags>(line, value)?,
        Kind::OFlags => flags::<abi::OFlags>(line, value)?,
        Kind::FdFlags => flags::<abi::FdFlags>(line, value)?,
        Kind::FstFlags => flags::<abi::FstFlags>(line, value)?,
        Kind::RiFlags => flags::<abi::RiFlags>(line, value)?,
        Kind::SdFlags => flags::<abi::SdFlags>(line, value)?,
        Kind::ClockId => named::<types::ClockId>(line, low)?,
        Kind::Advice => named::<types::Advice>(line, low)?,
        Kind::Whence => named::<types::Whence>(line, low)?,
        _ => write!(line, "{value}")?,
    }
    Ok(true)
}

/// Prints what a syscall has written through a pointer.
fn outcome(line: &mut String, param: Param, at: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    let name = param.name;
    match param.kind {
        Kind::OutU16 => number::<u16>(line, name, at, memory),
        Kind::OutU32 | Kind::OutFd => number::<u32>(line, name, at, memory),
        Kind::OutU64 => number::<u64>(line, name, at, memory),
        Kind::OutFdstat => match memory.get::<types::Fdstat>(at) {
            Ok(stat) => {
                write!(line, " {name}={{{}, ", filetype(stat.filetype))?;
                flags::<abi::FdFlags>(line, stat.flags.into())?;
                write!(line, ", rights={:#x}/{:#x}}}", stat.rights_base, stat.rights_inheriting)
            }
            Err(_) => Ok(()),
        },
        Kind::OutFilestat => match memory.get::<types::Filestat>(at) {
            Ok(stat) => write!(
                line,
                " {name}={{{}, ino={}, nlink={}, size={}}}",
                filetype(stat.filetype),
                stat.ino,
                stat.nlink,
                stat.size
            ),
            Err(_) => Ok(()),
        },
        Kind::OutPrestat => match memory.get::<types::Prestat>(at) {
            Ok(prestat) => write!(line, " {name}={{dir, name_len={}}}", prestat.name_len),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn number<T: Layout + fmt::Display>(line: &mut String, name: &str, at: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    match memory.get::<T>(at) {
        Ok(value) => write!(line, " {name}={value}"),
        Err(_) => Ok(()),
    }
}

fn path(line: &mut String, at: u64, len: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    match memory.bytes(at, len, gangplank_vfs::PATH_MAX) {
        Ok(bytes) => write!(line, "\"{}\"", bytes.escape_ascii()),
        Err(_) => write!(line, "{at:#x}[{len}]"),
    }
}

fn filetype(raw: u8) -> &'static str {
    match raw {
        1 => "block device",
        2 => "character device",
        3 => "directory",
        4 => "regular file",
        5 => "datagram socket",
        6 => "stream socket",
        7 => "symbolic link",
        _ => "unknown",
    }
}

/// A set of bits by its names; bits without one as a number.
fn flags<F>(line: &mut String, raw: u64) -> fmt::Result
where
    F: bitflags::Flags,
    F::Bits: TryFrom<u64> + fmt::LowerHex,
{
    let Ok(bits) = F::Bits::try_from(raw) else { return write!(line, "{raw:#x}") };
    let set = F::from_bits_retain(bits);
    let mut bar = "";
    for (name, _) in set.iter_names() {
        write!(line, "{bar}{name}")?;
        bar = "|";
    }
    let rest = set.difference(F::all());
    match (rest.is_empty(), bar.is_empty()) {
        (true, true) => write!(line, "0"),
        (true, false) => Ok(()),
        (false, _) => write!(line, "{bar}{:#x}", rest.bits()),
    }
}

fn named<E: TryFrom<u32> + fmt::Debug>(line: &mut String, raw: u32) -> fmt::Result {
    match E::try_from(raw) {
        Ok(value) => write!(line, "{}", format!("{value:?}").to_ascii_uppercase()),
        Err(_) => write!(line, "{raw}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(show: impl Fn(&mut String) -> fmt::Result) -> String {
        let mut line = String::new();
        show(&mut line).unwrap();
        line
    }

    #[test]
    fn sets_and_enumerations_are_named_as_far_as_they_have_names() {
        assert_eq!(shown(|line| flags::<abi::OFlags>(line, 0)), "0");
        assert_eq!(shown(|line| flags::<abi::OFlags>(line, 5)), "CREAT|EXCL");
        assert_eq!(shown(|line| flags::<abi::OFlags>(line, 0x101)), "CREAT|0x100");
        assert_eq!(shown(|line| flags::<abi::OFlags>(line, 0x100)), "0x100");
        assert_eq!(shown(|line| flags::<abi::OFlags>(line, 0x1_0000)), "0x10000");
        assert_eq!(shown(|line| named::<types::Whence>(line, 0)), "SET");
        assert_eq!(shown(|line| named::<types::Whence>(line, 9)), "9");
    }

    #[test]
    fn paths_are_quoted_and_wild_pointers_are_shown_as_such() {
        let mut bytes = *b"a\"b\n\xff";
        let memory = GuestMemory::exclusive(&mut bytes);
        assert_eq!(shown(|line| path(line, 0, 5, &memory)), r#""a\"b\n\xff""#);
        assert_eq!(shown(|line| path(line, 1, 5, &memory)), "0x1[5]");
        assert_eq!(shown(|line| path(line, 9, u64::from(u32::MAX), &memory)), "0x9[4294967295]");
        assert_eq!(shown(|line| number::<u32>(line, "n", 3, &memory)), "", "nothing is there to be read");
    }
}
