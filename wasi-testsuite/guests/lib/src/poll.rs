//! `poll_oneoff`.

use crate::{Event, Result, Subscription, raw, with_out};

/// Fires after or at `timeout` nanoseconds.
pub fn on_clock(userdata: u64, clock: u32, timeout: u64, absolute: bool) -> Subscription {
    let flags = absolute as u16;
    Subscription { userdata, fd_or_clock: clock, timeout, flags, ..Subscription::default() }
}

/// Fires when `fd` can be read.
pub fn on_read(userdata: u64, fd: u32) -> Subscription {
    Subscription { userdata, tag: 1, fd_or_clock: fd, ..Subscription::default() }
}

/// Fires when `fd` can be written.
pub fn on_write(userdata: u64, fd: u32) -> Subscription {
    Subscription { userdata, tag: 2, fd_or_clock: fd, ..Subscription::default() }
}

/// Polls; the number of events.
pub fn poll(subscriptions: &[Subscription], events: &mut [Event]) -> Result<usize> {
    assert!(subscriptions.len() == events.len());
    let subs = subscriptions.as_ptr().expose_provenance() as u32;
    let out = events.as_mut_ptr().expose_provenance() as u32;
    let n: u32 = with_out(|count| raw::poll_oneoff(subs, out, subscriptions.len() as u32, count))?;
    Ok(n as usize)
}
