//! Vectors of buffers: [`IoVecs`], and the ways to read into and write from them.

use std::{
    io::{IoSlice, IoSliceMut},
    ops::Range,
};

use gangplank_vfs::{Errno, Result};
use smallvec::{SmallVec, smallvec};

use super::{GuestMemory, Repr};
use crate::{
    Fault, SysResult,
    abi::{Layout, types::IoVec},
};

/// Buffers that one call uses; further ones are for the next call, as the short count tells the guest.
pub const IOV_MAX: usize = 1024;

/// Bytes that one call moves at most: `nread` is 32 bits wide, and C libraries take it for signed.
const TOTAL_MAX: usize = i32::MAX as usize;

/// Bytes that are copied through a buffer of ours at a time, where the guest's cannot be used in place.
const BOUNCE_MAX: usize = 1 << 20;

/// Bytes in several buffers that go through one of ours: to copy them costs less than to hand on the pieces.
const GATHERED: usize = 2048;

/// The buffers of one call, inside the memory, none of them empty.
#[derive(Debug)]
pub struct IoVecs(Ranges);

/// Nearly always there is one buffer; to make a vector for it would cost more than to copy 64 bytes.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Lives on the stack, and is not moved.
enum Ranges {
    One(Range<usize>),
    Several { ranges: SmallVec<[Range<usize>; 4]>, total: usize },
}

/// Slices for which nothing is allocated.
const FEW: usize = 16;

impl IoVecs {
    /// Bytes of all buffers together.
    #[inline]
    pub fn total(&self) -> usize {
        match &self.0 {
            Ranges::One(range) => range.len(),
            Ranges::Several { total, .. } => *total,
        }
    }

    #[inline]
    fn ranges(&self) -> &[Range<usize>] {
        match &self.0 {
            Ranges::One(range) => core::slice::from_ref(range),
            Ranges::Several { ranges, .. } => ranges,
        }
    }
}

