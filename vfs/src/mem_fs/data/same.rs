//! Whether two contents are the same, without looking at what they share.

use triomphe::Arc;

use super::{CHUNK64, Chunks, Data, Form};
use crate::Seek;

impl Data {
    /// Whether the bytes are the same; a hole is zeroes. Adds the number of pages that were looked at to `visited`.
    pub(in crate::mem_fs) fn is_same(&self, other: &Data, visited: &mut u64) -> bool {
        if self.len != other.len {
            return false;
        }
        match (&self.form, &other.form) {
            (Form::Chunks(a), Form::Chunks(b)) if a.has_image_of(b) => {
                // What is hot in either is not in the pages.
                let hot = [a, b].into_iter().filter_map(|chunks| chunks.hot.as_ref()).map(|(i, _)| *i);
                let mut same = hot.into_iter().all(|i| a.has_chunk_of(b, i));
                a.map.differing(&b.map, visited, &mut |i, _, _| same = same && a.has_chunk_of(b, i));
                same
            }
            _ => self.is_equal(other, visited),
        }
    }

    fn is_equal(&self, other: &Data, visited: &mut u64) -> bool {
        let mut at = 0;
        while let Some(next) = [self, other].iter().filter_map(|data| data.seek(at, Seek::Data).ok()).min() {
            let i = next / CHUNK64;
            *visited += 1;
            if !equal(self.piece(i), other.piece(i)) {
                return false;
            }
            at = (i + 1) * CHUNK64;
        }
        true
    }

    /// What there is of chunk `i`.
    fn piece(&self, i: u64) -> &[u8] {
        match &self.form {
            Form::Inline { written, bytes } if i == 0 => &bytes[..usize::from(*written)],
            Form::Inline { .. } => &[],
            Form::Chunks(chunks) => chunks.chunk(i),
        }
    }
}

impl Chunks {
    fn has_chunk_of(&self, other: &Chunks, i: u64) -> bool {
        let shared = matches!((self.get(i), other.get(i)), (Some(a), Some(b)) if Arc::ptr_eq(a, b));
        shared || equal(self.chunk(i), other.chunk(i))
    }

    fn has_image_of(&self, other: &Chunks) -> bool {
        self.image.len() == other.image.len() && (self.image.is_empty() || self.image.as_ptr() == other.image.as_ptr())
    }
}

/// Whether two chunks hold the same, with zeroes after the shorter.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let (common, rest) = long.split_at(short.len());
    core::ptr::eq(common, short) || (common == short && rest.iter().all(|&b| b == 0))
}
