//! [`Data`]: the content of a regular file.
//!
//! Three forms, each a hole wherever nothing was ever written: up to 64 bytes in place; chunks of 16 KiB in a
//! [`Radix`]; and an *image* underneath the chunks, a `Bytes` shared with whoever made the file, of which a write
//! copies the chunk it touches and nothing else. A clone shares everything. A chunk is only as long as what was written
//! to it, so that a small file is small; after its end, and past the end of what is in place, there are zeroes. Nothing
//! at or past the end of the file is ever kept, so that growing needs no work. The chunk that is written to again and
//! again stands beside the others, where it is found without asking on the way whether somebody shares the pages.
//!
//! # What is charged
//! One chunk for every chunk index that is allocated or *reserved* (`posix_fallocate`): reservations are a list of
//! ranges and cost no memory. Neither 64 bytes in place nor an image are charged: the first belongs to the node, the
//! second to its owner. [`Data::charged`] is exact at any time, and what [`Data::cut`] answers has to be refunded.

use core::ops::ControlFlow;
use std::io::IoSlice;

use bytes::Bytes;
use triomphe::Arc;

use super::{
    chunk::{CHUNK, Chunk},
    quota::Quota,
    radix::Radix,
    ranges::Ranges,
};
use crate::{Errno, Result, Seek};

const CHUNK64: u64 = CHUNK as u64;
/// Longest content kept in the node itself.
const INLINE: usize = 64;
/// 1 PiB. Far beyond any memory, so that sparse files of any sensible size work; low enough for short radix paths.
pub(super) const MAX_SIZE: u64 = 1 << 50;
/// [`Data::read_bytes`] hands out a piece of a chunk from this size on; below, a copy is cheaper and pins nothing.
const SHARE_MIN: usize = 4 << 10;
/// Zeroes of holes that one [`Data::read_bytes`] may ask for.
const HOLE_READ_MAX: u64 = 16 << 20;

/// The content of a regular file.
#[derive(Clone, Debug)]
pub(super) struct Data {
    len: u64,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// The bytes up to `written` have been written, the rest is a hole.
    Inline {
        written: u8,
        bytes: [u8; INLINE],
    },
    Chunks(Chunks),
}

#[derive(Clone, Debug)]
struct Chunks {
    /// `None` for the one that is in `hot`.
    map: Radix<Option<Arc<Chunk>>>,
    hot: Option<(u64, Arc<Chunk>)>,
    /// The chunk that was written to last: who writes to it again makes it hot.
    last: u64,
    /// Number of chunks in `map`.
    allocated: u64,
    /// Those of them that are not in `reserved`.
    extra: u64,
    /// Those of them that hide a part of `image`.
    hiding: u64,
    reserved: Ranges,
    image: Bytes,
}

impl Data {
    pub(super) const fn new() -> Data {
        Data { len: 0, form: Form::Inline { written: 0, bytes: [0; INLINE] } }
    }

    /// Content that stays where it is until it is written to.
    pub(super) fn image(image: Bytes) -> Data {
        Data { len: image.len() as u64, form: Form::Chunks(Chunks::new(image)) }
    }

