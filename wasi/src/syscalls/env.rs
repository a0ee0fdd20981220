//! Environment.

use crate::{Call, SysResult};

pub(crate) fn environ_get(call: &mut Call<'_>, environ: u32, environ_buf: u32) -> SysResult {
    call.process().env().write(&mut call.memory, environ, environ_buf)
}

pub(crate) fn environ_sizes_get(call: &mut Call<'_>, environc: u32, environ_buf_size: u32) -> SysResult {
    call.process().env().write_sizes(&mut call.memory, environc, environ_buf_size)
}
