//! Several threads on one tree, and the proof that what they saw can have happened.
//!
//! A [`Program`] is a few threads with a few lines each. It is run, every line with the moments at which it was called
//! and answered; and [`linearize`] looks for an order of all lines, each somewhere between its two moments, in which the
//! reference [`Model`](crate::model::Model), which knows no threads, gives the same answers and the same tree in the
//! end. Where there is no such order, the filesystem has done what no filesystem may
//! (M. Herlihy, J. Wing, "Linearizability: a correctness condition for concurrent objects", TOPLAS 1990).
//!
//! # What is asked
//! Every operation of the traits is one step: nobody sees it half done. Of operations on paths only those are asked that
//! are one such operation. POSIX makes no promise about the others, since a path is resolved name by name, and
//! between two names anything may happen. So, in the programs:
//! * No directory that a path leads through is ever moved, or made again under the name of one that was removed. (Two that
//!   are renamed into each other are a case of [`threads`](crate::cases::threads).)
//! * What is reached in one step and changed in the next keeps its name: `link` and `truncate` are done to `k` alone.
//! * No link leads anywhere; so to follow one is to look up one name.
//! * `read`, `put`, `list` of a path, and `allocate`, are several operations. Open files are read, written and listed.
//!
//! * Of hosts, whether contents and attributes are seen whole is not asked: [`Looks`].
//!
//! # Who decides who goes on
//! [`RealThreads`] leaves it to the machine. Whoever runs threads in another way, a checker of schedules for example,
//! is a [`Threads`], too.

mod linear;
mod looks;
mod program;
mod run;

pub use linear::{Impossible, linearize};
pub use looks::Looks;
pub use program::{PROGRAMS, Program};
pub use run::{Event, History, RealThreads, Threads, check, run};
