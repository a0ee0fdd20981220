//! Tests of what only the inside shows: quota to the byte, forks under concurrent writers, references. What every
//! filesystem must do is tested by the conformance kit.

use std::{
    io::{IoSlice, IoSliceMut},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use super::{chunk::CHUNK, testing::Rng, *};
use crate::{At, Errno, FileType, ManualClock, NoMounts, OpenHow, Opened, Seek, SetXattr, Time};

const CX: Ctx<'static> = Ctx::ROOT;
const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);
const REGULAR: NewNode<'static> = NewNode::Regular { mode: 0o666 };
const DIRECTORY: NewNode<'static> = NewNode::Directory { mode: 0o777 };

fn name(s: &str) -> Name<'_> {
    Name::new(s.as_bytes()).unwrap()
}

/// Makes a node and gives the reference back.
fn make(fs: &MemFs, dir: NodeId, n: &str, new: &NewNode<'_>) -> NodeId {
    let made = fs.create(&CX, dir, name(n), new).unwrap();
    fs.forget(made.node, 1);
    made.node
}

fn walk<'a>(fs: &MemFs, path: &str, goal: Goal<'a>) -> Result<Walked> {
    fs.walk(&CX, ROOT, &mut Components::new(path.as_bytes()).unwrap(), &NoMounts, goal)
}

fn open_how(fs: &MemFs, path: &str, flags: OpenFlags, create: bool, exclusive: bool) -> Result<Opened> {
    let how = OpenHow { flags, create: create.then_some(REGULAR), exclusive, follow: false };
    match walk(fs, path, Goal::Open(&how))? {
        Walked::Opened(opened) => Ok(opened),
        Walked::Missing => Err(Errno::NOENT),
        other => panic!("{other:?}"),
    }
}

fn create(fs: &MemFs, path: &str) -> Arc<dyn VirtualFile> {
    open_how(fs, path, RW, true, false).unwrap().file
}

fn stat(fs: &MemFs, path: &str) -> Result<Metadata> {
    match walk(fs, path, Goal::Stat { follow: false })? {
        Walked::Stat(stat) => Ok(stat),
        Walked::Missing => Err(Errno::NOENT),
        other => panic!("{other:?}"),
    }
}

fn write(file: &dyn VirtualFile, at: u64, bytes: &[u8]) -> Result<usize> {
    file.write_at(&[IoSlice::new(bytes)], At::Offset(at)).map(|(n, _)| n)
}

fn read(file: &dyn VirtualFile, at: u64, len: usize) -> Vec<u8> {
    let mut buf = vec![0xaa; len];
    let n = file.read_at(&mut [IoSliceMut::new(&mut buf)], at).unwrap();
    buf.truncate(n);
    buf
}

fn used(fs: &MemFs) -> (u64, u64) {
    (fs.shared.quota.used_bytes(), fs.shared.quota.used_nodes())
}

