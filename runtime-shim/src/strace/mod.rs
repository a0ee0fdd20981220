//! [`Strace`]: one line for each syscall, as `strace(1)` prints them.

mod args;
mod results;
mod show;
#[cfg(test)]
mod tests;

use core::fmt::{self, Write as _};
use std::{io::Write, time::Instant};

use gangplank_wasi::{
    Event, Fault, Trace,
    abi::{self, Import, Kind},
};
use parking_lot::Mutex;

/// Most bytes of a line, its end of line and duration not counted.
const LINE_MAX: usize = 1024;

/// Prints each syscall to a writer when it is done:
///
/// ```text
/// path_open(fd=3, dirflags=SYMLINK_FOLLOW, path="a.txt", oflags=0, …) = 0 SUCCESS opened_fd=4 <12µs>
/// fd_read(fd=4, iovs=[1024]) = 0 SUCCESS nread=13 iovs="hello, world\n" <2.1µs>
/// fd_write(fd=1, iovs=["hello, "[7], "world\n"[6]]) = 0 SUCCESS nwritten=13 <8.3µs>
/// path_open(fd=3, dirflags=0, path="b.txt", oflags=0, …) = 44 NOENT <3.0µs>
/// ```
///
/// Sets and enumerations are shown by name, paths and data quoted, results after the error number. What is long is cut
/// and ends in `…`: data after 32 bytes, lists after 4 elements, paths after 256 bytes, lines after 1024. Arguments
/// are read when the call is done, so that one which the call itself has overwritten shows its new content. A pointer
/// that leads nowhere is shown as it is. Lines of several threads do not mix. What cannot be written is dropped.
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
        let mut line = String::with_capacity(160);
        // Writing to a string does not fail.
        let _ = print(&mut line, event);
        if line.len() > LINE_MAX {
            line.truncate(line.floor_char_boundary(LINE_MAX));
            line.push('…');
        }
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

/// Every part has its own bound, so that nothing long is made only to be cut.
fn print(line: &mut String, event: &Event<'_, '_>) -> fmt::Result {
    let given = Given { import: event.import, args: event.args, memory: &event.call.memory };
    write!(line, "{}(", event.import.name)?;
    args::print(line, &given)?;
    match event.result {
        Ok(()) => {
            line.push_str(") = 0 SUCCESS");
            results::print(line, &given)
        }
        Err(Fault::Errno(errno)) => {
            let number = abi::to_wasi(errno);
            write!(line, ") = {number} {}", abi::errno_name(number).unwrap_or("?"))
        }
        Err(Fault::Exit) => {
            line.push_str(") = ?");
            Ok(())
        }
    }
}

/// What a call was given, and the memory that it points into.
struct Given<'a> {
    import: &'static Import,
    args: &'a [u64],
    memory: &'a gangplank_wasi::GuestMemory<'a>,
}

impl Given<'_> {
    /// Each parameter with its argument.
    fn params(&self) -> impl Iterator<Item = (usize, abi::Param, u64)> + '_ {
        let pairs = self.import.params.iter().zip(self.args);
        pairs.enumerate().map(|(i, (param, value))| (i, *param, *value))
    }

    /// The argument of the first parameter of this kind after the `i`th.
    fn after(&self, i: usize, kind: Kind) -> Option<u64> {
        self.params().find(|(at, param, _)| *at > i && param.kind == kind).map(|(_, _, value)| value)
    }

    /// The `u32` that the call has written through the first such pointer after the `i`th parameter.
    fn written_after(&self, i: usize) -> Option<u32> {
        self.memory.get(self.after(i, Kind::OutU32)?).ok()
    }
}
