//! One header block of a tar archive: the fields of `ustar` (POSIX 1003.1-2024, `pax`), of GNU tar, and of the seventh
//! edition.

use super::super::error::Problem;

/// Everything in a tar archive comes in units of this many bytes.
pub(in crate::image_fs) const BLOCK: u64 = 512;

/// A header block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a>(&'a [u8]);

fn damaged(what: &'static str) -> Problem {
    Problem::Damaged(what.into())
}

impl<'a> Header<'a> {
    /// `None` for a block of zeros: the end mark.
    pub(super) fn new(block: &'a [u8]) -> Result<Option<Header<'a>>, Problem> {
        if block.len() as u64 != BLOCK {
            return Err(damaged("a header that is no block"));
        }
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let header = Header(block);
        // The sum of all bytes, its own field counting as spaces; some old programs took them as signed.
        let field = |at: usize| (148..156).contains(&at);
        let bytes = || block.iter().enumerate().map(|(at, &b)| if field(at) { b' ' } else { b });
        let unsigned: i64 = bytes().map(i64::from).sum();
        let signed: i64 = bytes().map(|b| i64::from(b as i8)).sum();
        let sum = number(&block[148..156]).ok_or(damaged("the checksum of a header is no number"))?;
        if sum != unsigned && sum != signed {
            return Err(damaged("wrong checksum of a header"));
        }
        Ok(Some(header))
    }

    fn field(&self, at: usize, len: usize) -> &'a [u8] {
        self.0.get(at..at + len).unwrap_or_default()
    }

    /// The name, with what a `ustar` header has of it elsewhere.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = text(self.field(0, 100));
        let prefix = if self.is_posix() { text(self.field(345, 155)) } else { b"" };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn link(&self) -> &'a [u8] {
        text(self.field(157, 100))
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[156]
    }

    pub(super) fn mode(&self) -> Result<u16, Problem> {
        Ok((number(self.field(100, 8)).ok_or(damaged("the permission bits are no number"))? & 0o7777) as u16)
    }

    pub(super) fn uid(&self) -> Result<u32, Problem> {
        owner(number(self.field(108, 8)))
    }

    pub(super) fn gid(&self) -> Result<u32, Problem> {
        owner(number(self.field(116, 8)))
    }

    pub(super) fn size(&self) -> Result<u64, Problem> {
        size(number(self.field(124, 12)))
    }

    /// In seconds.
    pub(super) fn mtime(&self) -> Result<i64, Problem> {
        number(self.field(136, 12)).ok_or(damaged("the time is no number"))
    }

    /// As `makedev` of Linux puts it together.
    pub(super) fn device(&self) -> Result<u64, Problem> {
        let part = |at| number(self.field(at, 8)).and_then(|n| u64::try_from(n).ok());
        let (major, minor) = part(329).zip(part(337)).ok_or(damaged("the device number is no number"))?;
        Ok(((major & 0xffff_f000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffff_ff00) << 12) | (minor & 0xff))
    }

    /// Of a sparse file of GNU tar: how large it is with its holes.
    pub(super) fn real_size(&self) -> Result<u64, Problem> {
        size(number(self.field(483, 12)))
    }

    /// Of a sparse file of GNU tar: the pieces in this block, and whether a block with more comes after it.
    pub(super) fn pieces(&self) -> (Result<Vec<(u64, u64)>, Problem>, bool) {
        (pieces(self.field(386, 96)), self.0[482] != 0)
    }

    fn is_posix(&self) -> bool {
        self.field(257, 6) == b"ustar\0"
    }
}

/// The same in a block that comes after the header.
pub(super) fn more_pieces(block: &[u8]) -> (Result<Vec<(u64, u64)>, Problem>, bool) {
    (pieces(block.get(..504).unwrap_or_default()), block.get(504).is_some_and(|&b| b != 0))
}

fn pieces(fields: &[u8]) -> Result<Vec<(u64, u64)>, Problem> {
    let used = fields.chunks_exact(24).take_while(|field| field[0] != 0);
    used.map(|field| Ok((size(number(&field[..12]))?, size(number(&field[12..]))?))).collect()
}

fn size(number: Option<i64>) -> Result<u64, Problem> {
    number.and_then(|n| u64::try_from(n).ok()).ok_or(damaged("the size is no number"))
}

/// Owners are 32 bits; some programs write them as negative numbers.
pub(super) fn owner(number: Option<i64>) -> Result<u32, Problem> {
    let number = number.ok_or(damaged("the owner is no number"))?;
    let as_signed = i32::try_from(number).map(|n| n as u32);
    u32::try_from(number).or(as_signed).map_err(|_| damaged("the owner is no 32-bit number"))
}

/// Up to the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// Octal digits with spaces around them, nothing at all being 0; or GNU tar's binary form, marked by the first bit, for
/// what octal digits cannot hold.
fn number(field: &[u8]) -> Option<i64> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // A sign bit and all the others, in two's complement.
        let start = if first & 0x40 != 0 { i128::from(first as i8) } else { i128::from(first & 0x7f) };
        let value = rest.iter().try_fold(start, |value, &b| Some(value.checked_mul(256)? + i128::from(b)))?;
        return i64::try_from(value).ok();
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0i64, |value, &b| match b {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(b - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_kinds() {
        for (field, want) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"77777777777\0", Some(0o77777777777)),
            (b"777777777777", Some(0o777777777777)),
            (b"\x80\0\0\0\0\0\0\x02\0\0\0\0", Some(8 << 30)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2)),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"12x\0", None),
            (b"-1\0", None),
        ] {
            assert_eq!(number(field), want, "{}", field.escape_ascii());
        }
        assert_eq!(owner(Some(-2)), Ok(0xffff_fffe));
        assert!(owner(Some(1 << 33)).is_err());
    }
}
