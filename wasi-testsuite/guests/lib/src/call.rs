//! Thin calls on descriptors, clocks, memory.

use crate::{Errno, FdStat, Iov, Result, Stat, raw};

/// The errno of a raw call as a result.
pub fn check_call(code: i32) -> Result {
    if code == 0 { Ok(()) } else { Err(Errno(code as u16)) }
}

/// The address of a value that the host may write to.
pub fn addr<T>(value: &mut T) -> u32 {
    (value as *mut T).expose_provenance() as u32
}

/// The address of a slice that the host may write to.
pub fn addr_of(bytes: &mut [u8]) -> u32 {
    bytes.as_mut_ptr().expose_provenance() as u32
}

/// Calls with a place for a result.
pub fn with_out<T: Default>(call: impl FnOnce(u32) -> i32) -> Result<T> {
    let mut out = T::default();
    check_call(call(addr(&mut out)))?;
    // The host wrote through the address: read it as the compiler cannot foresee.
    Ok(unsafe { core::ptr::read_volatile(&out) })
}

/// A place to read from.
pub fn iov(bytes: &[u8]) -> Iov {
    Iov { base: bytes.as_ptr().expose_provenance() as u32, len: bytes.len() as u32 }
}

/// A place to read into.
pub fn iov_mut(bytes: &mut [u8]) -> Iov {
    Iov { base: addr_of(bytes), len: bytes.len() as u32 }
}

/// The address of an array of [`Iov`].
pub fn iovs(iovs: &[Iov]) -> u32 {
    iovs.as_ptr().expose_provenance() as u32
}

pub fn read(fd: u32, buf: &mut [u8]) -> Result<u32> {
    readv(fd, &[iov_mut(buf)])
}

pub fn readv(fd: u32, v: &[Iov]) -> Result<u32> {
    with_out(|out| raw::fd_read(fd, iovs(v), v.len() as u32, out))
}

pub fn write(fd: u32, bytes: impl AsRef<[u8]>) -> Result<u32> {
    writev(fd, &[iov(bytes.as_ref())])
}

pub fn writev(fd: u32, v: &[Iov]) -> Result<u32> {
    with_out(|out| raw::fd_write(fd, iovs(v), v.len() as u32, out))
}

pub fn pread(fd: u32, buf: &mut [u8], offset: u64) -> Result<u32> {
    let v = [iov_mut(buf)];
    with_out(|out| raw::fd_pread(fd, iovs(&v), 1, offset, out))
}

pub fn pwrite(fd: u32, bytes: impl AsRef<[u8]>, offset: u64) -> Result<u32> {
    let v = [iov(bytes.as_ref())];
    with_out(|out| raw::fd_pwrite(fd, iovs(&v), 1, offset, out))
}

pub fn seek(fd: u32, delta: i64, whence: u32) -> Result<u64> {
    with_out(|out| raw::fd_seek(fd, delta, whence, out))
}

pub fn tell(fd: u32) -> Result<u64> {
    with_out(|out| raw::fd_tell(fd, out))
}

pub fn close(fd: u32) -> Result {
    check_call(raw::fd_close(fd))
}

pub fn fstat(fd: u32) -> Result<Stat> {
    with_out(|out| raw::fd_filestat_get(fd, out))
}

pub fn fdstat(fd: u32) -> Result<FdStat> {
    with_out(|out| raw::fd_fdstat_get(fd, out))
}

pub fn set_flags(fd: u32, flags: u32) -> Result {
    check_call(raw::fd_fdstat_set_flags(fd, flags))
}

pub fn set_size(fd: u32, size: u64) -> Result {
    check_call(raw::fd_filestat_set_size(fd, size))
}

pub fn set_times(fd: u32, atim: u64, mtim: u64, flags: u32) -> Result {
    check_call(raw::fd_filestat_set_times(fd, atim, mtim, flags))
}

pub fn allocate(fd: u32, offset: u64, len: u64) -> Result {
    check_call(raw::fd_allocate(fd, offset, len))
}

pub fn advise(fd: u32, offset: u64, len: u64, advice: u32) -> Result {
    check_call(raw::fd_advise(fd, offset, len, advice))
}

pub fn sync(fd: u32) -> Result {
    check_call(raw::fd_sync(fd))
}

pub fn datasync(fd: u32) -> Result {
    check_call(raw::fd_datasync(fd))
}

pub fn renumber(from: u32, to: u32) -> Result {
    check_call(raw::fd_renumber(from, to))
}

pub fn now(clock: u32) -> Result<u64> {
    with_out(|out| raw::clock_time_get(clock, 1, out))
}

/// The first address after the memory.
pub fn memory_end() -> u64 {
    core::arch::wasm32::memory_size::<0>() as u64 * 65536
}

/// An address with `room` bytes of memory after it, and nothing beyond.
pub fn before_end(room: u32) -> u32 {
    (memory_end() - room as u64) as u32
}

/// This many new pages of memory, as bytes.
pub fn new_pages(count: usize) -> &'static mut [u8] {
    let at = core::arch::wasm32::memory_grow::<0>(count);
    assert!(at != usize::MAX);
    // Memory that was just grown belongs to nobody else.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(at * 65536), count * 65536) }
}
