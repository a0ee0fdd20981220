//! Directories of the host, mounted a second time.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    time::Duration,
};

use gangplank_vfs::{
    Mount, MountOptions, fuse,
    host_fs::{HostFs, Options, Resolver},
};
use rustix::fs::{CWD, Mode};

use super::{cached, direct, list_with_metadata, with_mounts};

/// What a program makes is there on the host, of the type and number that it asked for; and whoever has not been allowed
/// devices is refused as Linux refuses it.
#[test]
fn devices_and_sockets_reach_the_host() {
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
            // Nobody makes more than the process may: in a container that is none.
            let probe = mknodat(CWD, source.path().join("probe"), FileType::CharacterDevice, mode, number);
            let devices = devices && probe.is_ok();
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

/// Positions behind `.` and `..` are those of the filesystem, be they as small as they may: the portable way counts entries
/// from 1.
#[test]
fn a_listing_goes_on_behind_the_dots() {
    with_mounts(|| {
        let (on, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = Options { resolver: Resolver::Portable, ..Options::default() };
        let host = HostFs::open_with(source.path(), options).unwrap();
        let mounted = fuse::mount(Mount::detached(host, MountOptions::default()), on.path(), &direct()).unwrap();
        for name in ["a", "b", "c"] {
            fs::write(on.path().join(name), "").unwrap();
        }
        let dir = File::open(on.path()).unwrap();
        for (from, wanted) in [(0, 5), (1, 4), (2, 3), (3, 2), (5, 0)] {
            rustix::fs::seek(&dir, rustix::fs::SeekFrom::Start(from)).unwrap();
            let mut buffer = Vec::with_capacity(4096);
            let mut entries = rustix::fs::RawDir::new(&dir, buffer.spare_capacity_mut());
            let mut names = Vec::new();
            while let Some(entry) = entries.next() {
                names.push(entry.unwrap().file_name().to_owned());
            }
            assert_eq!(names.len(), wanted, "from {from} on: {names:?}");
        }
        drop(dir);
        mounted.unmount().unwrap();
    });
}

/// What a user makes is that user's, with the bits asked for, whoever answers.
#[test]
fn what_a_user_makes_belongs_to_the_user() {
    with_mounts(|| {
        let (on, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [on.path(), source.path()] {
            fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        }
        let host = HostFs::open(source.path()).unwrap();
        let options = fuse::FuseOptions { allow_other: true, ..direct() };
        let mounted = fuse::mount(Mount::detached(host, MountOptions::default()), on.path(), &options).unwrap();
        let mut command = std::process::Command::new("sh");
        std::os::unix::process::CommandExt::uid(&mut command, 65534);
        std::os::unix::process::CommandExt::gid(&mut command, 65534);
        let script = "umask 0; mkdir dir; echo x >file; ln -s file link; mkfifo fifo";
        assert!(command.current_dir(on.path()).args(["-ec", script]).status().unwrap().success());
        for (name, mode) in [("dir", 0o777), ("file", 0o666), ("fifo", 0o666), ("link", 0o777)] {
            for at in [on.path(), source.path()] {
                let found = fs::symlink_metadata(at.join(name)).unwrap();
                assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (65534, 65534, mode), "{name}");
            }
        }
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
        assert_eq!(list_with_metadata(on.path()), 4001);
        most = most.max(held());
        // However slow the thread is that asks it to: long before all of them.
        assert!(most > 100 && most < 3000, "{most} descriptors for nodes of which the kernel may know 256");
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
