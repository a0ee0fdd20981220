//! Descriptors: what they are, what they may do, and the files behind them as a whole.

use gangplank_vfs::{Errno, FileType, OpenFlags, SetAttr, SetTime, Time};

use crate::{
    Call, RightSet, SysResult,
    abi::{
        FdFlags, FstFlags, Layout,
        types::{Advice, Fdstat, Filestat, Prestat},
    },
};

pub(crate) fn fd_close(call: &mut Call<'_>, fd: u32) -> SysResult {
    call.thread.forget(fd);
    Ok(call.process().fds().close(fd)?)
}

/// Both numbers must be open; a preopened directory keeps its name under its new number.
pub(crate) fn fd_renumber(call: &mut Call<'_>, fd: u32, to: u32) -> SysResult {
    // Where the thread remembers a descriptor depends on its number: under another one it would not be forgotten when it
    // is closed.
    call.thread.forget(fd);
    call.thread.forget(to);
    Ok(call.process().fds().renumber(fd, to)?)
}

pub(crate) fn fd_fdstat_get(call: &mut Call<'_>, fd: u32, stat: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let out = call.memory.out::<Fdstat>(stat)?;
    call.memory.put(out, descriptor.fdstat())?;
    Ok(())
}

/// APPEND and NONBLOCK can be set and cleared. As with Linux's `F_SETFL`, those of synchronisation are fixed when a
/// file is opened: asking for one that is not set is `INVAL`, leaving one out changes nothing.
pub(crate) fn fd_fdstat_set_flags(call: &mut Call<'_>, fd: u32, flags: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_FDSTAT_SET_FLAGS)?;
    let wanted = FdFlags::from_guest(flags)?.to_open_flags();
    const FIXED: OpenFlags = OpenFlags::SYNC.union(OpenFlags::DSYNC);
    let fixed = file.flags() & FIXED;
    if !fixed.contains(wanted & FIXED) {
        return Err(Errno::INVAL.into());
    }
    Ok(file.set_status_flags(wanted | fixed)?)
}

pub(crate) fn fd_fdstat_set_rights(call: &mut Call<'_>, fd: u32, base: u64, inheriting: u64) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    Ok(descriptor.narrow(RightSet::from_guest(base), RightSet::from_guest(inheriting))?)
}

pub(crate) fn fd_filestat_get(call: &mut Call<'_>, fd: u32, stat: u32) -> SysResult {
    filestat::<Filestat>(call, fd, stat)
}

/// Answers in any of the layouts of a `filestat`. What has no name, the standard streams among it, has no metadata but
/// its type.
pub(super) fn filestat<L: Layout + From<Filestat>>(call: &mut Call<'_>, fd: u32, stat: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    descriptor.require(RightSet::FD_FILESTAT_GET)?;
    let out = call.memory.out::<L>(stat)?;
    let file = descriptor.file();
    let stat = match file.file().node() {
        Some(_) if !matches!(file.file_type(), FileType::Unknown) => Filestat::from(&file.metadata()?),
        _ => Filestat { filetype: descriptor.filetype() as u8, ..Filestat::default() },
    };
    call.memory.put(out, L::from(stat))?;
    Ok(())
}

pub(crate) fn fd_filestat_set_size(call: &mut Call<'_>, fd: u32, size: u64) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_FILESTAT_SET_SIZE)?;
    if size > i64::MAX as u64 {
        return Err(Errno::INVAL.into());
    }
    Ok(file.set_len(size)?)
}

pub(crate) fn fd_filestat_set_times(call: &mut Call<'_>, fd: u32, atim: u64, mtim: u64, flags: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    descriptor.require(RightSet::FD_FILESTAT_SET_TIMES)?;
    let attr = times(atim, mtim, flags)?;
    Ok(descriptor.file().set_attr(&call.process().cx(), &attr)?)
}

/// `INVAL` if one time is to be both a given one and now.
pub(super) fn times(atim: u64, mtim: u64, flags: u32) -> Result<SetAttr, Errno> {
    let flags = FstFlags::from_guest(flags)?;
    let one = |given, now, value: u64| match (flags.contains(given), flags.contains(now)) {
        (true, true) => Err(Errno::INVAL),
        (true, false) => Ok(SetTime::To(Time(value.into()))),
        (false, true) => Ok(SetTime::Now),
        (false, false) => Ok(SetTime::Keep),
    };
    Ok(SetAttr {
        atime: one(FstFlags::ATIM, FstFlags::ATIM_NOW, atim)?,
        mtime: one(FstFlags::MTIM, FstFlags::MTIM_NOW, mtim)?,
        ..SetAttr::default()
    })
}

pub(crate) fn fd_allocate(call: &mut Call<'_>, fd: u32, offset: u64, len: u64) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    Ok(descriptor.content(RightSet::FD_ALLOCATE)?.allocate(offset, len)?)
}

pub(crate) fn fd_advise(call: &mut Call<'_>, fd: u32, offset: u64, len: u64, advice: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let file = descriptor.content(RightSet::FD_ADVISE)?;
    let advice = Advice::try_from(advice)?;
    if offset > i64::MAX as u64 || len > i64::MAX as u64 {
        return Err(Errno::INVAL.into());
    }
    Ok(file.advise(offset, len, advice.into())?)
}

pub(crate) fn fd_sync(call: &mut Call<'_>, fd: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    descriptor.require(RightSet::FD_SYNC)?;
    Ok(descriptor.file().sync(false)?)
}

pub(crate) fn fd_datasync(call: &mut Call<'_>, fd: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    descriptor.require(RightSet::FD_DATASYNC)?;
    Ok(descriptor.file().sync(true)?)
}

/// C libraries ask from 3 on until this is `BADF`.
pub(crate) fn fd_prestat_get(call: &mut Call<'_>, fd: u32, prestat: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let name = descriptor.preopen().ok_or(Errno::BADF)?;
    let out = call.memory.out::<Prestat>(prestat)?;
    call.memory.put(out, Prestat { tag: 0, name_len: name.len() as u32 })?;
    Ok(())
}

/// `NAMETOOLONG` if the buffer is too short; what is left of a longer one stays as it is.
pub(crate) fn fd_prestat_dir_name(call: &mut Call<'_>, fd: u32, path: u32, path_len: u32) -> SysResult {
    let descriptor = call.thread.descriptor(fd)?;
    let name = descriptor.preopen().ok_or(Errno::BADF)?;
    if name.len() > path_len as usize {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(call.memory.write(path, name)?)
}

impl From<Advice> for gangplank_vfs::Advice {
    fn from(advice: Advice) -> gangplank_vfs::Advice {
        match advice {
            Advice::Normal => gangplank_vfs::Advice::Normal,
            Advice::Sequential => gangplank_vfs::Advice::Sequential,
            Advice::Random => gangplank_vfs::Advice::Random,
            Advice::WillNeed => gangplank_vfs::Advice::WillNeed,
            Advice::DontNeed => gangplank_vfs::Advice::DontNeed,
            Advice::NoReuse => gangplank_vfs::Advice::NoReuse,
        }
    }
}
