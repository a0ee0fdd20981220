//! [`Limiter`]: asks our [`MemoryLimit`] when wasmtime is about to make memories and tables or let them grow.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use crate::engine::MemoryLimit;

/// Bytes of an element of a table: a pointer.
const ELEMENT: u64 = 8;

/// Between a store and its guest's limit.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// `None` grants everything.
    limit: Option<Arc<MemoryLimit>>,
    /// Taken by the latest growth, which may still fail.
    latest: u64,
}

impl Limiter {
    pub(super) fn new(limit: Option<Arc<MemoryLimit>>) -> Limiter {
        Limiter { limit, latest: 0 }
    }

    fn grow(&mut self, from: usize, to: usize, unit: u64) -> bool {
        let more = (to.saturating_sub(from) as u64).saturating_mul(unit);
        let granted = self.limit.as_ref().is_none_or(|limit| limit.take(more));
        self.latest = if granted { more } else { 0 };
        granted
    }

    /// The guest is told so, as it is when we refuse.
    fn failed(&mut self) {
        let latest = core::mem::take(&mut self.latest);
        if let Some(limit) = &self.limit {
            limit.give_back(latest);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // What the module itself forbids is not our limit's doing.
        Ok(maximum.is_none_or(|max| desired <= max) && self.grow(current, desired, 1))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|max| desired <= max) && self.grow(current, desired, ELEMENT))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }
}
