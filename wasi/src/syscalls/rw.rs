//! Reading, writing and the cursor.

use gangplank_vfs::{Errno, Events, OpenFile, OpenFlags};

use crate::{Call, Descriptor, IoVecs, RightSet, SysResult, abi::types::Whence};

pub(crate) fn fd_read(call: &mut Call<'_>, fd: u32, iovs: u32, iovs_len: u32, nread: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_READ)?;
    let out = call.memory.out::<u32>(nread)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;
    let n = read(call, file, &iovs)?;
    call.memory.put(out, n as u32)?;
    Ok(())
}

/// A stream that has nothing is waited for, unless the descriptor is `NONBLOCK` or something has been read already.
#[inline]
fn read(call: &mut Call<'_>, file: &OpenFile, iovs: &IoVecs) -> SysResult<usize> {
    let (wait, nonblock) = (call.thread.wait(), file.flags().contains(OpenFlags::NONBLOCK));
    call.memory
        .fill(iovs, |slices, done| wait.block_on_read(&**file.file(), nonblock || done > 0, || file.read(slices)))
}

pub(crate) fn fd_write(call: &mut Call<'_>, fd: u32, iovs: u32, iovs_len: u32, nwritten: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_WRITE)?;
    let out = call.memory.out::<u32>(nwritten)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;
    let n = write(call, file, &iovs)?;
    call.memory.put(out, n as u32)?;
    Ok(())
}

/// A stream that has no room is waited for, until all is written, unless the descriptor is `NONBLOCK`.
#[inline]
fn write(call: &mut Call<'_>, file: &OpenFile, iovs: &IoVecs) -> SysResult<usize> {
    let (wait, nonblock) = (call.thread.wait(), file.flags().contains(OpenFlags::NONBLOCK));
    if file.seekable() {
        return call.memory.drain(iovs, |slices, done| {
            let nonblock = nonblock || (done > 0 && wait.suspends());
            wait.block_on(&**file.file(), Events::WRITE, nonblock, || file.write(slices))
        });
    }
    call.memory.drain(iovs, |slices, done| {
        let nonblock = nonblock || (done > 0 && wait.suspends());
        wait.block_on_write(&**file.file(), nonblock, slices, |slices| file.write(slices))
    })
}

pub(crate) fn fd_pread(call: &mut Call<'_>, fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_READ | RightSet::FD_SEEK)?;
    let out = call.memory.out::<u32>(nread)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;
    let n = call.memory.fill(&iovs, |slices, done| Ok(file.read_at(slices, after(offset, done)?)?))?;
    call.memory.put(out, n as u32)?;
    Ok(())
}

pub(crate) fn fd_pwrite(
    call: &mut Call<'_>,
    fd: u32,
    iovs: u32,
    iovs_len: u32,
    offset: u64,
    nwritten: u32,
) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_WRITE | RightSet::FD_SEEK)?;
    let out = call.memory.out::<u32>(nwritten)?;
    let iovs = call.memory.iovecs(iovs, iovs_len)?;
    let n = call.memory.drain(&iovs, |slices, done| Ok(file.write_at(slices, after(offset, done)?)?))?;
    call.memory.put(out, n as u32)?;
    Ok(())
}

fn after(offset: u64, done: usize) -> Result<u64, Errno> {
    offset.checked_add(done as u64).ok_or(Errno::INVAL)
}

pub(crate) fn fd_seek(call: &mut Call<'_>, fd: u32, offset: i64, whence: u32, newoffset: u32) -> SysResult {
    seek::<Whence>(call, fd, offset, whence, newoffset)
}

/// Seeks from any of the numberings of `whence`. Asking where the cursor is needs no more right than `fd_tell`.
pub(super) fn seek<W>(call: &mut Call<'_>, fd: u32, offset: i64, whence: u32, newoffset: u32) -> SysResult
where
    W: TryFrom<u32, Error = Errno> + Into<Whence>,
{
    let descriptor = call.thread.descriptor(fd)?;
    let whence: Whence = W::try_from(whence)?.into();
    let need = match (whence, offset) {
        (Whence::Cur, 0) => RightSet::FD_TELL,
        _ => RightSet::FD_SEEK,
    };
    let file = seekable(&descriptor, need)?;
    let out = call.memory.out::<u64>(newoffset)?;
    let at = file.seek(whence.into(), offset)?;
    call.memory.put(out, at)?;
    Ok(())
}

#[inline(always)] // A glance and no more; the rest is in `tell`.
pub(crate) fn fd_tell(call: &mut Call<'_>, fd: u32, offset: u32) -> SysResult {
    if let Some(at) = call.thread.glance(fd, Descriptor::position)
        && call.memory.put_in_place(offset, at)
    {
        return Ok(());
    }
    tell(&mut call.lend(), fd, offset)
}

/// What [`fd_tell`] does where that takes more than a glance, or fails.
#[inline(never)]
fn tell(call: &mut Call<'_>, fd: u32, offset: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = seekable(&descriptor, RightSet::FD_TELL)?;
    let out = call.memory.out::<u64>(offset)?;
    call.memory.put(out, file.tell()?)?;
    Ok(())
}

/// `SPIPE` for a stream, with or without the right.
#[inline]
fn seekable(descriptor: &Descriptor, need: RightSet) -> Result<&OpenFile, Errno> {
    let file = descriptor.content(RightSet::empty())?;
    if !file.seekable() {
        return Err(Errno::SPIPE);
    }
    descriptor.require(need)?;
    Ok(file)
}

impl From<Whence> for gangplank_vfs::Whence {
    fn from(whence: Whence) -> gangplank_vfs::Whence {
        match whence {
            Whence::Set => gangplank_vfs::Whence::Start,
            Whence::Cur => gangplank_vfs::Whence::Current,
            Whence::End => gangplank_vfs::Whence::End,
        }
    }
}
