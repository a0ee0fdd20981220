//! What an overlay costs beside a plain memory filesystem: cached lookups, forks, first writes after them. Best of many
//! rounds, in nanoseconds; run with `--release`.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use gangplank_vfs::{
    At, Components, Ctx, FileSystem, Goal, MemFs, MemFsOptions, Name, NewNode, NoMounts, NodeId, OpenFlags, OpenHow,
    OverlayFs, Walked,
};

/// Counts what is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does it; counting changes nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn best(rounds: usize, each: usize, mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..each {
            f();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / each as f64);
    }
    best
}

fn name(text: &str) -> Name<'_> {
    Name::new(text.as_bytes()).unwrap()
}

fn make(fs: &dyn FileSystem, dir: NodeId, text: &str, new: &NewNode<'_>) -> NodeId {
    fs.create(&Ctx::ROOT, dir, name(text), new).unwrap().node
}

/// `dirs` directories with `files` files each, three levels down.
fn grow(fs: &dyn FileSystem, dirs: usize, files: usize) {
    let dir = NewNode::Directory { mode: 0o755 };
    let a = make(fs, fs.root(), "usr", &dir);
    let b = make(fs, a, "lib", &dir);
    for d in 0..dirs {
        let c = make(fs, b, &format!("dir{d}"), &dir);
        for f in 0..files {
            let node = make(fs, c, &format!("file{f}"), &NewNode::Regular { mode: 0o644 });
            fs.forget(node, 1);
            if d == 0 {
                let file = fs.open(&Ctx::ROOT, node, OpenFlags::WRITE).unwrap();
                file.write_at(&[IoSlice::new(&[7; 20_000])], At::End).unwrap();
            }
        }
    }
}

fn stat(fs: &dyn FileSystem, path: &[u8]) {
    let mut rest = Components::new(path).unwrap();
    let walked = fs.walk(&Ctx::ROOT, fs.root(), &mut rest, &NoMounts, Goal::Stat { follow: true }).unwrap();
    assert!(matches!(black_box(walked), Walked::Stat(_)));
}

fn open(fs: &dyn FileSystem, path: &[u8], flags: OpenFlags) -> Arc<dyn gangplank_vfs::VirtualFile> {
    let how = OpenHow { flags, create: None, exclusive: false, follow: true };
    let mut rest = Components::new(path).unwrap();
    match fs.walk(&Ctx::ROOT, fs.root(), &mut rest, &NoMounts, Goal::Open(&how)).unwrap() {
        Walked::Opened(opened) => opened.file,
        other => panic!("{other:?}"),
    }
}

fn table(label: &str, fs: &dyn FileSystem) {
    let path = b"usr/lib/dir0/file1";
    let walk = best(200, 2000, || stat(fs, path));
    let missing = best(200, 2000, || {
        let mut rest = Components::new(b"usr/lib/dir0/none").unwrap();
        let goal = Goal::Stat { follow: true };
        black_box(fs.walk(&Ctx::ROOT, fs.root(), &mut rest, &NoMounts, goal).unwrap());
    });
    let dir = {
        let mut at = fs.root();
        for n in ["usr", "lib", "dir0"] {
            at = fs.lookup(&Ctx::ROOT, at, name(n)).unwrap().node;
        }
        at
    };
    let lookup = best(200, 2000, || {
        let entry = fs.lookup(&Ctx::ROOT, dir, name("file1")).unwrap();
        fs.forget(black_box(entry).node, 1);
    });
    let opens = best(200, 1000, || drop(black_box(open(fs, path, OpenFlags::READ))));
    let file = open(fs, path, OpenFlags::READ);
    let mut buf = [0; 64];
    let read = best(200, 2000, || {
        file.read_at(&mut [std::io::IoSliceMut::new(&mut buf)], 100).unwrap();
    });
    let make_remove = best(100, 500, || {
        let node = make(fs, dir, "new", &NewNode::Regular { mode: 0o644 });
        fs.forget(node, 1);
        fs.remove(&Ctx::ROOT, dir, name("new"), gangplank_vfs::Remove::NonDirectory).unwrap();
    });
    let before = CALLS.load(Ordering::Relaxed);
    stat(fs, path);
    let allocations = CALLS.load(Ordering::Relaxed) - before;
    println!(
        "{label:28} walk+stat {walk:5.0}  missing {missing:5.0}  lookup {lookup:5.0}  open+close {opens:5.0}  read 64 B \
         {read:4.0}  create+unlink {make_remove:5.0}  allocations per walk {allocations}"
    );
}

/// The first open and the first two writes in a fork.
fn first(fork: &dyn FileSystem) -> (f64, f64, f64) {
    let start = Instant::now();
    let file = open(fork, b"usr/lib/dir0/file1", OpenFlags::WRITE);
    let opened = Instant::now();
    file.write_at(&[IoSlice::new(b"x")], At::Offset(3)).unwrap();
    let written = Instant::now();
    file.write_at(&[IoSlice::new(b"x")], At::Offset(3)).unwrap();
    let again = written.elapsed();
    ((opened - start).as_nanos() as f64, (written - opened).as_nanos() as f64, again.as_nanos() as f64)
}

fn main() {
    let base = Arc::new(MemFs::new());
    grow(&*base, 100, 1000);
    let overlay = OverlayFs::builder().lower(base.clone()).upper_mem(MemFsOptions::new()).build().unwrap();
    table("mem", &*base);
    table("overlay, below", &overlay);
    let filled = OverlayFs::builder().lower(Arc::new(MemFs::new())).upper_mem(MemFsOptions::new()).build().unwrap();
    grow(&filled, 100, 1000);
    table("overlay, above", &filled);

    for (label, fs) in [("fresh view of 100 000 files", &overlay), ("100 000 files above", &filled)] {
        let mut kept = Vec::with_capacity(1000);
        let mut fork = f64::MAX;
        for _ in 0..100 {
            kept.clear();
            fork = fork.min(best(1, 100, || kept.push(fs.fork().unwrap())));
        }
        kept.clear();
        let before = HELD.load(Ordering::Relaxed);
        kept.extend((0..100).map(|_| fs.fork().unwrap()));
        let held = (HELD.load(Ordering::Relaxed) - before) / 100;
        let (mut cold, mut write, mut second) = (f64::MAX, f64::MAX, f64::MAX);
        drop(kept);
        for _ in 0..300 {
            let fork = fs.fork().unwrap();
            let (opening, writing, again) = first(&fork);
            (cold, write, second) = (cold.min(opening), write.min(writing), second.min(again));
        }
        println!(
            "{label:28} fork {fork:5.0}  held by a fork {held} B  first open {cold:5.0}  first write {write:5.0}  second {second:4.0}"
        );
    }
    let mut kept = Vec::new();
    let before = HELD.load(Ordering::Relaxed);
    let mem = best(1, 1000, || kept.push(MemFs::fork(&base)));
    let held = (HELD.load(Ordering::Relaxed) - before) / 1000;
    drop(kept);
    let (mut cold, mut write) = (f64::MAX, f64::MAX);
    for _ in 0..300 {
        let (opening, writing, _) = first(&MemFs::fork(&base));
        (cold, write) = (cold.min(opening), write.min(writing));
    }
    println!("{:28} fork {mem:5.0}  held by a fork {held} B  first open {cold:5.0}  first write {write:5.0}", "mem");
}
