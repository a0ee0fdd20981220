//! The requests of the kernel, one by one: each is answered by [`Server`], [`Handle`] or the filesystem itself.
//!
//! What is not here `fuser` answers with `ENOSYS`, and the kernel does it by itself or not at all: locks, `ioctl`,
//! `poll`, `bmap`. So it is with `access`, which the kernel does not ask under `default_permissions`.

use std::{
    ffi::OsStr,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use fuser::{
    BsdFileFlags, CopyFileRangeFlags, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags as TheirFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request,
    TimeOrNow, WriteFlags,
};

use super::{
    convert,
    files::Handle,
    server::{Server, changes, who},
};
use crate::{At, Bytes, Errno, FileType, NewNode, OpenFlags, Remove, Result};

/// What a mount answers with.
#[derive(Debug)]
pub(super) struct Requests(pub(super) Arc<Server>);

/// Nodes are never used again under the same number while the kernel knows them.
const GENERATION: Generation = Generation(0);

/// Does what a request asks for. A filesystem that panics has failed to answer; the thread must go on with others.
fn answer<T>(act: impl FnOnce() -> Result<T>) -> Result<T, fuser::Errno> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or(Err(Errno::IO)).map_err(convert::errno)
}

/// Answers with what succeeded, or with the error.
macro_rules! reply {
    ($reply:ident: $act:expr, $value:pat => $ok:expr) => {
        match answer(|| $act) {
            Ok($value) => $ok,
            Err(e) => $reply.error(e),
        }
    };
}

impl Requests {
    /// How the kernel is to deal with what was opened.
    fn opened(&self) -> FopenFlags {
        if self.0.options.direct_io { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::empty() }
    }

    fn entry(&self, reply: ReplyEntry, act: impl FnOnce() -> Result<fuser::FileAttr>) {
        reply!(reply: act(), attr => reply.entry(&self.0.options.ttl, &attr, GENERATION));
    }

    /// Answers with bytes, or with how many there are if nothing else is asked (`getxattr(2)`).
    fn sized(reply: ReplyXattr, size: u32, act: impl FnOnce() -> Result<Bytes>) {
        match answer(act) {
            Ok(bytes) if size == 0 => reply.size(bytes.len() as u32),
            Ok(bytes) if bytes.len() <= size as usize => reply.data(&bytes),
            Ok(_) => reply.error(convert::errno(Errno::RANGE)),
            Err(e) => reply.error(e),
        }
    }
}

fn done(reply: ReplyEmpty, act: impl FnOnce() -> Result<()>) {
    reply!(reply: act(), () => reply.ok());
}

