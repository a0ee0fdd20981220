//! Directories that nobody else changes: what is remembered, and that nothing stale is, as far as the promise holds.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::SetAttr;

const READ: OpenFlags = OpenFlags::READ;

fn exclusive(test: impl Fn(&World)) {
    for resolver in [Resolver::Auto, Resolver::Portable] {
        let world = World::new(Options { resolver, exclusive: true, ..Options::default() });
        std::fs::create_dir_all(world.host("root/a/b")).unwrap();
        std::fs::write(world.host("root/a/b/f"), "one").unwrap();
        std::fs::write(world.host("root/a/b/g"), "two").unwrap();
        assert_eq!(world.read("a/b/f").unwrap(), "one");
        test(&world);
    }
}

/// Names and directories that are remembered.
fn known(w: &World) -> (usize, usize) {
    w.fs.inner.dentries.as_ref().unwrap().len()
}

fn rename(w: &World, old: &str, new: &str, how: Rename) {
    let root = w.fs.root();
    w.fs.rename(&CX, (root, name_of(old)), (root, name_of(new)), how).unwrap();
}

#[test]
fn what_was_found_is_remembered_and_by_default_nothing_is() {
    exclusive(|w| {
        assert_eq!(known(w), (3, 2));
        assert_eq!(w.read("a/b/g").unwrap(), "two");
        assert_eq!(w.read("a/b/none"), Err(Errno::NOENT));
        // That there is nothing, too.
        assert_eq!(known(w), (5, 2));
        assert_eq!(w.read("a/b/none/below"), Err(Errno::NOENT));
        assert_eq!(known(w), (5, 2));
    });
    everywhere(|w| assert!(w.fs.inner.dentries.is_none()));
}

/// What was missing is found when it has been made, in whatever way.
#[test]
fn what_was_missing_is_found_once_it_is_made() {
    exclusive(|w| {
        let (root, flags) = (w.fs.root(), READ | OpenFlags::WRITE);
        let misses = |path: &str| {
            for _ in 0..2 {
                assert_eq!(w.open(path, READ).err(), Some(Errno::NOENT), "{path}");
            }
        };
        let kind = |name: &str| w.lookup(root, name).unwrap().file_type;

        misses("file");
        w.fs.make(&CX, root, name_of("file"), &NewNode::Regular { mode: 0o644 }).unwrap();
        assert_eq!(w.read("file").unwrap(), "");

        misses("link");
        let node = w.lookup(root, "file").unwrap().node;
        w.fs.link(&CX, node, root, name_of("link")).unwrap();
        assert_eq!(w.open("link", READ).unwrap().file().node(), Some(node));

        misses("made");
        let made = w.fs.create(&CX, root, name_of("made"), &NewNode::Directory { mode: 0o755 }).unwrap();
        misses("made/f");
        w.fs.create(&CX, made.node, name_of("f"), &NewNode::Regular { mode: 0o644 }).unwrap();
        assert_eq!(w.read("made/f").unwrap(), "");

        misses("soft");
        w.fs.make(&CX, root, name_of("soft"), &NewNode::Symlink { target: b"a/b/f" }).unwrap();
        assert_eq!((w.read("soft").unwrap().as_ref(), kind("soft")), (&b"one"[..], FileType::Symlink));

        misses("moved");
        rename(w, "soft", "moved", Rename::Replace);
        misses("soft");
        assert_eq!(w.read("moved").unwrap(), "one");

        misses("opened");
        let file = w.create("opened", flags).unwrap();
        assert_eq!(w.open("opened", READ).unwrap().file().node(), file.file().node());
        // What exists is opened as it is, and still known.
        let before = known(w);
        assert_eq!(w.create("opened", flags).unwrap().file().node(), file.file().node());
        assert_eq!(known(w), before);
        w.fs.remove(&CX, root, name_of("opened"), Remove::NonDirectory).unwrap();
        misses("opened");
        w.create("opened", flags).unwrap();
        assert_eq!(w.read("opened").unwrap(), "");
    });
}

#[test]
fn a_renamed_directory_is_found_at_its_new_name_only() {
    exclusive(|w| {
        rename(w, "a", "z", Rename::Replace);
        assert_eq!(w.read("a/b/f"), Err(Errno::NOENT));
        assert_eq!(w.read("z/b/f").unwrap(), "one");
        std::fs::create_dir(w.host("root/y")).unwrap();
        assert_eq!(w.read("y/f"), Err(Errno::NOENT));
        rename(w, "z", "y", Rename::Replace);
        assert_eq!((w.read("z/b/f"), w.read("y/b/f").unwrap().as_ref()), (Err(Errno::NOENT), &b"one"[..]));
    });
}

#[test]
fn exchanged_names_lead_to_each_other() {
    exclusive(|w| {
        if !w.fs.info().caps.contains(FsCaps::EXCHANGE) {
            return;
        }
        std::fs::create_dir_all(w.host("root/o/b")).unwrap();
        std::fs::write(w.host("root/o/b/f"), "other").unwrap();
        assert_eq!(w.read("o/b/f").unwrap(), "other");
        rename(w, "a", "o", Rename::Exchange);
        assert_eq!((w.read("o/b/f").unwrap(), w.read("a/b/f").unwrap()), ("one".into(), "other".into()));
    });
}