    /// The same content for another file: shared, without what is only reserved.
    pub(super) fn to_share(&self) -> Data {
        let mut copy = self.clone();
        if let Form::Chunks(c) = &mut copy.form {
            (c.reserved, c.extra) = (Ranges::new(), c.allocated);
        }
        copy
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Allocated and reserved space, in units of 512 bytes.
    pub(super) fn blocks(&self) -> u64 {
        match &self.form {
            Form::Inline { written, .. } => u64::from(*written > 0),
            Form::Chunks(c) => {
                let image = (c.image.len() as u64).div_ceil(CHUNK64);
                (c.charged() + image.saturating_sub(c.hiding)) * (CHUNK64 / 512)
            }
        }
    }

    /// Bytes that this content has reserved from the quota.
    pub(super) fn charged(&self) -> u64 {
        match &self.form {
            Form::Inline { .. } => 0,
            Form::Chunks(c) => c.charged() * CHUNK64,
        }
    }

    /// Fills `buf` from `offset` on; answers how much there was.
    #[inline]
    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> usize {
        let Some(left) = self.len.checked_sub(offset) else { return 0 };
        let n = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let buf = &mut buf[..n];
        match &self.form {
            Form::Inline { bytes, .. } => copy_padded(buf, tail(bytes, offset)),
            Form::Chunks(c) => c.read_at(buf, offset),
        }
        n
    }

    /// As [`read_at`](Self::read_at), sharing where it can.
    ///
    /// # Errors
    /// `NOMEM` if there is no memory for it, or if it is holes beyond reason.
    pub(super) fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        let left = self.len.saturating_sub(offset);
        let n = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        if n == 0 {
            return Ok(Bytes::new());
        }
        let mut content = INLINE as u64;
        if let Form::Chunks(c) = &self.form {
            if let Some(shared) = c.share(offset, n) {
                return Ok(shared);
            }
            content = c.allocated * CHUNK64 + c.image.len() as u64;
        }
        // A length of the guest's choosing, over a size of the guest's choosing: only content bounds it.
        if n as u64 > content + HOLE_READ_MAX {
            return Err(Errno::NOMEM);
        }
        let mut out = Vec::new();
        out.try_reserve_exact(n).map_err(|_| Errno::NOMEM)?;
        out.resize(n, 0);
        self.read_at(&mut out, offset);
        Ok(out.into())
    }

    /// Whether writing `n` bytes at `offset` leaves what is charged as it is. May say no where it does.
    #[inline]
    pub(super) fn is_settled(&self, offset: u64, n: usize) -> bool {
        let Some(end) = offset.checked_add(n as u64).filter(|&end| end <= MAX_SIZE) else { return false };
        match &self.form {
            Form::Inline { .. } => end <= INLINE as u64,
            Form::Chunks(c) => {
                let (first, last) = (offset / CHUNK64, end.saturating_sub(1) / CHUNK64);
                last - first < 4 && (first..=last).all(|i| c.is_hot(i) || c.map.get(i).is_some())
            }
        }
    }

    /// Writes `bufs` one after the other from `offset` on, as far as quota and [`MAX_SIZE`] allow; answers how far
    /// that was.
    ///
    /// # Errors
    /// `FBIG`, `NOSPC` if not even one byte fits.
    pub(super) fn write_at(&mut self, bufs: &[IoSlice<'_>], offset: u64, quota: &Quota) -> Result<usize> {
        if offset >= MAX_SIZE {
            return Err(Errno::FBIG);
        }
        let (mut done, mut left) = (0, bufs);
        while let [buf, later @ ..] = left {
            let at = offset + done as u64;
            if let Form::Chunks(c) = &mut self.form
                && let Some((whole, n)) = c.write_together(left, at)
            {
                done += n;
                self.len = self.len.max(at + n as u64);
                left = &left[whole..];
                continue;
            }
            let fits = usize::try_from(MAX_SIZE - at).unwrap_or(usize::MAX).min(buf.len());
            let n = self.write_one(&buf[..fits], at, quota);
            done += n.unwrap_or_default();
            match n {
                Err(e) if done == 0 => return Err(e),
                Ok(n) if n == buf.len() => left = later,
                _ => break,
            }
        }
        Ok(done)
    }

    fn write_one(&mut self, buf: &[u8], offset: u64, quota: &Quota) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let end = offset + buf.len() as u64;
        if let Form::Inline { written, bytes } = &mut self.form
            && end <= INLINE as u64
        {
            bytes[offset as usize..end as usize].copy_from_slice(buf);
            *written = (*written).max(end as u8);
            self.len = self.len.max(end);
            return Ok(buf.len());
        }
        let n = self.with_chunks(quota, |c| c.write_at(buf, offset, quota))?;
        self.len = self.len.max(offset + n as u64);
        Ok(n)
    }

