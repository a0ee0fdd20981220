//! Writing the headers of one entry: a `ustar` block, and before it a `pax` header for what does not fit.

use std::io::{self, Write};

use super::super::tar::BLOCK;
use crate::{FileType, Metadata, Time};

/// What is to be written of an entry.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) path: &'a [u8],
    pub(super) kind: u8,
    /// Target of a link.
    pub(super) link: &'a [u8],
    /// Bytes of content that follow.
    pub(super) size: u64,
    pub(super) mode: u16,
    pub(super) owner: (u32, u32),
    pub(super) mtime: Time,
    pub(super) rdev: u64,
    /// Further records.
    pub(super) records: Vec<Record>,
}

/// Key and value.
pub(super) type Record = (Vec<u8>, Vec<u8>);

/// The `typeflag` of a node; `None` for what a tar archive cannot hold.
pub(super) fn kind(file_type: FileType) -> Option<u8> {
    match file_type {
        FileType::Regular => Some(b'0'),
        FileType::Symlink => Some(b'2'),
        FileType::CharDevice => Some(b'3'),
        FileType::BlockDevice => Some(b'4'),
        FileType::Directory => Some(b'5'),
        FileType::Fifo => Some(b'6'),
        FileType::Socket | FileType::Unknown => None,
    }
}

impl<'a> Entry<'a> {
    pub(super) fn new(path: &'a [u8], kind: u8, metadata: &Metadata) -> Entry<'a> {
        Entry {
            path,
            kind,
            link: b"",
            size: 0,
            mode: metadata.mode,
            owner: (metadata.uid, metadata.gid),
            mtime: metadata.mtime,
            rdev: metadata.rdev,
            records: Vec::new(),
        }
    }

    pub(super) fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut block = [0u8; BLOCK as usize];
        let (seconds, nanos) = self.mtime.to_parts();
        let plain_time = u64::try_from(seconds).ok().filter(|_| nanos == 0);
        let mut fits = true;
        fits &= text(&mut block[0..100], self.path);
        number(&mut block[100..108], self.mode.into());
        let owner = self.owner;
        for (field, value, key) in [(108..116, owner.0, b"uid"), (116..124, owner.1, b"gid")] {
            if !number(&mut block[field], value.into()) {
                self.records.push((key.to_vec(), value.to_string().into()));
            }
        }
        if !number(&mut block[124..136], self.size) {
            self.records.push((b"size".to_vec(), self.size.to_string().into()));
        }
        // Whoever cannot read the record gets the seconds at least.
        let whole = number(&mut block[136..148], u64::try_from(seconds).unwrap_or(0));
        if plain_time.is_none() || !whole {
            self.records.push((b"mtime".to_vec(), time(self.mtime).into()));
        }
        block[156] = self.kind;
        let link_fits = text(&mut block[157..257], self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        if matches!(self.kind, b'3' | b'4') {
            let (major, minor) = parts(self.rdev);
            for (field, part) in [(329..337, major), (337..345, minor)] {
                if !number(&mut block[field.clone()], part) {
                    // POSIX has no record for it; GNU tar's binary form is what everybody reads.
                    block[field.clone()].copy_from_slice(&part.to_be_bytes());
                    block[field.start] |= 0x80;
                }
            }
        } else {
            number(&mut block[329..337], 0);
            number(&mut block[337..345], 0);
        }
        if !fits {
            self.records.push((b"path".to_vec(), self.path.to_vec()));
        }
        if !link_fits {
            self.records.push((b"linkpath".to_vec(), self.link.to_vec()));
        }
        if !self.records.is_empty() {
            write_pax(out, &self.records)?;
        }
        seal(&mut block);
        out.write_all(&block)
    }
}

fn write_pax(out: &mut dyn Write, records: &[Record]) -> io::Result<()> {
    let mut data = Vec::new();
    for (key, value) in records {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        data.extend_from_slice(length.to_string().as_bytes());
        for part in [&b" "[..], key, b"=", value, b"\n"] {
            data.extend_from_slice(part);
        }
    }
    let mut block = [0u8; BLOCK as usize];
    text(&mut block[0..100], b"././@PaxHeader");
    for (field, value) in [(100..108, 0o644), (108..116, 0), (116..124, 0), (136..148, 0)] {
        number(&mut block[field], value);
    }
    if !number(&mut block[124..136], data.len() as u64) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an extended header too long for a tar archive"));
    }
    block[156] = b'x';
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    out.write_all(&block)?;
    out.write_all(&data)?;
    pad(out, data.len() as u64)
}

/// Zeros up to the next block.
pub(super) fn pad(out: &mut dyn Write, written: u64) -> io::Result<()> {
    let zeros = [0u8; BLOCK as usize];
    let missing = written.next_multiple_of(BLOCK) - written;
    out.write_all(&zeros[..missing as usize])
}

/// Writes the checksum.
fn seal(block: &mut [u8; BLOCK as usize]) {
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|&b| u64::from(b)).sum();
    let digits = format!("{sum:06o}\0 ");
    block[148..156].copy_from_slice(digits.as_bytes());
}

/// Whether all of it fits; else as much as does.
fn text(field: &mut [u8], text: &[u8]) -> bool {
    let n = text.len().min(field.len());
    field[..n].copy_from_slice(&text[..n]);
    n == text.len()
}

/// Octal digits and a NUL. Whether they fit; else zeros.
fn number(field: &mut [u8], value: u64) -> bool {
    let digits = field.len() - 1;
    let fits = value < 1u64 << (3 * digits);
    let text = format!("{:0digits$o}", if fits { value } else { 0 });
    field[..digits].copy_from_slice(text.as_bytes());
    fits
}

/// Seconds with a fraction.
fn time(Time(nanos): Time) -> String {
    let (sign, nanos) = if nanos < 0 { ("-", nanos.unsigned_abs()) } else { ("", nanos.unsigned_abs()) };
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if nanos == 0 {
        return format!("{sign}{seconds}");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{seconds}.{}", fraction.trim_end_matches('0'))
}

/// `major` and `minor` of Linux.
fn parts(rdev: u64) -> (u64, u64) {
    (((rdev >> 32) & 0xffff_f000) | ((rdev >> 8) & 0xfff), ((rdev >> 12) & 0xffff_ff00) | (rdev & 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths() {
        assert_eq!(time(Time(-1)), "-0.000000001");
        assert_eq!(time(Time(1_500_000_000)), "1.5");
        assert_eq!(time(Time(-2_000_000_000)), "-2");
        for len in [0, 1, 90, 91, 92, 93, 94, 95, 96, 990, 991, 992, 993, 994, 9990] {
            let mut out = Vec::new();
            write_pax(&mut out, &[(b"k".to_vec(), vec![b'v'; len])]).unwrap();
            let record = &out[512..];
            let space = record.iter().position(|&b| b == b' ').unwrap();
            let length: usize = std::str::from_utf8(&record[..space]).unwrap().parse().unwrap();
            assert_eq!(record[length - 1], b'\n', "{len}");
            assert!(record[length..].iter().all(|&b| b == 0), "{len}");
        }
    }
}
