//! Several threads at once, for about a second at most. What no interleaving may ever show.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use gangplank_vfs::{Components, Ctx, Errno, FsCaps, Goal, NewNode, NoMounts, OpenFlags, OpenHow, Rename, Walked};

use crate::World;

/// How long each case may run.
const LIMIT: Duration = Duration::from_millis(400);

/// Runs `rounds` rounds, or as many as fit; each begins with all `threads` at once. Answers how many. A panic ends all
/// of them: nobody is left at a barrier.
fn rounds(rounds: usize, threads: usize, prepare: impl Fn(usize) + Sync, act: impl Fn(usize, usize) + Sync) -> usize {
    let (start, done, barrier) = (Instant::now(), AtomicUsize::new(0), Barrier::new(threads));
    let (over, panicked) = (AtomicBool::new(false), Mutex::new(None));
    let guard = |action: &dyn Fn()| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(action)) {
            *panicked.lock().unwrap() = Some(panic);
        }
    };
    std::thread::scope(|s| {
        for t in 0..threads {
            let (done, barrier, over, panicked, prepare, act) = (&done, &barrier, &over, &panicked, &prepare, &act);
            s.spawn({
                let guard = &guard;
                move || {
                    for round in 0..rounds {
                        if t == 0 {
                            guard(&|| prepare(round));
                            done.store(round + 1, Ordering::Relaxed);
                        }
                        barrier.wait();
                        guard(&|| act(t, round));
                        barrier.wait();
                        if t == 0 {
                            over.store(
                                start.elapsed() > LIMIT || panicked.lock().unwrap().is_some(),
                                Ordering::Relaxed,
                            );
                        }
                        barrier.wait();
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                }
            });
        }
    });
    if let Some(panic) = panicked.into_inner().unwrap() {
        resume_unwind(panic);
    }
    done.into_inner()
}

/// Threads that go on until the first of them is done.
fn until_done(main: impl FnOnce() + Send, others: &[&(dyn Fn() + Sync)]) {
    let over = AtomicBool::new(false);
    // Even if `main` panics the others must end.
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|s| {
        for other in others {
            let over = &over;
            s.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    other();
                }
            });
        }
        let _end = End(&over);
        main();
    });
}

fn create_new(w: &World, name: &str) -> Result<(), Errno> {
    let how = OpenHow {
        flags: OpenFlags::WRITE,
        create: Some(NewNode::Regular { mode: 0o644 }),
        exclusive: true,
        follow: false,
    };
    let mut path = Components::new(name.as_bytes()).unwrap();
    match w.fs().walk(&Ctx::ROOT, w.fs().root(), &mut path, &NoMounts, Goal::Open(&how))? {
        Walked::Opened(_) => Ok(()),
        other => panic!("{other:?}"),
    }
}

