//! [`GuestMemory`]: the guest's linear memory for the length of one call. The only module that may be unsafe.
//!
//! Every access is checked against the size of the memory and answers `FAULT` outside of it. Addresses and lengths are
//! added in 64 bits, so nothing wraps. No address needs an alignment. A buffer of no bytes may lie anywhere: C
//! libraries pass dangling pointers with a length of 0.
//!
//! A memory that only this call can touch is used in place. One that other threads of the guest can write at the same
//! time is never seen through a Rust reference: bytes are copied with atomic loads and stores, and what is checked (a
//! path) is checked after copying.
#![allow(unsafe_code)]

mod iovec;
mod shared;

use core::marker::PhantomData;
use std::ops::Range;

use gangplank_vfs::{Errno, PATH_MAX, Result};
use smallvec::SmallVec;

pub use self::iovec::{IOV_MAX, IoVecs};
use self::shared::Shared;
use crate::{SysResult, abi::Layout};

/// The guest's memory, lent by the engine for one call. It may lie elsewhere in the next one.
#[derive(Debug)]
pub struct GuestMemory<'a>(Repr<'a>);

#[derive(Debug)]
enum Repr<'a> {
    Exclusive(&'a mut [u8]),
    Shared(Shared<'a>),
}

/// The address of a `T` that lies inside the memory: checked before a syscall does anything, written after.
#[derive(Debug)]
pub struct Out<T> {
    at: usize,
    value: PhantomData<fn(T)>,
}

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

/// Room for bytes of the guest that cannot be used in place. Empty until it is needed; stays where it was made, for to
/// move it would cost more than most of the paths in it.
#[derive(Debug, Default)]
pub struct Copied(SmallVec<[u8; 256]>);

impl Copied {
    /// Nothing yet.
    #[inline]
    pub fn new() -> Copied {
        Copied(SmallVec::new())
    }
}

impl<'a> GuestMemory<'a> {
    /// A memory that nothing else reads or writes during the call.
    #[inline]
    pub fn exclusive(memory: &'a mut [u8]) -> GuestMemory<'a> {
        GuestMemory(Repr::Exclusive(memory))
    }

    /// A memory that other threads of the guest may read and write during the call.
    ///
    /// # Safety
    /// `base..base + len` is allocated and stays so, at this address, for `'a` (it may grow), and while it lives no
    /// Rust reference to any of it is used: everybody else goes through atomic accesses or compiled wasm.
    #[inline]
    pub unsafe fn shared(base: *mut u8, len: usize) -> GuestMemory<'a> {
        // SAFETY: the caller promises what `Shared::new` asks for.
        GuestMemory(Repr::Shared(unsafe { Shared::new(base, len) }))
    }

    /// The memory of a module that has none: nothing but buffers of no bytes can be accessed.
    pub fn none() -> GuestMemory<'a> {
        GuestMemory(Repr::Exclusive(&mut []))
    }

    /// The same for a shorter while.
    #[inline]
    pub(crate) fn lend(&mut self) -> GuestMemory<'_> {
        GuestMemory(match &mut self.0 {
            Repr::Exclusive(memory) => Repr::Exclusive(memory),
            Repr::Shared(memory) => Repr::Shared(*memory),
        })
    }

    /// Bytes of memory.
    #[inline]
    pub fn size(&self) -> usize {
        match &self.0 {
            Repr::Exclusive(memory) => memory.len(),
            Repr::Shared(memory) => memory.len(),
        }
    }

    /// Whether `len` bytes at `ptr` lie inside.
    ///
    /// # Errors
    /// `FAULT`.
    #[inline]
    pub fn check(&self, ptr: impl Into<u64>, len: impl Into<u64>) -> Result<()> {
        self.range(ptr.into(), len.into()).map(drop)
    }

    /// The place for a `T` at `ptr`, to be written later with [`put`](Self::put).
    ///
    /// # Errors
    /// `FAULT`.
    #[inline]
    pub fn out<T: Layout>(&self, ptr: impl Into<u64>) -> Result<Out<T>> {
        Ok(Out { at: self.range(ptr.into(), T::SIZE as u64)?.start, value: PhantomData })
    }

    /// Writes `value` to a place that was checked before.
    ///
    /// # Errors
    /// `FAULT` if the place was checked on a larger memory.
    #[inline]
    pub fn put<T: Layout>(&mut self, out: Out<T>, value: T) -> Result<()> {
        self.write(out.at as u64, value.encode().as_ref())
    }

    /// Writes `value` at `ptr`, if that lies inside a memory that is written in place; answers whether it has. Calls
    /// nothing.
    #[inline]
    pub(crate) fn put_in_place<T: Layout>(&mut self, ptr: u32, value: T) -> bool {
        let place = match &mut self.0 {
            // One comparison: the end of no range of 32 bits is below its beginning.
            Repr::Exclusive(memory) => {
                let end = (ptr as usize).checked_add(T::SIZE);
                end.and_then(|end| memory.get_mut(ptr as usize..end))
            }
            Repr::Shared(_) => None,
        };
        place.map(|place| place.copy_from_slice(value.encode().as_ref())).is_some()
    }

    /// Reads a `T`.
    ///
    /// # Errors
    /// `FAULT`.
    #[inline]
    pub fn get<T: Layout>(&self, ptr: impl Into<u64>) -> Result<T> {
        let mut bytes = T::ZERO;
        self.read(ptr, bytes.as_mut())?;
        Ok(T::decode(&bytes))
    }

    /// Copies out of the memory.
    ///
    /// # Errors
    /// `FAULT`.
    #[inline]
    pub fn read(&self, ptr: impl Into<u64>, to: &mut [u8]) -> Result<()> {
        let range = self.range(ptr.into(), to.len() as u64)?;
        match &self.0 {
            Repr::Exclusive(memory) => to.copy_from_slice(&memory[range]),
            Repr::Shared(memory) => memory.read(range.start, to),
        }
        Ok(())
    }

    /// Copies into the memory.
    ///
    /// # Errors
    /// `FAULT`, and nothing is written.
    #[inline]
    pub fn write(&mut self, ptr: impl Into<u64>, from: &[u8]) -> Result<()> {
        let range = self.range(ptr.into(), from.len() as u64)?;
        match &mut self.0 {
            Repr::Exclusive(memory) => memory[range].copy_from_slice(from),
            Repr::Shared(memory) => memory.write(range.start, from),
        }
        Ok(())
    }

    /// A path: at most `PATH_MAX` bytes of UTF-8, all the rest of its rules being the resolver's. In place where nobody
    /// else can write it, else a copy in `room`.
    ///
    /// # Errors
    /// `FAULT`; `NAMETOOLONG`, before anything is copied; `ILSEQ`.
    #[inline]
    pub fn path<'m>(&'m self, ptr: impl Into<u64>, len: impl Into<u64>, room: &'m mut Copied) -> Result<&'m [u8]> {
        let bytes = self.bytes(ptr, len, PATH_MAX, room)?;
        if bytes.is_ascii() || core::str::from_utf8(bytes).is_ok() { Ok(bytes) } else { Err(Errno::ILSEQ) }
    }

    /// At most `max` bytes. As [`path`](Self::path).
    ///
    /// # Errors
    /// `FAULT`; `NAMETOOLONG` if there are more, before anything is copied.
    #[inline]
    pub fn bytes<'m>(
        &'m self,
        ptr: impl Into<u64>,
        len: impl Into<u64>,
        max: usize,
        room: &'m mut Copied,
    ) -> Result<&'m [u8]> {
        let range = self.range(ptr.into(), len.into())?;
        if range.len() > max {
            return Err(Errno::NAMETOOLONG);
        }
        Ok(match &self.0 {
            Repr::Exclusive(memory) => &memory[range],
            Repr::Shared(memory) => {
                room.0.clear();
                room.0.resize(range.len(), 0);
                memory.read(range.start, &mut room.0);
                &room.0
            }
        })
    }

    /// `len` bytes at `ptr`, to be written piece by piece.
    ///
    /// # Errors
    /// `FAULT`.
    #[inline]
    pub fn region(&mut self, ptr: impl Into<u64>, len: impl Into<u64>) -> Result<Region<'_, 'a>> {
        let range = self.range(ptr.into(), len.into())?;
        Ok(Region { memory: self, range })
    }

    #[inline]
    fn range(&self, ptr: u64, len: u64) -> Result<Range<usize>> {
        if len == 0 {
            return Ok(0..0);
        }
        let end = ptr.checked_add(len).ok_or(Errno::FAULT)?;
        // What is not over the size fits a `usize`, as the size does.
        if end > self.size() as u64 { Err(Errno::FAULT) } else { Ok(ptr as usize..end as usize) }
    }
}

