//! [`FaultFile`]: an open file on which calls fail.

use core::{any::Any, ops::ControlFlow, task::Waker};
use std::{
    io::{IoSlice, IoSliceMut},
    sync::Arc,
};

use bytes::Bytes;

use super::{Calls, Faults};
use crate::{
    Advice, At, Cookie, Ctx, DirEntry, Events, Metadata, NodeId, OpenFlags, Result, Seek, SetAttr, Socket, VirtualFile,
};

/// An open file. Closed in the ledger when it is dropped.
#[derive(Debug)]
pub(super) struct FaultFile {
    inner: Arc<dyn VirtualFile>,
    node: NodeId,
    faults: Faults,
}

impl FaultFile {
    pub(super) fn new(inner: Arc<dyn VirtualFile>, node: NodeId, faults: Faults) -> FaultFile {
        faults.ledger().opened(node);
        FaultFile { inner, node, faults }
    }
}

impl Drop for FaultFile {
    fn drop(&mut self) {
        self.faults.ledger().closed(self.node);
    }
}

/// How long the buffers are together.
fn total(lens: impl Iterator<Item = usize>) -> usize {
    lens.fold(0, usize::saturating_add)
}

/// The first `len` bytes of `bufs`.
fn head<'a>(bufs: &'a [IoSlice<'_>], mut len: usize) -> Vec<IoSlice<'a>> {
    let cut = |buf: &'a IoSlice<'_>| {
        let n = buf.len().min(len);
        len -= n;
        IoSlice::new(&buf[..n])
    };
    bufs.iter().map(cut).collect()
}

fn head_mut<'a>(bufs: &'a mut [IoSliceMut<'_>], mut len: usize) -> Vec<IoSliceMut<'a>> {
    let cut = |buf: &'a mut IoSliceMut<'_>| {
        let n = buf.len().min(len);
        len -= n;
        IoSliceMut::new(&mut buf[..n])
    };
    bufs.iter_mut().map(cut).collect()
}

impl VirtualFile for FaultFile {
    crate::eager_append!();

    fn node(&self) -> Option<NodeId> {
        self.inner.node()
    }

    fn seekable(&self) -> bool {
        self.inner.seekable()
    }

    fn getattr(&self) -> Result<Metadata> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.getattr()
    }

    fn setattr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.setattr(cx, attr)
    }

    fn read_at(&self, bufs: &mut [IoSliceMut<'_>], offset: u64) -> Result<usize> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        match self.faults.pass_bytes(Calls::LOOKS, len)? {
            most if most < len => self.inner.read_at(&mut head_mut(bufs, most), offset),
            _ => self.inner.read_at(bufs, offset),
        }
    }

    fn write_at(&self, bufs: &[IoSlice<'_>], at: At) -> Result<(usize, u64)> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        match self.faults.pass_bytes(Calls::CHANGES, len)? {
            most if most < len => self.inner.write_at(&head(bufs, most), at),
            _ => self.inner.write_at(bufs, at),
        }
    }

    fn read_bytes(&self, offset: u64, len: usize) -> Result<Bytes> {
        let most = self.faults.pass_bytes(Calls::LOOKS, len)?;
        self.inner.read_bytes(offset, most)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.allocate(offset, len)
    }

    fn clone_to(&self, target: &dyn VirtualFile) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        let target = (target as &dyn Any).downcast_ref::<FaultFile>().map_or(target, |target| &*target.inner);
        self.inner.clone_to(target)
    }

    fn seek_data(&self, offset: u64, what: Seek) -> Result<u64> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.seek_data(offset, what)
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.readdir(from, sink)
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.sync(data_only)
    }

    fn poll(&self, interest: Events, waker: Option<&Waker>) -> Result<Events> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.poll(interest, waker)
    }

    fn read_stream(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        let most = self.faults.pass_bytes(Calls::LOOKS, len)?;
        self.inner.read_stream(&mut head_mut(bufs, most))
    }

    fn write_stream(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let len = total(bufs.iter().map(|buf| buf.len()));
        let most = self.faults.pass_bytes(Calls::CHANGES, len)?;
        self.inner.write_stream(&head(bufs, most))
    }

    fn flush(&self) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.flush()
    }

    fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        self.faults.pass(Calls::CHANGES)?;
        self.inner.set_flags(flags)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.faults.pass(Calls::LOOKS)?;
        self.inner.advise(offset, len, advice)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        self.inner.socket()
    }

    fn is_terminal(&self) -> bool {
        self.inner.is_terminal()
    }
}
