//! Ways out, none of which may be one.

use super::*;

/// Every operation that takes a path, through one that leads out if anything follows it.
fn try_everything(w: &World, path: &str) {
    let p = path.as_bytes();
    let s = w.start();
    let secret_len = SECRET.len() as u64;
    for follow in [true, false] {
        if let Ok(m) = s.stat(p, follow) {
            assert!(m.file_type == FileType::Symlink || m.size != secret_len, "{path}: stat");
        }
        let rw = OpenFlags::READ | OpenFlags::WRITE;
        for flags in [OpenFlags::READ, rw, rw | OpenFlags::TRUNC, OpenFlags::READ | OpenFlags::DIRECTORY] {
            for create in [None, Some(NewNode::Regular { mode: 0o600 })] {
                let _ = s.open(p, &OpenHow { flags, create, exclusive: false, follow });
            }
        }
        let now = SetAttr { atime: crate::SetTime::Now, mtime: crate::SetTime::Now, ..SetAttr::default() };
        let _ = s.set_attr(p, follow, &now);
        let _ = s.set_attr(p, follow, &SetAttr { size: Some(0), ..SetAttr::default() });
        let _ = s.link(p, follow, &s, b"stolen");
    }
    if let Ok(content) = w.read(path) {
        assert_ne!(&content[..], SECRET, "{path}: read");
    }
    if let Ok(content) = w.read("stolen") {
        assert_ne!(&content[..], SECRET, "{path}: link");
    }
    let _ = s.rename(p, &s, b"stolen2", Rename::Replace);
    let _ = s.unlink(p);
    let _ = s.remove_dir(p);
    let _ = s.create_dir(p, 0o777);
    let _ = s.symlink(b"x", p);
}

/// A file's content and time, which nobody inside may change.
fn check_secrets(w: &World, before: std::time::SystemTime) {
    for path in ["secret", "outside/secret"] {
        assert_eq!(std::fs::read(w.host(path)).unwrap(), SECRET);
        assert_eq!(std::fs::metadata(w.host(path)).unwrap().modified().unwrap(), before, "{path}");
    }
    assert_eq!(std::fs::read_dir(w.host("outside")).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(w.host("")).unwrap().count(), 3);
}

#[test]
fn no_path_leads_out() {
    let paths = [
        "../secret",
        "d/../../secret",
        "rel",
        "rel/",
        "abs",
        "dir/secret",
        "dir/new",
        "absdir/secret",
        "absdir/new",
        "d/up/secret",
        "d/up/new",
        "proc/root/etc/hostname",
        "procroot/tmp",
        "procfd/0",
        "d/evil/secret",
        "d/link1/secret",
        "d/link1",
        "d/link1/",
        "d/link2",
        "d/link2/",
        "d/link2/new",
        "here/../secret",
        "here/here/../../secret",
        "dangling",
        "dangling/",
    ];
    everywhere(|w| {
        let stamp = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        for path in paths {
            let w = World::new(w.fs.inner.options);
            for path in ["secret", "outside/secret"] {
                std::fs::File::options().write(true).open(w.host(path)).unwrap().set_modified(stamp).unwrap();
            }
            let root = w.host("root");
            std::fs::create_dir(root.join("d")).unwrap();
            symlink("../secret", root.join("rel"));
            symlink(w.host("secret"), root.join("abs"));
            symlink("../outside", root.join("dir"));
            symlink(w.host("outside"), root.join("absdir"));
            symlink("../..", root.join("d/up"));
            symlink("/proc/self", root.join("proc"));
            symlink("/proc/self/root", root.join("procroot"));
            symlink("/proc/self/fd", root.join("procfd"));
            // GHSA-hp8f-xmx4-4qrg: a target that ends in a slash.
            symlink("../../outside", root.join("d/evil"));
            symlink("evil/", root.join("d/link1"));
            symlink("evil/secret", root.join("d/link2"));
            symlink(".", root.join("here"));
            symlink("../new", root.join("dangling"));
            assert!(w.start().stat(path.as_bytes(), true).is_err(), "{path}");
            try_everything(&w, path);
            check_secrets(&w, stamp);
        }
    });
}

