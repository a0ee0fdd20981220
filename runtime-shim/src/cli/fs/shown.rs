//! How names, modes and times look.

use core::fmt::{self, Write as _};

use gangplank::vfs::{FileType, Metadata, Time, diff};
use serde_json::{Map, Value};

/// A name or path, safe for a terminal.
pub(crate) fn path(bytes: &[u8]) -> String {
    diff::escape(bytes).to_string()
}

/// Puts a path into an object: as text, and, if it is no UTF-8, its bytes in hexadecimal beside it.
pub(crate) fn path_into(object: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    object.insert(key.to_owned(), String::from_utf8_lossy(bytes).into());
    if core::str::from_utf8(bytes).is_err() {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        object.insert(format!("{key}_hex"), hex.into());
    }
}

/// The word for a type.
pub(crate) fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Regular => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
        FileType::CharDevice => "char_device",
        FileType::BlockDevice => "block_device",
        FileType::Unknown => "unknown",
    }
}

/// `drwxr-xr-x`.
pub(super) struct Mode<'m>(pub(super) &'m Metadata);

impl fmt::Display for Mode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(match self.0.file_type {
            FileType::Regular => '-',
            FileType::Directory => 'd',
            FileType::Symlink => 'l',
            FileType::Fifo => 'p',
            FileType::Socket => 's',
            FileType::CharDevice => 'c',
            FileType::BlockDevice => 'b',
            FileType::Unknown => '?',
        })?;
        let mode = self.0.mode;
        // Set-user-id, set-group-id, sticky: in place of the `x` of owner, group, others.
        for (shift, special, with, without) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
            let bits = mode >> shift;
            f.write_char(if bits & 4 != 0 { 'r' } else { '-' })?;
            f.write_char(if bits & 2 != 0 { 'w' } else { '-' })?;
            f.write_char(match (bits & 1 != 0, mode & special != 0) {
                (true, false) => 'x',
                (false, false) => '-',
                (true, true) => with,
                (false, true) => without,
            })?;
        }
        Ok(())
    }
}

/// `2026-11-20 14:05:59`, in UTC.
pub(super) struct Clock(pub(super) Time);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, _) = self.0.to_parts();
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // The civil calendar counts in eras of 400 years, each of which begins with a March, so that the odd day of a
        // leap year is the last of its year.
        let day = i128::from(days) + 719_468;
        let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let date = of_year - (153 * march + 2) / 5 + 1;
        let month = if march < 10 { march + 3 } else { march - 9 };
        let year = year + era * 400 + i128::from(month <= 2);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{:02}", second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_799, "2000-02-29 23:59:59"),
            (4_107_542_399, "2100-02-28 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (1_795_183_559, "2026-11-20 14:05:59"),
            (-62_135_596_800, "0001-01-01 00:00:00"),
        ] {
            assert_eq!(Clock(Time::from_parts(seconds, 0)).to_string(), shown);
        }
        // Whatever an archive says.
        for seconds in [i64::MIN, i64::MAX] {
            assert!(Clock(Time::from_parts(seconds, 999_999_999)).to_string().len() > 19);
        }
    }
}
