//! Waiting for several things.

use gangplank_vfs::Errno;

use crate::{Call, SysResult};

pub(crate) fn poll_oneoff(
    _call: &mut Call<'_>,
    _subscriptions: u32,
    _events: u32,
    _nsubscriptions: u32,
    _nevents: u32,
) -> SysResult {
    Err(Errno::NOSYS.into())
}
