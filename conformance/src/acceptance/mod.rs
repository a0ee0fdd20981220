//! Acceptance through FUSE: filesystems mounted on this machine, and test suites and programs run on them that know
//! nothing of us. `cargo xtask fuse` runs all of it.
//!
//! The kernel walks the paths, follows the links and enforces the permissions, so this proves nothing about
//! resolver, scopes or mounts. What it proves is what a program sees of nodes, names, times, content and listings.
//!
//! * [`pjdfstest`]: 398 cases, beside the same on a tmpfs of the kernel. What fails on one of ours and passes there is
//!   wrong; there is no list of exceptions.
//! * [`fsx`]: random reads and writes, compared with a copy in memory; with and without the kernel's cache.
//! * [`programs`]: git, compilers, sqlite, tar, `rm -rf` of 100 000 files.

pub mod fsx;
pub mod pjdfstest;
pub mod programs;
mod subject;
mod tool;

use core::fmt;
use std::time::Duration;

pub use subject::{Cached, Ready, Subject};

/// How one run of a suite or a program ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// On which filesystem.
    pub subject: &'static str,
    /// What was run.
    pub what: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took. Through FUSE that says nothing of the filesystem.
    pub took: Duration,
}

/// Whether it is as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is; with figures.
    Right(String),
    /// It is not, and why.
    Wrong(String),
    /// It was not run, and why.
    NotRun(String),
}

impl Outcome {
    /// Whether something is wrong.
    pub fn is_wrong(&self) -> bool {
        matches!(self.verdict, Verdict::Wrong(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, text) = match &self.verdict {
            Verdict::Right(text) => ("ok", text),
            Verdict::Wrong(text) => ("WRONG", text),
            Verdict::NotRun(text) => ("not run", text),
        };
        write!(f, "{:18} {:28} {mark:8} {:5.0} s  {text}", self.subject, self.what, self.took.as_secs_f64())
    }
}

/// Why nothing can be mounted here.
///
/// # Errors
/// A sentence for people.
pub fn check() -> Result<(), String> {
    if let Err(e) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        return Err(format!("cannot open /dev/fuse: {e}"));
    }
    crate::differential::kernel::check()
}