impl Filesystem for Requests {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = [
            // Opening truncates in one step, and not before it is known whether it succeeds.
            InitFlags::FUSE_ATOMIC_O_TRUNC,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            // Cached content goes when size or time of change show that somebody else has written.
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        ];
        for flag in wanted {
            // Each of them has been new once; a kernel without it has another way.
            let _ = config.add_capabilities(flag);
        }
        Ok(())
    }

    fn lookup(&self, request: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, || self.0.lookup(&who(request), dir, name));
    }

    fn forget(&self, _: &Request, ino: INodeNo, n: u64) {
        let _ = answer(|| {
            self.0.nodes.forgotten(ino, n);
            Ok(())
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, handle: Option<FileHandle>, reply: ReplyAttr) {
        reply!(reply: self.0.getattr(ino, handle), attr => reply.attr(&self.0.options.ttl, &attr));
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        // Only a kernel that keeps the times itself sends it.
        _ctime: Option<SystemTime>,
        handle: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let times = [convert::set_time(atime), convert::set_time(mtime)];
        let attr = changes(mode, uid, gid, size, times);
        reply!(reply: self.0.setattr(&who(request), ino, handle, &attr),
            attr => reply.attr(&self.0.options.ttl, &attr));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        reply!(reply: self.0.readlink(ino), target => reply.data(&target));
    }

    fn mknod(
        &self,
        request: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        self.entry(reply, || {
            let (file_type, mode) = (convert::file_type(mode)?, convert::bits(mode));
            let new = match file_type {
                FileType::Regular => NewNode::Regular { mode },
                _ => NewNode::Special { file_type, mode, rdev: rdev.into() },
            };
            // As Linux says of a filesystem that does not make this kind of node.
            self.0.create(&who(request), dir, name, new).map_err(|e| if e == Errno::NOTSUP { Errno::PERM } else { e })
        });
    }

    fn mkdir(&self, request: &Request, dir: INodeNo, name: &OsStr, mode: u32, _umask: u32, reply: ReplyEntry) {
        let new = NewNode::Directory { mode: convert::bits(mode) };
        self.entry(reply, || self.0.create(&who(request), dir, name, new));
    }

    fn unlink(&self, request: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, || self.0.remove(&who(request), dir, name, Remove::NonDirectory));
    }

    fn rmdir(&self, request: &Request, dir: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, || self.0.remove(&who(request), dir, name, Remove::Directory));
    }

    fn symlink(&self, request: &Request, dir: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let new = NewNode::Symlink { target: target.as_os_str().as_encoded_bytes() };
        self.entry(reply, || self.0.create(&who(request), dir, name, new));
    }

    fn rename(
        &self,
        request: &Request,
        dir: INodeNo,
        name: &OsStr,
        new_dir: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        done(reply, || self.0.rename(&who(request), (dir, name), (new_dir, new_name), flags));
    }

    fn link(&self, request: &Request, ino: INodeNo, dir: INodeNo, name: &OsStr, reply: ReplyEntry) {
        self.entry(reply, || self.0.link(&who(request), ino, dir, name));
    }

    fn open(&self, request: &Request, ino: INodeNo, flags: TheirFlags, reply: ReplyOpen) {
        reply!(reply: self.0.open(&who(request), ino, convert::open_flags(flags.0)),
            handle => reply.opened(handle, self.opened()));
    }

    fn create(
        &self,
        request: &Request,
        dir: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let (mode, exclusive) = (convert::bits(mode), convert::is_exclusive(flags));
        reply!(reply: self.0.open_new(&who(request), dir, name, mode, convert::open_flags(flags), exclusive),
            (attr, handle) => reply.created(&self.0.options.ttl, &attr, GENERATION, handle, self.opened()));
    }

    fn read(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        len: u32,
        _flags: TheirFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        reply!(reply: self.0.files.get(handle)?.read(offset, len), bytes => reply.data(&bytes));
    }

    fn write(
        &self,
        request: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        write_flags: WriteFlags,
        flags: TheirFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let act = || {
            let handle = self.0.files.get(handle)?;
            // What comes out of the cache has its place already, whatever the flags of the file it came through.
            let cached = write_flags.contains(WriteFlags::FUSE_WRITE_CACHE);
            let at = if convert::appends(flags.0) && !cached { At::End } else { At::Offset(offset) };
            let written = handle.write(data, at)?;
            if write_flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID) {
                self.0.take_privileges(&who(request), &handle)?;
            }
            Ok(written)
        };
        reply!(reply: act(), written => reply.written(written));
    }

    fn flush(&self, _: &Request, _ino: INodeNo, handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        done(reply, || self.0.files.get(handle)?.file.flush());
    }

    fn release(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: TheirFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        done(reply, || self.0.files.remove(handle));
    }

    fn fsync(&self, _: &Request, _ino: INodeNo, handle: FileHandle, data_only: bool, reply: ReplyEmpty) {
        done(reply, || self.0.files.get(handle)?.file.sync(data_only));
    }

    fn opendir(&self, request: &Request, ino: INodeNo, _flags: TheirFlags, reply: ReplyOpen) {
        let flags = OpenFlags::READ | OpenFlags::DIRECTORY;
        reply!(reply: self.0.open(&who(request), ino, flags), handle => reply.opened(handle, FopenFlags::empty()));
    }

    fn readdir(&self, _: &Request, _ino: INodeNo, handle: FileHandle, from: u64, mut reply: ReplyDirectory) {
        reply!(reply: self.0.list(&*self.0.files.get(handle)?, from, &mut reply), () => reply.ok());
    }

    fn readdirplus(
        &self,
        request: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        from: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        reply!(reply: self.0.list_plus(&who(request), &*self.0.files.get(handle)?, from, &mut reply), () => reply.ok());
    }

    fn releasedir(&self, _: &Request, _ino: INodeNo, handle: FileHandle, _flags: TheirFlags, reply: ReplyEmpty) {
        done(reply, || self.0.files.remove(handle));
    }

    fn fsyncdir(&self, _: &Request, _ino: INodeNo, handle: FileHandle, data_only: bool, reply: ReplyEmpty) {
        done(reply, || self.0.files.get(handle)?.file.sync(data_only));
    }

    fn statfs(&self, _: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let name_max = self.0.fs().info().name_max.into();
        reply!(reply: self.0.fs().statfs(), space => reply.statfs(
            space.blocks, space.bfree, space.bavail, space.files, space.ffree, space.bsize, name_max, space.bsize));
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        done(reply, || self.0.set_xattr(ino, name, value, flags));
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        Requests::sized(reply, size, || self.0.xattrs()?.get(self.0.nodes.ours(ino)?, name.as_encoded_bytes()));
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        Requests::sized(reply, size, || self.0.list_xattrs(ino).map(Bytes::from));
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(reply, || self.0.xattrs()?.remove(self.0.nodes.ours(ino)?, name.as_encoded_bytes()));
    }

    fn fallocate(
        &self,
        _: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        len: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        done(reply, || self.0.files.get(handle)?.allocate(offset, len, mode));
    }

    fn lseek(&self, _: &Request, _ino: INodeNo, handle: FileHandle, offset: i64, whence: i32, reply: ReplyLseek) {
        reply!(reply: self.0.files.get(handle)?.seek(offset, whence), found => reply.offset(found));
    }

    fn copy_file_range(
        &self,
        _: &Request,
        _from: INodeNo,
        from: FileHandle,
        from_offset: u64,
        _to: INodeNo,
        to: FileHandle,
        to_offset: u64,
        len: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let act = || {
            let (from, to): (Arc<Handle>, Arc<Handle>) = (self.0.files.get(from)?, self.0.files.get(to)?);
            from.copy(from_offset, &to, to_offset, len)
        };
        reply!(reply: act(), copied => reply.written(copied));
    }
}
