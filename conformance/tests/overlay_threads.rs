//! Many threads on one overlay, at the moments that an overlay has more of than other filesystems: the first write to a
//! file below, the first change of a name below, a listing of several layers. On every make.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use gangplank_conformance::{
    World,
    differential::overlay::{Kind, Rig},
    layers::{Item, Layer},
};
use gangplank_vfs::{Errno, OpenFlags};

const FILES: usize = 16;
const BIG: usize = 100_000;
const THREADS: usize = 4;

fn layers() -> Vec<Layer> {
    let mut layer = Layer::default();
    for dir in ["d", "d/sub", "e"] {
        layer.0.insert(dir.to_owned(), Item::Directory { mode: 0o755, opaque: false });
    }
    for i in 0..FILES {
        let file = Item::File { mode: 0o644, mtime: 1_000_000_007, text: vec![b'A'; BIG] };
        layer.0.insert(format!("d/f{i:02}"), file);
        let file = Item::File { mode: 0o644, mtime: 1_000_000_007, text: b"small".to_vec() };
        layer.0.insert(format!("d/sub/s{i:02}"), file);
    }
    layer.0.insert("d/hard".to_owned(), Item::Link("d/f00".to_owned()));
    vec![layer]
}

fn on(kind: Kind, act: fn(&World)) {
    let rig = Rig::new(kind, &layers(), &std::env::temp_dir());
    let world = rig.open();
    act(&world);
    let tree = world.tree();
    drop(world);
    assert_eq!(rig.open().tree(), tree, "opened again, it must be the same");
    assert_eq!(rig.lower_written_to(), None, "who wrote to a lower layer?");
}

