//! Filesystems mounted through FUSE: what programs see of them, and that the mount gives back all it took. `cargo xtask
//! fuse` does the same at length, with other people's suites.
//!
//! # What they see
//! Each of these was changed in `vfs/src/fuse` on purpose, one at a time, and at least the test beside it failed:
//!
//! | what was wrong | who saw it |
//! |---|---|
//! | devices have the number 0 | `host::devices_and_sockets_reach_the_host` |
//! | `mknod` of what there is none of is `NOTSUP`, not `PERM` | `host::devices_and_sockets_reach_the_host` |
//! | what is opened for reading and cut is not cut | `opening_what_is_there_leaves_its_owner_and_bits` |
//! | set-user-ID stays when somebody else writes | `privileges_go_when_somebody_else_writes` |
//! | set-group-ID goes where the group may not execute, and stays where it may | `privileges_go_when_somebody_else_writes` |
//! | the group of a directory with set-group-ID is not inherited | `owners_bits_and_attributes` |
//! | on a host, new nodes keep the bits that its umask left | `host::what_a_user_makes_belongs_to_the_user` |
//! | on a host, new nodes belong to its user | `host::what_a_user_makes_belongs_to_the_user` |
//! | a link tells the kernel without a reference for it | `given::every_reference_is_given_back_once` |
//! | an answer that is told, but not sent, is not taken back (`getattr` fails) | `given::so_it_is_when_calls_fail` |
//! | nor the last entry of a listing, which did not fit | `given::what_is_removed_is_gone_at_once` |
//! | positions in a listing overlap with those of the dots | `host::a_listing_goes_on_behind_the_dots` |
//! | `..` has the number of `.` | `dots_are_listed_as_what_they_are` |
//! | a long copy repeats its first part | `content::content_of_every_kind` |
//! | holes are data, and the reverse | `content::content_of_every_kind` |
//! | what is appended goes to where the kernel thinks that the end is | `content::content_of_every_kind` |
//! | another message than that to forget | `host::the_kernel_forgets_before_descriptors_run_out` |
//!
//! One lived: a file that was there gets the owner and bits of one that is made. The kernel looks for a name before it
//! makes it, so that takes somebody who makes the file in between.
#![cfg(target_os = "linux")]

mod content;
mod given;
mod host;

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt},
    path::Path,
    sync::Arc,
    time::Duration,
};

use gangplank_conformance::{
    acceptance::{self, Cached, Subject},
    differential::{
        self,
        kernel::{Bare, isolated},
    },
};
use gangplank_vfs::{
    Errno, FileSystem, MemFs, Mount, MountOptions, Tree,
    fuse::{self, FuseOptions, Mounted},
};
use rustix::fs::{AtFlags, CWD, Mode, RenameFlags, Timespec, Timestamps};

/// Runs a test where its mounts are nobody else's; says why not, where that is impossible.
fn with_mounts(test: impl FnOnce() + Send) {
    let ran = acceptance::check().and_then(|()| isolated(test));
    if let Err(why) = ran {
        eprintln!("skipped: {why}");
    }
}

/// A memory filesystem, mounted.
struct Memory {
    tree: Tree,
    mounted: Mounted,
    _on: tempfile::TempDir,
}

impl Memory {
    fn new(options: &FuseOptions) -> Memory {
        let on = tempfile::tempdir().unwrap();
        let tree = Tree::in_memory();
        let mounted = fuse::mount(tree.place().clone(), on.path(), options).unwrap();
        Memory { tree, mounted, _on: on }
    }

    fn path(&self) -> &Path {
        self.mounted.path()
    }

    /// Ends the mount, and answers what is left.
    fn end(self) -> Tree {
        self.mounted.unmount().unwrap();
        self.tree
    }
}

fn direct() -> FuseOptions {
    FuseOptions { direct_io: true, ..FuseOptions::default() }
}

fn cached() -> FuseOptions {
    FuseOptions { ttl: Duration::from_secs(1), ..FuseOptions::default() }
}