#[test]
fn a_directory_moved_out_has_no_parent() {
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b/c")).unwrap();
        let a = w.lookup(w.fs.root(), "a").unwrap();
        let b = w.lookup(a.node, "b").unwrap();
        let c = w.lookup(b.node, "c").unwrap();
        assert_eq!(w.fs.parent(c.node), Ok(b.node));
        assert_eq!(w.fs.parent(a.node), Ok(w.fs.root()));
        assert_eq!(w.fs.parent(w.fs.root()), Ok(w.fs.root()));
        w.fs.forget(b.node, 10);
        w.fs.forget(a.node, 10);
        // Moved inside: the new parent is found, though nobody holds it.
        std::fs::create_dir_all(w.host("root/x/y")).unwrap();
        std::fs::rename(w.host("root/a/b/c"), w.host("root/x/y/c")).unwrap();
        let y = w.fs.parent(c.node).unwrap();
        assert_eq!(w.fs.getattr(y).unwrap().ino, w.start().stat(b"x/y", false).unwrap().ino);
        let x = w.fs.parent(y).unwrap();
        assert_eq!(w.fs.parent(x), Ok(w.fs.root()));
        w.fs.forget(x, 1);
        w.fs.forget(y, 1);
        // Moved out: nothing.
        std::fs::rename(w.host("root/x/y/c"), w.host("outside/c")).unwrap();
        assert_eq!(w.fs.parent(c.node), Err(Errno::NOENT));
        let mut up = Components::new(b"..").unwrap();
        let walked = w.fs.walk(&CX, c.node, &mut up, &crate::NoMounts, Goal::Stat { follow: true }).unwrap();
        assert!(matches!(walked, Walked::Node(e) if e.node == c.node), "a walk never takes ..");
        w.fs.forget(c.node, 10);
        assert_eq!(w.fs.inner.table.lock().len(), 1);
    });
}

#[test]
fn a_removed_directory_remembers_its_parent() {
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b")).unwrap();
        let a = w.lookup(w.fs.root(), "a").unwrap();
        let b = w.lookup(a.node, "b").unwrap();
        w.start().remove_dir(b"a/b").unwrap();
        assert_eq!(w.fs.parent(b.node), Ok(a.node));
        assert_eq!(w.lookup(b.node, "x"), Err(Errno::NOENT));
        let new = NewNode::Directory { mode: 0o777 };
        assert_eq!(w.fs.create(&CX, b.node, name_of("x"), &new).err(), Some(Errno::NOENT));
    });
}

#[test]
fn swapping_a_directory_for_a_link_lets_nobody_out() {
    use std::sync::atomic::{AtomicBool, Ordering};
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/d/sub")).unwrap();
        std::fs::write(w.host("root/d/secret"), b"public").unwrap();
        symlink("../outside", w.host("root/link"));
        let stop = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let (a, b) = (w.host("root/d"), w.host("root/link"));
                let cwd = rustix::fs::CWD;
                while !stop.load(Ordering::Relaxed) {
                    rustix::fs::renameat_with(cwd, &a, cwd, &b, rustix::fs::RenameFlags::EXCHANGE).unwrap();
                }
            });
            for _ in 0..3000 {
                if let Ok(content) = w.read("d/secret") {
                    assert_eq!(&content[..], b"public");
                }
                if let Ok(content) = w.read("d/sub/../secret") {
                    assert_eq!(&content[..], b"public");
                }
                if let Ok(m) = w.start().stat(b"link/secret", true) {
                    assert_ne!(m.size, 7);
                }
                if let Ok(file) = w.create("d/new", OpenFlags::WRITE) {
                    drop(file);
                    let _ = w.start().unlink(b"d/new");
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(std::fs::read_dir(w.host("outside")).unwrap().count(), 1);
    });
}

#[test]
fn sockets_and_devices_are_not_opened() {
    everywhere(|w| {
        let _listener = std::os::unix::net::UnixListener::bind(w.host("root/socket")).unwrap();
        assert_eq!(w.open("socket", OpenFlags::READ).err(), Some(Errno::NXIO));
        let entry = w.lookup(w.fs.root(), "socket").unwrap();
        assert_eq!(entry.file_type, FileType::Socket);
        assert_eq!(w.fs.open(&CX, entry.node, OpenFlags::READ).err(), Some(Errno::NXIO));
        let (zero, mode) = (rustix::fs::makedev(1, 5), rustix::fs::Mode::from_raw_mode(0o666));
        let device = rustix::fs::FileType::CharacterDevice;
        if rustix::fs::mknodat(rustix::fs::CWD, w.host("root/zero"), device, mode, zero).is_err() {
            return;
        }
        assert_eq!(w.open("zero", OpenFlags::READ).err(), Some(Errno::NXIO));
        let options = Options { devices: true, ..w.fs.inner.options };
        let fs = HostFs::open_with(w.host("root"), options).unwrap();
        let entry = fs.lookup(&CX, fs.root(), name_of("zero")).unwrap();
        let zero = fs.open(&CX, entry.node, OpenFlags::READ).unwrap();
        let mut buffer = [1; 8];
        assert_eq!(zero.read_stream(&mut [std::io::IoSliceMut::new(&mut buffer)]), Ok(8));
        assert_eq!(buffer, [0; 8]);
    });
}

