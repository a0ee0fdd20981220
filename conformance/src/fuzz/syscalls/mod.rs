//! `syscalls`: what no honest guest does.
//!
//! The bytes are a process, and what it does: calls of any import of preview1 and of `wasi_unstable` with arguments that
//! mean something more often than not, and changes of its memory between them. There is no engine: the memory is ours,
//! and looked at before and after each call. What must hold:
//!
//! * No panic; no more memory than [`Target::heap`](super::Target) says; every call comes back.
//! * The answer is an error number that is documented for the call.
//! * Outside of the places that the call may fill nothing in memory has changed; after an error only buffers have.
//! * A result that lies outside of memory is never a success.
//! * New descriptors have the lowest number from 3 on that is free; no other number opens or closes.
//! * Once the process has ended every call ends at once; and when it is gone, so is every file that has no name.
//! * A call that does not return has changed nothing but buffers; a process that waits for ever can be ended.

mod calls;
mod guest;
mod judge;

use gangplank_wasi::GuestMemory;

use self::guest::Guest;
use super::input::Input;

/// How the memory is given to a call: all of it, for as long as the call lasts.
pub type Lend = for<'a> fn(&'a mut [u8]) -> GuestMemory<'a>;

/// The most calls of one run.
const CALLS: usize = 80;

/// Bytes as a process, whose memory nobody else can reach.
pub fn run(bytes: &[u8]) {
    run_with(bytes, |memory| GuestMemory::exclusive(memory));
}

/// As [`run`], with the memory given to calls in any way there is. Answers what each call answered.
pub fn run_with(bytes: &[u8], lend: Lend) -> Vec<String> {
    let mut input = Input::new(bytes);
    let mut guest = Guest::new(&mut input, lend);
    let mut answers = vec![];
    while !input.is_empty() && answers.len() < CALLS {
        if !input.chance(3, 4) {
            guest.change_memory(&mut input);
            continue;
        }
        answers.push(guest.call(&mut input));
        if guest.is_over() {
            break;
        }
    }
    guest.end();
    answers
}

/// How much memory is in order: what the filesystems may hold and their copies of the guest's memory.
pub(super) fn heap(len: usize) -> usize {
    (16 << 20) + 64 * len
}