/// A fork reads files, through handles of its own, that the original overwrites meanwhile: every read through the
/// fork is what it was at the fork, and the original's own handles never miss a completed write.
#[test]
fn forks_are_isolated_from_concurrent_writers() {
    let fs = Arc::new(MemFs::new());
    let files: Vec<_> = (0..3).map(|i| create(&fs, &format!("f{i}"))).collect();
    for f in &files {
        write(&**f, 0, &[0; 8]).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = files
        .iter()
        .cloned()
        .map(|f| {
            let stop = stop.clone();
            thread::spawn(move || {
                let mut n = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    assert_eq!(write(&*f, 0, &n.to_le_bytes()), Ok(8));
                    assert_eq!(read(&*f, 0, 8), n.to_le_bytes(), "a completed write is seen");
                    // Now and then something that has to be charged.
                    if n.is_multiple_of(16) {
                        write(&*f, n % 64 * CHUNK as u64 + 8, b"x").unwrap();
                        f.set_len(8).unwrap();
                    }
                }
            })
        })
        .collect();
    let mut last = [0; 3];
    for _ in 0..200 {
        let fork = fs.fork();
        let copies: Vec<_> =
            (0..3).map(|i| open_how(&fork, &format!("f{i}"), RW, false, false).unwrap().file).collect();
        let first: Vec<_> = copies.iter().map(|f| read(&**f, 0, 1 << 21)).collect();
        thread::yield_now();
        for (i, copy) in copies.iter().enumerate() {
            assert_eq!(read(&**copy, 0, 1 << 21), first[i], "a fork does not change by itself");
            let value = u64::from_le_bytes(first[i][..8].try_into().unwrap());
            assert!(value >= last[i], "a later fork has no older content");
            last[i] = value;
            write(&**copy, 0, &u64::MAX.to_le_bytes()).unwrap();
        }
        // What the fork counts is what it has: nothing is left when everything is gone.
        drop(copies);
        for i in 0..3 {
            fork.remove(&CX, ROOT, name(&format!("f{i}")), Remove::NonDirectory).unwrap();
        }
        assert_eq!(used(&fork), (0, 1));
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|w| w.join().unwrap());
    drop(files);
    for i in 0..3 {
        fs.remove(&CX, ROOT, name(&format!("f{i}")), Remove::NonDirectory).unwrap();
    }
    assert_eq!(used(&fs), (0, 1));
}