/// Lists a directory, with the metadata of all that is in it, and answers how much that is.
fn list_with_metadata(dir: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(dir).unwrap() {
        entry.unwrap().metadata().unwrap();
        count += 1;
    }
    count
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap()).unwrap()
}

#[test]
fn names_and_nodes() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let memory = Memory::new(&options);
            let at = |name: &str| memory.path().join(name);
            fs::create_dir(at("d")).unwrap();
            fs::write(at("d/f"), "content").unwrap();
            assert_eq!(fs::read(at("d/f")).unwrap(), b"content");
            let new = OpenOptions::new().write(true).create_new(true).open(at("d/f"));
            assert_eq!(errno(new.unwrap_err()), Errno::EXIST);
            fs::hard_link(at("d/f"), at("g")).unwrap();
            let (f, g) = (fs::metadata(at("d/f")).unwrap(), fs::metadata(at("g")).unwrap());
            assert_eq!((f.ino(), f.nlink()), (g.ino(), 2));
            std::os::unix::fs::symlink("d/f", at("s")).unwrap();
            assert_eq!(fs::read_link(at("s")).unwrap(), Path::new("d/f"));
            assert_eq!(fs::read(at("s")).unwrap(), b"content");

            assert_eq!(errno(fs::remove_dir(at("d")).unwrap_err()), Errno::NOTEMPTY);
            assert_eq!(errno(fs::remove_file(at("d")).unwrap_err()), Errno::ISDIR);
            assert_eq!(errno(fs::rename(at("d"), at("d/e")).unwrap_err()), Errno::INVAL);
            fs::rename(at("d"), at("e")).unwrap();
            let rename = |from, to, how| rustix::fs::renameat_with(CWD, at(from), CWD, at(to), how);
            assert_eq!(rename("g", "e", RenameFlags::NOREPLACE), Err(rustix::io::Errno::EXIST));
            rename("g", "e", RenameFlags::EXCHANGE).unwrap();
            assert!(at("g").is_dir() && at("e").is_file());

            assert_eq!(errno(fs::read(at(&"x".repeat(256))).unwrap_err()), Errno::NAMETOOLONG);
            fs::write(at(&"x".repeat(255)), "").unwrap();
            fs::remove_file(at(&"x".repeat(255))).unwrap();

            let tree = memory.end();
            assert_eq!(tree.read("g/f").unwrap(), "content");
            assert_eq!(tree.walk("").unwrap().count(), 4);
        }
    });
}

#[test]
fn special_files_are_the_kernels() {
    use std::os::unix::net::{UnixListener, UnixStream};

    with_mounts(|| {
        let memory = Memory::new(&direct());
        let top = memory.path().to_owned();
        let at = |name: &str| top.join(name);
        rustix::fs::mknodat(CWD, at("fifo"), rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| fs::write(at("fifo"), "through it").unwrap());
            assert_eq!(fs::read(at("fifo")).unwrap(), b"through it");
        });
        let listener = UnixListener::bind(at("socket")).unwrap();
        let mut near = UnixStream::connect(at("socket")).unwrap();
        near.write_all(b"x").unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"x");
        let tree = memory.end();
        use gangplank_vfs::FileType::{Fifo, Socket};
        assert_eq!(tree.metadata("fifo").unwrap().file_type, Fifo);
        assert_eq!(tree.metadata("socket").unwrap().file_type, Socket);
    });
}

#[test]
fn locks_are_the_kernels() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let open =
            || OpenOptions::new().write(true).create(true).truncate(false).open(memory.path().join("f")).unwrap();
        let (one, two) = (open(), open());
        one.lock().unwrap();
        assert!(two.try_lock().is_err());
        drop(one);
        two.try_lock().unwrap();
        drop(two);
        memory.end();
    });
}