    /// Cuts or extends; answers the bytes to refund.
    pub(super) fn set_len(&mut self, len: u64) -> u64 {
        let cut = len < self.len;
        self.len = len;
        match &mut self.form {
            Form::Inline { written, bytes } if len < INLINE as u64 => {
                bytes[len as usize..].fill(0);
                *written = (*written).min(len as u8);
                0
            }
            Form::Chunks(c) => {
                let before = c.charged();
                if cut {
                    c.cut(len);
                }
                let refund = (before - c.charged()) * CHUNK64;
                if len == 0 && c.charged() == 0 {
                    *self = Data::new();
                }
                refund
            }
            Form::Inline { .. } => 0,
        }
    }

    /// Reserves the chunks of `offset..end`, and extends the content to `end`. All or nothing.
    ///
    /// # Errors
    /// `NOSPC`.
    pub(super) fn allocate(&mut self, offset: u64, end: u64, quota: &Quota) -> Result<()> {
        let (first, last) = (offset / CHUNK64, end.div_ceil(CHUNK64));
        self.with_chunks(quota, |c| {
            let mut reserved = c.reserved.clone();
            let mut extra = c.extra;
            for (from, to) in reserved.insert(first, last) {
                // What is allocated there was charged by itself, and is now charged as reserved.
                c.map.range(from, &mut |i, _| {
                    if i >= to {
                        return ControlFlow::Break(());
                    }
                    extra -= 1;
                    ControlFlow::Continue(())
                });
            }
            let more = reserved.total() + extra - c.charged();
            quota.reserve_bytes(more * CHUNK64)?;
            (c.reserved, c.extra) = (reserved, extra);
            Ok(())
        })?;
        self.len = self.len.max(end);
        Ok(())
    }

    /// # Errors
    /// `NXIO` if `offset` is at or past the end, or there is no data after it.
    pub(super) fn seek(&self, offset: u64, what: Seek) -> Result<u64> {
        if offset >= self.len {
            return Err(Errno::NXIO);
        }
        let found = match (&self.form, what) {
            (Form::Inline { written, .. }, Seek::Data) => (offset < u64::from(*written)).then_some(offset),
            (Form::Inline { written, .. }, Seek::Hole) => Some(offset.max((*written).into())),
            (Form::Chunks(c), Seek::Data) => c.next_data(offset),
            (Form::Chunks(c), Seek::Hole) => Some(c.next_hole(offset)),
        };
        match (found, what) {
            (Some(at), Seek::Hole) => Ok(at.min(self.len)),
            (Some(at), Seek::Data) if at < self.len => Ok(at),
            _ => Err(Errno::NXIO),
        }
    }

    /// Runs `f` on the chunked form. What is in place becomes the first chunk, unless `f` fails.
    fn with_chunks<R>(&mut self, quota: &Quota, f: impl FnOnce(&mut Chunks) -> Result<R>) -> Result<R> {
        match &mut self.form {
            Form::Chunks(c) => f(c),
            Form::Inline { written, bytes } => {
                let mut c = Chunks::new(Bytes::new());
                if *written > 0 {
                    c.write_at(&bytes[..(*written).into()], 0, quota)?;
                }
                let done = f(&mut c);
                match done {
                    Ok(_) => self.form = Form::Chunks(c),
                    Err(_) => quota.refund_bytes(c.charged() * CHUNK64),
                }
                done
            }
        }
    }
}

impl Chunks {
    fn new(image: Bytes) -> Chunks {
        let (map, reserved) = (Radix::new(), Ranges::new());
        Chunks { map, hot: None, last: u64::MAX, allocated: 0, extra: 0, hiding: 0, reserved, image }
    }

    #[inline]
    fn is_hot(&self, i: u64) -> bool {
        matches!(&self.hot, Some((hot, _)) if *hot == i)
    }

    /// Chunk `i`, if it is there.
    #[inline]
    fn get(&self, i: u64) -> Option<&Arc<Chunk>> {
        match &self.hot {
            Some((hot, chunk)) if *hot == i => Some(chunk),
            _ => self.map.get(i)?.as_ref(),
        }
    }

