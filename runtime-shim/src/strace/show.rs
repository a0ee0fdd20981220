//! Values for people, each with a bound on its length and on what is read of the guest's memory.

use core::fmt::{self, Write as _};

use gangplank_wasi::{GuestMemory, RightSet};

/// Elements of a list that are shown.
pub(super) const LIST_MAX: usize = 4;

/// Prints the array of `count` elements of `size` bytes at `at`: the first with `element`, by their addresses.
pub(super) fn list(
    line: &mut String,
    at: u64,
    count: u64,
    size: usize,
    memory: &GuestMemory<'_>,
    element: impl Fn(&mut String, u64) -> fmt::Result,
) -> fmt::Result {
    // Both have 32 bits.
    if memory.check(at, count.saturating_mul(size as u64)).is_err() {
        return write!(line, "{at:#x}[{count}]");
    }
    line.write_str("[")?;
    for i in 0..count.min(LIST_MAX as u64) {
        line.write_str(if i == 0 { "" } else { ", " })?;
        element(line, at + i * size as u64)?;
    }
    line.write_str(if count > LIST_MAX as u64 { ", …]" } else { "]" })
}

/// Prints `len` bytes at `at` in quotes, at most the first `MAX` of them.
pub(super) fn quoted<const MAX: usize>(line: &mut String, at: u64, len: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    let mut buffer = [0; MAX];
    let shown = len.min(MAX as u64) as usize;
    match memory.read(at, &mut buffer[..shown]) {
        Ok(()) => bytes(line, &buffer[..shown], len > MAX as u64),
        Err(_) => write!(line, "{at:#x}[{len}]"),
    }
}

/// Prints bytes in quotes; `cut` if there were more. Text is shown as such, without what a terminal would obey.
pub(super) fn bytes(line: &mut String, bytes: &[u8], cut: bool) -> fmt::Result {
    line.write_str("\"")?;
    let mut rest = bytes.len();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' => line.write_char(c)?,
                c => write!(line, "{}", c.escape_debug())?,
            }
        }
        rest -= chunk.valid().len() + chunk.invalid().len();
        // A character that the cut went through is not wrong.
        let halved = cut && rest == 0 && chunk.invalid().first().is_some_and(|&b| b >= 0xc2);
        if !halved {
            chunk.invalid().iter().try_for_each(|b| write!(line, "\\x{b:02x}"))?;
        }
    }
    line.write_str(if cut { "\"…" } else { "\"" })
}

/// A set of bits by its names; bits without one as a number.
pub(super) fn flags<F>(line: &mut String, raw: u64) -> fmt::Result
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
        (true, true) => line.write_str("0"),
        (true, false) => Ok(()),
        (false, _) => write!(line, "{bar}{:#x}", rest.bits()),
    }
}

/// A set of rights: its names if they are few, those that are missing if they are, else some of them. Bits without a
/// meaning, which C libraries set, are left out.
pub(super) fn rights(line: &mut String, raw: u64) -> fmt::Result {
    const FEW: usize = 4;
    let set = RightSet::from_bits_truncate(raw);
    let missing = RightSet::all().difference(set);
    let count = |set: RightSet| set.iter_names().count();
    let names = |line: &mut String, set: RightSet, most: usize| {
        let mut names = set.iter_names().take(most).enumerate();
        names.try_for_each(|(i, (name, _))| write!(line, "{}{name}", if i == 0 { "" } else { "|" }))
    };
    match (count(set), count(missing)) {
        (0, _) => line.write_str("0"),
        (_, 0) => line.write_str("ALL"),
        (1..=FEW, _) => names(line, set, FEW),
        (_, 1..=FEW) => {
            line.write_str("ALL-")?;
            names(line, missing, FEW)
        }
        (n, _) => {
            names(line, set, FEW - 1)?;
            write!(line, "|+{}", n - (FEW - 1))
        }
    }
}

/// Nanoseconds as seconds.
pub(super) fn nanoseconds(line: &mut String, ns: u64) -> fmt::Result {
    let (seconds, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
    match rest {
        0 => write!(line, "{seconds}s"),
        _ => write!(line, "{seconds}.{}s", format!("{rest:09}").trim_end_matches('0')),
    }
}

/// A name, or the number if there is none.
pub(super) fn or_number(line: &mut String, name: Option<&str>, raw: u32) -> fmt::Result {
    match name {
        Some(name) => line.write_str(name),
        None => write!(line, "{raw}"),
    }
}

pub(super) fn clock(raw: u32) -> Option<&'static str> {
    ["REALTIME", "MONOTONIC", "PROCESS_CPUTIME", "THREAD_CPUTIME"].get(raw as usize).copied()
}

pub(super) fn advice(raw: u32) -> Option<&'static str> {
    ["NORMAL", "SEQUENTIAL", "RANDOM", "WILLNEED", "DONTNEED", "NOREUSE"].get(raw as usize).copied()
}

pub(super) fn whence(raw: u32) -> Option<&'static str> {
    ["SET", "CUR", "END"].get(raw as usize).copied()
}

pub(super) fn whence_unstable(raw: u32) -> Option<&'static str> {
    ["CUR", "END", "SET"].get(raw as usize).copied()
}

pub(super) fn signal(raw: u32) -> Option<&'static str> {
    const NAMES: [&str; 31] = [
        "NONE", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "POLL", "PWR", "SYS",
    ];
    NAMES.get(raw as usize).copied()
}

pub(super) fn event_type(raw: u8) -> &'static str {
    ["CLOCK", "FD_READ", "FD_WRITE"].get(usize::from(raw)).copied().unwrap_or("?")
}

pub(super) fn file_type(raw: u8) -> &'static str {
    const NAMES: [&str; 8] = [
        "unknown",
        "block device",
        "character device",
        "directory",
        "regular file",
        "datagram socket",
        "stream socket",
        "symbolic link",
    ];
    NAMES.get(usize::from(raw)).copied().unwrap_or("unknown")
}
