//! Filesystems mounted through FUSE: what programs see of them, and that the mount gives back all it took. `cargo xtask
//! fuse` does the same at length, with other people's suites.
#![cfg(target_os = "linux")]

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
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
        script::Rng,
    },
};
use gangplank_vfs::{
    Errno, FileSystem, MemFs, Mount, MountOptions, Tree,
    fuse::{self, FuseOptions, Mounted},
    host_fs::HostFs,
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

/// What a program makes is there on the host, of the type and number that it asked for; and whoever has not been allowed
/// devices is refused as Linux refuses it.
#[test]
fn devices_and_sockets_reach_the_host() {
    use gangplank_vfs::host_fs::Options;
    use rustix::{
        fs::{FileType, makedev, mknodat},
        io::Errno as Host,
    };

    with_mounts(|| {
        for devices in [true, false] {
            let (on, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let host = HostFs::open_with(source.path(), Options { devices, ..Options::default() }).unwrap();
            let mounted = fuse::mount(Mount::detached(host, MountOptions::default()), on.path(), &direct()).unwrap();
            let (mode, number) = (Mode::from_raw_mode(0o640), makedev(0xabc, 0xf_1234));
            let make = |name, file_type, number| mknodat(CWD, on.path().join(name), file_type, mode, number);
            make("socket", FileType::Socket, 0).unwrap();
            let refused = [
                make("char", FileType::CharacterDevice, number).err(),
                make("block", FileType::BlockDevice, number).err(),
            ];
            make("zero", FileType::CharacterDevice, 0).unwrap();
            assert_eq!(refused, if devices { [None; 2] } else { [Some(Host::PERM); 2] });
            for (name, wanted) in [("socket", 0), ("char", number), ("block", number), ("zero", 0)] {
                if !devices && wanted != 0 {
                    continue;
                }
                let (here, there) = (on.path().join(name), source.path().join(name));
                let (here, there) = (fs::symlink_metadata(here).unwrap(), fs::symlink_metadata(there).unwrap());
                assert_eq!((here.mode(), here.rdev()), (there.mode(), there.rdev()), "{name}");
                assert_eq!((here.rdev(), here.mode() & 0o7777), (wanted, 0o640), "{name}");
            }
            mounted.unmount().unwrap();
        }
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

#[test]
fn content_of_every_kind() {
    with_mounts(|| {
        let memory = Memory::new(&direct());
        let open = |name: &str| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(memory.path().join(name))
                .unwrap()
        };
        // Holes, found and kept.
        let mut file = open("holes");
        file.write_all_at(b"end", 1 << 20).unwrap();
        assert!(file.metadata().unwrap().blocks() < 256);
        use rustix::fs::SeekFrom as At;
        assert_eq!(rustix::fs::seek(&file, At::Hole(0)), Ok(0));
        let data = rustix::fs::seek(&file, At::Data(0)).unwrap();
        assert!(data > 0 && data <= 1 << 20, "{data}");
        assert_eq!(rustix::fs::seek(&file, At::Data(2 << 20)), Err(rustix::io::Errno::NXIO));
        // Copied within the filesystem, in any place.
        let copy = open("copy");
        let (mut from, mut to) = ((1 << 20) - 5, 10);
        let copied = rustix::fs::copy_file_range(&file, Some(&mut from), &copy, Some(&mut to), 100).unwrap();
        assert_eq!(copied, 8);
        let mut bytes = Vec::new();
        (&copy).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [&[0; 15][..], b"end"].concat());
        // Reserved.
        use rustix::fs::FallocateFlags;
        rustix::fs::fallocate(&copy, FallocateFlags::empty(), 0, 100).unwrap();
        assert_eq!(copy.metadata().unwrap().len(), 100);
        let punched = rustix::fs::fallocate(&copy, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 4);
        assert_eq!(punched, Err(rustix::io::Errno::OPNOTSUPP));
        // Truncated by name, by file, on opening.
        file.set_len(5).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        bytes.clear();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [0; 5]);
        assert_eq!(open("holes").metadata().unwrap().len(), 0);
        // Appended by two.
        let append = || OpenOptions::new().append(true).open(memory.path().join("holes")).unwrap();
        let (mut one, mut two) = (append(), append());
        for _ in 0..10 {
            one.write_all(b"1").unwrap();
            two.write_all(b"22").unwrap();
        }
        assert_eq!(fs::read(memory.path().join("holes")).unwrap(), b"122".repeat(10));
        memory.end();
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

/// A directory of the host takes a descriptor for each node that the kernel remembers: it is asked to forget some before
/// there are none left, and what a program uses stays.
#[test]
fn the_kernel_forgets_before_descriptors_run_out() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    with_mounts(|| {
        if !is_linux((6, 18)) {
            eprintln!("skipped: before Linux 6.18 the kernel cannot be asked to forget");
            return;
        }
        let (on, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let host = HostFs::open(source.path()).unwrap();
        let limit = getrlimit(Resource::Nofile);
        // A quarter of it is the bound, which the mount remembers.
        setrlimit(Resource::Nofile, Rlimit { current: Some(1024), maximum: limit.maximum }).unwrap();
        let mounted = fuse::mount(Mount::detached(host, MountOptions::default()), on.path(), &cached());
        setrlimit(Resource::Nofile, limit).unwrap();
        let mounted = mounted.unwrap();
        // Those of this mount alone: other tests have some, too.
        let held = || {
            let open = fs::read_dir("/proc/self/fd").unwrap();
            open.filter(|fd| fs::read_link(fd.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(source.path())))
                .count()
        };
        fs::create_dir(on.path().join("used")).unwrap();
        let mut used = File::create(on.path().join("used/file")).unwrap();
        let mut most = 0;
        for i in 0..4000 {
            fs::write(on.path().join(format!("{i}")), "").unwrap();
            if i % 100 == 0 {
                most = most.max(held());
            }
        }
        let all = fs::read_dir(on.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).count();
        assert_eq!(all, 4001);
        most = most.max(held());
        assert!(most > 100 && most < 1024, "{most} descriptors for nodes of which the kernel may know 256");
        for _ in 0..1000 {
            if held() < 300 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(held() < 300, "{} descriptors in the end", held());
        used.write_all(b"still here").unwrap();
        assert_eq!(fs::read(on.path().join("used/file")).unwrap(), b"still here");
        fs::remove_dir_all(on.path().join("used")).unwrap();
        drop(used);
        mounted.unmount().unwrap();
        assert_eq!(held(), 0);
    });
}

/// Whether the kernel is of this version at least.
fn is_linux(wanted: (u32, u32)) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= wanted
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

/// One file, random operations, and a copy in memory of what it should hold.
#[test]
fn content_under_random_operations() {
    with_mounts(|| {
        for (options, seed) in [(direct(), 1), (cached(), 2), (cached(), 3)] {
            let memory = Memory::new(&options);
            churn(&memory.path().join("f"), seed);
            memory.end();
        }
    });
}

fn churn(path: &Path, seed: u64) {
    const MAX: u64 = 200_000;
    let mut random = Rng::new(seed);
    let mut number = |below: u64| random.below(below);
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap();
    let (mut file, mut model) = (open(), Vec::<u8>::new());
    for step in 0..1500 {
        let (at, len) = (number(MAX), number(20_000) as usize);
        match number(8) {
            0 | 1 => {
                let bytes: Vec<u8> = (0..len).map(|i| (i as u64 * 31 + step) as u8).collect();
                file.write_all_at(&bytes, at).unwrap();
                model.resize(model.len().max(at as usize + len), 0);
                model[at as usize..at as usize + len].copy_from_slice(&bytes);
                if len == 0 {
                    // Nothing to write extends nothing.
                    model.truncate(file.metadata().unwrap().len() as usize);
                }
            }
            2 => {
                file.set_len(at).unwrap();
                model.resize(at as usize, 0);
            }
            3 => {
                let mut append = OpenOptions::new().append(true).open(path).unwrap();
                append.write_all(&vec![step as u8; len / 10]).unwrap();
                model.resize(model.len() + len / 10, step as u8);
            }
            4 => file = open(),
            5 => file.sync_data().unwrap(),
            6 if number(10) == 0 => {
                file = OpenOptions::new().read(true).write(true).truncate(true).open(path).unwrap();
                model.clear();
            }
            _ => {
                let mut bytes = vec![0; len];
                let n = file.read_at(&mut bytes, at).unwrap();
                let expected = model.get(at as usize..).unwrap_or_default();
                assert!(bytes[..n] == expected[..len.min(expected.len())], "seed {seed}, step {step}");
            }
        }
        assert_eq!(file.metadata().unwrap().len(), model.len() as u64, "seed {seed}, step {step}");
    }
    assert!(fs::read(path).unwrap() == model, "seed {seed}, in the end");
}