cases! { threads, __cases_threads, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html#tag_16_09_07";

/// R1: of several that create exclusively exactly one succeeds, and the others are told EEXIST.
fn r1_create_new_has_one_winner(w) {
    let winners = AtomicU64::new(0);
    let n = rounds(400, 4, |_| {}, |_, round| match create_new(w, &format!("f{round}")) {
        Ok(()) => drop(winners.fetch_add(1, Ordering::Relaxed)),
        Err(e) => assert_eq!(e, Errno::EXIST),
    });
    assert_eq!(winners.into_inner(), n as u64);
    assert_eq!(w.names("").unwrap().len(), n);
}

/// The same of mkdir; and of rename that does not replace.
fn r1_mkdir_and_noreplace_have_one_winner(w) {
    let (made, moved) = (AtomicU64::new(0), AtomicU64::new(0));
    let prepare = |round| (0..3).for_each(|t| drop(w.put(&format!("s{round}-{t}"), "")));
    let n = rounds(150, 3, prepare, |t, round| {
        match w.mkdir(&format!("d{round}")) {
            Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
            Err(e) => assert_eq!(e, Errno::EXIST),
        }
        if w.has(FsCaps::NO_REPLACE) {
            match w.rename(&format!("s{round}-{t}"), &format!("t{round}"), Rename::NoReplace) {
                Ok(()) => drop(moved.fetch_add(1, Ordering::Relaxed)),
                Err(e) => assert_eq!(e, Errno::EXIST),
            }
        }
    });
    assert_eq!(made.into_inner(), n as u64);
    assert_eq!(moved.into_inner(), if w.has(FsCaps::NO_REPLACE) { n as u64 } else { 0 });
}

/// R3: who creates and removes names of his own loses none to the others.
fn r3_nobody_loses_what_is_his_own(w) {
    let threads = 3;
    let kept = rounds(200, threads, |_| {}, |t, round| {
        for k in 0..5 {
            w.put(&format!("t{t}-r{round}-{k}"), "x");
        }
        for k in 0..4 {
            w.unlink(&format!("t{t}-r{round}-{k}")).unwrap_or_else(|e| panic!("somebody removed mine: {e:?}"));
        }
    });
    let names = w.names("").unwrap();
    assert_eq!(names.len(), kept * threads);
    assert!(names.iter().all(|n| n.ends_with("-4")));
}

/// Whoever looks while a file is renamed to and fro never sees an empty file; and where nothing but this process
/// changes the tree, whoever lists the directory sees exactly one of the two names. (Two looks, for `a` and then for
/// `b`, may both be too late, however often they are repeated.)
fn who_looks_during_renames_sees_one_name(w) {
    w.put("a", "content");
    let look = || {
        if let Some(text) = ["a", "b"].iter().find_map(|n| w.read(n).ok()) {
            assert_eq!(text, b"content");
        }
        if w.has(FsCaps::LOCAL) {
            let names = w.names("").unwrap();
            assert!(names == ["a"] || names == ["b"], "{names:?}");
        }
    };
    let start = Instant::now();
    until_done(
        || {
            for _ in 0..2000 {
                w.mv("a", "b").unwrap();
                w.mv("b", "a").unwrap();
                if start.elapsed() > LIMIT {
                    break;
                }
            }
        },
        &[&look],
    );
    assert_eq!(w.names("").unwrap(), ["a"]);
}

/// Whoever looks at a name that is replaced again and again always finds a whole file there.
fn a_replaced_name_is_never_missing(w) {
    w.put("target", "old");
    let p = w.beneath();
    let look = || {
        let text = p.read("target").unwrap_or_else(|e| panic!("the name was missing: {e:?}"));
        assert!(text == "old" || text == "new", "{text:?}");
    };
    let start = Instant::now();
    until_done(
        || {
            for _ in 0..1000 {
                w.put("tmp", "new");
                w.mv("tmp", "target").unwrap();
                if start.elapsed() > LIMIT {
                    break;
                }
            }
        },
        &[&look],
    );
    assert_eq!(w.names("").unwrap(), ["target"]);
}

/// What four threads append is all there, none of it torn.
fn append_loses_nothing(w) {
    let a = w.mkfile("a").unwrap();
    let (threads, times) = (4, 250);
    std::thread::scope(|s| {
        for t in 0..threads {
            let file = a.open(OpenFlags::WRITE | OpenFlags::APPEND).unwrap();
            s.spawn(move || {
                for i in 0..times {
                    let line = format!("{t}:{i:04}:{}\n", "x".repeat(20 + i % 50));
                    let (n, end) = file.append(line.as_bytes()).unwrap();
                    assert_eq!(n, line.len());
                    assert!(end >= n as u64);
                }
            });
        }
    });
    let text = String::from_utf8(w.read("a").unwrap()).unwrap();
    let mut next = [0; 4];
    for line in text.lines() {
        let mut parts = line.split(':');
        let t: usize = parts.next().unwrap().parse().unwrap();
        let i: usize = parts.next().unwrap().parse().unwrap();
        assert_eq!(i, next[t], "in order, for each thread");
        assert_eq!(parts.next().unwrap().len(), 20 + i % 50);
        next[t] += 1;
    }
    assert_eq!(next, [times; 4]);
}

/// Whoever reads during a vectored write sees the file before it or after it.
fn a_write_is_not_torn(w) {
    if !w.has(FsCaps::LOCAL) {
        return; // Linux's filesystems do not promise it, whatever POSIX says.
    }
    let a = w.put("a", [b'0'; 30_000]);
    let read = || {
        let text = a.open(OpenFlags::READ).unwrap().read(0, 30_000).unwrap();
        assert!(text.iter().all(|&b| b == text[0]), "a torn read");
    };
    let file = a.open(OpenFlags::WRITE).unwrap();
    let start = Instant::now();
    until_done(
        || {
            for i in 0..2000 {
                let part = [b'0' + (i % 10) as u8; 10_000];
                let bufs = [std::io::IoSlice::new(&part); 3];
                file.write_at(&bufs, gangplank_vfs::At::Offset(0)).unwrap();
                if start.elapsed() > LIMIT {
                    break;
                }
            }
        },
        &[&read],
    );
}

/// Directories renamed into each other from two sides never become a loop.
fn renames_from_two_sides_make_no_loop(w) {
    for d in ["a", "b", "a/x", "b/y"] {
        w.mkdir(d).unwrap();
    }
    rounds(300, 2, |_| {}, |t, _| {
        let (from, to) = if t == 0 { ("a", "b/y/a") } else { ("b", "a/x/b") };
        let moved = w.mv(from, to);
        if moved.is_ok() {
            w.mv(to, from).unwrap();
        } else {
            refused!(moved, INVAL | NOENT | NOTDIR);
        }
    });
    assert_eq!(w.tree(), "a/\na/x/\nb/\nb/y/\n");
}

/// A listing in small steps while others create and remove: who stays is listed once.
fn listing_while_others_change(w) {
    for i in 0..200 {
        w.put(&format!("stay{i:03}"), "");
    }
    let n = AtomicU64::new(0);
    let churn = || {
        let name = format!("churn{}", n.fetch_add(1, Ordering::Relaxed));
        w.put(&name, "");
        w.mv(&name, &format!("{name}-moved")).unwrap();
        w.unlink(&format!("{name}-moved")).unwrap();
    };
    let start = Instant::now();
    until_done(
        || {
            while start.elapsed() < LIMIT {
                let all = w.root().open(OpenFlags::READ).unwrap().list_in_steps(9, |_| {}).unwrap();
                let mut stay: Vec<_> = all.iter().filter(|e| e.name.starts_with("stay")).map(|e| &e.name).collect();
                stay.sort();
                if w.has(FsCaps::STABLE_COOKIES) {
                    assert_eq!(stay.len(), 200, "listed {} times", stay.len());
                    assert!(stay.windows(2).all(|w| w[0] != w[1]), "listed twice");
                }
            }
        },
        &[&churn],
    );
}

/// Looking up, opening and forgetting what others remove and create again never answers another node's content. Where
/// nodes cannot be held a number may be used again between the two, so there it is asked of paths alone.
fn lookups_of_what_comes_and_goes(w) {
    let p = w.beneath();
    let read = |name: &str| match w.holds_removed() {
        true => w.read(name),
        false => p.read(name).map(String::into_bytes),
    };
    let look = || {
        for name in ["one", "two"] {
            match read(name) {
                Ok(text) => assert!(text == name.as_bytes() || text.is_empty(), "{name}: {}", text.escape_ascii()),
                Err(e) => assert!([Errno::NOENT, Errno::STALE].contains(&e), "{name}: {e:?}"),
            }
        }
    };
    let start = Instant::now();
    until_done(
        || {
            for _ in 0..1500 {
                for name in ["one", "two"] {
                    w.put(name, name);
                    w.unlink(name).unwrap();
                }
                if start.elapsed() > LIMIT {
                    break;
                }
            }
        },
        &[&look, &look],
    );
}

/// Links that come and go leave the count exact.
fn link_counts_under_contention(w) {
    if !w.has(FsCaps::HARD_LINKS) {
        return;
    }
    let a = w.put("a", "");
    rounds(150, 3, |_| {}, |t, round| {
        w.link("a", &format!("{t}-{round}")).unwrap();
        w.link("a", &format!("{t}-{round}-b")).unwrap();
        w.mv(&format!("{t}-{round}"), &format!("{t}-{round}-c")).unwrap();
        w.unlink(&format!("{t}-{round}-b")).unwrap();
    });
    assert_eq!(a.stat().unwrap().nlink, w.names("").unwrap().len() as u64);
}
}
