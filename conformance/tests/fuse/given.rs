//! What the mount takes of the filesystem, and gives back.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use gangplank_vfs::{
    Errno, FileSystem, MemFs, Mount, MountOptions,
    fuse::{self, FuseOptions, Mounted},
    layers::fault::{Calls, Fault, FaultFs, Faults},
};

use super::{cached, direct, list_with_metadata, with_mounts};

/// A memory filesystem that keeps account of what it has given, mounted.
struct Counted {
    mem: Arc<MemFs>,
    faults: Faults,
    mounted: Mounted,
    on: tempfile::TempDir,
}

impl Counted {
    fn new(options: &FuseOptions) -> Counted {
        let (mem, on) = (Arc::new(MemFs::new()), tempfile::tempdir().unwrap());
        let fs = FaultFs::new(Arc::clone(&mem) as Arc<dyn FileSystem>);
        let faults = fs.faults().clone();
        let place = Mount::detached(Arc::new(fs), MountOptions::default());
        let mounted = fuse::mount(place, on.path(), options).unwrap();
        Counted { mem, faults, mounted, on }
    }

    fn path(&self) -> &Path {
        self.on.path()
    }

    /// How many nodes are there.
    fn nodes(&self) -> u64 {
        self.mem.statfs().map(|space| space.files - space.ffree).unwrap()
    }

    /// How many nodes are held, but the root, which the mount holds itself.
    fn held(&self) -> usize {
        self.faults.ledger().held().references.keys().filter(|node| **node != self.mem.root()).count()
    }

    fn end(self) {
        self.mounted.unmount().unwrap();
        let held = self.faults.ledger().held();
        assert!(held.is_empty(), "not given back, or given back twice: {held:?}");
    }
}

fn everything(at: &Path) {
    let at = |name: &str| at.join(name);
    fs::create_dir(at("d")).unwrap();
    fs::write(at("d/f"), "content").unwrap();
    fs::write(at("d/f"), "again").unwrap();
    fs::hard_link(at("d/f"), at("g")).unwrap();
    std::os::unix::fs::symlink("g", at("s")).unwrap();
    assert_eq!(fs::read(at("s")).unwrap(), b"again");
    assert!(fs::write(at("d"), "no file").is_err());
    assert!(OpenOptions::new().write(true).create_new(true).open(at("g")).is_err());
    assert!(fs::metadata(at("none")).is_err());
    for _ in 0..3 {
        // With the metadata of each, which tells the kernel of it.
        assert_eq!(list_with_metadata(&at("")), 3);
    }
    fs::rename(at("d/f"), at("f")).unwrap();
    let open = File::open(at("f")).unwrap();
    fs::remove_file(at("f")).unwrap();
    fs::remove_file(at("g")).unwrap();
    assert_eq!(open.metadata().unwrap().nlink(), 0);
    drop(open);
    fs::remove_file(at("s")).unwrap();
    fs::remove_dir(at("d")).unwrap();
}

#[test]
fn every_reference_is_given_back_once() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let counted = Counted::new(&options);
            everything(counted.path());
            counted.end();
        }
    });
}

/// Each call below fails once; the program gets the error, and nothing is held for ever.
#[test]
fn so_it_is_when_calls_fail() {
    with_mounts(|| {
        let counted = Counted::new(&direct());
        let at = |name: &str| counted.path().join(name);
        let mut failed = 0;
        for k in 1..200 {
            counted.faults.arm(Calls::LOOKS | Calls::CHANGES, k, Fault::Fail(Errno::NOSPC));
            let steps = [
                fs::create_dir(at("d")).map(drop),
                fs::write(at("d/f"), "content"),
                fs::hard_link(at("d/f"), at("g")),
                fs::metadata(at("g")).map(drop),
                fs::read_dir(at("d")).map(|dir| dir.for_each(|entry| drop(entry.map(|entry| entry.metadata())))),
                fs::read(at("g")).map(drop),
            ];
            let hit = !counted.faults.disarm();
            let errors: Vec<_> = steps.into_iter().filter_map(Result::err).map(|e| e.raw_os_error()).collect();
            // An error of the listing comes with an entry; whoever writes a file cannot see it close.
            failed += usize::from(errors.contains(&Some(Errno::NOSPC.raw().into())));
            for name in ["g", "d/f"] {
                let _ = fs::remove_file(at(name));
            }
            let _ = fs::remove_dir(at("d"));
            assert_eq!(fs::read_dir(at("")).unwrap().count(), 0, "after call {k}");
            if !hit {
                break;
            }
        }
        assert!(failed > 10, "{failed} calls failed");
        counted.end();
    });
}

/// What is removed while it is mounted is gone, though it was listed in steps, and told of in each.
#[test]
fn what_is_removed_is_gone_at_once() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let counted = Counted::new(&options);
            let at = |i: i32| counted.path().join(format!("a-name-of-some-length-{i}"));
            let before = counted.nodes();
            (0..700).for_each(|i| fs::write(at(i), "").unwrap());
            for _ in 0..2 {
                assert_eq!(list_with_metadata(counted.path()), 700);
            }
            (0..700).for_each(|i| fs::remove_file(at(i)).unwrap());
            // The kernel says so when it comes to it.
            for _ in 0..500 {
                if counted.nodes() == before && counted.held() == 0 {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            assert_eq!(counted.nodes(), before);
            assert_eq!(counted.held(), 0, "of what is gone: {:?}", counted.faults.ledger().held());
            counted.end();
        }
    });
}
