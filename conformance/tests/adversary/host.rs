//! What only a host has: magic links, real paths around the root, FIFOs, sockets, devices, set-user-ID files, limits on
//! descriptors.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, fs::symlink, net::UnixListener},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use gangplank_conformance::{
    Made, Paths, World,
    adversary::{Canaries, Learned, attempt},
};
use gangplank_vfs::{
    Errno, FileSystem, FileType, MemFsOptions, Metadata, MountOptions, OpenFlags, OverlayFs,
    host_fs::{HostFs, Options, Resolver},
};

/// The ways in which a host's directory is given to a guest.
#[derive(Clone, Copy)]
enum Given {
    Itself(Resolver),
    BelowMemory,
    BelowAnother,
}

const WAYS: [Given; 4] =
    [Given::Itself(Resolver::Auto), Given::Itself(Resolver::Portable), Given::BelowMemory, Given::BelowAnother];

/// A root with canaries around it, in each way that a host's directory is given to a guest.
fn everywhere(prepare: impl Fn(&Path), act: impl Fn(&Paths, &Canaries)) {
    for way in WAYS {
        let dir = tempfile::tempdir().unwrap();
        let canaries = Canaries::plant(dir.path(), &["root", "upper", "work"]).unwrap();
        for name in ["root", "upper", "work"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let root = dir.path().join("root");
        prepare(&root);
        let host =
            |resolver| HostFs::open_with(&root, Options { resolver, ..Options::default() }).expect("open the root");
        let below = || OverlayFs::builder().lower(host(Resolver::Auto)).sync(false);
        let fs: Arc<dyn FileSystem> = match way {
            Given::Itself(resolver) => host(resolver),
            Given::BelowMemory => Arc::new(below().upper_mem(MemFsOptions::new()).build().unwrap()),
            Given::BelowAnother => {
                Arc::new(below().upper_host(dir.path().join("upper"), dir.path().join("work")).build().unwrap())
            }
        };
        act(&Paths::of(fs, MountOptions::default()), &canaries);
        drop(canaries);
    }
}

/// Every operation, with paths of links that the host made: absolute ones to the canaries themselves, magic ones of
/// procfs that lead anywhere without a path, and whatever ends in a slash.
#[test]
fn links_of_the_host_lead_nowhere() {
    const ENDS: [&str; 6] = ["", "/", "/f", "/.", "/../f", "/etc/hostname"];
    let links = |root: &Path| {
        let around = root.parent().unwrap().display();
        [
            format!("{around}/outside"),
            format!("{around}/outside/"),
            format!("{around}/f"),
            "/proc/self".to_owned(),
            "/proc/self/root".to_owned(),
            "/proc/self/root/".to_owned(),
            format!("/proc/self/root{around}/outside/"),
            "/proc/self/cwd".to_owned(),
            "/proc/self/exe".to_owned(),
            "/proc/self/mem".to_owned(),
            "/proc/self/fd/0".to_owned(),
            "/proc/thread-self/root".to_owned(),
            "/dev/zero".to_owned(),
            "../../outside".to_owned(),
            "../../outside/".to_owned(),
            "../evil/".to_owned(),
            "../evil/f".to_owned(),
            "../magic/".to_owned(),
        ]
    };
    let prepare = |root: &Path| {
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("other"), "other").unwrap();
        symlink("../outside", root.join("evil")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        for (i, target) in links(root).iter().enumerate() {
            for j in 0..ENDS.len() {
                symlink(target, root.join(format!("a/link{i}-{j}"))).unwrap();
            }
        }
    };
    everywhere(prepare, |paths, canaries| {
        let inodes = canaries.inodes().unwrap();
        let mut all = Learned::default();
        for i in 0..links(Path::new("/x/root")).len() {
            for (j, end) in ENDS.iter().enumerate() {
                let (path, mut learned) = (format!("a/link{i}-{j}{end}"), Learned::default());
                attempt(&paths.to_start(), path.as_bytes(), b"other", b"mine", &mut learned);
                assert!(!learned.contains(canaries.token()), "{path}");
                assert!(!learned.metadata.iter().any(|m| inodes.contains(&m.ino.get())), "{path}");
                // A device without a number is a whiteout, which a rename can leave.
                let device = |m: &Metadata| m.file_type == FileType::CharDevice && m.rdev != 0;
                assert!(!learned.metadata.iter().any(device), "{path}");
                all.add(learned);
            }
        }
        assert!(all.count("PERM") * 3 > all.total(), "{:?}", all.answers);
    });
}

/// FIFOs that nobody has the other end of, sockets, devices: no operation waits, and none opens what is not a file or a
/// FIFO.
#[test]
fn nothing_special_is_opened_or_waited_for() {
    let mknod = |at: &Path, kind: rustix::fs::FileType, major, minor| {
        let (mode, device) = (rustix::fs::Mode::from_raw_mode(0o666), rustix::fs::makedev(major, minor));
        rustix::fs::mknodat(rustix::fs::CWD, at, kind, mode, device).is_ok()
    };
    let prepare = |root: &Path| {
        fs::write(root.join("other"), "other").unwrap();
        fs::create_dir(root.join("d")).unwrap();
        assert!(mknod(&root.join("d/fifo"), rustix::fs::FileType::Fifo, 0, 0));
        drop(UnixListener::bind(root.join("d/socket")).unwrap());
        symlink("d/fifo", root.join("l")).unwrap();
        // Endless, and one that would be rewound.
        let _ = mknod(&root.join("d/zero"), rustix::fs::FileType::CharacterDevice, 1, 5);
        let _ = mknod(&root.join("d/tape"), rustix::fs::FileType::CharacterDevice, 9, 0);
        let _ = mknod(&root.join("d/disk"), rustix::fs::FileType::BlockDevice, 7, 200);
    };
    everywhere(prepare, |paths, _| {
        let begun = Instant::now();
        for path in ["d/socket", "d/zero", "d/tape", "d/disk"] {
            for flags in [OpenFlags::READ, OpenFlags::WRITE, OpenFlags::READ | OpenFlags::WRITE] {
                if paths.lstat(path).is_ok() {
                    assert_eq!(paths.open(path, flags).err(), Some(Errno::NXIO), "{path} {flags:?}");
                }
            }
        }
        assert_eq!(paths.open("l", OpenFlags::WRITE).err(), Some(Errno::NXIO), "nobody reads it");
        for path in ["d/fifo", "l", "d/socket", "d/zero", "d/tape", "d/disk", "d/fifo/", "l/x"] {
            attempt(&paths.to_start(), path.as_bytes(), b"other", b"mine", &mut Learned::default());
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "something has waited");
    });
}

/// CVE-2023-0386, of Linux's overlayfs: what is copied up from a layer that nobody vouches for is not set-user-ID on the
/// host, whoever it belongs to below, and whatever makes it be copied.
#[test]
fn what_is_copied_up_is_not_privileged() {
    type Way = (&'static str, fn(&Paths));
    let ways: [Way; 4] = [
        ("written", |p| {
            let file = p.open("f", OpenFlags::WRITE).unwrap();
            file.write(&[std::io::IoSlice::new(b"mine now")]).unwrap();
        }),
        ("cut", |p| drop(p.open("f", OpenFlags::WRITE | OpenFlags::TRUNC).unwrap())),
        ("renamed", |p| p.mv("f", "g").unwrap()),
        ("linked", |p| p.link("f", "g").unwrap()),
    ];
    for (what, act) in ways {
        let dir = tempfile::tempdir().unwrap();
        for name in ["upper", "work"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let image = World::new(Made::new(Arc::new(MemFsOptions::new().build())));
        drop(image.put("f", "a shell, say"));
        let attr = gangplank_vfs::SetAttr { mode: Some(0o6755), uid: Some(0), ..Default::default() };
        image.setattr("f", attr).unwrap();
        let (upper, work) = (dir.path().join("upper"), dir.path().join("work"));
        let fs = OverlayFs::builder().lower(image.fs().clone()).upper_host(&upper, work).sync(false).build().unwrap();
        act(&Paths::of(Arc::new(fs), MountOptions::default()));
        let mut copies = 0;
        for name in ["f", "g"] {
            if let Ok(m) = fs::metadata(upper.join(name))
                && m.is_file()
            {
                copies += 1;
                assert_eq!(m.permissions().mode() & 0o6000, 0, "{what}: {:o}", m.permissions().mode());
                assert_eq!(m.permissions().mode() & 0o777, 0o755, "{what}");
            }
        }
        assert!(copies > 0, "{what}");
        assert_eq!(image.stat("f").unwrap().mode, 0o6755, "{what}: the layer is as it was");
    }
}

const TASK: &str = "GANGPLANK_ADVERSARY_FDS";

/// Not a test, but a process that may have few descriptors open.
#[test]
fn with_few_descriptors() {
    if std::env::var_os(TASK).is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    for resolver in [Resolver::Auto, Resolver::Portable] {
        let fs = HostFs::open_with(dir.path(), Options { resolver, ..Options::default() }).unwrap();
        let paths = Paths::of(fs, MountOptions::default());
        let name = format!("{resolver:?}");
        paths.mkdir(&name).unwrap();
        paths.put(&format!("{name}/f"), "f");
        let inner = paths.at(&name);
        let limit = rustix::process::Rlimit { current: Some(60), maximum: Some(60) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let mut open = vec![];
        let refused = loop {
            match paths.open(&format!("{name}/f"), OpenFlags::READ) {
                Ok(file) => open.push(file),
                Err(e) => break e,
            }
        };
        assert_eq!(refused, Errno::MFILE);
        assert!(open.len() > 20, "{}", open.len());
        // Whatever cannot be done now says so, and nothing is lost by it.
        for path in ["f", "d/f", "."] {
            let mut learned = Learned::default();
            attempt(&inner.to_start(), path.as_bytes(), b"f", b"mine", &mut learned);
        }
        drop(open);
        assert_eq!(paths.names(".").map(|names| names.contains(&name)), Ok(true));
        let again = paths.open(&format!("{name}/again"), OpenFlags::READ).err();
        assert_eq!(again, Some(Errno::NOENT));
    }
    println!("few descriptors were enough");
}

/// A host that gives no more descriptors: MFILE, and all is well when there are some again.
#[test]
fn the_hosts_descriptors_run_out() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::with_few_descriptors", "--nocapture", "--test-threads=1"])
        .env(TASK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("few descriptors were enough"), "{said}");
}