    /// Chunk `i`, if it is there, to be changed: this file's own.
    #[inline]
    fn get_mut(&mut self, i: u64) -> Option<&mut Chunk> {
        if !self.is_hot(i) {
            if self.last != i {
                let chunk = self.map.get_mut(i)?.as_mut()?;
                self.last = i;
                return Some(Arc::make_mut(chunk));
            }
            let chunk = self.map.get_mut(i)?.take()?;
            self.heat(i, chunk);
        }
        self.hot.as_mut().map(|(_, chunk)| Arc::make_mut(chunk))
    }

    /// Sets chunk `i`, whose place in the map is empty, beside the others.
    fn heat(&mut self, i: u64, chunk: Arc<Chunk>) {
        self.last = i;
        if let Some((cold, chunk)) = self.hot.replace((i, chunk))
            && let Some(place) = self.map.get_mut(cold)
        {
            *place = Some(chunk);
        }
    }

    /// Number of chunks charged.
    fn charged(&self) -> u64 {
        self.reserved.total() + self.extra
    }

    /// The content of chunk `i` as far as there is any.
    #[inline]
    fn chunk(&self, i: u64) -> &[u8] {
        match self.get(i) {
            Some(chunk) => chunk,
            None => {
                let rest = tail(&self.image, i * CHUNK64);
                &rest[..rest.len().min(CHUNK)]
            }
        }
    }

    #[inline]
    fn read_at(&self, buf: &mut [u8], offset: u64) {
        let (i, within) = (offset / CHUNK64, (offset % CHUNK64) as usize);
        // Most reads lie in one chunk, and in what there is of it.
        match self.chunk(i).get(within..within + buf.len()) {
            Some(content) => buf.copy_from_slice(content),
            None => self.read_pieces(buf, offset),
        }
    }

    fn read_pieces(&self, mut buf: &mut [u8], mut offset: u64) {
        while !buf.is_empty() {
            let (i, within) = (offset / CHUNK64, (offset % CHUNK64) as usize);
            let (now, later) = buf.split_at_mut(buf.len().min(CHUNK - within));
            copy_padded(now, tail(self.chunk(i), within as u64));
            offset += now.len() as u64;
            buf = later;
        }
    }

    /// `offset..offset + n` without a copy, if it lies in one piece and is worth it.
    fn share(&self, offset: u64, n: usize) -> Option<Bytes> {
        let end = offset + n as u64;
        if end <= self.image.len() as u64 && (offset / CHUNK64..end.div_ceil(CHUNK64)).all(|i| self.is_image(i)) {
            return Some(self.image.slice(offset as usize..end as usize));
        }
        let (i, within) = (offset / CHUNK64, (offset % CHUNK64) as usize);
        if n < SHARE_MIN {
            return None;
        }
        let chunk = self.get(i).filter(|chunk| within + n <= chunk.len())?;
        Some(Bytes::from_owner(Shared(chunk.clone())).slice(within..within + n))
    }

    fn is_image(&self, i: u64) -> bool {
        self.allocated == 0 || self.map.get(i).is_none()
    }

    /// Writes those of `bufs` that lie wholly in the chunk of `offset`, which is found, and made this file's own, once
    /// for all of them. Answers how many buffers and bytes these were; `None`, having done nothing, if they are less
    /// than two, if they are empty, or if the chunk is not there.
    fn write_together(&mut self, bufs: &[IoSlice<'_>], offset: u64) -> Option<(usize, usize)> {
        let (i, within) = (offset / CHUNK64, (offset % CHUNK64) as usize);
        let mut end = within;
        let fits = |buf: &&IoSlice<'_>| match end.checked_add(buf.len()) {
            Some(after) if after <= CHUNK => {
                end = after;
                true
            }
            _ => false,
        };
        let whole = bufs.iter().take_while(fits).count();
        if whole < 2 || end == within {
            return None;
        }
        let chunk = self.get_mut(i)?;
        let mut at = within;
        for buf in &bufs[..whole] {
            chunk.write(at, buf);
            at += buf.len();
        }
        Some((whole, end - within))
    }

