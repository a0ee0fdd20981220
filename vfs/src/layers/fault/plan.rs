//! [`Faults`]: which call fails, and what has been called.

use std::sync::Arc;

use super::Ledger;
use crate::{Errno, Result, sync::Mutex};

bitflags::bitflags! {
    /// Kinds of calls into a filesystem and its open files.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Calls: u8 {
        /// Those that only look: `lookup`, `parent`, `walk` that creates and cuts nothing, `readlink`, `getattr`,
        /// `open`, `read_at`, `readdir`, …
        const LOOKS = 1;
        /// Those that change something, or make it durable: `setattr`, `create`, `link`, `remove`, `rename`, `open`
        /// with `TRUNC`, `walk` that may create or cut, `write_at`, `sync`, `flush`, …
        const CHANGES = 2;
        /// Those, of either kind, that move content and can move less than all: `read_at`, `read_bytes`, `write_at`,
        /// `read_stream`, `write_stream`, of two bytes at least.
        const TRANSFERS = 4;
    }
}

/// What happens to a call instead of what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It does nothing, and answers this.
    Fail(Errno),
    /// It moves the first half of the bytes, at least one. Calls that are no [`TRANSFERS`](Calls::TRANSFERS) are done
    /// as ever.
    Short,
}

/// The handle of a [`FaultFs`](super::FaultFs), and of its forks. Clones are the same handle.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
    ledger: Ledger,
}

#[derive(Debug, Default)]
struct Plan {
    armed: Option<Armed>,
    calls: u64,
}

#[derive(Debug)]
struct Armed {
    calls: Calls,
    /// How many of `calls` are still to come, with the one that is struck.
    left: u64,
    fault: Fault,
}

impl Faults {
    /// From now on, the `k`-th call that is one of `calls` meets `fault`, counted from 1; all others are done. Replaces
    /// what was armed before. With `k` 0 nothing is.
    pub fn arm(&self, calls: Calls, k: u64, fault: Fault) {
        let mut plan = self.plan.lock();
        plan.armed = (k > 0).then_some(Armed { calls, left: k, fault });
    }

    /// Disarms, and answers whether what was armed never struck.
    pub fn disarm(&self) -> bool {
        self.plan.lock().armed.take().is_some()
    }

    /// How many calls there have been, of all kinds.
    pub fn calls(&self) -> u64 {
        self.plan.lock().calls
    }

    /// What those above have not given back.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// To be called before each call.
    pub(super) fn strike(&self, call: Calls) -> Option<Fault> {
        let mut plan = self.plan.lock();
        plan.calls += 1;
        let armed = plan.armed.as_mut().filter(|armed| armed.calls.intersects(call))?;
        armed.left -= 1;
        if armed.left > 0 {
            return None;
        }
        plan.armed.take().map(|armed| armed.fault)
    }

    /// The same for a call that cannot be short.
    pub(super) fn pass(&self, call: Calls) -> Result<()> {
        match self.strike(call) {
            Some(Fault::Fail(errno)) => Err(errno),
            Some(Fault::Short) | None => Ok(()),
        }
    }

    /// The same for one that moves `len` bytes: how many it may move.
    pub(super) fn pass_bytes(&self, call: Calls, len: usize) -> Result<usize> {
        let call = if len > 1 { call | Calls::TRANSFERS } else { call };
        match self.strike(call) {
            Some(Fault::Fail(errno)) => Err(errno),
            Some(Fault::Short) => Ok((len / 2).max(1)),
            None => Ok(len),
        }
    }
}
