//! Numbers, times and the extra fields of zip archives.

use super::{Problem, damaged};
use crate::Time;

/// Little-endian numbers, one after the other; 0 where there are no more bytes.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => {
                self.0 = &[];
                [0; N]
            }
        }
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// What extra fields say.
#[derive(Debug, Default)]
pub(super) struct Extra {
    /// The name, as UTF-8, where the entry's own is something else.
    pub(super) path: Option<Vec<u8>>,
    pub(super) mtime: Option<Time>,
    pub(super) owner: Option<(u32, u32)>,
}

impl Extra {
    /// `large` are the size, the compressed size and the offset: of those that are all ones the true ones are here.
    pub(super) fn read(mut data: &[u8], large: &mut [u64; 3]) -> Result<Extra, Problem> {
        let mut extra = Extra::default();
        while data.len() >= 4 {
            let mut head = Fields(data);
            let (id, len) = (head.u16(), usize::from(head.u16()));
            let field = data.get(4..4 + len).ok_or(damaged("an extra field is longer than there is room for it"))?;
            data = &data[4 + len..];
            let mut fields = Fields(field);
            match id {
                0x0001 => {
                    for number in large.iter_mut().filter(|number| **number == 0xffff_ffff) {
                        if fields.0.len() < 8 {
                            return Err(damaged("a large number is missing"));
                        }
                        *number = fields.u64();
                    }
                }
                // Extended timestamp: which times there are, then the time of modification.
                0x5455 if len >= 5 && fields.u8() & 1 != 0 => {
                    extra.mtime = Some(Time::from_parts(i64::from(fields.u32() as i32), 0));
                }
                // NTFS: units of 100 ns since 1601.
                0x000a if len >= 32 => {
                    let (_, tag, _) = (fields.u32(), fields.u16(), fields.u16());
                    if tag == 1 {
                        const EPOCH: i128 = 11_644_473_600 * 10_000_000;
                        extra.mtime = Some(Time((i128::from(fields.u64()) - EPOCH) * 100));
                    }
                }
                // New Unix: version, then both numbers with their lengths.
                0x7875 if fields.u8() == 1 => {
                    let mut number = || match fields.u8() {
                        2 => Some(u32::from(fields.u16())),
                        4 => Some(fields.u32()),
                        _ => None,
                    };
                    extra.owner = number().and_then(|uid| Some((uid, number()?)));
                }
                // Unicode path: version, checksum of the name that it stands for, name.
                0x7075 if len > 5 && fields.u8() == 1 => {
                    fields.u32();
                    extra.path = Some(fields.0.to_vec());
                }
                _ => {}
            }
        }
        Ok(extra)
    }
}

/// The time of DOS, which knows no time zones: taken as UTC. 1970 if it is none.
pub(super) fn dos_time(date: u16, time: u16) -> Time {
    let (year, month, day) = (1980 + i64::from(date >> 9), i64::from(date >> 5 & 15), i64::from(date & 31));
    if !(1..=12).contains(&month) || day == 0 {
        return Time::EPOCH;
    }
    // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    let seconds = i64::from(time >> 11) * 3600 + i64::from(time >> 5 & 63) * 60 + i64::from(time & 31) * 2;
    Time::from_parts(days * 86_400 + seconds, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_dos() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        assert_eq!(dos_time(date(1980, 1, 1), 0), Time::from_parts(315_532_800, 0));
        assert_eq!(dos_time(date(2000, 2, 29), 1), Time::from_parts(951_782_402, 0));
        assert_eq!(dos_time(date(2024, 12, 31), 23 << 11 | 59 << 5 | 29), Time::from_parts(1_735_689_598, 0));
        assert_eq!(dos_time(0, 0), Time::EPOCH);
        assert_eq!(dos_time(u16::MAX, u16::MAX), Time::EPOCH);
    }

    #[test]
    fn extra_fields_are_bounded() {
        let mut large = [0xffff_ffff, 5, 0xffff_ffff];
        let field = [&[1, 0, 16, 0][..], &7u64.to_le_bytes(), &9u64.to_le_bytes()].concat();
        Extra::read(&field, &mut large).unwrap();
        assert_eq!(large, [7, 5, 9]);
        assert!(Extra::read(&field[..19], &mut [0; 3]).is_err());
        assert!(Extra::read(&[1, 0, 0, 0], &mut [0xffff_ffff, 0, 0]).is_err());
        let time = Extra::read(&[0x55, 0x54, 5, 0, 1, 0xff, 0xff, 0xff, 0xff], &mut [0; 3]).unwrap();
        assert_eq!(time.mtime, Some(Time::from_parts(-1, 0)));
    }
}
