//! System calls as functions, which is how programs make them.
//!
//! `rustix` is inlined to the bare instruction. In a loop that does nothing else, no function returns between two system
//! calls; in a program at least that of its C library does. Where the kernel, on its way in, clears what the processor
//! knows about returns, that first return is guessed wrong, and everybody but such a loop pays for it: on the machine of
//! BENCHMARKS.md a `pread` of 64 bytes took 520 ns inlined and 670 through a function. So the calls that others are
//! compared with go through a function each.

use std::{
    ffi::CStr,
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags, Stat},
    io::Result,
};

#[inline(never)]
pub(super) fn statat(dir: &OwnedFd, path: &CStr) -> Result<Stat> {
    rustix::fs::statat(dir, path, AtFlags::empty())
}

#[inline(never)]
pub(super) fn openat(dir: &OwnedFd, path: &CStr, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    rustix::fs::openat(dir, path, flags | OFlags::CLOEXEC, mode)
}

#[inline(never)]
pub(super) fn close(file: OwnedFd) {
    drop(file);
}

#[inline(never)]
pub(super) fn unlinkat(dir: &OwnedFd, path: &CStr, flags: AtFlags) -> Result<()> {
    rustix::fs::unlinkat(dir, path, flags)
}

#[inline(never)]
pub(super) fn mkdirat(dir: &OwnedFd, path: &CStr) -> Result<()> {
    rustix::fs::mkdirat(dir, path, Mode::from_raw_mode(0o755))
}

#[inline(never)]
pub(super) fn renameat(dir: &OwnedFd, old: &CStr, new: &CStr) -> Result<()> {
    rustix::fs::renameat(dir, old, dir, new)
}

#[inline(never)]
pub(super) fn tell(file: &OwnedFd) -> Result<u64> {
    rustix::fs::tell(file)
}

#[inline(never)]
pub(super) fn read(file: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    rustix::io::read(file, buffer)
}

#[inline(never)]
pub(super) fn pread(file: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    rustix::io::pread(file, buffer, offset)
}

#[inline(never)]
pub(super) fn write(file: &OwnedFd, buffer: &[u8]) -> Result<usize> {
    rustix::io::write(file, buffer)
}

#[inline(never)]
pub(super) fn pwrite(file: &OwnedFd, buffer: &[u8], offset: u64) -> Result<usize> {
    rustix::io::pwrite(file, buffer, offset)
}

#[inline(never)]
pub(super) fn preadv(file: &OwnedFd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
    rustix::io::preadv(file, buffers, 0)
}

#[inline(never)]
pub(super) fn pwritev(file: &OwnedFd, buffers: &[IoSlice<'_>]) -> Result<usize> {
    rustix::io::pwritev(file, buffers, 0)
}
