//! Filesystems around filesystems. Each method of the traits is written out, so that a new one is a compile error here
//! and not a hole.

pub mod fault;
pub mod quota;
