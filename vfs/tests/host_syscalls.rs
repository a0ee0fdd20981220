//! How many system calls an operation of the host filesystem makes: counted with strace, because a time could not
//! tell. Without strace, or where it may not trace, the test says so and counts nothing.
#![cfg(all(target_os = "linux", feature = "host"))]

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

#[path = "../examples/host_syscalls.rs"]
#[allow(dead_code, reason = "its `main` is for the command line")]
mod performed;

const COUNT: usize = 50;

/// Operations and the system calls that each may make, all of them counted. With an `openat2` that resolves beneath a
/// directory; the portable resolver makes more.
const MOST: &[(&str, f64)] = &[
    ("pread", 1.0),
    ("pwrite", 1.0),
    ("append", 1.0),
    // Its caller wants to know where the bytes went.
    ("append-ask", 2.0),
    ("writev", 1.0),
    ("fstat", 1.0),
    ("stat-1", 1.0),
    // Open, ask, close: asking by a path of several names could be led outside.
    ("stat-5", 3.0),
    ("stat-missing-1", 1.0),
    // What cannot be opened need not be asked.
    ("stat-missing-5", 1.0),
    // Open, look what it is, close.
    ("open-1", 3.0),
    ("open-5", 3.0),
    ("create-5", 3.0),
    ("rename", 1.0),
    ("mkdir-rmdir", 2.0),
];

/// The same in a directory that nobody else changes, once the names are known.
const MOST_EXCLUSIVE: &[(&str, f64)] = &[
    ("stat-1", 1.0),
    ("stat-5", 1.0),
    ("stat-missing-5", 0.0),
    ("open-1", 2.0),
    ("open-5", 2.0),
    ("recreate-5", 2.0),
    // Who has just been made is not known yet.
    ("create-5", 3.0),
    ("rename", 1.0),
    ("mkdir-rmdir", 2.0),
];

const EXCLUSIVE: &str = "HOST_SYSCALLS_EXCLUSIVE";

#[test]
fn no_operation_makes_more_system_calls_than_it_needs() {
    if let Err(why) = strace_works() {
        eprintln!("skipped: {why}");
        return;
    }
    let mut report = String::new();
    let mut over = false;
    for (rows, exclusive) in [(MOST, false), (MOST_EXCLUSIVE, true)] {
        for &(operation, most) in rows {
            let made = per_operation(operation, exclusive);
            // The lookups of the two marks add some of their own.
            over |= made > most + 0.2;
            let where_ = if exclusive { ", exclusive" } else { "" };
            report += &format!("{operation}{where_}: {made:.2} of at most {most}\n");
        }
    }
    eprint!("{report}");
    assert!(!over, "{report}");
}

/// What the test above runs under strace.
#[test]
#[ignore = "only means something under strace: the test above runs it there"]
fn perform() {
    let operation = env::var("HOST_SYSCALLS_OPERATION").expect("only under the other test");
    let dir = tempfile::tempdir().unwrap();
    let exclusive = env::var_os(EXCLUSIVE).is_some();
    let options = gangplank_vfs::host_fs::Options { exclusive, ..Default::default() };
    performed::run(dir.path(), &operation, COUNT, options).unwrap();
}

fn strace_works() -> Result<(), String> {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("strace may not trace here ({status})")),
        Err(error) => Err(format!("no strace here ({error})")),
    }
}

/// System calls between the two marks, by the thread that made the marks.
fn per_operation(operation: &str, exclusive: bool) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let mut strace = Command::new("strace");
    if exclusive {
        strace.env(EXCLUSIVE, "1");
    }
    let status = strace
        .args(["-f", "-o"])
        .arg(&trace)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "perform", "--ignored"])
        .env("HOST_SYSCALLS_OPERATION", operation)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{operation}: {status}");
    count(&trace) as f64 / COUNT as f64
}

fn count(trace: &Path) -> usize {
    let text = fs::read_to_string(trace).unwrap();
    let thread_of = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let begin = text.lines().position(|line| line.contains("BEGIN-MARK")).expect("the first mark");
    let thread = thread_of(text.lines().nth(begin).unwrap());
    let calls = text.lines().skip(begin + 1).take_while(|line| !line.contains("END-MARK"));
    // Before it closes a descriptor, an unoptimised standard library asks whether it is open.
    let counts = |line: &&str| !line.contains("resumed>") && !line.contains("F_GETFD");
    calls.filter(counts).filter(|line| thread_of(line) == thread).count()
}
