//! `wasi_unstable`, the snapshot before preview1: its imports on the wire, and the layouts that differ.

use crate::raw::imports;

imports! {
    "wasi_unstable":
    args_get(argv: u32, buf: u32) -> i32;
    args_sizes_get(count: u32, size: u32) -> i32;
    environ_get(environ: u32, buf: u32) -> i32;
    environ_sizes_get(count: u32, size: u32) -> i32;
    clock_time_get(id: u32, precision: u64, out: u32) -> i32;
    fd_close(fd: u32) -> i32;
    fd_fdstat_get(fd: u32, out: u32) -> i32;
    fd_filestat_get(fd: u32, out: u32) -> i32;
    fd_prestat_get(fd: u32, out: u32) -> i32;
    fd_prestat_dir_name(fd: u32, buf: u32, len: u32) -> i32;
    fd_read(fd: u32, iovs: u32, count: u32, out: u32) -> i32;
    fd_seek(fd: u32, delta: i64, whence: u32, out: u32) -> i32;
    fd_tell(fd: u32, out: u32) -> i32;
    fd_write(fd: u32, iovs: u32, count: u32, out: u32) -> i32;
    path_filestat_get(fd: u32, lookup: u32, path: u32, len: u32, out: u32) -> i32;
    path_open(
        fd: u32, lookup: u32, path: u32, len: u32, oflags: u32, base: u64, inheriting: u64, fdflags: u32, out: u32
    ) -> i32;
    poll_oneoff(subscriptions: u32, events: u32, count: u32, out: u32) -> i32;
    proc_exit(code: u32) -> !;
    random_get(buf: u32, len: u32) -> i32;
}

pub const CUR: u32 = 0;
pub const END: u32 = 1;
pub const SET: u32 = 2;

/// `filestat`: 8 bytes shorter, for the number of names has 4.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub filetype: u8,
    pub nlink: u32,
    pub size: u64,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
}

/// `subscription`: a clock has a number before it, and a descriptor stands in the place of that.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Subscription {
    pub userdata: u64,
    pub tag: u8,
    pub fd_or_identifier: u64,
    pub clock: u32,
    pub timeout: u64,
    pub precision: u64,
    pub flags: u16,
}

const _: () = {
    assert!(size_of::<Stat>() == 56);
    assert!(core::mem::offset_of!(Stat, nlink) == 20);
    assert!(core::mem::offset_of!(Stat, ctim) == 48);
    assert!(size_of::<Subscription>() == 56);
    assert!(core::mem::offset_of!(Subscription, clock) == 24);
    assert!(core::mem::offset_of!(Subscription, flags) == 48);
};
