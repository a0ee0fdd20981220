//! Directory listings.

use crate::{Result, addr_of, raw, with_out};

/// One entry of a listing.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub next: u64,
    pub ino: u64,
    pub kind: u8,
    pub name: &'a [u8],
}

/// The complete entries of a buffer filled by `fd_readdir`.
pub struct Entries<'a> {
    rest: &'a [u8],
}

/// The complete entries in these bytes; a truncated last one is left out.
pub fn entries(bytes: &[u8]) -> Entries<'_> {
    Entries { rest: bytes }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let head = self.rest.get(..24)?;
        let long = |at: usize| head[at..at + 8].iter().rev().fold(0u64, |n, b| n << 8 | *b as u64);
        let len = head[16..20].iter().rev().fold(0usize, |n, b| n << 8 | *b as usize);
        let name = self.rest.get(24..24usize.checked_add(len)?)?;
        let entry = Entry { next: long(0), ino: long(8), kind: head[20], name };
        self.rest = &self.rest[24 + len..];
        Some(entry)
    }
}

pub fn readdir(fd: u32, buf: &mut [u8], cookie: u64) -> Result<u32> {
    let (at, len) = (addr_of(buf), buf.len() as u32);
    with_out(|out| raw::fd_readdir(fd, at, len, cookie, out))
}

/// Lists from `cookie` to the end through `buf`, calling `each` for every entry.
pub fn list(fd: u32, buf: &mut [u8], mut cookie: u64, mut each: impl FnMut(Entry<'_>)) -> Result {
    loop {
        let used = readdir(fd, buf, cookie)? as usize;
        let mut any = false;
        for entry in entries(&buf[..used]) {
            any = true;
            cookie = entry.next;
            each(entry);
        }
        if used < buf.len() || !any {
            return Ok(());
        }
    }
}

/// Whether this is `.` or `..`.
pub fn is_dots(name: &[u8]) -> bool {
    name == b"." || name == b".."
}

/// `prefix` and a number of four digits, in `buf`.
pub fn numbered<'a>(buf: &'a mut [u8; 32], prefix: &str, number: u32) -> &'a [u8] {
    let n = prefix.len();
    buf[..n].copy_from_slice(prefix.as_bytes());
    let mut rest = number;
    for digit in buf[n..n + 4].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    &buf[..n + 4]
}

/// The number at the end of a name of [`numbered`].
pub fn number_of(name: &[u8]) -> Option<u32> {
    let digits = name.get(name.len().checked_sub(4)?..)?;
    digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + (d - b'0') as u32))
}