#[test]
fn owners_bits_and_attributes() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let at = |name: &str| memory.path().join(name);
        fs::write(at("f"), "").unwrap();
        std::os::unix::fs::chown(at("f"), Some(7), Some(8)).unwrap();
        fs::set_permissions(at("f"), PermissionsExt::from_mode(0o4751)).unwrap();
        let found = fs::metadata(at("f")).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode()), (7, 8, 0o104_751));

        // A directory with the set-group-ID bit hands its group on, and the bit to directories.
        fs::create_dir(at("d")).unwrap();
        std::os::unix::fs::chown(at("d"), None, Some(9)).unwrap();
        fs::set_permissions(at("d"), PermissionsExt::from_mode(0o2755)).unwrap();
        fs::create_dir(at("d/sub")).unwrap();
        fs::write(at("d/file"), "").unwrap();
        let (sub, file) = (fs::metadata(at("d/sub")).unwrap(), fs::metadata(at("d/file")).unwrap());
        assert_eq!((sub.gid(), sub.mode() & 0o2000, file.gid(), file.mode() & 0o2000), (9, 0o2000, 9, 0));

        use rustix::fs::{XattrFlags, getxattr, listxattr, removexattr, setxattr};
        setxattr(at("f"), "user.one", b"1", XattrFlags::CREATE).unwrap();
        assert_eq!(setxattr(at("f"), "user.one", b"2", XattrFlags::CREATE), Err(rustix::io::Errno::EXIST));
        assert_eq!(setxattr(at("f"), "user.two", b"2", XattrFlags::REPLACE), Err(rustix::io::Errno::NODATA));
        let mut value = [0; 64];
        assert_eq!(getxattr(at("f"), "user.one", &mut value).unwrap(), 1);
        setxattr(at("f"), "user.one", b"longer", XattrFlags::REPLACE).unwrap();
        assert_eq!(getxattr(at("f"), "user.one", &mut value[..3]), Err(rustix::io::Errno::RANGE));
        let mut names = [0; 64];
        assert_eq!(listxattr(at("f"), &mut names).unwrap(), 9);
        assert_eq!(&names[..9], b"user.one\0");
        removexattr(at("f"), "user.one").unwrap();
        assert_eq!(getxattr(at("f"), "user.one", &mut value), Err(rustix::io::Errno::NODATA));
        memory.end();
    });
}

/// Opening what is there makes nothing, and changes neither its bits nor its owner; though it says that it would make it,
/// and for what it would be opened (open(2)).
#[test]
fn opening_what_is_there_leaves_its_owner_and_bits() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let path = memory.path().join("f");
        fs::write(&path, "content").unwrap();
        std::os::unix::fs::chown(&path, Some(7), Some(8)).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        drop(OpenOptions::new().append(true).create(true).open(&path).unwrap());
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777, found.len()), (7, 8, 0o600, 7));
        // Linux cuts what is opened for reading, too, if whoever does it may write.
        use rustix::fs::OFlags;
        rustix::fs::open(&path, OFlags::RDONLY | OFlags::TRUNC, Mode::empty()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
        memory.end();
    });
}

/// Set-user-ID, and set-group-ID where a group may execute, go when somebody without privileges writes (write(2)).
#[test]
fn privileges_go_when_somebody_else_writes() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let memory = Memory::new(&FuseOptions { allow_other: true, ..options });
            for (bits, left) in [(0o6777, 0o777), (0o4766, 0o766), (0o666, 0o666)] {
                let path = memory.path().join(format!("{bits:o}"));
                fs::write(&path, "").unwrap();
                fs::set_permissions(&path, PermissionsExt::from_mode(bits)).unwrap();
                fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"root").unwrap();
                assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, bits, "root has every privilege");
                let mut command = std::process::Command::new("sh");
                std::os::unix::process::CommandExt::uid(&mut command, 65534);
                command.current_dir("/").args(["-c", "echo x >>$1", "sh"]).arg(&path);
                assert!(command.status().unwrap().success());
                assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, left, "{bits:o}");
            }
            memory.end();
        }
    });
}