/// Whoever has not been allowed devices makes none, whatever the privileges of the process; whoever has makes what was
/// asked for, and nothing that cannot be told to the host.
#[test]
fn devices_are_made_where_they_are_allowed() {
    everywhere(|w| {
        let new = |file_type, rdev| NewNode::Special { file_type, mode: 0o640, rdev };
        let (zero, nothing) = (new(FileType::CharDevice, 0x105), new(FileType::CharDevice, 0));
        let make =
            |fs: &Arc<HostFs>, name: &str, new: &NewNode<'_>| fs.make(&CX, fs.root(), name_of(name), new).map(drop);
        assert_eq!(make(&w.fs, "zero", &zero), Err(Errno::NOTSUP));
        assert_eq!(make(&w.fs, "block", &new(FileType::BlockDevice, 0)), Err(Errno::NOTSUP));
        let is_portable = w.fs.inner.options.resolver == Resolver::Portable;
        let whiteout = make(&w.fs, "whiteout", &nothing);
        assert_eq!(whiteout, if is_portable { Err(Errno::NOTSUP) } else { Ok(()) });
        let fs = HostFs::open_with(w.host("root"), Options { devices: true, ..w.fs.inner.options }).unwrap();
        if is_portable {
            assert!(!fs.info().caps.contains(FsCaps::DEVICES));
            assert_eq!(make(&fs, "zero", &zero), Err(Errno::NOTSUP));
            return;
        }
        assert!(fs.info().caps.contains(FsCaps::DEVICES));
        assert_eq!(make(&fs, "big", &new(FileType::CharDevice, 1 << 32)), Err(Errno::INVAL));
        assert_eq!(make(&fs, "whiteout", &new(FileType::CharDevice, 1 << 32)), Err(Errno::EXIST));
        match make(&fs, "zero", &zero) {
            // Whoever is not root has no more than the permission to try.
            Err(Errno::PERM) => return,
            made => made.unwrap(),
        }
        let entry = fs.lookup(&CX, fs.root(), name_of("zero")).unwrap();
        let found = fs.getattr(entry.node).unwrap();
        assert_eq!((found.file_type, found.rdev, found.mode), (FileType::CharDevice, 0x105, 0o640));
        fs.forget(entry.node, 1);
    });
}

/// Marks of root's overlays can be on what must not be opened, and on a symbolic link itself.
#[test]
fn marks_of_roots_overlays_are_on_everything() {
    everywhere(|w| {
        const MARK: &[u8] = b"trusted.overlay.mark";
        let options = Options { devices: true, overlay_xattrs: true, ..w.fs.inner.options };
        let fs = HostFs::open_with(w.host("root"), options).unwrap();
        let Some(xattrs) = fs.xattrs() else { return };
        let fifo = NewNode::Special { file_type: FileType::Fifo, mode: 0o600, rdev: 0 };
        let device = NewNode::Special { file_type: FileType::CharDevice, mode: 0o600, rdev: 0 };
        let link = NewNode::Symlink { target: b"file" };
        for (name, new) in [("file", NewNode::Regular { mode: 0o600 }), ("p", fifo), ("c", device), ("s", link)] {
            let Ok(made) = fs.create(&CX, fs.root(), name_of(name), &new) else { continue };
            match xattrs.set(made.node, MARK, name.as_bytes(), crate::SetXattr::Create) {
                // Not root; nor can the portable way reach them.
                Err(Errno::PERM | Errno::NOTSUP) => {}
                done => {
                    done.unwrap();
                    assert_eq!(xattrs.get(made.node, MARK).unwrap(), name, "each its own");
                    let mut names = Vec::new();
                    xattrs.list(made.node, &mut |name| names.push(name.to_vec())).unwrap();
                    assert_eq!(names, [MARK]);
                    if made.file_type != FileType::Regular {
                        assert_eq!(xattrs.get(made.node, b"user.x").unwrap_err(), Errno::NOTSUP);
                        xattrs.remove(made.node, MARK).unwrap();
                        assert_eq!(xattrs.get(made.node, MARK).unwrap_err(), Errno::NODATA);
                    }
                }
            }
            fs.forget(made.node, 1);
        }
        // Without the option there are none.
        let plain = w.lookup(w.fs.root(), "file").unwrap();
        assert_eq!(w.fs.xattrs().unwrap().get(plain.node, MARK).unwrap_err(), Errno::NOTSUP);
    });
}
