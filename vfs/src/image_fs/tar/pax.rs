//! The extended headers of POSIX (`pax`): what an entry says beyond its header block.

use bytes::Bytes;

use super::{super::error::Problem, header};
use crate::Time;

/// The most extended attributes of one entry.
const XATTRS_MAX: usize = 1024;

/// What extended headers say. `None` where they say nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<Time>,
    pub(super) atime: Option<Time>,
    pub(super) ctime: Option<Time>,
    pub(super) xattrs: Vec<(Box<[u8]>, Bytes)>,
    pub(super) sparse: SparsePax,
}

/// What GNU tar says there of a sparse file.
#[derive(Clone, Debug, Default)]
pub(super) struct SparsePax {
    /// 1.0, where the map is at the begin of the data.
    pub(super) major: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    /// How large the file is with its holes.
    pub(super) size: Option<u64>,
    /// The map, of the versions that have it here.
    pub(super) map: Option<Vec<(u64, u64)>>,
    /// The offset whose length has not come yet.
    offset: Option<u64>,
}

fn damaged(what: &'static str) -> Problem {
    Problem::Damaged(what.into())
}

impl Pax {
    /// Adds what the records in `data` say: `"<length of the record> <key>=<value>\n"`. An empty value takes back what
    /// was said before.
    pub(super) fn read(&mut self, mut data: &[u8]) -> Result<(), Problem> {
        while !data.is_empty() {
            let space = data.iter().position(|&b| b == b' ').ok_or(damaged("an extended header without a length"))?;
            let length = decimal(&data[..space]).and_then(|n| usize::try_from(n).ok());
            let record = length.filter(|&n| n > space + 1).and_then(|n| data.split_at_checked(n));
            let (record, rest) = record.ok_or(damaged("the length of an extended header is wrong"))?;
            let record = record[space + 1..].strip_suffix(b"\n").ok_or(damaged("an extended header without an end"))?;
            let equals = record.iter().position(|&b| b == b'=').ok_or(damaged("an extended header without a value"))?;
            self.record(&record[..equals], &record[equals + 1..])?;
            data = rest;
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Problem> {
        let size = || match value {
            b"" => Ok(None),
            _ => decimal(value).map(Some).ok_or(damaged("a size in an extended header is no number")),
        };
        let owner = || match value {
            b"" => Ok(None),
            _ => header::owner(signed(value)).map(Some),
        };
        let when = || match value {
            b"" => Ok(None),
            _ => time(value).map(Some).ok_or(damaged("a time in an extended header is no number")),
        };
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match key {
            b"path" => self.path = text(),
            b"linkpath" => self.link = text(),
            b"size" => self.size = size()?,
            b"uid" => self.uid = owner()?,
            b"gid" => self.gid = owner()?,
            b"mtime" => self.mtime = when()?,
            b"atime" => self.atime = when()?,
            b"ctime" => self.ctime = when()?,
            b"GNU.sparse.major" => self.sparse.major = size()?,
            b"GNU.sparse.name" => self.sparse.name = text(),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size = size()?,
            b"GNU.sparse.map" => self.sparse.map = Some(map(value)?),
            b"GNU.sparse.numblocks" => self.sparse.map = Some(Vec::new()),
            b"GNU.sparse.offset" => self.sparse.offset = size()?,
            b"GNU.sparse.numbytes" => {
                let piece =
                    self.sparse.offset.take().zip(size()?).ok_or(damaged("a map of holes with half a piece"))?;
                self.sparse.map.get_or_insert_default().push(piece);
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattr(name, value)?;
                }
            }
        }
        Ok(())
    }

    fn xattr(&mut self, name: &[u8], value: &[u8]) -> Result<(), Problem> {
        if name.is_empty() || name.len() > 255 || name.contains(&0) || value.len() > 64 << 10 {
            return Err(damaged("an extended attribute whose name or value is too long, or no name"));
        }
        match self.xattrs.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(at) => self.xattrs[at].1 = Bytes::copy_from_slice(value),
            Err(_) if self.xattrs.len() >= XATTRS_MAX => return Err(damaged("too many extended attributes")),
            Err(at) => self.xattrs.insert(at, (name.into(), Bytes::copy_from_slice(value))),
        }
        Ok(())
    }
}

/// `offset,length,offset,length…`
fn map(value: &[u8]) -> Result<Vec<(u64, u64)>, Problem> {
    let wrong = || damaged("a map of holes that is none");
    let numbers: Option<Vec<u64>> = match value {
        b"" => Some(Vec::new()),
        _ => value.split(|&b| b == b',').map(decimal).collect(),
    };
    let numbers = numbers.filter(|numbers| numbers.len() % 2 == 0).ok_or_else(wrong)?;
    Ok(numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 20 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}

fn signed(digits: &[u8]) -> Option<i64> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// Seconds since 1970 with a fraction, perhaps before. What is finer than a nanosecond is cut off.
fn time(value: &[u8]) -> Option<Time> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let dot = value.iter().position(|&b| b == b'.').unwrap_or(value.len());
    let seconds = i64::try_from(decimal(&value[..dot])?).ok()?;
    let fraction = value.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanos = fraction.iter().chain([b'0'; 9].iter()).take(9).fold(0u32, |n, &b| n * 10 + u32::from(b - b'0'));
    let Time(time) = Time::from_parts(seconds, nanos);
    Some(Time(if negative { -time } else { time }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_by_their_length() {
        let mut pax = Pax::default();
        pax.read(b"12 path=a\nb\n20 SCHILY.xattr.u=\n\n20 mtime=-1.0000005\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!((&*pax.xattrs[0].0, &*pax.xattrs[0].1), (&b"u"[..], &b"\n"[..]));
        assert_eq!(pax.mtime, Some(Time(-1_000_000_500)));
        pax.read(b"8 path=\n").unwrap();
        assert_eq!(pax.path, None);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bad in [
            &b"x"[..],
            b"6 a=b",
            b"6 a=bc\n",
            b"0 a=b\n",
            b"99999999999999999999 a=b\n",
            b"6 abc\n",
            b"9 size=x\n",
            b"12 mtime=1e\n",
            b"2 ",
        ] {
            assert!(Pax::default().read(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert_eq!(time(b"1.5"), Some(Time(1_500_000_000)));
        assert_eq!(time(b""), None);
        assert_eq!(time(b"."), None);
        assert_eq!(time(b"9223372036854775808"), None);
    }
}
