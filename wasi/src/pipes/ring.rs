//! The buffer between the two ends of a pipe.
//!
//! # Lock order
//! `Ring::state` is a leaf; wakers run after it is released.

use core::task::Waker;
use std::{
    collections::VecDeque,
    io::{IoSlice, IoSliceMut, Read, Write},
};

use gangplank_vfs::{Errno, Events, Result};

use super::Wakers;
use crate::sync::Mutex;

/// What a pipe holds unless asked otherwise, as on Linux (`pipe(7)`).
pub const PIPE_CAPACITY: usize = 65536;

/// Writes of up to this many bytes are never split (`PIPE_BUF`).
pub const PIPE_BUF: usize = 4096;

/// A bounded queue of bytes with two ends, each of which can be closed.
#[derive(Debug)]
pub(crate) struct Ring {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Grows with its content, up to the capacity.
    bytes: VecDeque<u8>,
    reads: bool,
    writes: bool,
    readers: Wakers,
    writers: Wakers,
}

impl Ring {
    /// One that holds `capacity` bytes, at least `PIPE_BUF`.
    pub(crate) fn new(capacity: usize) -> Ring {
        let state = State {
            bytes: VecDeque::new(),
            reads: true,
            writes: true,
            readers: Wakers::default(),
            writers: Wakers::default(),
        };
        Ring { capacity: capacity.max(PIPE_BUF), state: Mutex::new(state) }
    }

    /// Takes out what fits into `bufs`; 0 at the end.
    ///
    /// # Errors
    /// `AGAIN` if it is empty and may still be written to.
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let (total, wake) = {
            let mut state = self.state.lock();
            if !state.reads {
                return Ok(0);
            }
            if state.bytes.is_empty() && state.writes {
                return Err(Errno::AGAIN);
            }
            let mut total = 0;
            for buf in bufs {
                let n = buf.len().min(state.bytes.len());
                state.bytes.read_exact(&mut buf[..n])?;
                total += n;
            }
            let ready = self.capacity - state.bytes.len() >= PIPE_BUF;
            (total, if ready { state.writers.take() } else { Wakers::default() })
        };
        wake.wake();
        Ok(total)
    }

    /// Puts in what fits, all or nothing up to `PIPE_BUF`.
    ///
    /// # Errors
    /// `PIPE` if nobody will read it; `AGAIN` if nothing fits.
    /// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        let len = bufs.iter().map(|b| b.len()).fold(0, usize::saturating_add);
        let (total, wake) = {
            let mut state = self.state.lock();
            if !state.reads || !state.writes {
                return Err(Errno::PIPE);
            }
            let free = self.capacity - state.bytes.len();
            if free == 0 || (len <= PIPE_BUF && len > free) {
                return Err(Errno::AGAIN);
            }
            let mut room = free;
            state.bytes.try_reserve(len.min(free)).map_err(|_| Errno::NOMEM)?;
            for buf in bufs {
                let n = buf.len().min(room);
                state.bytes.write_all(&buf[..n])?;
                room -= n;
            }
            (free - room, state.readers.take())
        };
        wake.wake();
        Ok(total)
    }

    /// Readiness of the reading end.
    pub(crate) fn poll_read(&self, interest: Events, waker: Option<&Waker>) -> Events {
        let (ready, crowd) = {
            let mut state = self.state.lock();
            let mut ready = Events::empty();
            if interest.contains(Events::READ) && (!state.bytes.is_empty() || !state.writes || !state.reads) {
                ready |= Events::READ;
            }
            if !state.writes {
                ready |= Events::HUP;
            }
            let crowd = waker.filter(|_| ready.is_empty()).map(|w| state.readers.add(w));
            (ready, crowd)
        };
        crowd.unwrap_or_default().wake();
        ready
    }

    /// Readiness of the writing end.
    pub(crate) fn poll_write(&self, interest: Events, waker: Option<&Waker>) -> Events {
        let (ready, crowd) = {
            let mut state = self.state.lock();
            let open = state.reads && state.writes;
            let mut ready = Events::empty();
            if interest.contains(Events::WRITE) && (!open || self.capacity - state.bytes.len() >= PIPE_BUF) {
                ready |= Events::WRITE;
            }
            if !state.reads {
                ready |= Events::ERR;
            }
            let crowd = waker.filter(|_| ready.is_empty()).map(|w| state.writers.add(w));
            (ready, crowd)
        };
        crowd.unwrap_or_default().wake();
        ready
    }

    /// Nobody reads any more: what is in it is lost, writers get `PIPE`.
    pub(crate) fn close_read(&self) {
        let (readers, writers, lost) = {
            let mut state = self.state.lock();
            state.reads = false;
            (state.readers.take(), state.writers.take(), core::mem::take(&mut state.bytes))
        };
        readers.wake();
        writers.wake();
        drop(lost);
    }

    /// Nobody writes any more: readers get what is in it, and then the end.
    pub(crate) fn close_write(&self) {
        let (readers, writers) = {
            let mut state = self.state.lock();
            state.writes = false;
            (state.readers.take(), state.writers.take())
        };
        readers.wake();
        writers.wake();
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.readers.len() + state.writers.len()
    }
}
