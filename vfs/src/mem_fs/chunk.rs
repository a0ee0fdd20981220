//! [`Chunk`]: a piece of a file's content, and the memory of chunks that are gone.
//!
//! A file that is emptied and filled again and again would give its chunks back to the allocator, which gives so much
//! back to the kernel, whose page faults then cost more than the writing. So whole chunks that are gone stay at hand,
//! for all filesystems of the process together: at most [`KEPT`] of them, beside what any quota counts. What is in them
//! can be read by nobody: a chunk begins empty.

use core::{mem, ops::Deref};

use crate::sync::process::Mutex;

/// Bytes in a chunk.
pub(super) const CHUNK: usize = 16 << 10;
/// Chunks kept at hand: 4 MiB.
const KEPT: usize = 256;

/// Memory of chunks that are gone; each has a capacity of [`CHUNK`], and nothing in it. A leaf among the locks.
static AT_HAND: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// At most [`CHUNK`] bytes of content; the rest are zeroes.
#[derive(Debug)]
pub(super) struct Chunk(Vec<u8>);

impl Chunk {
    /// An empty one, with room for `len` bytes at least.
    pub(super) fn with_room(len: usize) -> Chunk {
        if len <= CHUNK / 2 {
            return Chunk(Vec::with_capacity(len));
        }
        let at_hand = AT_HAND.lock().pop();
        Chunk(at_hand.unwrap_or_else(|| Vec::with_capacity(CHUNK)))
    }

    /// One with these bytes, and room for `len`.
    pub(super) fn copy_of(content: &[u8], len: usize) -> Chunk {
        let mut chunk = Chunk::with_room(len.max(content.len()));
        chunk.0.extend_from_slice(content);
        chunk
    }

    /// Writes `piece` at `within`, after zeroes if the content ends before it.
    #[inline]
    pub(super) fn write(&mut self, within: usize, piece: &[u8]) {
        let end = within + piece.len();
        if end > self.0.capacity() {
            self.grow(end);
        }
        if self.0.len() < within {
            self.0.resize(within, 0);
        }
        let (over, new) = piece.split_at(piece.len().min(self.0.len() - within));
        self.0[within..within + over.len()].copy_from_slice(over);
        self.0.extend_from_slice(new);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Twice the room, or as much as is needed, or all.
    #[cold]
    fn grow(&mut self, needed: usize) {
        let larger = Chunk::copy_of(&self.0, needed.max(self.0.capacity() * 2).min(CHUNK));
        *self = larger;
    }
}

impl Clone for Chunk {
    /// A copy, which is made to be written to.
    fn clone(&self) -> Chunk {
        Chunk::copy_of(&self.0, self.0.capacity())
    }
}

impl Deref for Chunk {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.0.capacity() != CHUNK {
            return;
        }
        let mut memory = mem::take(&mut self.0);
        memory.clear();
        let mut at_hand = AT_HAND.lock();
        if at_hand.len() < KEPT {
            at_hand.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_in_a_chunk_is_not_in_the_next_one() {
        for _ in 0..3 {
            let mut chunks: Vec<Chunk> = (0..KEPT + 10).map(|_| Chunk::with_room(CHUNK)).collect();
            for chunk in &mut chunks {
                assert!(chunk.is_empty());
                chunk.write(100, &[7; 50]);
                assert!(chunk[..100].iter().all(|&b| b == 0) && chunk[100..] == [7; 50]);
            }
        }
        assert!(AT_HAND.lock().iter().all(|kept| kept.is_empty() && kept.capacity() == CHUNK));
        assert!(AT_HAND.lock().len() <= KEPT);
    }

    #[test]
    fn a_chunk_grows_with_what_is_written_to_it() {
        let mut chunk = Chunk::with_room(10);
        let mut model = vec![];
        for step in 0..200 {
            let piece = vec![step as u8; 83];
            if chunk.len() + 83 > CHUNK {
                break;
            }
            chunk.write(model.len(), &piece);
            model.extend(piece);
            assert_eq!(*chunk, model[..]);
            assert!(chunk.0.capacity() <= CHUNK);
        }
    }
}
