//! A lot of something: depth, entries, forks. What can be afforded is done, without recursion and in little memory; the
//! rest is refused.

use std::sync::Arc;

use gangplank_conformance::{Fixture, ForkFixture, Made, MemFixture, OverlayFixture, World};
use gangplank_vfs::{Errno, FileSystem, FsCaps, NewNode, OpenFlags, OverlayFs};

/// So little stack that nothing can go down a deep tree by calling itself.
const STACK: usize = 192 << 10;

/// Runs `test` with little stack, on what can hold deep trees: what is in memory.
fn on_a_small_stack(test: fn(&World)) {
    for fixture in [&MemFixture as &(dyn Fixture + Sync), &ForkFixture, &OverlayFixture::Mem, &OverlayFixture::Emptied]
    {
        let thread = std::thread::Builder::new().stack_size(STACK).name(fixture.name().to_owned());
        std::thread::scope(|scope| {
            let run = || {
                let w = World::new(fixture.make());
                test(&w);
                // Dropped here, too.
            };
            thread.spawn_scoped(scope, run).expect("a thread").join().expect("enough stack");
        });
    }
}

/// As deep as the quota of nodes would let a guest go, by opening one directory after the other.
const DEPTH: usize = 100_000;

/// A tree of a hundred thousand directories, each in the one before: made, moved, looked up from below, forked, and thrown
/// away; and a rename that would make it a circle is seen to.
#[test]
fn deep_trees() {
    on_a_small_stack(|w| {
        let top = w.mkdir("top").unwrap();
        let mut at = top.clone();
        for _ in 1..DEPTH {
            at = w.create_in(&at, "d", NewNode::Directory { mode: 0o755 }).unwrap();
        }
        drop(w.create_in(&at, "f", NewNode::Regular { mode: 0o644 }).unwrap());
        w.mv("top", "moved").unwrap();
        let name = |text: &'static str| gangplank_vfs::Name::new(text.as_bytes()).unwrap();
        let cx = gangplank_vfs::Ctx::ROOT;
        let into_itself =
            w.fs().rename(&cx, (w.fs().root(), name("moved")), (at.id, name("x")), gangplank_vfs::Rename::Replace);
        assert_eq!(into_itself, Err(Errno::INVAL));
        let mut up = at.clone();
        for _ in 0..DEPTH {
            up = up.parent().unwrap();
        }
        assert_eq!(up.id, w.fs().root());
        if w.has(FsCaps::SNAPSHOT) {
            let forks: Vec<Arc<dyn FileSystem>> =
                (0..1000).map(|_| w.fs().snapshots().unwrap().fork().unwrap()).collect();
            let first = World::new(Made::new(forks[0].clone()));
            first.mv("moved", "in the fork").unwrap();
            assert!(w.stat("moved").is_ok());
        }
        // A name below goes with the reference to it.
        drop((top, at, up));
    });
}

/// The same below an overlay, which has to find its way through it: copying one file up makes all the directories above it.
#[test]
fn deep_trees_below_an_overlay() {
    const DEPTH: usize = 5_000;
    let thread = std::thread::Builder::new().stack_size(STACK);
    let run = || {
        let below = World::new(MemFixture.make());
        let mut at = below.mkdir("top").unwrap();
        for _ in 1..DEPTH {
            at = below.create_in(&at, "d", NewNode::Directory { mode: 0o755 }).unwrap();
        }
        drop(below.create_in(&at, "f", NewNode::Regular { mode: 0o644 }).unwrap());
        drop(at);
        let fs = OverlayFs::builder().lower(below.fs().clone()).upper_mem(gangplank_vfs::MemFsOptions::new());
        let w = World::new(Made::new(Arc::new(fs.build().unwrap())));
        let mut at = w.node("top").unwrap();
        for _ in 1..DEPTH {
            at = w.lookup(&at, "d").unwrap();
        }
        let file = w.lookup(&at, "f").unwrap();
        assert_eq!(file.open(OpenFlags::WRITE).unwrap().write(0, b"copied up"), Ok(9));
        drop((at, file));
        w.mv("top", "moved").unwrap();
        assert_eq!(below.stat("moved").err(), Some(Errno::NOENT));
        assert!(w.node("moved/d/d").is_ok());
    };
    thread.spawn(run).expect("a thread").join().expect("enough stack");
}

#[cfg(target_os = "linux")]
mod listing {
    use std::{ops::ControlFlow, process::Command};

    use gangplank_vfs::{
        Cookie,
        host_fs::{HostFs, Options, Resolver},
    };

    use super::*;

    const TASK: &str = "GANGPLANK_ADVERSARY_LISTING";
    const ENTRIES: usize = 100_000;

    /// Kilobytes of resident memory: now (`VmRSS`), or at most since `clear_refs` was written (`VmHWM`).
    fn resident(field: &str) -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn list(fs: Arc<dyn FileSystem>) -> usize {
        let w = World::new(Made::new(fs));
        let dir = w.open("", OpenFlags::READ).unwrap();
        let (mut count, mut from) = (0, Cookie::START);
        // As `fd_readdir` does, a few kilobytes at a time.
        loop {
            let mut batch = 0;
            dir.readdir(from, &mut |e| {
                (batch, from) = (batch + 1, e.next);
                if batch == 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            if batch == 0 {
                return count;
            }
            count += batch;
        }
    }

    /// Not a test, but a process whose memory is measured.
    #[test]
    fn measured() {
        let Some(dir) = std::env::var_os(TASK) else { return };
        let host = |resolver| HostFs::open_with(&dir, Options { resolver, ..Options::default() }).unwrap();
        for (what, resolver, most) in [("openat2", Resolver::Openat2, 2_000), ("portable", Resolver::Portable, 20_000)]
        {
            // To have touched what listing touches anyway.
            let fs = host(resolver);
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = resident("VmRSS");
            assert_eq!(list(fs), ENTRIES);
            let grown = resident("VmHWM").saturating_sub(before);
            assert!(grown < most, "{what}: {grown} kB for a listing of {ENTRIES} entries");
        }
        println!("listed in little memory");
    }

    /// A directory with a hundred thousand entries, in a temporary filesystem of the host, is listed without holding it
    /// in memory; where it must be held (see `portable`), it is the names alone.
    #[test]
    fn a_huge_directory_is_not_held_in_memory() {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        for i in 0..ENTRIES {
            std::fs::File::create(dir.path().join(format!("entry-{i}"))).unwrap();
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "limits::listing::measured", "--nocapture", "--test-threads=1"])
            .env(TASK, dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("listed in little memory"), "{said}{failed}");
    }
}
