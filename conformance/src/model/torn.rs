//! [`Model::accept_torn`]: answers of whoever looked while there was a change.

use super::{Allowed, Model};
use crate::differential::{Op, length};

impl Model {
    /// Does it, and compares only the kind of answer: for what was looked at while it changed, on a filesystem where that
    /// may be [seen half done](crate::concurrent::Looks::Torn). A cursor moves by as many bytes as were read.
    ///
    /// # Errors
    /// What is allowed, if that is of another kind: an error instead of a look, a look instead of an error, another
    /// error, another type of node.
    pub fn accept_torn(&mut self, op: &Op, observed: &str) -> core::result::Result<(), Allowed> {
        let before = self.cursor(op).map(|cursor| *cursor);
        let allowed = match self.accept(op, observed) {
            Err(allowed) if kind(&allowed.answers[0].0) == kind(observed) => allowed,
            other => return other,
        };
        if op.verb == "fread"
            && let (Some(before), Some(read)) = (before, length(observed))
        {
            *self.cursor(op).ok_or(allowed)? = before + read;
        }
        Ok(())
    }

    /// The cursor of the open file that a line is about.
    fn cursor(&mut self, op: &Op) -> Option<&mut u64> {
        let slot = op.args.first()?.parse::<usize>().ok()?;
        let shown = self.slots.get(slot).copied()??;
        self.files[usize::from(shown)].as_mut().map(|file| &mut file.cursor)
    }
}

/// Bytes are one kind; attributes are of the type that they begin with; each error is a kind of its own.
fn kind(answer: &str) -> &str {
    if answer.starts_with('"') { "\"" } else { answer.split(' ').next().unwrap_or(answer) }
}
