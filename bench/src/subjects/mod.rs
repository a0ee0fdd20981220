//! Who is measured.

pub(crate) mod gangplank;
pub(crate) mod guest;
pub(crate) mod incumbent;
pub(crate) mod raw;
mod syscalls;
pub(crate) mod tree;

use anyhow::Result;

use crate::{measure::Batch, op::Op};

/// One column of the table.
pub(crate) trait Subject {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Makes what the operation needs and answers what performs it, or why this subject does not take part.
    fn batch(&self, op: Op) -> Result<Taking<'_>>;
}

/// Whether a subject takes part in an operation.
pub(crate) enum Taking<'a> {
    Part(Batch<'a>),
    /// It does not, for this reason.
    No(&'static str),
}

impl<'a> Taking<'a> {
    pub(crate) fn part(batch: impl FnMut(u64) -> Result<()> + 'a) -> Result<Taking<'a>> {
        Ok(Taking::Part(Box::new(batch)))
    }
}
