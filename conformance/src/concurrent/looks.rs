//! [`Looks`]: what is promised to whoever looks at what is being changed.

use crate::differential::Op;

/// What somebody sees who reads contents or attributes (`fread`, `pread`, `stat`, `lstat`, `fstat`) while another thread
/// changes something. Does the filesystem keep the contents itself? Then [`Whole`](Looks::Whole). Does it pass calls on
/// to a kernel? Then [`Torn`](Looks::Torn).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Looks {
    /// What was before each change, or after it; as POSIX demands of regular files (XSH 2.9.7, "Thread Interactions
    /// with Regular File Operations").
    Whole,
    /// Perhaps a part of the change. Linux copies what is read page by page without the lock that writers hold, on ext4
    /// and tmpfs, and looks at the length on the way: a reader sees `hel01` of `hello` that becomes `hel0123456789`. It
    /// counts a link before the name is there, and removes the name before it is counted off, and stat(2) asks for no
    /// lock at all. The open file's cursor moves by as much as was read, and whether there is such a node, and whether
    /// an error is answered, is judged as ever.
    Torn,
}

impl Op {
    /// Whether it reads contents or attributes, and changes nothing but a cursor.
    pub(super) fn looks(&self) -> bool {
        matches!(self.verb, "fread" | "pread" | "stat" | "lstat" | "fstat")
    }
}
