//! What a call was given.

use core::fmt::{self, Write as _};

use gangplank_wasi::{
    GuestMemory,
    abi::{self, Kind, Layout, Param, types},
};

use super::{Given, show};

/// Prints the arguments between the parentheses.
pub(super) fn print(line: &mut String, given: &Given<'_>) -> fmt::Result {
    let mut comma = "";
    for (i, param, value) in given.params() {
        if belongs_to_another(given, i, param) {
            continue;
        }
        write!(line, "{comma}{}=", param.name)?;
        comma = ", ";
        argument(line, given, i, param.kind, value)?;
    }
    Ok(())
}

/// Lengths are printed with what they are the length of, results after the call.
fn belongs_to_another(given: &Given<'_>, i: usize, param: Param) -> bool {
    match param.kind {
        Kind::PathLen
        | Kind::IovsLen
        | Kind::OutU16
        | Kind::OutU32
        | Kind::OutU64
        | Kind::OutFd
        | Kind::OutFdstat
        | Kind::OutFilestat
        | Kind::OutFilestatUnstable
        | Kind::OutPrestat
        | Kind::OutEvents => true,
        Kind::Len => given.import.params[..i]
            .iter()
            .any(|earlier| matches!(earlier.kind, Kind::Subscriptions | Kind::SubscriptionsUnstable)),
        _ => false,
    }
}

fn argument(line: &mut String, given: &Given<'_>, i: usize, kind: Kind, value: u64) -> fmt::Result {
    let low = value as u32;
    let next = given.args.get(i + 1).copied().unwrap_or(0);
    match kind {
        Kind::Path => path(line, value, next, given.memory),
        Kind::Iovs => vectors(line, value, next, given.memory, true),
        Kind::IovsMut => vectors(line, value, next, given.memory, false),
        Kind::Subscriptions => {
            let count = given.after(i, Kind::Len).unwrap_or(0);
            subscriptions::<types::Subscription>(line, value, count, given.memory)
        }
        Kind::SubscriptionsUnstable => {
            let count = given.after(i, Kind::Len).unwrap_or(0);
            subscriptions::<abi::unstable::Subscription>(line, value, count, given.memory)
        }
        Kind::OutBuf | Kind::OutPtrs => write!(line, "{value:#x}"),
        Kind::Rights => show::rights(line, value),
        Kind::Fd => write!(line, "{}", low as i32),
        Kind::I64 => write!(line, "{}", value as i64),
        Kind::Timestamp => show::nanoseconds(line, value),
        Kind::LookupFlags => show::flags::<abi::LookupFlags>(line, value),
        Kind::OFlags => show::flags::<abi::OFlags>(line, value),
        Kind::FdFlags => show::flags::<abi::FdFlags>(line, value),
        Kind::FstFlags => show::flags::<abi::FstFlags>(line, value),
        Kind::RiFlags => show::flags::<abi::RiFlags>(line, value),
        Kind::SiFlags => show::flags::<abi::SiFlags>(line, value),
        Kind::SdFlags => show::flags::<abi::SdFlags>(line, value),
        Kind::ClockId => show::or_number(line, show::clock(low), low),
        Kind::Advice => show::or_number(line, show::advice(low), low),
        Kind::Whence => show::or_number(line, show::whence(low), low),
        Kind::WhenceUnstable => show::or_number(line, show::whence_unstable(low), low),
        Kind::Signal => show::or_number(line, show::signal(low), low),
        _ => write!(line, "{value}"),
    }
}

fn path(line: &mut String, at: u64, len: u64, memory: &GuestMemory<'_>) -> fmt::Result {
    match memory.check(at, len) {
        Ok(()) => show::quoted::<256>(line, at, len, memory),
        Err(_) => write!(line, "{at:#x}[{len}]"),
    }
}

/// Prints the buffers of an array: what is in them if `content`, else their lengths.
fn vectors(line: &mut String, at: u64, count: u64, memory: &GuestMemory<'_>, content: bool) -> fmt::Result {
    show::list(line, at, count, types::IoVec::SIZE, memory, |line, at| match memory.get::<types::IoVec>(at) {
        Ok(types::IoVec { buf, len }) if content => match memory.check(buf, len) {
            Ok(()) => {
                show::quoted::<32>(line, buf.into(), len.into(), memory)?;
                write!(line, "[{len}]")
            }
            Err(_) => write!(line, "{buf:#x}[{len}]"),
        },
        Ok(types::IoVec { buf, len }) => match memory.check(buf, len) {
            Ok(()) => write!(line, "{len}"),
            Err(_) => write!(line, "{buf:#x}[{len}]"),
        },
        Err(_) => line.write_str("?"),
    })
}

/// Prints an array of subscriptions in any of their layouts.
fn subscriptions<S>(line: &mut String, at: u64, count: u64, memory: &GuestMemory<'_>) -> fmt::Result
where
    S: Layout + Into<types::Subscription>,
{
    show::list(line, at, count, S::SIZE, memory, |line, at| {
        let Ok(types::Subscription { tag, what, .. }) = memory.get::<S>(at).map(Into::into) else {
            return line.write_str("?");
        };
        match types::EventType::try_from(tag) {
            Ok(types::EventType::Clock) => {
                line.write_str("{")?;
                show::or_number(line, show::clock(what.id), what.id)?;
                line.write_str(" ")?;
                show::nanoseconds(line, what.timeout)?;
                if what.flags != 0 {
                    line.write_str(" ")?;
                    show::flags::<abi::SubClockFlags>(line, what.flags.into())?;
                }
                line.write_str("}")
            }
            Ok(_) => write!(line, "{{{} fd={}}}", show::event_type(tag), what.id as i32),
            Err(_) => write!(line, "{{type {tag}}}"),
        }
    })
}
