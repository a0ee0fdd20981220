//! Thin calls on paths.

use crate::{
    DIR, FOLLOW, NOFOLLOW, O_CREAT, O_DIRECTORY, READ, READ_WRITE, Result, Stat, check_call, ok, raw, with_out,
};

/// Anything that has bytes, as the two numbers on the wire.
fn wire(path: &[u8]) -> (u32, u32) {
    (path.as_ptr().expose_provenance() as u32, path.len() as u32)
}

pub fn open(
    dir: u32,
    lookup: u32,
    path: impl AsRef<[u8]>,
    oflags: u32,
    base: u64,
    inheriting: u64,
    fdflags: u32,
) -> Result<u32> {
    let (p, n) = wire(path.as_ref());
    with_out(|out| raw::path_open(dir, lookup, p, n, oflags, base, inheriting, fdflags, out))
}

/// Opens for reading and writing, following links.
pub fn open_rw(dir: u32, path: impl AsRef<[u8]>, oflags: u32) -> Result<u32> {
    open(dir, FOLLOW, path, oflags, READ_WRITE, 0, 0)
}

/// Opens for reading, following links.
pub fn open_ro(dir: u32, path: impl AsRef<[u8]>) -> Result<u32> {
    open(dir, FOLLOW, path, 0, READ, 0, 0)
}

/// Opens a directory, following links.
pub fn open_dir(dir: u32, path: impl AsRef<[u8]>) -> Result<u32> {
    open(dir, FOLLOW, path, O_DIRECTORY, DIR, DIR | READ_WRITE, 0)
}

/// Makes a directory and opens it.
#[track_caller]
pub fn make_dir(dir: u32, path: impl AsRef<[u8]>) -> u32 {
    ok(mkdir(dir, path.as_ref()));
    ok(open_dir(dir, path))
}

/// Makes a file with this content.
#[track_caller]
pub fn make_file(dir: u32, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
    let fd = ok(open_rw(dir, path, O_CREAT));
    if !content.as_ref().is_empty() {
        ok(crate::write(fd, content));
    }
    ok(crate::close(fd));
}

/// Whether the file holds exactly this.
#[track_caller]
pub fn holds(dir: u32, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
    let fd = ok(open_ro(dir, path));
    let mut buf = [0u8; 512];
    let n = ok(crate::read(fd, &mut buf)) as usize;
    crate::same(&buf[..n], content);
    ok(crate::close(fd));
}

pub fn mkdir(dir: u32, path: impl AsRef<[u8]>) -> Result {
    let (p, n) = wire(path.as_ref());
    check_call(raw::path_create_directory(dir, p, n))
}

pub fn rmdir(dir: u32, path: impl AsRef<[u8]>) -> Result {
    let (p, n) = wire(path.as_ref());
    check_call(raw::path_remove_directory(dir, p, n))
}

pub fn unlink(dir: u32, path: impl AsRef<[u8]>) -> Result {
    let (p, n) = wire(path.as_ref());
    check_call(raw::path_unlink_file(dir, p, n))
}

pub fn symlink(target: impl AsRef<[u8]>, dir: u32, path: impl AsRef<[u8]>) -> Result {
    let ((t, tn), (p, n)) = (wire(target.as_ref()), wire(path.as_ref()));
    check_call(raw::path_symlink(t, tn, dir, p, n))
}

pub fn readlink(dir: u32, path: impl AsRef<[u8]>, buf: &mut [u8]) -> Result<u32> {
    let (p, n) = wire(path.as_ref());
    let (at, len) = (crate::addr_of(buf), buf.len() as u32);
    with_out(|out| raw::path_readlink(dir, p, n, at, len, out))
}

pub fn rename(from_dir: u32, from: impl AsRef<[u8]>, to_dir: u32, to: impl AsRef<[u8]>) -> Result {
    let ((f, fl), (t, tl)) = (wire(from.as_ref()), wire(to.as_ref()));
    check_call(raw::path_rename(from_dir, f, fl, to_dir, t, tl))
}

pub fn link(from_dir: u32, lookup: u32, from: impl AsRef<[u8]>, to_dir: u32, to: impl AsRef<[u8]>) -> Result {
    let ((f, fl), (t, tl)) = (wire(from.as_ref()), wire(to.as_ref()));
    check_call(raw::path_link(from_dir, lookup, f, fl, to_dir, t, tl))
}

pub fn stat_with(dir: u32, lookup: u32, path: impl AsRef<[u8]>) -> Result<Stat> {
    let (p, n) = wire(path.as_ref());
    with_out(|out| raw::path_filestat_get(dir, lookup, p, n, out))
}

/// Follows links.
pub fn stat(dir: u32, path: impl AsRef<[u8]>) -> Result<Stat> {
    stat_with(dir, FOLLOW, path)
}

/// Does not follow a final link.
pub fn lstat(dir: u32, path: impl AsRef<[u8]>) -> Result<Stat> {
    stat_with(dir, NOFOLLOW, path)
}

pub fn set_path_times(dir: u32, lookup: u32, path: impl AsRef<[u8]>, atim: u64, mtim: u64, flags: u32) -> Result {
    let (p, n) = wire(path.as_ref());
    check_call(raw::path_filestat_set_times(dir, lookup, p, n, atim, mtim, flags))
}

/// Runs every call that takes a path with this one, in turn, each time in every path position, and gives the check its
/// result. `other` is a name that does not exist; nothing is left behind when all of them fail.
pub fn every_path_call(dir: u32, path: &[u8], mut each: impl FnMut(Result)) {
    let mut buf = [0u8; 64];
    each(open(dir, FOLLOW, path, 0, READ, 0, 0).map(drop));
    each(open(dir, NOFOLLOW, path, O_CREAT, READ_WRITE, 0, 0).map(drop));
    each(open(dir, FOLLOW, path, O_DIRECTORY, DIR, 0, 0).map(drop));
    each(mkdir(dir, path));
    each(stat(dir, path).map(drop));
    each(lstat(dir, path).map(drop));
    each(set_path_times(dir, FOLLOW, path, 1, 1, crate::ATIM | crate::MTIM));
    each(set_path_times(dir, NOFOLLOW, path, 1, 1, crate::ATIM | crate::MTIM));
    each(link(dir, NOFOLLOW, path, dir, "other"));
    each(readlink(dir, path, &mut buf).map(drop));
    each(rmdir(dir, path));
    each(unlink(dir, path));
    each(rename(dir, path, dir, "other"));
    each(symlink("target", dir, path));
    make_file(dir, "existing", "x");
    each(link(dir, NOFOLLOW, "existing", dir, path));
    each(rename(dir, "existing", dir, path));
    ok(unlink(dir, "existing"));
}