macro_rules! on_all {
    ($($(#[$meta:meta])* fn $name:ident($w:ident) $body:block)*) => {
        $($(#[$meta])* fn $name($w: &World) $body)*

        on_all! { @on memory_over_memory Mem $($name)* }
        on_all! { @on memory_without_devices Marked $($name)* }
        #[cfg(target_os = "linux")]
        on_all! { @on memory_over_host MemOverHost $($name)* }
        #[cfg(target_os = "linux")]
        on_all! { @on host_over_host Host $($name)* }
    };
    (@on $module:ident $kind:ident $($name:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::on(super::Kind::$kind, super::$name);
                }
            )*
        }
    };
}

/// Runs `main` on this thread while `other` runs again and again on two more, and at least once.
fn during(main: impl FnOnce(), other: impl Fn() + Sync) {
    let (done, ready) = (AtomicBool::new(false), Barrier::new(3));
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                ready.wait();
                loop {
                    other();
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        ready.wait();
        let _done = Done(&done);
        main();
    });
}

on_all! {
    /// All write to one file at once, none of them first: it is copied up once, and no write is lost.
    fn one_copy_up_for_all(w) {
        for i in 0..FILES {
            let path = format!("d/f{i:02}");
            let ready = Barrier::new(THREADS);
            thread::scope(|scope| {
                for t in 0..THREADS {
                    let (path, ready) = (&path, &ready);
                    scope.spawn(move || {
                        let file = w.open(path, OpenFlags::WRITE).expect("open");
                        ready.wait();
                        assert_eq!(file.write(1000 * t as u64, b"x"), Ok(1));
                    });
                }
            });
            let content = w.read(&path).expect("read");
            assert_eq!(content.len(), BIG);
            let written: Vec<usize> = (0..BIG).filter(|&at| content[at] != b'A').collect();
            assert_eq!(written, (0..THREADS).map(|t| 1000 * t).collect::<Vec<_>>(), "{path}");
        }
        assert_eq!(w.read("d/hard").expect("read"), w.read("d/f00").expect("read"));
    }

    /// Appending at once, none of them first: all that was appended is there.
    fn appends_during_copy_up(w) {
        for i in 0..FILES {
            let path = format!("d/sub/s{i:02}");
            let ready = Barrier::new(THREADS);
            thread::scope(|scope| {
                for t in 0..THREADS {
                    let (path, ready) = (&path, &ready);
                    scope.spawn(move || {
                        let file = w.open(path, OpenFlags::WRITE | OpenFlags::APPEND).expect("open");
                        ready.wait();
                        file.append(&[b'0' + t as u8]).expect("append");
                    });
                }
            });
            let mut content = w.read(&path).expect("read");
            content[5..].sort_unstable();
            assert_eq!(content, b"small0123");
        }
    }

    /// Who reads while a file is copied up reads the old content or the new, never a part.
    fn readers_see_whole_files(w) {
        let current = AtomicUsize::new(0);
        let early: Vec<_> = (0..FILES).map(|i| w.open(format!("d/f{i:02}"), OpenFlags::READ).expect("open")).collect();
        let look = || {
            let i = current.load(Ordering::Relaxed);
            let late = w.open(format!("d/f{i:02}"), OpenFlags::READ).expect("open");
            for file in [&early[i], &late] {
                let content = file.read(0, BIG + 1).expect("read");
                assert_eq!((content.len(), file.size()), (BIG, BIG as u64));
                assert!(content[1..].iter().all(|b| *b == b'A') && b"AB".contains(&content[0]));
            }
        };
        let write = || {
            for i in 0..FILES {
                current.store(i, Ordering::Relaxed);
                w.open(format!("d/f{i:02}"), OpenFlags::WRITE).expect("open").write(0, b"B").expect("write");
            }
        };
        during(write, look);
        assert!(early.iter().all(|file| file.read(0, 1).expect("read") == b"B"));
    }

    /// A file below that is renamed is there under its old name or under its new one.
    fn a_renamed_file_is_never_missing(w) {
        let current = AtomicUsize::new(0);
        let look = || {
            let i = current.load(Ordering::Relaxed);
            if w.node(format!("d/f{i:02}")).is_err() {
                assert_eq!(w.stat(format!("e/f{i:02}")).expect("it has moved").size, BIG as u64);
            }
        };
        let rename = || {
            for i in 0..FILES {
                current.store(i, Ordering::Relaxed);
                w.mv(&format!("d/f{i:02}"), &format!("e/f{i:02}")).expect("rename");
            }
        };
        during(rename, look);
        assert_eq!(w.names("e").expect("list").len(), FILES);
    }

    /// A directory below that is renamed to and fro keeps what is in it.
    fn a_renamed_directory_keeps_its_entries(w) {
        let look = || {
            for dir in ["d/sub", "e/sub"] {
                // Held by its number: it may be renamed meanwhile.
                let Ok(dir) = w.node(dir) else { continue };
                let names = dir.open(OpenFlags::READ).and_then(|d| d.list()).expect("list");
                assert_eq!(names.len(), FILES);
                let inner = w.lookup(&dir, "s07").expect("look up what is in it");
                assert_eq!(inner.open(OpenFlags::READ).and_then(|f| f.read(0, 100)).expect("read"), b"small");
            }
        };
        let rename = || {
            for _ in 0..20 {
                w.mv("d/sub", "e/sub").expect("there");
                w.mv("e/sub", "d/sub").expect("and back");
            }
        };
        during(rename, look);
    }

    /// A listing of several layers has what stays exactly once, whatever comes and goes.
    fn listings_while_others_change(w) {
        let look = || {
            let dir = w.open("d", OpenFlags::READ).expect("open");
            let names = dir.list_in_steps(5, |_| thread::yield_now()).expect("list");
            for i in 8..FILES {
                let stays = format!("f{i:02}");
                assert_eq!(names.iter().filter(|e| e.name == stays).count(), 1, "{stays}");
            }
        };
        let change = || {
            for round in 0..40 {
                w.put(&format!("d/new{round}"), "new");
                if round < 8 {
                    w.unlink(&format!("d/f{round:02}")).expect("unlink");
                } else {
                    w.mv(&format!("d/new{}", round - 8), &format!("d/old{round}")).expect("rename");
                }
            }
        };
        during(change, look);
    }

    /// A file that is written to and removed at once: the name goes, and who has it open has all of it.
    fn copy_up_and_removal(w) {
        for i in 0..FILES {
            let path = format!("d/f{i:02}");
            let file = w.open(&path, OpenFlags::READ | OpenFlags::WRITE).expect("open");
            let ready = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    ready.wait();
                    w.unlink(&path).expect("unlink");
                });
                ready.wait();
                assert_eq!(file.append(b"!").expect("append"), (1, BIG as u64 + 1));
            });
            assert_eq!(w.node(&path).err(), Some(Errno::NOENT));
            let content = file.read(0, BIG + 10).expect("read");
            assert!(content.len() == BIG + 1 && content[BIG] == b'!' && content[..BIG].iter().all(|b| *b == b'A'));
        }
        assert_eq!(w.read("d/hard").expect("the other name").len(), BIG + 1);
    }

    /// A file that is written to and renamed at once: it arrives with what was written.
    fn copy_up_and_rename(w) {
        for i in 0..FILES {
            let (from, to) = (format!("d/f{i:02}"), format!("e/g{i:02}"));
            let file = w.open(&from, OpenFlags::WRITE).expect("open");
            let ready = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    ready.wait();
                    w.mv(&from, &to).expect("rename");
                });
                ready.wait();
                file.write(0, b"B").expect("write");
            });
            let content = w.read(&to).expect("read");
            assert!(content.len() == BIG && content[0] == b'B' && content[BIG - 1] == b'A');
            assert_eq!(w.node(&from).err(), Some(Errno::NOENT));
        }
    }
}
