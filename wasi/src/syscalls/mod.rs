//! The handlers: one function for each row of the table, its parameters those of the row.
//!
//! The order is the same in all: descriptor (`BADF`, `NOTCAPABLE`), places for results (`FAULT`), flags and numbers
//! (`INVAL`), paths and buffers (`FAULT`, `NAMETOOLONG`, `ILSEQ`), and only then does anything happen. What can fail
//! afterwards is the operation itself, so a failed call has done nothing, and a successful one tells all.

pub(crate) mod args;
pub(crate) mod clock;
pub(crate) mod dir;
pub(crate) mod env;
pub(crate) mod fd;
pub(crate) mod path;
pub(crate) mod poll;
pub(crate) mod proc;
pub(crate) mod random;
pub(crate) mod rw;
pub(crate) mod sched;
pub(crate) mod sock;
pub(crate) mod unstable;
