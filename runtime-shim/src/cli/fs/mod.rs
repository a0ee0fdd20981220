//! `gangplank fs`: looks into images and directories, compares them, makes and unpacks them, mounts them.

pub(crate) mod args;
mod cat;
mod diff;
mod ls;
mod mount;
pub(crate) mod pack;
pub(crate) mod shown;
mod unpack;

use super::report::Failure;
use args::Command;

/// What trouble is to all of them; `diff` has another.
const FAILED: u8 = 1;

pub(crate) fn fs(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Ls(args) => ls::ls(args),
        Command::Cat(args) => cat::cat(args),
        Command::Diff(args) => diff::diff(args),
        Command::Mount(args) => mount::mount(args),
        Command::Pack(args) => pack::pack(args),
        Command::Unpack(args) => unpack::unpack(args),
    }
}
