//! Everything that takes a path.

use gangplank_vfs::{Errno, NewNode, OpenFlags, OpenHow, Rename};

use super::fd::times;
use crate::{
    Call, Copied, Descriptor, RightSet, SysResult,
    abi::{FdFlags, Layout, LookupFlags, OFlags, types::Filestat},
};

/// Permission bits of new files and directories, less the process's umask. WASI has none of its own.
const FILE_MODE: u16 = 0o666;
const DIRECTORY_MODE: u16 = 0o777;

#[allow(clippy::too_many_arguments)] // The row of the table has as many.
pub(crate) fn path_open(
    call: &mut Call<'_>,
    fd: u32,
    dirflags: u32,
    path: u32,
    path_len: u32,
    oflags: u32,
    rights_base: u64,
    rights_inheriting: u64,
    fdflags: u32,
    opened_fd: u32,
) -> SysResult {
    let process = call.process();
    let directory = call.thread.descriptor(fd)?;
    let oflags_or = OFlags::from_guest(oflags);
    let start = process.beneath(&directory, open_rights(oflags_or.unwrap_or(OFlags::empty())))?;
    let out = call.memory.out::<u32>(opened_fd)?;
    let (lookup, oflags, fdflags) = (LookupFlags::from_guest(dirflags)?, oflags_or?, FdFlags::from_guest(fdflags)?);
    let (base, inheriting) = (RightSet::from_guest(rights_base), RightSet::from_guest(rights_inheriting));
    directory.require_inheriting(base, inheriting)?;
    let mut room = Copied::new();
    let path = call.memory.path(path, path_len, &mut room)?;

    let mut flags = base.access() | fdflags.to_open_flags();
    flags.set(OpenFlags::TRUNC, oflags.contains(OFlags::TRUNC));
    flags.set(OpenFlags::DIRECTORY, oflags.contains(OFlags::DIRECTORY));
    let create = oflags.contains(OFlags::CREAT);
    let how = OpenHow {
        flags,
        create: create.then_some(NewNode::Regular { mode: FILE_MODE }),
        exclusive: create && oflags.contains(OFlags::EXCL),
        follow: lookup.contains(LookupFlags::SYMLINK_FOLLOW),
    };
    let descriptor = |file| Descriptor::opened(file, process.rights(), base, inheriting);
    let fd = match create || flags.contains(OpenFlags::TRUNC) {
        // Nothing is made or cut for a file that then has no number.
        true => {
            let reserved = process.fds().reserve()?;
            reserved.fill(descriptor(start.open(path, &how)?))
        }
        false => process.fds().insert(descriptor(start.open(path, &how)?))?,
    };
    call.memory.put(out, fd)?;
    Ok(())
}

fn open_rights(oflags: OFlags) -> RightSet {
    let mut need = RightSet::PATH_OPEN;
    need.set(RightSet::PATH_CREATE_FILE, oflags.contains(OFlags::CREAT));
    need.set(RightSet::PATH_FILESTAT_SET_SIZE, oflags.contains(OFlags::TRUNC));
    need
}

pub(crate) fn path_filestat_get(
    call: &mut Call<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    stat: u32,
) -> SysResult {
    filestat::<Filestat>(call, fd, flags, path, path_len, stat)
}

/// Answers in any of the layouts of a `filestat`.
pub(super) fn filestat<L: Layout + From<Filestat>>(
    call: &mut Call<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    stat: u32,
) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_FILESTAT_GET)?;
    let out = call.memory.out::<L>(stat)?;
    let follow = LookupFlags::from_guest(flags)?.contains(LookupFlags::SYMLINK_FOLLOW);
    let metadata = start.stat(call.memory.path(path, path_len, &mut Copied::new())?, follow)?;
    call.memory.put(out, L::from(Filestat::from(&metadata)))?;
    Ok(())
}

#[allow(clippy::too_many_arguments)] // The row of the table has as many.
pub(crate) fn path_filestat_set_times(
    call: &mut Call<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    atim: u64,
    mtim: u64,
    fst_flags: u32,
) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_FILESTAT_SET_TIMES)?;
    let follow = LookupFlags::from_guest(flags)?.contains(LookupFlags::SYMLINK_FOLLOW);
    let attr = times(atim, mtim, fst_flags)?;
    Ok(start.set_attr(call.memory.path(path, path_len, &mut Copied::new())?, follow, &attr)?)
}