/// One writer writes two files in turn; in no fork may the second be ahead of the first.
#[test]
fn forks_keep_the_order_of_writes() {
    let fs = Arc::new(MemFs::new());
    let (a, b) = (create(&fs, "a"), create(&fs, "b"));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let stop = stop.clone();
        thread::spawn(move || {
            let mut n = 0u64;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                write(&*a, 0, &n.to_le_bytes()).unwrap();
                write(&*b, 0, &n.to_le_bytes()).unwrap();
            }
        })
    };
    for _ in 0..2000 {
        let fork = fs.fork();
        let value = |path| {
            let mut bytes = read(&*open_how(&fork, path, RW, false, false).unwrap().file, 0, 8);
            bytes.resize(8, 0);
            u64::from_le_bytes(bytes.try_into().unwrap())
        };
        let (b, a) = (value("b"), value("a"));
        assert!(a == b || a == b + 1, "{a} {b}");
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn either_side_of_a_fork_changes_alone() {
    let fs = MemFs::new();
    let d = make(&fs, ROOT, "d", &DIRECTORY);
    let f = create(&fs, "d/f");
    write(&*f, 0, &vec![1; 3 * CHUNK]).unwrap();
    let fork = fs.fork();
    let g = open_how(&fork, "d/f", RW, false, false).unwrap().file;
    assert_eq!(f.node(), g.node(), "identities stay");
    assert_ne!(fs.info().dev, fork.info().dev);
    // The fork first: the original's handle must not follow it.
    write(&*g, CHUNK as u64, b"fork").unwrap();
    assert_eq!(read(&*f, CHUNK as u64, 4), [1; 4]);
    write(&*f, CHUNK as u64, b"orig").unwrap();
    assert_eq!(read(&*g, CHUNK as u64, 4), b"fork");
    assert_eq!(read(&*f, CHUNK as u64, 4), b"orig");
    fork.rename(&CX, (d, name("f")), (ROOT, name("moved")), Rename::Replace).unwrap();
    assert!(stat(&fs, "d/f").is_ok() && stat(&fs, "moved").is_err());
    assert_eq!(stat(&fork, "d/f"), Err(Errno::NOENT));
    assert_eq!(stat(&fs, "d").unwrap().nlink, 2);
    // A handle of the original works on after many forks, and after its name is gone.
    fs.remove(&CX, d, name("f"), Remove::NonDirectory).unwrap();
    for i in 0..5u8 {
        let other = fs.fork();
        assert_eq!(used(&other).1, 2, "an orphan stays behind");
        write(&*f, 0, &[i]).unwrap();
        assert_eq!(read(&*f, 0, 1), [i]);
    }
    assert_eq!(f.getattr().unwrap().nlink, 0);
    drop(f);
    assert_eq!(used(&fs), (0, 2));
    drop(g);
    fork.remove(&CX, ROOT, name("moved"), Remove::NonDirectory).unwrap();
    assert_eq!(used(&fork), (0, 2));
}

/// Random operations on a filesystem, with forks, then everything removed: the quota is back where it began, in all.
#[test]
fn the_quota_is_exact() {
    let mut rng = Rng::new(42);
    let limit = 40 * CHUNK as u64 + 5000;
    let fs = MemFsOptions::new().max_bytes(Some(limit)).max_nodes(Some(60)).build();
    let mut worlds = vec![(fs, Vec::<Arc<dyn VirtualFile>>::new())];
    let mut refused = 0;
    for step in 0..30_000 {
        let at = rng.below(worlds.len() as u64) as usize;
        if step % 3000 == 2999 && worlds.len() < 6 {
            let fork = worlds[at].0.fork();
            worlds.push((fork, vec![]));
            continue;
        }
        let (fs, open) = &mut worlds[at];
        let n = format!("n{}", rng.below(40));
        let n = name(&n);
        let result: Result<()> = match rng.below(15) {
            0 | 1 => {
                let made = open_how(fs, std::str::from_utf8(n.as_bytes()).unwrap(), RW, true, false);
                made.map(|o| open.push(o.file))
            }
            2 => fs.create(&CX, ROOT, n, &DIRECTORY).map(|e| fs.forget(e.node, 1)),
            3 => {
                let target = vec![b'x'; 1 + rng.below(300) as usize];
                fs.create(&CX, ROOT, n, &NewNode::Symlink { target: &target }).map(|e| fs.forget(e.node, 1))
            }
            4 => fs.remove(&CX, ROOT, n, Remove::NonDirectory),
            5 => fs.remove(&CX, ROOT, n, Remove::Directory),
            6 => {
                let to = format!("n{}", rng.below(40));
                let how = [Rename::Replace, Rename::Exchange, Rename::NoReplace][rng.below(3) as usize];
                fs.rename(&CX, (ROOT, n), (ROOT, name(&to)), how)
            }
            7 => fs.lookup(&CX, ROOT, n).and_then(|e| {
                let to = format!("n{}", rng.below(40));
                let linked = fs.link(&CX, e.node, ROOT, name(&to));
                fs.forget(e.node, 1);
                linked
            }),
            8 => fs.lookup(&CX, ROOT, n).and_then(|e| {
                let value = vec![1; rng.below(400) as usize];
                let set = fs.xattrs().unwrap().set(e.node, b"user.a", &value, SetXattr::Any);
                if rng.below(3) == 0 {
                    let _ = fs.xattrs().unwrap().remove(e.node, b"user.a");
                }
                fs.forget(e.node, 1);
                set
            }),
            9 if !open.is_empty() => {
                open.swap_remove(rng.below(open.len() as u64) as usize);
                Ok(())
            }
            10 => fs.add_image(ROOT, n, 0o644, vec![7; rng.below(3 * CHUNK as u64) as usize].into()).map(drop),
            kind if !open.is_empty() => {
                let f = &open[rng.below(open.len() as u64) as usize];
                let offset = rng.below(6 * CHUNK as u64);
                match kind {
                    11 => f.set_len(offset),
                    12 => f.allocate(offset, 1 + rng.below(2 * CHUNK as u64)),
                    _ => write(&**f, offset, &vec![1; rng.below(3 * CHUNK as u64) as usize]).map(drop),
                }
            }
            _ => Ok(()),
        };
        refused += u32::from(result == Err(Errno::NOSPC));
        let (bytes, nodes) = used(fs);
        assert!(bytes <= limit && nodes <= 60);
    }
    assert!(refused > 100, "the limits were reached ({refused})");
    for (fs, open) in worlds {
        drop(open);
        for i in 0..40 {
            let n = format!("n{i}");
            let _ = fs.remove(&CX, ROOT, name(&n), Remove::NonDirectory);
            let _ = fs.remove(&CX, ROOT, name(&n), Remove::Directory);
        }
        assert_eq!(used(&fs), (0, 1));
        assert_eq!(fs.shared.refs.len(), 0);
    }
}

#[test]
fn a_write_that_fits_in_part_is_short_and_the_next_one_fails() {
    let fs = MemFsOptions::new().max_bytes(Some(2 * CHUNK as u64)).build();
    let f = create(&fs, "f");
    assert_eq!(write(&*f, 10, &vec![1; 3 * CHUNK]), Ok(2 * CHUNK - 10));
    assert_eq!(write(&*f, 2 * CHUNK as u64, b"x"), Err(Errno::NOSPC));
    assert_eq!(f.getattr().unwrap().size, 2 * CHUNK as u64);
    assert_eq!(fs.statfs().unwrap().bfree, 0);
    // In place it still works, and what is cut comes back.
    assert_eq!(write(&*f, 0, b"y"), Ok(1));
    f.set_len(CHUNK as u64).unwrap();
    assert_eq!(f.allocate(0, 3 * CHUNK as u64), Err(Errno::NOSPC));
    assert_eq!(f.allocate(CHUNK as u64, 1), Ok(()));
    let g = create(&fs, "g");
    assert_eq!(write(&*g, 0, &[1; 64]), Ok(64), "so little costs nothing");
    assert_eq!(write(&*g, 64, b"x"), Err(Errno::NOSPC));
    assert_eq!(write(&*f, CHUNK as u64, b"x"), Ok(1), "what is reserved is there");
    assert_eq!(read(&*g, 0, 100), [1; 64]);
}

#[test]
fn sizes_of_a_guests_choosing_allocate_nothing() {
    let fs = MemFs::new();
    let f = create(&fs, "f");
    f.set_len(1 << 46).unwrap();
    assert_eq!(f.set_len(1 << 63), Err(Errno::FBIG));
    assert_eq!(write(&*f, 1 << 40, b"x"), Ok(1));
    assert_eq!(f.getattr().unwrap().blocks, 32);
    assert_eq!(f.seek_data(0, Seek::Data), Ok(1 << 40));
    assert_eq!(f.seek_data(1 << 40, Seek::Hole), Ok((1 << 40) + CHUNK as u64));
    assert_eq!(f.allocate(0, 1 << 46), Ok(()), "counted, not made");
    assert_eq!(f.read_bytes(0, 1 << 45), Err(Errno::NOMEM));
    assert_eq!(f.read_bytes((1 << 46) - 3, usize::MAX).unwrap().len(), 3);
    assert_eq!(f.allocate(u64::MAX, 2), Err(Errno::INVAL));
    assert_eq!(f.read_at(&mut [], 1 << 63), Err(Errno::INVAL));
    assert_eq!(write(&*f, data::MAX_SIZE, b"x"), Err(Errno::FBIG));
    assert_eq!(write(&*f, data::MAX_SIZE - 1, b"xy"), Ok(1));
    f.set_len(0).unwrap();
    assert_eq!(used(&fs), (0, 2));
}

#[test]
fn a_handle_outlives_its_name_and_never_becomes_another_file() {
    let fs = MemFs::new();
    let b = create(&fs, "b");
    write(&*b, 0, b"old b").unwrap();
    create(&fs, "a");
    fs.rename(&CX, (ROOT, name("a")), (ROOT, name("b")), Rename::Replace).unwrap();
    let c = create(&fs, "c");
    write(&*c, 0, b"SECRET").unwrap();
    assert_eq!(read(&*b, 0, 10), b"old b");
    assert_eq!(b.getattr().unwrap().nlink, 0);
    let gone = b.node().unwrap();
    drop(b);
    let d = create(&fs, "d");
    assert_ne!(d.node(), Some(gone));
    assert_eq!(fs.getattr(gone), Err(Errno::STALE));
}

#[test]
fn exclusive_creation_has_one_winner() {
    let fs = Arc::new(MemFs::new());
    for round in 0..500 {
        let (barrier, wins) = (Arc::new(Barrier::new(3)), Arc::new(AtomicU64::new(0)));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (fs, barrier, wins) = (fs.clone(), barrier.clone(), wins.clone());
                thread::spawn(move || {
                    barrier.wait();
                    match open_how(&fs, &format!("f{round}"), RW, true, true) {
                        Ok(_) => assert_eq!(wins.fetch_add(1, Ordering::Relaxed), 0),
                        Err(e) => assert_eq!(e, Errno::EXIST),
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    }
}

/// Threads make and remove files of their own in one directory: nobody loses one.
#[test]
fn concurrent_changes_of_one_directory_lose_nothing() {
    let fs = Arc::new(MemFs::new());
    let threads: Vec<_> = (0..3)
        .map(|t| {
            let fs = fs.clone();
            thread::spawn(move || {
                for i in 0..2000 {
                    create(&fs, &format!("t{t}-{i}"));
                    if i % 3 != 0 {
                        fs.remove(&CX, ROOT, name(&format!("t{t}-{i}")), Remove::NonDirectory).unwrap();
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(used(&fs).1, 1 + 3 * 667);
    for t in 0..3 {
        (0..2000).step_by(3).for_each(|i| assert!(stat(&fs, &format!("t{t}-{i}")).is_ok()));
    }
}

#[test]
fn a_very_deep_tree_needs_no_stack() {
    thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(|| {
            let fs = MemFs::new();
            let mut at = ROOT;
            for _ in 0..1_000_000 {
                at = make(&fs, at, "d", &DIRECTORY);
            }
            let top = fs.lookup(&CX, ROOT, name("d")).unwrap();
            let deep = (at, name("x"));
            assert_eq!(fs.rename(&CX, (ROOT, name("d")), deep, Rename::Replace), Err(Errno::INVAL));
            fs.forget(top.node, 1);
            let fork = fs.fork();
            drop(fs);
            make(&fork, at, "e", &DIRECTORY);
        })
        .unwrap()
        .join()
        .unwrap();
}

/// Nested directories are removed while the innermost is held: each keeps its parent, and all go with the last.
#[test]
fn removed_directories_know_their_parents_and_go_together() {
    let fs = MemFs::new();
    let mut dirs = vec![ROOT];
    for _ in 0..1000 {
        dirs.push(make(&fs, dirs[dirs.len() - 1], "d", &DIRECTORY));
    }
    let innermost = dirs[1000];
    fs.retain(innermost);
    for dir in dirs[..1000].iter().rev() {
        fs.remove(&CX, *dir, name("d"), Remove::Directory).unwrap();
    }
    assert_eq!(used(&fs).1, 1001);
    assert_eq!(fs.lookup(&CX, innermost, name("x")), Err(Errno::NOENT));
    assert_eq!(fs.create(&CX, innermost, name("x"), &REGULAR), Err(Errno::NOENT));
    assert_eq!(fs.getattr(innermost).unwrap().nlink, 0);
    for pair in dirs.windows(2).rev() {
        assert_eq!(fs.parent(pair[1]), Ok(pair[0]));
        fs.forget(pair[0], 1);
    }
    fs.forget(innermost, 1);
    assert_eq!(used(&fs).1, 1);
    assert_eq!(fs.shared.refs.len(), 0);
}

#[test]
fn times_follow_posix() {
    let clock = Arc::new(ManualClock::new(0));
    let fs = MemFsOptions::new().clock(clock.clone()).build();
    let mut tick = {
        let mut now = 0;
        move || {
            now += 1000;
            clock.advance(1000);
            Time(now)
        }
    };
    let times = |path: &str| stat(&fs, path).map(|m| (m.atime, m.mtime, m.ctime)).unwrap();
    let root = || fs.getattr(ROOT).map(|m| (m.mtime, m.ctime)).unwrap();
    let born = tick();
    let f = create(&fs, "f");
    assert_eq!((times("f"), root()), ((born, born, born), (born, born)));
    let wrote = tick();
    write(&*f, 0, b"abc").unwrap();
    assert_eq!((times("f"), root()), ((born, wrote, wrote), (born, born)));
    let first_read = tick();
    read(&*f, 0, 1);
    tick();
    read(&*f, 0, 1);
    assert_eq!(times("f"), (first_read, wrote, wrote), "relatime");
    let cut = tick();
    f.set_len(3).unwrap();
    assert_eq!(times("f"), (first_read, cut, cut), "to the same length too");
    let linked = tick();
    fs.link(&CX, f.node().unwrap(), ROOT, name("g")).unwrap();
    assert_eq!((times("f"), root()), ((first_read, cut, linked), (linked, linked)));
    let renamed = tick();
    fs.rename(&CX, (ROOT, name("g")), (ROOT, name("h")), Rename::Replace).unwrap();
    assert_eq!((times("f"), root()), ((first_read, cut, renamed), (renamed, renamed)));
    tick();
    fs.rename(&CX, (ROOT, name("f")), (ROOT, name("h")), Rename::Replace).unwrap();
    assert_eq!(root(), (renamed, renamed), "two names of one node");
    let removed = tick();
    fs.remove(&CX, ROOT, name("h"), Remove::NonDirectory).unwrap();
    assert_eq!((times("f"), root()), ((first_read, cut, removed), (removed, removed)));
    let trunc = tick();
    open_how(&fs, "f", RW | OpenFlags::TRUNC, false, false).unwrap();
    let again = tick();
    open_how(&fs, "f", RW | OpenFlags::TRUNC, true, false).unwrap();
    assert!(trunc < again && times("f") == (first_read, again, again), "of an empty file too");
    assert_eq!(write(&*f, 0, b""), Ok(0));
    assert_eq!(times("f").1, again);
}

#[test]
fn images_are_shared_until_written() {
    let fs = MemFs::new();
    let image: Bytes = (0..5 * CHUNK as u32 + 100).map(|i| (i / 7) as u8).collect::<Vec<_>>().into();
    fs.add_image(ROOT, name("image"), 0o644, image.clone()).unwrap();
    let f = open_how(&fs, "image", RW, false, false).unwrap().file;
    assert_eq!(f.read_bytes(3, 9999).unwrap().as_ptr(), image[3..].as_ptr(), "not copied");
    assert_eq!(used(&fs).0, 0);
    write(&*f, 2 * CHUNK as u64 - 2, b"1234").unwrap();
    assert_eq!(used(&fs).0, 2 * CHUNK as u64);
    let mut expect = image.to_vec();
    expect[2 * CHUNK - 2..][..4].copy_from_slice(b"1234");
    assert_eq!(read(&*f, 0, 1 << 20), expect);
    let m = f.getattr().unwrap();
    assert_eq!((m.size, m.blocks, m.file_type), (expect.len() as u64, 6 * 32, FileType::Regular));
    f.set_len(2 * CHUNK as u64 - 1).unwrap();
    f.set_len(3 * CHUNK as u64).unwrap();
    expect.truncate(2 * CHUNK - 1);
    expect.resize(3 * CHUNK, 0);
    assert_eq!(read(&*f, 0, 1 << 20), expect, "what was cut does not come back");
    assert_eq!(used(&fs).0, CHUNK as u64);
}
