//! Handlers of `wasi_unstable` for the functions whose layouts differ from preview1's: theirs, in the other layout.

use super::{fd, path, poll, rw};
use crate::{
    Call, SysResult,
    abi::unstable::{Filestat, Subscription, Whence},
};

pub(crate) fn fd_filestat_get(call: &mut Call<'_>, fd: u32, stat: u32) -> SysResult {
    fd::filestat::<Filestat>(call, fd, stat)
}

pub(crate) fn path_filestat_get(
    call: &mut Call<'_>,
    fd: u32,
    flags: u32,
    path: u32,
    path_len: u32,
    stat: u32,
) -> SysResult {
    path::filestat::<Filestat>(call, fd, flags, path, path_len, stat)
}

pub(crate) fn fd_seek(call: &mut Call<'_>, fd: u32, offset: i64, whence: u32, newoffset: u32) -> SysResult {
    rw::seek::<Whence>(call, fd, offset, whence, newoffset)
}

pub(crate) fn poll_oneoff(call: &mut Call<'_>, subscriptions: u32, events: u32, count: u32, nevents: u32) -> SysResult {
    poll::poll::<Subscription>(call, subscriptions, events, count, nevents)
}
