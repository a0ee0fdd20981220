//! Overlays that are badly treated: no room left above, and a host that changes the layers below while they are in use.
#![cfg(target_os = "linux")]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use gangplank_conformance::{
    Made, World,
    differential::{Rng, kernel, seeds},
};
use gangplank_vfs::{Ctx, Errno, MemFsOptions, NewNode, OpenFlags, OverlayFs, Rename, SetAttr, host_fs::HostFs};

const BIG: usize = 3 << 20;

/// A layer with a big file and a small one, and an overlay on it whose upper layer is `upper`.
fn below(dir: &Path) -> Arc<HostFs> {
    let lower = dir.join("lower");
    fs::create_dir_all(lower.join("dir")).expect("make the lower layer");
    fs::write(lower.join("big"), vec![b'A'; BIG]).expect("make the big file");
    fs::write(lower.join("dir/big"), vec![b'B'; BIG]).expect("make the other big file");
    fs::write(lower.join("small"), "small").expect("make the small file");
    HostFs::open(lower).expect("open the lower layer")
}

/// What needs room for a big file is refused, and everything is as before; what does not, works.
fn with_little_room(w: &World) {
    let full = |done: Result<(), Errno>| match done {
        Err(Errno::NOSPC | Errno::DQUOT) => {}
        other => panic!("there is no room for this: {other:?}"),
    };
    let before = w.tree();
    let file = w.open("big", OpenFlags::READ | OpenFlags::WRITE).expect("open");
    for _ in 0..3 {
        full(file.write(0, b"x").map(drop));
        full(file.append(b"x").map(drop));
        full(w.open("dir/big", OpenFlags::WRITE).expect("open").write(9, b"x").map(drop));
        full(file.set_len(BIG as u64 - 1));
    }
    assert_eq!(file.read(0, BIG + 1).expect("read").iter().filter(|b| **b == b'A').count(), BIG);
    assert_eq!(w.tree(), before, "a copy that failed leaves nothing behind");

    w.open("small", OpenFlags::WRITE).expect("open").write(0, b"S").expect("there is room for this");
    assert_eq!(w.read("small").expect("read"), b"Small");
    file.set_len(10).expect("there is room for ten bytes");
    assert_eq!(w.read("big").expect("read"), b"AAAAAAAAAA");
    w.unlink("dir/big").expect("no room is needed to remove");
    w.rmdir("dir").expect("nor for this");
    w.put("new", "new");
    assert_eq!(w.names("").expect("list"), ["big", "new", "small"]);
}

/// The upper layer on a disk of one megabyte.
#[test]
fn full_disk() {
    let done = kernel::isolated(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = dir.path().join("disk");
        fs::create_dir(&disk).expect("make a mount point");
        kernel::mount_tmpfs(&disk, "size=1m").expect("mount a small disk");
        for name in ["upper", "work"] {
            fs::create_dir(disk.join(name)).expect("make a directory");
        }
        let open = || {
            let builder = OverlayFs::builder().lower(below(dir.path()));
            let fs = builder.upper_host(disk.join("upper"), disk.join("work")).build().expect("an overlay");
            World::new(Made::new(Arc::new(fs)))
        };
        let world = open();
        with_little_room(&world);
        let left: Vec<_> = fs::read_dir(disk.join("work/work")).expect("the work area").collect();
        assert!(left.is_empty(), "{left:?}");
        let tree = world.tree();
        drop(world);
        assert_eq!(open().tree(), tree);
    });
    done.unwrap_or_else(|why| eprintln!("skipped: {why}"));
}

/// A disk that can hold no further file: what cannot be hidden is not removed.
#[test]
fn full_of_nodes() {
    let done = kernel::isolated(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = dir.path().join("disk");
        fs::create_dir(&disk).expect("make a mount point");
        kernel::mount_tmpfs(&disk, "size=1m,nr_inodes=64").expect("mount a small disk");
        for name in ["upper", "work"] {
            fs::create_dir(disk.join(name)).expect("make a directory");
        }
        let open = || {
            let builder = OverlayFs::builder().lower(below(dir.path()));
            let fs = builder.upper_host(disk.join("upper"), disk.join("work")).build().expect("an overlay");
            World::new(Made::new(Arc::new(fs)))
        };
        let world = open();
        for i in 0..100 {
            if fs::write(disk.join(format!("filler{i}")), "").is_err() {
                break;
            }
        }
        let before = world.tree();
        for name in ["small", "big", "dir/big"] {
            // The kernel shares one node among all whiteouts of a mount; whoever has none left to begin with must fail.
            match world.unlink(name) {
                Ok(()) => panic!("{name} cannot be hidden"),
                Err(e) => assert_eq!(e, Errno::NOSPC),
            }
            assert_eq!(world.mv(name, "elsewhere"), Err(Errno::NOSPC));
            assert_eq!(world.open(name, OpenFlags::WRITE).expect("open").write(0, b"x"), Err(Errno::NOSPC));
        }
        assert_eq!(world.tree(), before);
        drop(world);
        fs::remove_file(disk.join("filler0")).expect("make room for one");
        fs::remove_file(disk.join("filler1")).expect("and another");
        let world = open();
        assert_eq!(world.tree(), before);
        world.unlink("small").expect("now it can be hidden");
        assert_eq!(world.names("").expect("list"), ["big", "dir"]);
    });
    done.unwrap_or_else(|why| eprintln!("skipped: {why}"));
}

/// The upper layer in memory, with a limit.
#[test]
fn full_memory() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let builder = OverlayFs::builder().lower(below(dir.path()));
    let fs = builder.upper_mem(MemFsOptions::new().max_bytes(Some(1 << 20))).build().expect("an overlay");
    with_little_room(&World::new(Made::new(Arc::new(fs))));
}