/// `.` and `..` are listed, with the numbers that they have.
#[test]
fn dots_are_listed_as_what_they_are() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let memory = Memory::new(&options);
            fs::create_dir_all(memory.path().join("a/b")).unwrap();
            let number = |path: &str| fs::metadata(memory.path().join(path)).unwrap().ino();
            for (path, above) in [("a/b", "a"), ("a", "")] {
                let dir = File::open(memory.path().join(path)).unwrap();
                let listed: Vec<_> = rustix::fs::Dir::read_from(&dir).unwrap().map(|entry| entry.unwrap()).collect();
                let of = |name: &[u8]| listed.iter().find(|e| e.file_name().to_bytes() == name).unwrap().ino();
                assert_eq!((of(b"."), of(b"..")), (number(path), number(above)), "{path}");
            }
            memory.end();
        }
    });
}

/// fuser 0.18 hands over a wrong time before 1970 unless it is a whole second: see `convert::set_time`. The earliest of
/// all times has no opposite.
#[test]
fn times_before_1970() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let path = memory.path().join("f");
        fs::write(&path, "").unwrap();
        for (seconds, nanos) in
            [(0, 0), (1, 5), (-1, 0), (-1, 999_999_999), (-2, 250_000_000), (-1 << 40, 1), (1 << 40, 1), (i64::MIN, 0)]
        {
            let time = Timespec { tv_sec: seconds, tv_nsec: nanos };
            let times = Timestamps { last_access: time, last_modification: time };
            rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.mtime(), found.mtime_nsec()), (seconds, nanos));
            assert_eq!((found.atime(), found.atime_nsec()), (seconds, nanos));
        }
        memory.end();
    });
}

/// Whatever is deleted and made while it is listed, what is there throughout is listed once.
#[test]
fn listings_are_stable() {
    with_mounts(|| {
        for options in [direct(), cached()] {
            let memory = Memory::new(&options);
            let at = |name: String| memory.path().join(name);
            for i in 0..600 {
                fs::write(at(format!("stays-{i}")), "").unwrap();
                fs::write(at(format!("goes-{i}")), "").unwrap();
            }
            let mut seen = HashSet::new();
            for (i, entry) in fs::read_dir(memory.path()).unwrap().enumerate() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                assert!(entry.file_type().unwrap().is_file());
                assert!(seen.insert(name.clone()), "{name} twice");
                if i < 600 {
                    fs::remove_file(at(format!("goes-{i}"))).unwrap();
                    fs::write(at(format!("comes-{i}")), "").unwrap();
                }
            }
            assert_eq!((0..600).filter(|i| seen.contains(&format!("stays-{i}"))).count(), 600);
            memory.end();
        }
    });
}

/// A file that has no name any more is there as long as it is open, and its space is given back afterwards.
#[test]
fn what_has_no_name_is_kept_and_given_back() {
    with_mounts(|| {
        let on = tempfile::tempdir().unwrap();
        let mem = Arc::new(MemFs::new());
        let free = || mem.statfs().map(|space| (space.ffree, space.bfree)).unwrap();
        let before = free();
        let place = Mount::detached(Arc::clone(&mem) as Arc<dyn FileSystem>, MountOptions::default());
        let mounted = fuse::mount(place, on.path(), &cached()).unwrap();
        let path = on.path().join("f");
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        file.write_all_at(&[7; 100_000], 0).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(on.path().join("d")).unwrap();
        let dir = File::open(on.path().join("d")).unwrap();
        fs::remove_dir(on.path().join("d")).unwrap();
        let mut bytes = [0; 100_000];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes, [7; 100_000]);
        assert_eq!(file.metadata().unwrap().nlink(), 0);
        assert_ne!(free(), before);
        drop((file, dir));
        mounted.unmount().unwrap();
        assert_eq!(free(), before);
    });
}

/// To unmount what is in use keeps what has been written, and leaves nobody waiting.
#[test]
fn unmounting_what_is_in_use() {
    with_mounts(|| {
        let memory = Memory::new(&cached());
        let mut file = File::create(memory.path().join("f")).unwrap();
        file.write_all(b"written").unwrap();
        let on = memory.path().to_owned();
        let tree = memory.end();
        assert_eq!(tree.read("f").unwrap(), "written");
        assert!(file.write_all(b"more").is_err());
        drop(file);
        assert_eq!(fs::read_dir(on).map(Iterator::count).unwrap_or(0), 0, "it is not mounted any more");
    });
}