pub(crate) fn path_create_directory(call: &mut Call<'_>, fd: u32, path: u32, path_len: u32) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_CREATE_DIRECTORY)?;
    Ok(start.create_dir(call.memory.path(path, path_len, &mut Copied::new())?, DIRECTORY_MODE)?)
}

pub(crate) fn path_remove_directory(call: &mut Call<'_>, fd: u32, path: u32, path_len: u32) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_REMOVE_DIRECTORY)?;
    Ok(start.remove_dir(call.memory.path(path, path_len, &mut Copied::new())?)?)
}

pub(crate) fn path_unlink_file(call: &mut Call<'_>, fd: u32, path: u32, path_len: u32) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_UNLINK_FILE)?;
    Ok(start.unlink(call.memory.path(path, path_len, &mut Copied::new())?)?)
}

/// A symbolic link gets a further name itself; following it is `INVAL`.
#[allow(clippy::too_many_arguments)] // The row of the table has as many.
pub(crate) fn path_link(
    call: &mut Call<'_>,
    old_fd: u32,
    old_flags: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> SysResult {
    let process = call.process();
    let (old, new) = (call.thread.descriptor(old_fd)?, call.thread.descriptor(new_fd)?);
    let from = process.beneath(&old, RightSet::PATH_LINK_SOURCE)?;
    let to = process.beneath(&new, RightSet::PATH_LINK_TARGET)?;
    if LookupFlags::from_guest(old_flags)?.contains(LookupFlags::SYMLINK_FOLLOW) {
        return Err(Errno::INVAL.into());
    }
    let (mut old_room, mut new_room) = (Copied::new(), Copied::new());
    let old_path = call.memory.path(old_path, old_path_len, &mut old_room)?;
    let new_path = call.memory.path(new_path, new_path_len, &mut new_room)?;
    Ok(from.link(old_path, false, &to, new_path)?)
}

pub(crate) fn path_rename(
    call: &mut Call<'_>,
    fd: u32,
    old_path: u32,
    old_path_len: u32,
    new_fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> SysResult {
    let process = call.process();
    let (old, new) = (call.thread.descriptor(fd)?, call.thread.descriptor(new_fd)?);
    let from = process.beneath(&old, RightSet::PATH_RENAME_SOURCE)?;
    let to = process.beneath(&new, RightSet::PATH_RENAME_TARGET)?;
    let (mut old_room, mut new_room) = (Copied::new(), Copied::new());
    let old_path = call.memory.path(old_path, old_path_len, &mut old_room)?;
    let new_path = call.memory.path(new_path, new_path_len, &mut new_room)?;
    Ok(from.rename(old_path, &to, new_path, Rename::Replace)?)
}

pub(crate) fn path_symlink(
    call: &mut Call<'_>,
    old_path: u32,
    old_path_len: u32,
    fd: u32,
    new_path: u32,
    new_path_len: u32,
) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_SYMLINK)?;
    let (mut old_room, mut new_room) = (Copied::new(), Copied::new());
    let target = call.memory.path(old_path, old_path_len, &mut old_room)?;
    let path = call.memory.path(new_path, new_path_len, &mut new_room)?;
    Ok(start.symlink(target, path)?)
}

/// A target that is longer than the buffer is cut, silently; the rest of a longer buffer stays as it is.
pub(crate) fn path_readlink(
    call: &mut Call<'_>,
    fd: u32,
    path: u32,
    path_len: u32,
    buf: u32,
    buf_len: u32,
    bufused: u32,
) -> SysResult {
    let directory = call.thread.descriptor(fd)?;
    let start = call.process().beneath(&directory, RightSet::PATH_READLINK)?;
    let out = call.memory.out::<u32>(bufused)?;
    call.memory.check(buf, buf_len)?;
    let target = start.read_link(call.memory.path(path, path_len, &mut Copied::new())?)?;
    let used = call.memory.region(buf, buf_len)?.write_at(0, &target);
    call.memory.put(out, used as u32)?;
    Ok(())
}
