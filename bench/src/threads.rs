//! Several threads at a time: `--threads 2`. What a call costs each of them, on filesystems of their own and on one that
//! all share. Processor time of the thread, so that other programs disturb little; a thread that sleeps until a lock is
//! free therefore costs nothing while it does.

use std::{
    io::IoSliceMut,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow, ensure};
use gangplank_vfs::{
    Ctx, MemFs, Mount, MountOptions, Namespace, OpenFile, OpenFlags, OpenHow, Place, Scope, Start, Tree,
};
use rustix::time::{ClockId, clock_gettime};

const FILE: &str = "one/two/file";
const SIZE: usize = 64 << 10;

/// How long each is measured.
const BATCH: Duration = Duration::from_millis(100);
/// The median of so many counts.
const ROUNDS: usize = 9;

/// What a thread does again and again.
#[derive(Clone, Copy)]
enum Work {
    Stat,
    OpenClose,
    /// Each has opened the file.
    Pread,
    /// At a cursor; on a shared filesystem all share the cursor, too.
    Read,
}

/// What a thread has.
#[derive(Clone)]
struct Kit {
    place: Arc<Place>,
    file: Arc<OpenFile>,
}

impl Kit {
    fn new() -> Result<Kit> {
        let fs: Arc<dyn gangplank_vfs::FileSystem> = Arc::new(MemFs::new());
        let tree = Tree::new(Arc::clone(&fs));
        tree.create_dir_all("one/two")?;
        tree.write(FILE, vec![7; SIZE])?;
        let place = Mount::detached(fs, MountOptions::default());
        let file = Arc::new(open(&place)?);
        Ok(Kit { place: Arc::new(place), file })
    }

    fn once(&self, work: Work, namespace: &Namespace) -> Result<()> {
        let mut buffer = [0; 64];
        match work {
            Work::Stat => {
                let start = Start { namespace, cx: Ctx::ROOT, place: &self.place, scope: Scope::Beneath(&self.place) };
                ensure!(start.stat(FILE.as_bytes(), true)?.size == SIZE as u64);
            }
            Work::OpenClose => open(&self.place)?.close()?,
            Work::Pread => ensure!(self.file.read_at(&mut [IoSliceMut::new(&mut buffer)], 128)? == 64),
            Work::Read => {
                if self.file.read(&mut [IoSliceMut::new(&mut buffer)])? == 0 {
                    self.file.seek(gangplank_vfs::Whence::Start, 0)?;
                }
            }
        }
        Ok(())
    }
}

fn open(place: &Place) -> Result<OpenFile> {
    let namespace = Namespace::new();
    let start = Start { namespace: &namespace, cx: Ctx::ROOT, place, scope: Scope::Beneath(place) };
    let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
    Ok(start.open(FILE.as_bytes(), &how)?)
}

/// Prints a table for 1 and for `threads` threads.
pub(crate) fn measure(threads: usize) -> Result<()> {
    println!("nanoseconds of processor time for each call of each thread, median of {ROUNDS}\n");
    println!("| operation           | 1 thread | {threads} threads, own | {threads} threads, shared |");
    println!("| ------------------- | -------: | -------------: | ----------------: |");
    for (name, work) in [
        ("stat, depth 3", Work::Stat),
        ("open+close, depth 3", Work::OpenClose),
        ("pread 64 B", Work::Pread),
        ("read 64 B", Work::Read),
    ] {
        let one = Kit::new()?;
        let own = (0..threads).map(|_| Kit::new()).collect::<Result<Vec<_>>>()?;
        // The same file, opened by each; the cursor is shared where it is the matter.
        let mut shared = vec![one.clone(); threads];
        if !matches!(work, Work::Read) {
            for kit in &mut shared {
                kit.file = Arc::new(open(&kit.place)?);
            }
        }
        let [alone, own, shared] = [&[one][..], &own, &shared].map(|kits| median(kits, work));
        println!("| {name:19} | {:8.1} | {:14.1} | {:17.1} |", alone?, own?, shared?);
    }
    Ok(())
}

/// Of this thread.
fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn median(kits: &[Kit], work: Work) -> Result<f64> {
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        costs.push(count(kits, work)?);
    }
    costs.sort_by(f64::total_cmp);
    Ok(costs[ROUNDS / 2])
}

/// Mean cost of a call over all threads, each of which has one kit.
fn count(kits: &[Kit], work: Work) -> Result<f64> {
    let (begin, over) = (Barrier::new(kits.len() + 1), AtomicBool::new(false));
    let costs = thread::scope(|scope| {
        let workers: Vec<_> = kits
            .iter()
            .map(|kit| {
                scope.spawn(|| -> Result<f64> {
                    let namespace = Namespace::new();
                    begin.wait();
                    let begun = cpu_time();
                    let mut calls = 0_u64;
                    while !over.load(Ordering::Relaxed) {
                        for _ in 0..100 {
                            kit.once(work, &namespace)?;
                        }
                        calls += 100;
                    }
                    Ok((cpu_time() - begun).as_nanos() as f64 / calls as f64)
                })
            })
            .collect();
        begin.wait();
        thread::sleep(BATCH);
        over.store(true, Ordering::Relaxed);
        let join = |worker: thread::ScopedJoinHandle<'_, Result<f64>>| worker.join().map_err(|_| anyhow!("a panic"))?;
        workers.into_iter().map(join).collect::<Result<Vec<f64>>>()
    })?;
    Ok(costs.iter().sum::<f64>() / costs.len() as f64)
}
