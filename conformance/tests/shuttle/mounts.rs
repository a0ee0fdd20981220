//! Mounts that come and go while paths are resolved: a walk sees one table from begin to end, and what is unmounted is let
//! go.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use gangplank_conformance::{Fixture as _, MemFixture, Paths, concurrent::Threads as _};
use gangplank_vfs::{Errno, FileSystem, MemFs, MountOptions, Namespace, Place, Tree};

use crate::{explore::Case, programs::Scheduled};

/// A filesystem with the directory `m`, and one to mount there. In each of the two there are `m/both/` and `m/f`, which
/// holds its name, and a directory that the other lacks.
struct Scene {
    paths: Paths,
    inner: Arc<dyn FileSystem>,
}

impl Scene {
    fn new() -> Scene {
        let (outer, inner) = (MemFixture.make().fs, MemFixture.make().fs);
        for (fs, prefix, name) in [(&outer, "m/", "outer"), (&inner, "", "inner")] {
            let tree = Tree::new(fs.clone());
            for dir in ["both", name] {
                tree.create_dir_all(format!("{prefix}{dir}")).expect("make a directory");
            }
            tree.write(format!("{prefix}f"), name).expect("make a file");
        }
        Scene { paths: Paths::of(outer, MountOptions::default()), inner }
    }

    /// `m` itself, whatever is mounted there later.
    fn point(&self) -> Place {
        self.paths.place("m").expect("a directory")
    }
}

type Body = Box<dyn FnOnce() + Send>;

/// One thread mounts and unmounts, others go through the place.
fn a_walk_sees_one_table() {
    let scene = Scene::new();
    let (point, namespace, inner) = (scene.point(), scene.paths.namespace.clone(), scene.inner.clone());
    let mut bodies: Vec<Body> = vec![Box::new(move || {
        for _ in 0..2 {
            let root = namespace.mount(&point, inner.clone(), MountOptions::default()).expect("mount");
            namespace.unmount(&root).expect("unmount");
        }
    })];
    for path in ["m/both/../f", "m/both/../../m/f", "m/outer/../f", "m/inner/../../m/f"] {
        let paths = scene.paths.clone();
        bodies.push(Box::new(move || {
            let read = paths.read(path);
            // Who has been in a directory of one of the two finds the file of that one.
            let may = ["outer", "inner"].into_iter().filter(|name| path.contains("both") || path.contains(name));
            match &read {
                Ok(text) => assert!(may.into_iter().any(|name| text == name), "{path}: {text:?}"),
                Err(error) => assert!(!path.contains("both") && *error == Errno::NOENT, "{path}: {error}"),
            }
        }));
    }
    Scheduled.run(bodies);
    assert_eq!(scene.paths.read("m/f").as_deref(), Ok("outer"));
}

/// Two mount at the same place: one does, the other is told that it is busy. After a mount everybody sees it.
fn of_two_that_mount_at_one_place_one_does() {
    let (scene, mounted) = (Scene::new(), Arc::new(AtomicUsize::new(0)));
    let bodies = (0..2).map(|_| -> Body {
        let (point, paths, inner, mounted) = (scene.point(), scene.paths.clone(), scene.inner.clone(), mounted.clone());
        Box::new(move || {
            match paths.namespace.mount(&point, inner, MountOptions::default()) {
                Ok(_) => {
                    mounted.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => assert_eq!(error, Errno::BUSY),
            }
            assert_eq!(paths.read("m/f").as_deref(), Ok("inner"));
        })
    });
    Scheduled.run(bodies.collect());
    assert_eq!(mounted.load(Ordering::SeqCst), 1, "mounts at one place");
    let root = scene.paths.place("m").expect("what is mounted");
    assert!(Arc::ptr_eq(root.fs(), &scene.inner));
    scene.paths.namespace.unmount(&root).expect("it was mounted once");
    assert_eq!(scene.paths.namespace.unmount(&root), Err(Errno::INVAL));
}

/// What is mounted in a namespace after its fork is in that one alone; before it, in both.
fn a_fork_of_a_namespace_has_what_was_mounted_before() {
    let scene = Scene::new();
    let forked: Arc<std::sync::Mutex<Option<Arc<Namespace>>>> = Arc::default();
    let (point, namespace, inner) = (scene.point(), scene.paths.namespace.clone(), scene.inner.clone());
    let mount: Body = Box::new(move || {
        let _ = namespace.mount(&point, inner, MountOptions::default()).expect("mount");
    });
    let (paths, keep) = (scene.paths.clone(), forked.clone());
    let fork: Body = Box::new(move || {
        let before = paths.read("m/f").expect("read before");
        let fork = Paths { namespace: paths.namespace.fork(), ..paths.clone() };
        let seen = fork.read("m/f").expect("read in the fork");
        assert!(before == "outer" || seen == "inner", "a mount that had been seen is not in the fork");
        assert_eq!(fork.read("m/f").as_ref(), Ok(&seen), "a fork changes by itself");
        *keep.lock().expect("nobody panics with it") = Some(fork.namespace);
    });
    Scheduled.run(vec![mount, fork]);
    assert_eq!(scene.paths.read("m/f").as_deref(), Ok("inner"));
    drop(forked);
}

/// Open files and places keep what is unmounted; when they go, it goes.
fn what_is_unmounted_is_let_go_by_the_last_who_uses_it() {
    let outer = MemFixture.make().fs;
    Tree::new(outer.clone()).create_dir("m").expect("make a directory");
    let inner = Arc::new(MemFs::new());
    Tree::new(inner.clone()).write("f", "inner").expect("make a file");
    let paths = Paths::of(outer, MountOptions::default());
    let point = paths.place("m").expect("a directory");
    let root = paths.namespace.mount(&point, inner.clone(), MountOptions::default()).expect("mount");
    let namespace = paths.namespace.clone();
    let mut bodies: Vec<Body> = vec![Box::new(move || {
        namespace.unmount(&root).expect("unmount");
        drop(root);
    })];
    for _ in 0..2 {
        let paths = paths.clone();
        bodies.push(Box::new(move || {
            if let Ok(place) = paths.place("m/f") {
                assert_eq!(place.metadata().map(|m| m.size), Ok(5));
            }
            match paths.read("m/f") {
                Ok(text) => assert_eq!(text, "inner"),
                Err(error) => assert_eq!(error, Errno::NOENT),
            }
        }));
    }
    Scheduled.run(bodies);
    drop((paths, point));
    assert_eq!(Arc::strong_count(&inner), 1, "somebody still has what was unmounted");
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("mounts: a walk sees one table", a_walk_sees_one_table),
        Case::new("mounts: of two that mount at one place one does", of_two_that_mount_at_one_place_one_does),
        Case::new(
            "mounts: a fork of a namespace has what was mounted before",
            a_fork_of_a_namespace_has_what_was_mounted_before,
        ),
        Case::new(
            "mounts: what is unmounted is let go by the last who uses it",
            what_is_unmounted_is_let_go_by_the_last_who_uses_it,
        ),
    ]
}
