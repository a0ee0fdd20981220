//! [`Strings`]: arguments or environment, in the form in which a guest gets them.

use crate::{GuestMemory, SysResult};

/// A list of strings, each ended by a NUL, in the form in which a guest gets it: all in one piece.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

impl Strings {
    /// Adds a string of these parts; `None`, and nothing added, if there would be more than 4 GiB. The parts have no
    /// NUL in them.
    pub(crate) fn push(&mut self, parts: &[&[u8]]) -> Option<()> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let len = parts.iter().map(|p| p.len()).sum::<usize>() + 1;
        u32::try_from(self.bytes.len() + len).ok()?;
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.bytes.push(0);
        self.starts.push(start);
        Some(())
    }

    /// Writes the number of strings and the bytes they take.
    pub(crate) fn write_sizes(&self, memory: &mut GuestMemory<'_>, count: u32, size: u32) -> SysResult {
        let (count, size) = (memory.out::<u32>(count)?, memory.out::<u32>(size)?);
        memory.put(count, self.starts.len() as u32)?;
        memory.put(size, self.bytes.len() as u32)?;
        Ok(())
    }

    /// Writes the strings to `buffer` and the address of each to `pointers`.
    pub(crate) fn write(&self, memory: &mut GuestMemory<'_>, pointers: u32, buffer: u32) -> SysResult {
        memory.check(pointers, self.starts.len() as u64 * 4)?;
        memory.write(buffer, &self.bytes)?;
        for (i, start) in self.starts.iter().enumerate() {
            // The buffer is inside a memory of at most 4 GiB, so this does not wrap.
            memory.write(u64::from(pointers) + i as u64 * 4, &buffer.wrapping_add(*start).to_le_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gangplank_vfs::Errno;

    use super::*;

    #[test]
    fn a_guest_gets_what_it_was_told() {
        let mut strings = Strings::default();
        strings.push(&[b"a\"b"]).unwrap();
        strings.push(&[b"K", b"=", b""]).unwrap();
        let mut bytes = [0xff; 32];
        let mut memory = GuestMemory::exclusive(&mut bytes);
        strings.write_sizes(&mut memory, 0, 4).unwrap();
        strings.write(&mut memory, 8, 25).unwrap();
        assert_eq!(bytes[..16], [2, 0, 0, 0, 7, 0, 0, 0, 25, 0, 0, 0, 29, 0, 0, 0]);
        assert_eq!(&bytes[24..], b"\xffa\"b\0K=\0");
        let mut memory = GuestMemory::exclusive(&mut bytes);
        assert_eq!(strings.write(&mut memory, 0, 26), Err(Errno::FAULT.into()));
        assert_eq!(strings.write(&mut memory, 25, 0), Err(Errno::FAULT.into()));
        assert_eq!(strings.write_sizes(&mut memory, 0, 29), Err(Errno::FAULT.into()));
        assert_eq!(bytes[..4], [2, 0, 0, 0], "nothing is written unless all can be");
    }
}
