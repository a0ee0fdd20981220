//! What a call that has succeeded has written.

use core::fmt::{self, Write as _};

use gangplank_wasi::{
    GuestMemory,
    abi::{self, Kind, Layout, Param, types},
};

use super::{Given, show};

/// Prints the results, each after a space.
pub(super) fn print(line: &mut String, given: &Given<'_>) -> fmt::Result {
    // Numbers first: they say how much of the rest there is.
    for (_, param, at) in given.params() {
        value(line, param, at, given.memory)?;
    }
    for (i, param, at) in given.params() {
        content(line, given, i, param, at)?;
    }
    Ok(())
}

fn value(line: &mut String, param: Param, at: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    let name = param.name;
    match param.kind {
        Kind::OutU16 => match memory.get::<u16>(at) {
            // The only one there is: `ro_flags`.
            Ok(flags) => {
                write!(line, " {name}=")?;
                show::flags::<abi::RoFlags>(line, flags.into())
            }
            Err(_) => Ok(()),
        },
        Kind::OutU32 | Kind::OutFd => number::<u32>(line, name, at, memory),
        Kind::OutU64 => number::<u64>(line, name, at, memory),
        Kind::OutFdstat => match memory.get::<types::Fdstat>(at) {
            Ok(stat) => {
                write!(line, " {name}={{{}, ", show::file_type(stat.filetype))?;
                show::flags::<abi::FdFlags>(line, stat.flags.into())?;
                line.write_str(", rights=")?;
                show::rights(line, stat.rights_base)?;
                line.write_str(", inheriting=")?;
                show::rights(line, stat.rights_inheriting)?;
                line.write_str("}")
            }
            Err(_) => Ok(()),
        },
        Kind::OutFilestat => match memory.get::<types::Filestat>(at) {
            Ok(stat) => filestat(line, name, stat.filetype, [stat.ino, stat.nlink, stat.size], stat.mtim),
            Err(_) => Ok(()),
        },
        Kind::OutFilestatUnstable => match memory.get::<abi::unstable::Filestat>(at) {
            Ok(stat) => filestat(line, name, stat.filetype, [stat.ino, stat.nlink.into(), stat.size], stat.mtim),
            Err(_) => Ok(()),
        },
        Kind::OutPrestat => match memory.get::<types::Prestat>(at) {
            Ok(prestat) => write!(line, " {name}={{dir, name_len={}}}", prestat.name_len),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn filestat(line: &mut String, name: &str, kind: u8, [ino, nlink, size]: [u64; 3], mtim: u64) -> fmt::Result {
    let kind = show::file_type(kind);
    write!(line, " {name}={{{kind}, ino={ino}, nlink={nlink}, size={size}, mtim=")?;
    show::nanoseconds(line, mtim)?;
    line.write_str("}")
}

fn number<T: Layout + fmt::Display>(line: &mut String, name: &str, at: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    match memory.get::<T>(at) {
        Ok(value) => write!(line, " {name}={value}"),
        Err(_) => Ok(()),
    }
}

fn content(line: &mut String, given: &Given<'_>, i: usize, param: Param, at: u64) -> fmt::Result {
    let memory = given.memory;
    match param.kind {
        Kind::IovsMut => {
            let Some(n @ 1..) = given.written_after(i) else { return Ok(()) };
            write!(line, " {}=", param.name)?;
            received(line, given, at, given.args.get(i + 1).copied().unwrap_or(0), n)
        }
        Kind::OutBuf if given.import.name == "fd_readdir" => match given.written_after(i) {
            Some(used) => {
                write!(line, " {}=", param.name)?;
                entries(line, at, used, memory)
            }
            None => Ok(()),
        },
        Kind::OutBuf => {
            let len = given.written_after(i).map(u64::from).or_else(|| given.after(i, Kind::Len));
            match len {
                Some(len) => {
                    write!(line, " {}=", param.name)?;
                    show::quoted::<32>(line, at, len, memory)
                }
                // Strings that the pointers before it lead to.
                None => Ok(()),
            }
        }
        Kind::OutPtrs => match given.after(i, Kind::OutBuf) {
            Some(buffer) => {
                write!(line, " {}=", param.name)?;
                strings(line, at, buffer, memory)
            }
            None => Ok(()),
        },
        Kind::OutEvents => {
            let count = given.written_after(i).unwrap_or(0).into();
            write!(line, " {}=", param.name)?;
            show::list(line, at, count, types::Event::SIZE, memory, |line, at| event(line, at, memory))
        }
        _ => Ok(()),
    }
}

fn event(line: &mut String, at: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    let Ok(event) = memory.get::<types::Event>(at) else { return line.write_str("?") };
    write!(line, "{{{}", show::event_type(event.kind))?;
    match event.error {
        0 => {}
        error => write!(line, " {}", abi::errno_name(error).unwrap_or("?"))?,
    }
    if event.nbytes != 0 {
        write!(line, " nbytes={}", event.nbytes)?;
    }
    if event.flags != 0 {
        line.write_str(" ")?;
        show::flags::<abi::EventRwFlags>(line, event.flags.into())?;
    }
    line.write_str("}")
}

/// Prints the first of `n` bytes that were read into the `count` buffers at `at`.
fn received(line: &mut String, given: &Given<'_>, at: u64, count: u64, n: u32) -> fmt::Result {
    const MAX: usize = 32;
    let mut bytes = [0; MAX];
    let (mut filled, mut left) = (0, u64::from(n));
    // Empty buffers may come first; how many is the guest's choice, so not more of them than we would show.
    for i in 0..count.min(MAX as u64) {
        let Ok(iovec) = given.memory.get::<types::IoVec>(at.saturating_add(i * types::IoVec::SIZE as u64)) else {
            break;
        };
        let take = left.min(iovec.len.into()).min((MAX - filled) as u64) as usize;
        if given.memory.read(iovec.buf, &mut bytes[filled..filled + take]).is_err() {
            break;
        }
        filled += take;
        left -= take as u64;
        if left == 0 || filled == MAX {
            break;
        }
    }
    show::bytes(line, &bytes[..filled], left > 0)
}

/// Prints the names of a listing of `used` bytes.
fn entries(line: &mut String, at: u64, used: u32, memory: &GuestMemory<'_>) -> fmt::Result {
    let (mut at, end) = (at, at.saturating_add(used.into()));
    line.write_str("[")?;
    let mut comma = "";
    for shown in 0.. {
        let head = at.saturating_add(types::Dirent::SIZE as u64);
        // The last one may be cut.
        let Some(dirent) = (head <= end).then(|| memory.get::<types::Dirent>(at).ok()).flatten() else { break };
        let next = head.saturating_add(dirent.namlen.into());
        if next > end {
            break;
        }
        line.write_str(comma)?;
        comma = ", ";
        if shown == show::LIST_MAX {
            line.write_str("…")?;
            break;
        }
        show::quoted::<32>(line, head, dirent.namlen.into(), memory)?;
        at = next;
    }
    line.write_str("]")
}

/// Prints strings that lie one after the other from `buffer` on, as long as the pointers at `at` lead to them: nobody
/// says here how many there are.
fn strings(line: &mut String, at: u64, buffer: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    const MAX: usize = 64;
    line.write_str("[")?;
    let mut place = buffer;
    for i in 0.. {
        if memory.get::<u32>(at + i * 4).map(u64::from) != Ok(place) {
            break;
        }
        line.write_str(if i == 0 { "" } else { ", " })?;
        let mut bytes = [0; MAX];
        let here = (memory.size() as u64).saturating_sub(place).min(MAX as u64) as usize;
        let end = match memory.read(place, &mut bytes[..here]) {
            Ok(()) => bytes[..here].iter().position(|&b| b == 0),
            Err(_) => None,
        };
        match end {
            Some(end) if (i as usize) < show::LIST_MAX => {
                show::bytes(line, &bytes[..end], false)?;
                place += end as u64 + 1;
            }
            // One that is too long to find the end of, or one too many.
            _ => {
                line.write_str("…")?;
                break;
            }
        }
    }
    line.write_str("]")
}
