//! Files with holes, in the four ways in which GNU tar has written them.

use super::{
    super::{build::What, error::Problem, index::Piece},
    BLOCK, Reader,
    header::{Header, more_pieces},
    pax::{SparsePax, decimal},
};

/// The most pieces of one file.
const PIECES_MAX: usize = 1 << 20;

fn damaged(what: &'static str) -> Problem {
    Problem::Damaged(what.into())
}

impl Reader<'_> {
    /// A file of GNU tar's own kind: the map is in the header, and in blocks after it.
    pub(super) fn gnu_sparse(&mut self, header: Header<'_>, stored: u64) -> Result<What<'static>, Problem> {
        let (map, mut more) = header.pieces();
        let mut map = map?;
        while more {
            let (next, again) = more_pieces(self.window.get(self.at, BLOCK as usize)?);
            map.extend(next?);
            if map.len() > PIECES_MAX {
                return Err(damaged("a file in too many pieces"));
            }
            (self.at, more) = (self.at + BLOCK, again);
        }
        let at = self.at;
        self.skip(stored)?;
        sparse(&map, at, stored, header.real_size()?)
    }

    /// A file whose map is in its extended header (0.0 and 0.1) or comes before its data (1.0).
    pub(super) fn pax_sparse(&mut self, sparse_pax: SparsePax, stored: u64) -> Result<What<'static>, Problem> {
        let size = sparse_pax.size.ok_or(damaged("a file with holes whose size is missing"))?;
        let at = self.at;
        self.skip(stored)?;
        if let Some(map) = sparse_pax.map {
            return sparse(&map, at, stored, size);
        }
        // Decimal numbers, one to a line: how many pieces, then offset and length of each, filled up to a whole block.
        let mut numbers = Lines { reader: self, at, end: at + stored };
        let count = numbers.next()?;
        if count > PIECES_MAX as u64 {
            return Err(damaged("a file in too many pieces"));
        }
        let mut map = Vec::new();
        for _ in 0..count {
            map.push((numbers.next()?, numbers.next()?));
        }
        let used = (numbers.at - at).next_multiple_of(BLOCK);
        let stored = stored.checked_sub(used).ok_or(damaged("a map of holes that is longer than its file"))?;
        sparse(&map, at + used, stored, size)
    }
}

/// Numbers before the data.
struct Lines<'r, 'a> {
    reader: &'r mut Reader<'a>,
    at: u64,
    end: u64,
}

impl Lines<'_, '_> {
    fn next(&mut self) -> Result<u64, Problem> {
        let wrong = || damaged("a map of holes that is none");
        let ahead = (self.end - self.at).min(21) as usize;
        let bytes = self.reader.window.get(self.at, ahead)?;
        let digits = bytes.iter().position(|&b| b == b'\n').ok_or_else(wrong)?;
        self.at += digits as u64 + 1;
        decimal(&bytes[..digits]).ok_or_else(wrong)
    }
}

/// The file whose pieces of this offset and length lie one after the other from `at` on.
fn sparse(map: &[(u64, u64)], at: u64, stored: u64, size: u64) -> Result<What<'static>, Problem> {
    if size > i64::MAX as u64 {
        return Err(damaged("the size of a file with holes is too large"));
    }
    let (mut pieces, mut used, mut end) = (Vec::new(), 0u64, 0u64);
    for &(offset, len) in map {
        if offset < end {
            return Err(damaged("a map of holes whose pieces overlap"));
        }
        end =
            offset.checked_add(len).filter(|&end| end <= size).ok_or(damaged("a piece beyond the end of its file"))?;
        if len > 0 {
            pieces.push(Piece { offset, len, at: at + used });
        }
        used = used
            .checked_add(len)
            .filter(|&used| used <= stored)
            .ok_or(damaged("pieces with less data than they need"))?;
    }
    match *pieces {
        [Piece { offset: 0, len, at }] if len == size => Ok(What::File { at, len }),
        _ => Ok(What::Sparse { size, pieces }),
    }
}