    /// As [`Data::write_at`], for one buffer.
    fn write_at(&mut self, buf: &[u8], offset: u64, quota: &Quota) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let (i, within) = (at / CHUNK64, (at % CHUNK64) as usize);
            let piece = &buf[done..buf.len().min(done + CHUNK - within)];
            if let Some(chunk) = self.get_mut(i) {
                chunk.write(within, piece);
            } else if let Err(e) = self.add(i, within, piece, quota) {
                return if done == 0 { Err(e) } else { Ok(done) };
            }
            done += piece.len();
        }
        Ok(done)
    }

    /// Makes chunk `i`, from what is there and `piece` at `within`.
    fn add(&mut self, i: u64, within: usize, piece: &[u8], quota: &Quota) -> Result<()> {
        let reserved = self.reserved.contains(i);
        if !reserved {
            quota.reserve_bytes(CHUNK64)?;
        }
        let below = self.chunk(i);
        let len = below.len().max(within + piece.len());
        // A file that has got beyond its first chunk will fill the others.
        let below = if piece.len() < CHUNK { below } else { &[] };
        let mut chunk = Chunk::copy_of(below, if i == 0 { len } else { CHUNK });
        chunk.write(within, piece);
        self.map.insert(i, None);
        self.heat(i, Arc::new(chunk));
        self.allocated += 1;
        self.extra += u64::from(!reserved);
        self.hiding += u64::from(i < (self.image.len() as u64).div_ceil(CHUNK64));
        Ok(())
    }

    /// Cuts everything from `len` on.
    fn cut(&mut self, len: u64) {
        let (first_gone, within) = (len.div_ceil(CHUNK64), (len % CHUNK64) as usize);
        let image_chunks = (self.image.len() as u64).div_ceil(CHUNK64);
        let Chunks { map, allocated, extra, hiding, reserved, .. } = self;
        map.cut(first_gone, &mut |i, _| {
            *allocated -= 1;
            *extra -= u64::from(!reserved.contains(i));
            *hiding -= u64::from(i < image_chunks);
        });
        reserved.cut(first_gone);
        if len < self.image.len() as u64 {
            self.image.truncate(len as usize);
        }
        self.hot.take_if(|(i, _)| *i >= first_gone);
        if within > 0
            && let Some(chunk) = self.get_mut(len / CHUNK64)
        {
            chunk.truncate(within);
        }
    }

    fn next_data(&self, offset: u64) -> Option<u64> {
        if offset < self.image.len() as u64 {
            return Some(offset);
        }
        let mut found = None;
        self.map.range(offset / CHUNK64, &mut |i, _| {
            found = Some(offset.max(i * CHUNK64));
            ControlFlow::Break(())
        });
        found
    }

    fn next_hole(&self, offset: u64) -> u64 {
        let mut at = offset;
        loop {
            let i = at / CHUNK64;
            let image_end = self.image.len() as u64;
            at = if self.map.get(i).is_some() {
                self.map.first_gap(i) * CHUNK64
            } else if at < image_end {
                // On to the chunk that comes before the end of the image, if one does.
                let mut end = image_end;
                self.map.range(i, &mut |next, _| {
                    end = end.min(next * CHUNK64);
                    ControlFlow::Break(())
                });
                end
            } else {
                return at;
            };
        }
    }
}

/// Owner of a chunk that a `Bytes` shares.
struct Shared(Arc<Chunk>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0[..]
    }
}

/// `bytes` from `from` on, nothing if that is past its end.
#[inline]
fn tail(bytes: &[u8], from: u64) -> &[u8] {
    usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or_default()
}

/// Copies as much of `from` as there is, and zeroes after it.
#[inline]
fn copy_padded(to: &mut [u8], from: &[u8]) {
    let n = to.len().min(from.len());
    to[..n].copy_from_slice(&from[..n]);
    if n < to.len() {
        to[n..].fill(0);
    }
}

mod same;
#[cfg(test)]
mod tests;