/// Names over which everybody fights.
const NAMES: [&str; 6] = ["a", "b", "a/a", "a/b", "b/a", "a/b/a"];

/// What may be said of a layer that is not what it was a moment ago.
const ALLOWED: [Errno; 13] = [
    // The host cannot change the mode of a symbolic link.
    Errno::NOTSUP,
    Errno::NOENT,
    Errno::NOTDIR,
    Errno::ISDIR,
    Errno::EXIST,
    Errno::NOTEMPTY,
    Errno::INVAL,
    Errno::LOOP,
    Errno::STALE,
    Errno::IO,
    Errno::NXIO,
    Errno::NODATA,
    Errno::PERM,
];

/// Changes a layer from outside: files are replaced, directories removed, one becomes the other.
fn meddle(lower: &Path, rng: &mut Rng) {
    let path = lower.join(NAMES[rng.below(6) as usize]);
    let other = lower.join(NAMES[rng.below(6) as usize]);
    // Whether it works does not matter.
    let _ = match rng.below(9) {
        0 | 1 => fs::create_dir(&path),
        2 => fs::write(&path, vec![b'x'; rng.below(100_000) as usize]),
        3 => fs::remove_file(&path),
        4 => fs::remove_dir_all(&path),
        5 => fs::rename(&path, &other),
        6 => std::os::unix::fs::symlink("b", &path),
        7 => fs::hard_link(&path, &other),
        _ => fs::remove_file(&path).and_then(|()| fs::create_dir(&path)),
    };
}

/// Uses the overlay, whatever it finds.
fn use_it(w: &World, rng: &mut Rng) -> Result<(), Errno> {
    let pick = |rng: &mut Rng| NAMES[rng.below(6) as usize];
    let (path, other) = (pick(rng), pick(rng));
    match rng.below(14) {
        0 => w.stat(path).map(drop),
        1 | 2 => w.read(path).map(drop),
        3 => w.names(path).map(drop),
        4 => w.open(path, OpenFlags::WRITE)?.write(rng.below(100), b"written").map(drop),
        5 => w.mkdir(path).map(drop),
        6 => w.unlink(path),
        7 => w.rmdir(path),
        8 => w.mv(path, other),
        9 => w.rename(path, other, Rename::Exchange),
        10 => w.link(path, other),
        11 => w.setattr(path, SetAttr { mode: Some(0o700), ..SetAttr::default() }),
        12 => {
            let (dir, name) = w.split(path)?;
            let made = w.fs().create(&Ctx::ROOT, dir.id, name, &NewNode::Symlink { target: b"a" })?;
            w.fs().forget(made.node, 1);
            Ok(())
        }
        _ => {
            let file = w.open(path, OpenFlags::READ)?;
            thread::yield_now();
            file.getattr().map(drop)?;
            file.read(0, 100_000).map(drop)
        }
    }
}

/// Two threads use an overlay while a third changes the layer below it.
fn changing_underneath(upper_on_host: bool, seed: u64) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lower = dir.path().join("lower");
    for name in ["lower", "upper", "work"] {
        fs::create_dir(dir.path().join(name)).expect("make a directory");
    }
    let builder = OverlayFs::builder().lower(HostFs::open(&lower).expect("open the lower layer")).cache(16);
    let builder = if upper_on_host {
        builder.sync(false).upper_host(dir.path().join("upper"), dir.path().join("work"))
    } else {
        builder.upper_mem(MemFsOptions::new())
    };
    let world = Arc::new(World::new(Made::new(Arc::new(builder.build().expect("an overlay")))));
    let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (tell, told) = mpsc::channel::<Result<(), String>>();
    let mut threads = vec![];
    for t in 0..3 {
        let (world, lower, over, done, tell) = (world.clone(), lower.clone(), over.clone(), done.clone(), tell.clone());
        threads.push(thread::spawn(move || {
            let mut rng = Rng::new(seed * 10 + t);
            while !over.load(Ordering::Relaxed) {
                if t == 0 {
                    meddle(&lower, &mut rng);
                    continue;
                }
                done.fetch_add(1, Ordering::Relaxed);
                let mut peek = rng.clone();
                let choice = [6, 6, 14].map(|n| peek.below(n));
                if let Err(e) = use_it(&world, &mut rng)
                    && !ALLOWED.contains(&e)
                {
                    let _ = tell.send(Err(format!("seed {seed}: {} from choice {choice:?}", e.name())));
                    return;
                }
            }
            let _ = tell.send(Ok(()));
        }));
    }
    drop(tell);
    let end = Instant::now() + Duration::from_millis(700);
    while Instant::now() < end && threads.iter().all(|t| !t.is_finished()) {
        thread::sleep(Duration::from_millis(10));
    }
    over.store(true, Ordering::Relaxed);
    for _ in 0..threads.len() {
        match told.recv_timeout(Duration::from_secs(20)) {
            Ok(said) => said.unwrap_or_else(|what| panic!("{what}")),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("seed {seed}: a thread hangs"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    for t in threads {
        t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    assert!(done.load(Ordering::Relaxed) > 1000, "hardly anything was done");
    // Nothing is broken for good: what is new can be used as ever.
    world.put("new", "new");
    world.mkdir("newer").expect("make a directory");
    world.mv("new", "newer/new").expect("rename");
    assert_eq!(world.read("newer/new").expect("read"), b"new");
}

#[test]
fn a_layer_changes_below_memory() {
    (0..seeds(2)).for_each(|seed| changing_underneath(false, seed));
}

#[test]
fn a_layer_changes_below_the_host() {
    (0..seeds(2)).for_each(|seed| changing_underneath(true, 100 + seed));
}
