//! The scheduler.

use crate::{Call, SysResult, sync::thread};

pub(crate) fn sched_yield(_call: &mut Call<'_>) -> SysResult {
    thread::yield_now();
    Ok(())
}
