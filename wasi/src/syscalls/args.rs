//! Arguments.

use crate::{Call, SysResult};

pub(crate) fn args_get(call: &mut Call<'_>, argv: u32, argv_buf: u32) -> SysResult {
    call.process().args().write(&mut call.memory, argv, argv_buf)
}

pub(crate) fn args_sizes_get(call: &mut Call<'_>, argc: u32, argv_buf_size: u32) -> SysResult {
    call.process().args().write_sizes(&mut call.memory, argc, argv_buf_size)
}