/// What is closed a moment later is not in use: a new process has what its parent had open until it executes something.
#[test]
fn unmounting_what_is_in_use_by_chance() {
    with_mounts(|| {
        // Once is enough: a machine that has other things to do may close the file too late.
        let waited = (0..10).any(|_| {
            let memory = Memory::new(&cached());
            let file = File::create(memory.path().join("f")).unwrap();
            let unmounter = memory.mounted.unmounter();
            let closing = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(5));
                drop(file);
            });
            let was_in_use = unmounter.unmount().unwrap();
            closing.join().unwrap();
            let tree = memory.end();
            assert_eq!(tree.read("f").unwrap(), "");
            !was_in_use
        });
        assert!(waited);
    });
}

#[test]
fn somebody_else_unmounts_it() {
    with_mounts(|| {
        let memory = Memory::new(&cached());
        let unmounter = memory.mounted.unmounter();
        rustix::mount::unmount(memory.path(), rustix::mount::UnmountFlags::empty()).unwrap();
        memory.mounted.wait().unwrap();
        assert!(!unmounter.unmount().unwrap());
    });
}

#[test]
fn a_read_only_place_is_read_only() {
    with_mounts(|| {
        let on = tempfile::tempdir().unwrap();
        let tree = Tree::in_memory();
        tree.write("f", "x").unwrap();
        let mounted = fuse::mount(tree.read_only().place().clone(), on.path(), &direct()).unwrap();
        assert_eq!(fs::read(on.path().join("f")).unwrap(), b"x");
        assert_eq!(fs::write(on.path().join("f"), "y").unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
        assert_eq!(fs::create_dir(on.path().join("d")).unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
        mounted.unmount().unwrap();
        assert_eq!(tree.walk("").unwrap().count(), 1);
    });
}

/// A part of a tree is mounted as a whole: its top is its own parent.
#[test]
fn a_directory_below_is_a_whole() {
    with_mounts(|| {
        let on = tempfile::tempdir().unwrap();
        let tree = Tree::in_memory();
        tree.write("outside", "x").unwrap();
        tree.create_dir_all("a/b/c").unwrap();
        tree.write("a/b/f", "y").unwrap();
        let mounted = fuse::mount(tree.dir("a/b").unwrap().place().clone(), on.path(), &direct()).unwrap();
        let names = |dir: &Path| {
            let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(on.path()), ["c", "f"]);
        assert_eq!(names(&on.path().join("c/..")), ["c", "f"]);
        mounted.unmount().unwrap();
    });
}

/// Another user gets what the permission bits allow.
#[test]
fn permission_bits_are_enforced() {
    with_mounts(|| {
        let memory = Memory::new(&FuseOptions { allow_other: true, ..direct() });
        fs::write(memory.path().join("secret"), "x").unwrap();
        fs::set_permissions(memory.path().join("secret"), PermissionsExt::from_mode(0o600)).unwrap();
        fs::write(memory.path().join("open"), "x").unwrap();
        let cat = |name: &str| {
            let mut command = std::process::Command::new("cat");
            std::os::unix::process::CommandExt::uid(&mut command, 65534);
            command.current_dir("/").arg(memory.path().join(name)).output().unwrap()
        };
        assert!(cat("open").status.success(), "{:?}", cat("open"));
        let refused = cat("secret");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("ermission denied"), "{refused:?}");
        memory.end();
    });
}

/// Random scripts, step by step the same on the mount as on a tmpfs of the kernel.
#[test]
fn scripts_see_no_difference() {
    with_mounts(|| {
        for subject in [Subject::Mem, Subject::OverlayHost] {
            let ready = subject.mount(Cached::No).unwrap();
            let bare = Bare::new(subject.name(), ready.path());
            let tmpfs = Bare::new("tmpfs", "/dev/shm");
            differential::fuzz(&[&tmpfs, &bare], 11_000_000, 20, 60);
            ready.end().unwrap();
        }
    });
}
