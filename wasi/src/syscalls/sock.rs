//! Sockets.

use gangplank_vfs::Errno;

use crate::{Call, SysResult};

pub(crate) fn sock_accept(_call: &mut Call<'_>, _fd: u32, _flags: u32, _connection: u32) -> SysResult {
    Err(Errno::NOSYS.into())
}

pub(crate) fn sock_recv(
    _call: &mut Call<'_>,
    _fd: u32,
    _iovs: u32,
    _iovs_len: u32,
    _ri_flags: u32,
    _nread: u32,
    _ro_flags: u32,
) -> SysResult {
    Err(Errno::NOSYS.into())
}

pub(crate) fn sock_send(
    _call: &mut Call<'_>,
    _fd: u32,
    _iovs: u32,
    _iovs_len: u32,
    _si_flags: u32,
    _nwritten: u32,
) -> SysResult {
    Err(Errno::NOSYS.into())
}

pub(crate) fn sock_shutdown(_call: &mut Call<'_>, _fd: u32, _how: u32) -> SysResult {
    Err(Errno::NOSYS.into())
}