/// A part of the memory that a syscall fills.
#[derive(Debug)]
pub struct Region<'m, 'a> {
    memory: &'m mut GuestMemory<'a>,
    range: Range<usize>,
}

/// How much is filled at a time, so that whoever waits for the process to end never waits long, and bounce buffers
/// stay small.
const FILL_CHUNK: usize = 64 << 10;

impl Region<'_, '_> {
    /// Its bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Writes as much of `bytes` as fits from `offset` on, and answers how much that is.
    #[inline]
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> usize {
        let room = self.len().saturating_sub(offset);
        let n = bytes.len().min(room);
        if n > 0 {
            let at = self.range.start + offset;
            match &mut self.memory.0 {
                Repr::Exclusive(memory) => memory[at..at + n].copy_from_slice(&bytes[..n]),
                Repr::Shared(memory) => memory.write(at, &bytes[..n]),
            }
        }
        n
    }

    /// Has `fill` fill all of it, in bounded pieces, from front to back.
    ///
    /// # Errors
    /// The first of `fill`.
    pub fn fill_with(self, mut fill: impl FnMut(&mut [u8]) -> SysResult) -> SysResult {
        match &mut self.memory.0 {
            Repr::Exclusive(memory) => memory[self.range].chunks_mut(FILL_CHUNK).try_for_each(fill),
            Repr::Shared(memory) => {
                let mut buffer = [0; 4096];
                let mut at = self.range.start;
                while at < self.range.end {
                    let n = buffer.len().min(self.range.end - at);
                    fill(&mut buffer[..n])?;
                    memory.write(at, &buffer[..n]);
                    at += n;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
