//! The attackers: a thread, and a process.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use rustix::fs::{Mode, OFlags, RenameFlags, openat, renameat, renameat_with};

use super::scene::pairs;

/// Name of the environment variable that tells the process where to attack.
const TASK: &str = "GANGPLANK_RACE";

/// What the process says when it has been stopped.
const SAYS: &str = "exchanges: ";

/// Attackers at work.
pub(super) struct Attackers {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
    process: Child,
}

impl Attackers {
    pub(super) fn begin(dir: &Path, mut command: Command) -> Attackers {
        let stop = Arc::new(AtomicBool::new(false));
        let process = command
            .env(TASK, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start a process");
        let (dir, stopped) = (dir.to_owned(), stop.clone());
        let thread = std::thread::spawn(move || attack(&dir, || stopped.load(Ordering::Relaxed)));
        Attackers { stop, thread, process }
    }

    /// Stops them, and answers how often each exchanged something.
    pub(super) fn end(mut self) -> [u64; 2] {
        self.stop.store(true, Ordering::Relaxed);
        let by_thread = self.thread.join().expect("the thread");
        // It waits for the end of its input.
        drop(self.process.stdin.take());
        let output = BufReader::new(self.process.stdout.take().expect("its output"));
        // The harness of tests has its own things to say.
        let said = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, count) = line.split_once(SAYS)?;
            count.trim().parse().ok()
        });
        self.process.wait().expect("it ends");
        [by_thread, said.expect("the process has attacked")]
    }
}

/// What the process does: attacks until its input ends. In a process that was not started for it, does nothing and
/// answers `false`.
///
/// # Panics
/// If there is nothing to attack.
pub fn attacker() -> bool {
    let Some(dir) = std::env::var_os(TASK) else { return false };
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Relaxed);
    });
    let count = attack(dir.as_ref(), || stop.load(Ordering::Relaxed));
    println!("{SAYS}{count}");
    true
}

/// Exchanges and moves until it is stopped. How often it has.
fn attack(dir: &Path, stopped: impl Fn() -> bool) -> u64 {
    const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::PATH);
    let open = |path: &Path| -> Option<OwnedFd> { openat(rustix::fs::CWD, path, DIR, Mode::empty()).ok() };
    let root = open(&dir.join("root")).expect("a root to attack");
    let moved = open(&dir.join("moved")).expect("where to move things");
    let exchange =
        |at: &OwnedFd, [a, b]: [&str; 2]| u64::from(renameat_with(at, a, at, b, RenameFlags::EXCHANGE).is_ok());
    let mut count = 0;
    while !stopped() {
        // These may have been removed and made again.
        let inner: Vec<OwnedFd> =
            ["d", "l"].into_iter().filter_map(|name| openat(&root, name, DIR, Mode::empty()).ok()).collect();
        let deep = openat(&root, "deep", DIR, Mode::empty()).ok();
        for _ in 0..20 {
            count += pairs().map(|pair| exchange(&root, pair)).sum::<u64>();
            count += inner.iter().map(|d| exchange(d, ["sub", "sublink"])).sum::<u64>();
            if let Some(deep) = &deep {
                count += u64::from(renameat(deep, "a", &moved, "a").is_ok());
                count += u64::from(renameat(&moved, "a", deep, "a").is_ok());
            }
        }
    }
    count
}
