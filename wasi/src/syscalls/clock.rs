//! Clocks.

use gangplank_vfs::Errno;

use crate::{Call, SysResult, abi::types::ClockId};

/// `INVAL` for a clock that is not known, or not to be had here.
pub(crate) fn clock_res_get(call: &mut Call<'_>, id: u32, resolution: u32) -> SysResult {
    let out = call.memory.out::<u64>(resolution)?;
    let id = ClockId::try_from(id)?;
    read(call, id)?;
    call.memory.put(out, call.thread.process().system().clocks().resolution(id))?;
    Ok(())
}

/// The precision is a hint that no clock of ours needs.
pub(crate) fn clock_time_get(call: &mut Call<'_>, id: u32, _precision: u64, time: u32) -> SysResult {
    let out = call.memory.out::<u64>(time)?;
    let now = read(call, ClockId::try_from(id)?)?;
    call.memory.put(out, now)?;
    Ok(())
}

fn read(call: &Call<'_>, id: ClockId) -> Result<u64, Errno> {
    let clocks = call.process().system().clocks();
    match id {
        ClockId::Realtime => Ok(clocks.realtime()),
        ClockId::Monotonic => Ok(clocks.now()),
        ClockId::ProcessCputime => clocks.process_cputime().ok_or(Errno::INVAL),
        ClockId::ThreadCputime => clocks.thread_cputime().ok_or(Errno::INVAL),
    }
}
