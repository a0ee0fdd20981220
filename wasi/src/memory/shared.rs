//! [`Shared`]: a memory that others write at the same time.

use core::{
    marker::PhantomData,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed},
};

const WORD: usize = size_of::<usize>();

/// A memory that others write at the same time. Callers have checked every range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared<'a> {
    base: *mut u8,
    len: usize,
    life: PhantomData<&'a AtomicU8>,
}

impl Shared<'_> {
    /// # Safety
    /// `base..base + len` is allocated and stays so for `'a`, and nobody uses a Rust reference to any of it meanwhile,
    /// other than to atomics.
    pub(super) unsafe fn new(base: *mut u8, len: usize) -> Self {
        Shared { base, len, life: PhantomData }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Copies `to.len()` bytes at `at` out.
    ///
    /// Words where the address allows it, bytes before and after. Two copies of the same place that cut it into words
    /// differently may see each other's halves, as two racing `memcpy`s of the guest would.
    // In a function of its own, as `write` is: within every syscall it took registers from memories that need it not.
    #[inline(never)]
    pub(super) fn read(&self, at: usize, to: &mut [u8]) {
        self.assert_inside(at, to.len());
        let head = self.head(at, to.len());
        let (head, rest) = to.split_at_mut(head);
        let mut at = self.read_bytes(at, head);
        let mut words = rest.chunks_exact_mut(WORD);
        for word in &mut words {
            word.copy_from_slice(&self.word(at).load(Relaxed).to_ne_bytes());
            at += WORD;
        }
        self.read_bytes(at, words.into_remainder());
    }

    /// Copies `from` in at `at`. As [`read`](Self::read).
    #[inline(never)]
    pub(super) fn write(&mut self, at: usize, from: &[u8]) {
        self.assert_inside(at, from.len());
        let (head, rest) = from.split_at(self.head(at, from.len()));
        let mut at = self.write_bytes(at, head);
        let (words, tail) = rest.as_chunks::<WORD>();
        for word in words {
            self.word(at).store(usize::from_ne_bytes(*word), Relaxed);
            at += WORD;
        }
        self.write_bytes(at, tail);
    }

    /// The one bound check that the accesses below rest on. `GuestMemory` has answered `FAULT` long before.
    fn assert_inside(&self, at: usize, len: usize) {
        assert!(at <= self.len && len <= self.len - at);
    }

    /// How many of `len` bytes come before the first aligned word.
    fn head(&self, at: usize, len: usize) -> usize {
        (self.base.addr().wrapping_add(at).wrapping_neg() % WORD).min(len)
    }

    fn read_bytes(&self, at: usize, to: &mut [u8]) -> usize {
        for (i, byte) in to.iter_mut().enumerate() {
            *byte = self.byte(at + i).load(Relaxed);
        }
        at + to.len()
    }

    fn write_bytes(&mut self, at: usize, from: &[u8]) -> usize {
        for (i, byte) in from.iter().enumerate() {
            self.byte(at + i).store(*byte, Relaxed);
        }
        at + from.len()
    }

    fn byte(&self, at: usize) -> &AtomicU8 {
        debug_assert!(at < self.len);
        // SAFETY: `at` is inside, as every caller has asserted; the allocation lives for `'a`, which outlives `self`;
        // all accesses to it are atomic or of compiled wasm, by the promise made to `new`.
        unsafe { AtomicU8::from_ptr(self.base.add(at)) }
    }

    fn word(&self, at: usize) -> &AtomicUsize {
        debug_assert!(at + WORD <= self.len);
        // SAFETY: as in `byte` for all bytes of the word, and callers have advanced `at` to an aligned address.
        unsafe { AtomicUsize::from_ptr(self.base.add(at).cast()) }
    }
}
