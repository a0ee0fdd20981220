//! Threads in every order that a checker of schedules comes to: linearizability, accounts, mounts, forks, descriptors
//! and waits, and that nobody waits for ever. `cargo xtask shuttle` builds the crates for it and runs it.
//!
//! # What it has been seen to find
//! Bugs that were made on purpose, each alone, and the first case to fail (20 schedules of each scheduler, seed 0), with
//! the schedule of the scheduler in which it did:
//!
//! | bug | case | schedule |
//! |---|---|---|
//! | `layers/quota`: `open` locks the accounts before the names | `account of a layer: random acts 4`: deadlock | PCT 2 |
//! | `layers/quota`: a limit is looked at, then added to | `account of a layer: random acts 27` | random 1 |
//! | `mem_fs/file.rs`: an append finds the end before it locks the file | `memory: appended lines are neither lost nor torn` | random 1 |
//! | `mem_fs/rename.rs`: `NoReplace` looks for the target before it locks the tree | `a fork: random program 28` | random 3 |
//! | `mem_fs/fork.rs`: a fork locks the tree for reading alone | `forks of memory: random writers 1` | PCT 15 |
//! | `mem_fs/file.rs`: the epoch is looked at before the file is locked | `forks of memory: random writers 2` | PCT 12 |
//! | `mount.rs`: `BUSY` is looked for before the table is locked | `mounts: of two that mount at one place one does` | random 2 |
//! | `cursor.rs`: a waiter counts himself after his look | `a fork: reads at a shared cursor share out the file`: deadlock | random 1 |
//! | `host_fs`: a node is looked for in the table, and counted or put there once it is unlocked | `a host: links count` | random 6 |
//! | `host_fs`: whether a reference is the last one is looked at before the table is locked | `a host: random program 0` | random 1 |
//! | `wasi/fd_table.rs`: `renumber` unlocks half-way | `descriptors: random acts 13` | random 1 |
//! | `wasi/wait/set.rs`: a thread parks without a look at the wakes | `waits: a full pipe and an empty one`: deadlock | PCT 8 |
//!
//! Bugs that were there, and came back in the same way:
//!
//! | bug | case | schedule |
//! |---|---|---|
//! | a quota kept what was written to a file that had lost its name before it was opened | `account of a layer: random acts 2` | PCT 2 |
//! | `overlay_fs`: a file that `set_len` copies up was cut twice, and what was appended in between went | `an overlay over the tree: what is appended to a file that has been cut stays` | random 3 |
//! | the same of an `open` that truncates | `an overlay over the tree: a file that is cut by whoever opens it while it is appended to` | PCT 18 |
//! | a thread of a process that had ended opened files, which stayed open | `descriptors: a process ends while its threads open files` | random 3 |

#[cfg(shuttle)]
mod descriptors;
#[cfg(shuttle)]
mod explore;
#[cfg(shuttle)]
mod forks;
#[cfg(shuttle)]
mod mounts;
#[cfg(shuttle)]
mod programs;
#[cfg(shuttle)]
mod quota;
#[cfg(shuttle)]
mod waits;

#[cfg(shuttle)]
fn main() -> std::process::ExitCode {
    let how = match explore::How::from_env() {
        Ok(how) => how,
        Err(why) => {
            eprintln!("error: {why}");
            return std::process::ExitCode::from(2);
        }
    };
    let cases =
        [programs::cases(), quota::cases(), mounts::cases(), forks::cases(), descriptors::cases(), waits::cases()];
    explore::run(cases.into_iter().flatten().collect(), how)
}

#[cfg(not(shuttle))]
fn main() {
    println!("the locks of this build are real; `cargo xtask shuttle` searches schedules");
}
