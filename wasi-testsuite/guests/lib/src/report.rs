//! Checks. A failed check prints `file:line: what` on stderr and lets the program go on, so that one run shows every
//! difference; [`ok`] ends it, because what follows needs the value.

use core::{
    panic::{Location, PanicInfo},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Errno, Iov, Result, raw};

static FAILED: AtomicU32 = AtomicU32::new(0);

/// Ends the program with 1 if a check failed.
pub fn finish() {
    if FAILED.load(Ordering::Relaxed) != 0 {
        raw::proc_exit(1);
    }
}

/// The value, or the end of the program.
#[track_caller]
pub fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(errno) => {
            fail(&[Text("failed with "), Name(errno)]);
            raw::proc_exit(1)
        }
    }
}

/// Checks that the call succeeds, and goes on either way.
#[track_caller]
pub fn works<T>(result: Result<T>) {
    if let Err(errno) = result {
        fail(&[Text("failed with "), Name(errno)]);
    }
}

/// Checks that the call fails with exactly this.
#[track_caller]
pub fn fails<T>(result: Result<T>, want: Errno) {
    fails_with(result, &[want]);
}

/// Checks that the call fails with one of these.
#[track_caller]
pub fn fails_with<T>(result: Result<T>, want: &[Errno]) {
    match result {
        Err(errno) if want.contains(&errno) => {}
        Err(errno) => fail(&[Text("failed with "), Name(errno), Text(", not "), Name(want[0])]),
        Ok(_) => fail(&[Text("succeeded, instead of "), Name(want[0])]),
    }
}

/// Checks that the call succeeds or fails with one of these.
#[track_caller]
pub fn works_or<T>(result: Result<T>, also: &[Errno]) -> bool {
    match result {
        Ok(_) => true,
        Err(errno) if also.contains(&errno) => false,
        Err(errno) => {
            fail(&[Text("failed with "), Name(errno), Text(", not "), Name(also[0])]);
            false
        }
    }
}

/// Checks that two numbers are equal.
#[track_caller]
pub fn eq(got: impl TryInto<u64>, want: impl TryInto<u64>) {
    let (got, want) = (got.try_into().unwrap_or(u64::MAX), want.try_into().unwrap_or(u64::MAX));
    if got != want {
        fail(&[Text("got "), Number(got), Text(", want "), Number(want)]);
    }
}

/// Checks that two strings are equal.
#[track_caller]
pub fn same(got: impl AsRef<[u8]>, want: impl AsRef<[u8]>) {
    let (got, want) = (got.as_ref(), want.as_ref());
    if got != want {
        let short = |s: &'static str| Text(s);
        fail(&[short("got \""), Raw(prefix(got)), short("\", want \""), Raw(prefix(want)), short("\"")]);
    }
}

/// Checks a condition, which `what` names.
#[track_caller]
pub fn check(condition: bool, what: &str) {
    if !condition {
        fail(&[Raw(what.as_bytes())]);
    }
}

/// Writes to stderr, whatever becomes of it.
pub fn note(text: &[u8]) {
    let iov = Iov { base: text.as_ptr() as u32, len: text.len() as u32 };
    let mut written = 0u32;
    raw::fd_write(2, &raw const iov as u32, 1, &raw mut written as u32);
}

use Part::*;

enum Part<'a> {
    Text(&'static str),
    Raw(&'a [u8]),
    Name(Errno),
    Number(u64),
}

#[track_caller]
fn fail(parts: &[Part<'_>]) {
    fail_at(Location::caller(), parts);
}

#[inline(never)]
fn fail_at(at: &Location<'_>, parts: &[Part<'_>]) {
    FAILED.fetch_add(1, Ordering::Relaxed);
    let mut line = Line { text: [0; 512], len: 0 };
    line.location(at);
    for part in parts {
        match part {
            Text(text) => line.push(text.as_bytes()),
            Raw(bytes) => line.push(bytes),
            Name(errno) => {
                line.push(errno.name().as_bytes());
                line.push(b" (");
                line.number(errno.0.into());
                line.push(b")");
            }
            Number(value) => line.number(*value),
        }
    }
    line.push(b"\n");
    note(&line.text[..line.len]);
}

fn prefix(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(100)]
}

struct Line {
    text: [u8; 512],
    len: usize,
}

impl Line {
    fn location(&mut self, at: &Location<'_>) {
        self.push(at.file().as_bytes());
        self.push(b":");
        self.number(at.line().into());
        self.push(b": ");
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(slot) = self.text.get_mut(self.len) {
                *slot = byte;
                self.len += 1;
            }
        }
    }

    fn number(&mut self, mut value: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 || at == 0 {
                break;
            }
        }
        self.push(&digits[at..]);
    }
}

/// Says nothing of what went wrong or where: without that, no program carries the words of every panic in `core`.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    note(b"the test itself panicked\n");
    raw::proc_exit(1)
}
