//! How many instructions a syscall takes, counted: a guard that no load of the machine can disturb.
//!
//! The program starts itself again and has that child perform every operation some times, one instruction at a time
//! (ptrace(2)). Between operations the child stops itself, so that both know where one ends. What is counted is ours
//! from the entry point of an import on; engine and compiled guest are not there.
//!
//! Only optimised code is worth counting: `cargo test --release -p gangplank-wasi --test instructions`. `--list` as the
//! only argument counts without judging.

fn main() -> std::process::ExitCode {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    return count::main();
    #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
    {
        println!("skipped: instructions are counted on x86-64 Linux only");
        std::process::ExitCode::SUCCESS
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ops;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod count {
    use std::{
        env,
        process::{Child, Command, ExitCode},
    };

    use nix::{
        sys::{
            ptrace,
            signal::{Signal, raise},
            wait::{WaitStatus, waitpid},
        },
        unistd::Pid,
    };

    use crate::ops::{Guest, OPS};

    /// Tells the child what it is.
    const CHILD: &str = "GANGPLANK_COUNT_INSTRUCTIONS";
    /// How often an operation is performed before it is counted, and how often while it is.
    const WARM: u32 = 50;
    const ROUNDS: u64 = 16;

    /// Something keeps us from counting, which is nobody's fault.
    type Reason = String;

    pub(crate) fn main() -> ExitCode {
        if env::var_os(CHILD).is_some() {
            return child();
        }
        let lists = env::args().any(|arg| arg == "--list");
        if cfg!(debug_assertions) && !lists {
            println!("skipped: not optimised; cargo test --release -p gangplank-wasi --test instructions");
            return ExitCode::SUCCESS;
        }
        match counts() {
            Ok(counts) => judge(&counts, lists),
            Err(reason) => {
                println!("skipped: {reason}");
                ExitCode::SUCCESS
            }
        }
    }

    fn judge(counts: &[u64], lists: bool) -> ExitCode {
        let mut bad = counts.len() != OPS.len();
        for (op, &count) in OPS.iter().zip(counts) {
            let verdict = if count > op.bound { "TOO MANY" } else { "" };
            println!("{:24} {count:6} instructions, at most {:6} {verdict}", op.name, op.bound);
            bad |= count > op.bound;
        }
        if bad && !lists { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// Performs everything, and stops before and after each.
    fn child() -> ExitCode {
        if let Err(errno) = ptrace::traceme() {
            println!("ptrace: {errno}");
            return ExitCode::FAILURE;
        }
        let stop = || raise(Signal::SIGSTOP).expect("a signal");
        let mut guest = Guest::new();
        stop();
        stop();
        for op in OPS {
            (0..WARM).for_each(|_| (op.perform)(&mut guest));
            stop();
            (0..ROUNDS).for_each(|_| (op.perform)(&mut guest));
            stop();
        }
        ExitCode::SUCCESS
    }

    /// Instructions of each operation.
    fn counts() -> Result<Vec<u64>, Reason> {
        let program = env::current_exe().map_err(|e| format!("where we are: {e}"))?;
        let mut child = Command::new(program).env(CHILD, "1").spawn().map_err(|e| format!("no child: {e}"))?;
        let counted = follow(&child);
        // Whatever has happened, it is not left behind.
        let _ = child.kill();
        let _ = child.wait();
        counted
    }

    fn follow(child: &Child) -> Result<Vec<u64>, Reason> {
        let pid = Pid::from_raw(child.id() as i32);
        let failed = |errno: nix::Error| format!("ptrace is not permitted here: {errno}");
        // Until the child stops itself.
        let arrive = |step: bool| -> Result<u64, Reason> {
            for count in 0.. {
                match waitpid(pid, None).map_err(failed)? {
                    WaitStatus::Stopped(_, Signal::SIGSTOP) => return Ok(count),
                    WaitStatus::Stopped(_, Signal::SIGTRAP) if step => ptrace::step(pid, None).map_err(failed)?,
                    // Its start, which the kernel reports in the same way.
                    WaitStatus::Stopped(_, Signal::SIGTRAP) => ptrace::cont(pid, None).map_err(failed)?,
                    other => return Err(format!("the child does not count: {other:?}")),
                }
            }
            Err("it never ends".to_owned())
        };
        arrive(false)?;
        let region = || -> Result<u64, Reason> {
            ptrace::step(pid, None).map_err(failed)?;
            arrive(true)
        };
        // Two stops with nothing in between.
        let nothing = region()?;
        let mut counts = Vec::new();
        for _ in OPS {
            ptrace::cont(pid, None).map_err(failed)?;
            arrive(false)?;
            counts.push(region()?.saturating_sub(nothing) / ROUNDS);
        }
        Ok(counts)
    }
}