#[test]
fn a_name_that_is_taken_again_leads_to_what_is_there_now() {
    exclusive(|w| {
        let node = |path: &str| w.open(path, READ).unwrap().file().node().unwrap();
        let dir = w.lookup(w.fs.root(), "a").unwrap().node;
        let b = w.lookup(dir, "b").unwrap().node;
        let old = node("a/b/f");
        assert_eq!(node("a/b/f"), old);
        w.fs.rename(&CX, (b, name_of("g")), (b, name_of("f")), Rename::Replace).unwrap();
        assert_eq!(w.read("a/b/f").unwrap(), "two");
        assert_eq!(node("a/b/f"), w.lookup(b, "f").unwrap().node);
        w.fs.remove(&CX, b, name_of("f"), Remove::NonDirectory).unwrap();
        w.fs.make(&CX, b, name_of("f"), &NewNode::Symlink { target: b"../../secret" }).unwrap();
        assert_eq!(w.read("a/b/f"), Err(Errno::NOENT));
        w.fs.remove(&CX, b, name_of("f"), Remove::NonDirectory).unwrap();
        w.fs.make(&CX, b, name_of("f"), &NewNode::Directory { mode: 0o755 }).unwrap();
        assert_eq!(w.read("a/b/f/x"), Err(Errno::NOENT));
    });
}

#[test]
fn a_link_leads_where_it_says_each_time() {
    exclusive(|w| {
        let root = w.fs.root();
        w.fs.make(&CX, root, name_of("l"), &NewNode::Symlink { target: b"a/b" }).unwrap();
        for _ in 0..3 {
            assert_eq!(w.read("l/f").unwrap(), "one");
        }
        w.fs.remove(&CX, root, name_of("l"), Remove::NonDirectory).unwrap();
        w.fs.make(&CX, root, name_of("l"), &NewNode::Symlink { target: b"a/b/g" }).unwrap();
        for _ in 0..3 {
            assert_eq!(w.read("l").unwrap(), "two");
        }
        w.fs.make(&CX, root, name_of("out"), &NewNode::Symlink { target: b"../secret" }).unwrap();
        for _ in 0..3 {
            assert_eq!(w.read("out"), Err(Errno::PERM));
        }
    });
}

#[test]
fn a_directory_that_may_not_be_searched_any_more_is_not() {
    exclusive(|w| {
        let (names, _) = known(w);
        assert!(names > 0);
        let dir = w.lookup(w.fs.root(), "a").unwrap().node;
        let closed = SetAttr { mode: Some(0o600), ..SetAttr::default() };
        w.fs.setattr(&CX, dir, &closed).unwrap();
        assert_eq!(known(w), (0, 0));
        let opened = w.open("a", READ | OpenFlags::DIRECTORY).unwrap();
        assert_eq!(w.read("a/b/f").unwrap(), "one");
        assert_ne!(known(w), (0, 0));
        opened.set_attr(&CX, &closed).unwrap();
        assert_eq!(known(w), (0, 0));
    });
}

#[test]
fn where_the_promise_is_broken_nothing_that_was_never_inside_is_reached() {
    exclusive(|w| {
        assert_eq!(w.read("a/b/f").unwrap(), "one");
        std::fs::rename(w.host("root/a/b"), w.host("outside/b")).unwrap();
        symlink("../../outside", w.host("root/a/b"));
        symlink("../secret", w.host("outside/b/s"));
        // Where it led, as for somebody who has it open; but not by what has been put there since.
        assert_eq!(w.read("a/b/f").unwrap(), "one");
        assert!(w.read("a/b/secret").is_err());
        assert!(w.read("a/b/s").is_err());
        assert!(w.read("a/b/../secret").is_err());
        assert!(w.read("a/b/../../secret").is_err());
    });
}

#[test]
fn the_descriptors_have_a_bound_and_go_with_the_filesystem() {
    let open = || {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap();
        fds.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok()).collect::<Vec<_>>()
    };
    let w = World::new(Options { exclusive: true, ..Options::default() });
    let marker = w.host("root");
    for i in 0..3000 {
        std::fs::create_dir(w.host(&format!("root/{i}"))).unwrap();
        std::fs::write(w.host(&format!("root/{i}/f")), "x").unwrap();
        assert_eq!(w.read(&format!("{i}/f")).unwrap(), "x");
    }
    let held = open().iter().filter(|path| path.starts_with(&marker)).count();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(held <= 1030 && (held as u64) < limit / 4 + 16, "{held} descriptors");
    assert!(held > 3, "nothing is remembered");
    let World { dir, fs, namespace, place } = w;
    drop((place, namespace, fs));
    assert_eq!(open().iter().filter(|path| path.starts_with(&marker)).count(), 0);
    // Not before: what it was opened on is there as long.
    drop(dir);
}

#[test]
fn two_that_look_and_change_at_once_remember_nothing_false() {
    exclusive(|w| {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let root = w.fs.root();
                for _ in 0..2000 {
                    rename(w, "a", "z", Rename::Replace);
                    w.fs.make(&CX, root, name_of("a"), &NewNode::Directory { mode: 0o755 }).unwrap();
                    w.fs.remove(&CX, root, name_of("a"), Remove::Directory).unwrap();
                    rename(w, "z", "a", Rename::Replace);
                }
                done.store(true, Ordering::Relaxed);
            });
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = (w.read("a/b/f"), w.read("z/b/f"));
                }
            });
        });
        assert_eq!((w.read("a/b/f").unwrap(), w.read("z/b/f")), ("one".into(), Err(Errno::NOENT)));
    });
}
