//! Random numbers.

use crate::{Call, Fault, SysResult};

/// In pieces, so that a request for all of the memory neither allocates nor outlasts the process.
pub(crate) fn random_get(call: &mut Call<'_>, buf: u32, buf_len: u32) -> SysResult {
    let process = call.process();
    call.memory.region(buf, buf_len)?.fill_with(|part| {
        if process.life().is_over() {
            return Err(Fault::Exit);
        }
        Ok(process.system().random().fill(part)?)
    })
}