impl GuestMemory<'_> {
    /// The `count` buffers that the array at `ptr` describes: the first [`IOV_MAX`] of them that are not empty, up to
    /// 2 GiB.
    ///
    /// # Errors
    /// `FAULT` if the array, or one of these buffers, is not inside the memory.
    // Inlined, so that the vector is made where it is used: to move it costs more than to make it.
    #[inline(always)]
    pub fn iovecs(&self, ptr: impl Into<u64>, count: u32) -> Result<IoVecs> {
        let ptr = ptr.into();
        if count == 1 {
            let IoVec { buf, len } = self.get(ptr)?;
            if len > 0 {
                let mut range = self.range(buf.into(), len.into())?;
                range.end = range.end.min(range.start + TOTAL_MAX);
                return Ok(IoVecs(Ranges::One(range)));
            }
        }
        self.several(ptr, count)
    }

    #[inline(never)]
    fn several(&self, ptr: u64, count: u32) -> Result<IoVecs> {
        // A count of 2^32-1 fails here, before it means anything.
        let table = self.range(ptr, u64::from(count) * IoVec::SIZE as u64)?;
        match &self.0 {
            Repr::Exclusive(memory) => self.take(memory[table].as_chunks().0.iter().map(IoVec::decode)),
            Repr::Shared(memory) => self.take(table.step_by(IoVec::SIZE).map(|at| {
                let mut bytes = IoVec::ZERO;
                memory.read(at, &mut bytes);
                IoVec::decode(&bytes)
            })),
        }
    }

    /// The buffers that one call uses of those described, each checked.
    #[inline]
    fn take(&self, described: impl ExactSizeIterator<Item = IoVec>) -> Result<IoVecs> {
        // Room for all of them at once, unless they are many: those may be empty, and the count is the guest's word.
        let mut ranges = SmallVec::with_capacity(described.len().min(FEW));
        let mut total = 0;
        for IoVec { buf, len } in described {
            if len == 0 {
                continue;
            }
            let mut range = self.range(buf.into(), len.into())?;
            range.end = range.start + range.len().min(TOTAL_MAX - total);
            total += range.len();
            ranges.push(range);
            if ranges.len() == IOV_MAX || total == TOTAL_MAX {
                break;
            }
        }
        Ok(IoVecs(Ranges::Several { ranges, total }))
    }

    /// Has `io` read into the buffers: it is given them all at once where they can be used in place, or one in place of
    /// small ones, else several times a part of them, with the number of bytes that have been read before, until it reads
    /// less than it could. Where buffers overlap, the later one wins.
    ///
    /// # Errors
    /// Those of `io`; but an error number after something has been read is left for the next call.
    #[inline]
    pub fn fill(
        &mut self,
        iovs: &IoVecs,
        mut io: impl FnMut(&mut [IoSliceMut<'_>], usize) -> SysResult<usize>,
    ) -> SysResult<usize> {
        if let (Repr::Exclusive(memory), [one]) = (&mut self.0, iovs.ranges()) {
            let buffer = memory.get_mut(one.clone()).ok_or(Errno::FAULT)?;
            return Ok(io(&mut [IoSliceMut::new(buffer)], 0)?.min(one.len()));
        }
        self.fill_several(iovs, &mut io)
    }

    #[inline(never)]
    fn fill_several(
        &mut self,
        iovs: &IoVecs,
        io: &mut dyn FnMut(&mut [IoSliceMut<'_>], usize) -> SysResult<usize>,
    ) -> SysResult<usize> {
        if let Repr::Exclusive(memory) = &mut self.0
            && iovs.total() > GATHERED
            && let Some(mut slices) = disjoint(memory, iovs.ranges())
        {
            return Ok(io(&mut slices, 0)?.min(iovs.total()));
        }
        bounce(iovs.total(), |buffer, done| {
            let n = io(&mut [IoSliceMut::new(buffer)], done)?.min(buffer.len());
            for (range, part) in overlay(iovs.ranges(), done, n) {
                self.write(range.start as u64, &buffer[part])?;
            }
            Ok(n)
        })
    }

    /// Has `io` write what is in the buffers. As [`fill`](Self::fill).
    ///
    /// # Errors
    /// As `fill`.
    #[inline]
    pub fn drain(
        &self,
        iovs: &IoVecs,
        mut io: impl FnMut(&mut [IoSlice<'_>], usize) -> SysResult<usize>,
    ) -> SysResult<usize> {
        if let (Repr::Exclusive(memory), [one]) = (&self.0, iovs.ranges()) {
            let buffer = memory.get(one.clone()).ok_or(Errno::FAULT)?;
            return Ok(io(&mut [IoSlice::new(buffer)], 0)?.min(one.len()));
        }
        self.drain_several(iovs, &mut io)
    }

    #[inline(never)]
    fn drain_several(
        &self,
        iovs: &IoVecs,
        io: &mut dyn FnMut(&mut [IoSlice<'_>], usize) -> SysResult<usize>,
    ) -> SysResult<usize> {
        if let Repr::Exclusive(memory) = &self.0 {
            if iovs.total() <= GATHERED {
                let mut one: SmallVec<[u8; GATHERED]> = SmallVec::new();
                for range in iovs.ranges() {
                    one.extend_from_slice(memory.get(range.clone()).ok_or(Errno::FAULT)?);
                }
                return Ok(io(&mut [IoSlice::new(&one)], 0)?.min(one.len()));
            }
            let slice = |range: &Range<usize>| memory.get(range.clone()).map(IoSlice::new).ok_or(Errno::FAULT);
            let mut slices = iovs.ranges().iter().map(slice).collect::<Result<SmallVec<[_; FEW]>>>()?;
            return Ok(io(&mut slices, 0)?.min(iovs.total()));
        }
        bounce(iovs.total(), |buffer, done| {
            for (range, part) in overlay(iovs.ranges(), done, buffer.len()) {
                self.read(range.start as u64, &mut buffer[part])?;
            }
            Ok(io(&mut [IoSlice::new(buffer)], done)?.min(buffer.len()))
        })
    }
}

/// One slice for each range, in their order, or `None` if two of them share a byte.
fn disjoint<'m>(memory: &'m mut [u8], ranges: &[Range<usize>]) -> Option<SmallVec<[IoSliceMut<'m>; FEW]>> {
    // As programs mostly have them.
    if ranges.is_sorted_by(|one, next| one.end <= next.start) {
        let mut slices = SmallVec::with_capacity(ranges.len());
        return each(memory, ranges, |slice| slices.push(slice)).map(|()| slices);
    }
    let mut order: SmallVec<[usize; FEW]> = (0..ranges.len()).collect();
    order.sort_unstable_by_key(|&i| ranges[i].start);
    let mut slices: SmallVec<[IoSliceMut<'m>; FEW]> = ranges.iter().map(|_| IoSliceMut::new(&mut [])).collect();
    let mut places = order.iter();
    let sorted = order.iter().map(|&i| &ranges[i]);
    each(memory, sorted, |slice| {
        if let Some(&i) = places.next() {
            slices[i] = slice;
        }
    })?;
    Some(slices)
}

/// Hands out the slices of ranges by ascending addresses; `None` where one begins before the one before it ends.
#[inline]
fn each<'m, 'r>(
    memory: &'m mut [u8],
    ranges: impl IntoIterator<Item = &'r Range<usize>>,
    mut take: impl FnMut(IoSliceMut<'m>),
) -> Option<()> {
    let (mut rest, mut rest_at) = (memory, 0);
    for range in ranges {
        let (_, from) = rest.split_at_mut_checked(range.start.checked_sub(rest_at)?)?;
        let (slice, after) = from.split_at_mut_checked(range.len())?;
        take(IoSliceMut::new(slice));
        (rest, rest_at) = (after, range.end);
    }
    Some(())
}

/// Calls `step` with a buffer and the number of bytes done, until `total` are done or it does less than it could. Once
/// with an empty buffer if `total` is 0, because an operation on no bytes still has errors.
fn bounce(total: usize, mut step: impl FnMut(&mut [u8], usize) -> SysResult<usize>) -> SysResult<usize> {
    let mut buffer: SmallVec<[u8; 4096]> = smallvec![0; total.min(BOUNCE_MAX)];
    let mut done = 0;
    loop {
        let want = buffer.len().min(total - done);
        let n = match step(&mut buffer[..want], done) {
            Ok(n) => n,
            Err(Fault::Errno(_)) if done > 0 => return Ok(done),
            Err(fault) => return Err(fault),
        };
        done += n;
        if n < want || done == total {
            return Ok(done);
        }
    }
}

/// Lays the ranges end to end and answers what covers the bytes `from..from + len` of that: places in the memory, and
/// which of the `len` bytes belong there.
fn overlay(
    ranges: &[Range<usize>],
    from: usize,
    len: usize,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + use<'_> {
    let mut at = 0;
    ranges.iter().filter_map(move |range| {
        let (begin, end) = (at, at + range.len());
        at = end;
        let (first, last) = (begin.max(from), end.min(from + len));
        (first < last).then(|| (range.start + (first - begin)..range.start + (last - begin), first - from..last - from))
    })
}
