//! [`QuotaFile`]: an open regular file, whose growth is charged.

use std::{io::IoSlice, sync::Arc};

use super::{
    Shared,
    account::{Account, BLOCK, State},
};
use crate::{At, Ctx, Errno, NodeId, OpenFlags, Result, SetAttr, VirtualFile};

/// An open regular file. Whatever may charge or refund runs under its account's lock, so that all who write through this
/// filesystem agree where the file ends.
#[derive(Debug)]
pub(super) struct QuotaFile {
    pub(super) shared: Arc<Shared>,
    pub(super) account: Arc<Account>,
    pub(super) node: NodeId,
    pub(super) inner: Arc<dyn VirtualFile>,
    pub(super) flags: OpenFlags,
}

impl Drop for QuotaFile {
    fn drop(&mut self) {
        self.shared.close(self.node, &self.account);
    }
}

impl QuotaFile {
    fn writes(&self) -> bool {
        self.flags.contains(OpenFlags::WRITE)
    }

    fn resized(&self, state: &mut State, len: u64) {
        self.shared.bytes.refund(state.cut(len));
    }
}

/// The first `len` bytes of `bufs`.
fn head<'a>(bufs: &'a [IoSlice<'a>], mut len: usize) -> Vec<IoSlice<'a>> {
    let mut out = Vec::new();
    for buf in bufs {
        let n = buf.len().min(len);
        if n > 0 {
            out.push(IoSlice::new(&buf[..n]));
        }
        len -= n;
        if len == 0 {
            break;
        }
    }
    out
}

impl VirtualFile for QuotaFile {
    crate::eager_append!();

    crate::forward_file! { inner: node, seekable, getattr, read_at, read_bytes, seek_data, readdir, sync, poll,
    read_stream, write_stream, flush, set_flags, advise, socket, is_terminal }

    fn setattr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        let Some(len) = attr.size else { return self.inner.setattr(cx, attr) };
        let mut state = self.account.state.lock();
        self.inner.setattr(cx, attr)?;
        self.resized(&mut state, len);
        Ok(())
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        let total = bufs.iter().fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        let mut state = self.account.state.lock();
        let offset = match at {
            At::Offset(offset) => offset,
            At::End if self.writes() => self.inner.getattr()?.size,
            At::End => 0,
        };
        let end = offset.checked_add(total as u64).filter(|&end| end <= i64::MAX as u64);
        let most = self.shared.inner.info().max_file_size;
        if !self.writes() || total == 0 || offset > i64::MAX as u64 || offset >= most {
            // Nothing will be written.
            return self.inner.write_at(bufs, at);
        }
        let end = end.unwrap_or(i64::MAX as u64).min(most);
        let missing = state.missing(offset, end);
        let need = missing.iter().map(|(from, to)| to - from).sum::<u64>() * BLOCK;
        let got = self.shared.bytes.reserve_some(need, BLOCK);
        let fits = match first_without(&missing, got / BLOCK) {
            Some(block) => usize::try_from((block * BLOCK).saturating_sub(offset)).unwrap_or(total).min(total),
            None => total,
        };
        if fits == 0 {
            self.shared.bytes.refund(got);
            return Err(Errno::NOSPC);
        }
        let part = head(bufs, fits);
        match self.inner.write_at(if fits < total { &part } else { bufs }, at) {
            Ok((n, end)) => {
                let charged = if n > 0 { state.charge(end - n as u64, end) } else { 0 };
                self.shared.settle(got, charged);
                Ok((n, end))
            }
            Err(e) => {
                self.shared.bytes.refund(got);
                Err(e)
            }
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.account.state.lock();
        self.inner.set_len(len)?;
        self.resized(&mut state, len);
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        let end = offset.checked_add(len).filter(|&end| len > 0 && end <= i64::MAX as u64);
        let info = self.shared.inner.info();
        let possible = self.writes() && info.caps.contains(crate::FsCaps::ALLOCATE);
        let Some(end) = end.filter(|&end| possible && end <= info.max_file_size) else {
            return self.inner.allocate(offset, len);
        };
        let mut state = self.account.state.lock();
        let need = state.missing(offset, end).iter().map(|(from, to)| to - from).sum::<u64>().saturating_mul(BLOCK);
        self.shared.bytes.reserve(need)?;
        match self.inner.allocate(offset, len) {
            Ok(()) => {
                let charged = state.charge(offset, end);
                self.shared.settle(need, charged);
                Ok(())
            }
            Err(e) => {
                self.shared.bytes.refund(need);
                Err(e)
            }
        }
    }

    fn clone_to(&self, _: &dyn VirtualFile) -> Result<()> {
        if !self.flags.contains(OpenFlags::READ) {
            return Err(Errno::BADF);
        }
        // What it would add could not be told before it is done.
        Err(Errno::NOTSUP)
    }
}

/// The first of these blocks that is not among the first `paid` of them.
fn first_without(missing: &[(u64, u64)], mut paid: u64) -> Option<u64> {
    for &(from, to) in missing {
        if paid < to - from {
            return Some(from + paid);
        }
        paid -= to - from;
    }
    None
}
