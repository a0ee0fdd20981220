//! Files: identity, FIFOs, times, descriptors.

use core::task::Waker;
use std::{
    io::{IoSlice, IoSliceMut},
    sync::atomic::{AtomicBool, Ordering},
    task::Wake,
    time::Duration,
};

use super::*;
use crate::{At, Events, Remove, Seek, SetTime, SetXattr, Time, VirtualFile};

fn mkfifo(w: &World, name: &str) {
    let mode = rustix::fs::Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(rustix::fs::CWD, w.host("root").join(name), rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn read_stream(file: &Arc<dyn VirtualFile>) -> Result<Vec<u8>> {
    let mut buffer = [0; 64];
    let n = file.read_stream(&mut [IoSliceMut::new(&mut buffer)])?;
    Ok(buffer[..n].to_vec())
}

#[test]
fn a_fifo_never_waits() {
    everywhere(|w| {
        mkfifo(w, "f");
        assert_eq!(w.open("f", OpenFlags::WRITE).err(), Some(Errno::NXIO));
        assert_eq!(w.open("f", OpenFlags::READ | OpenFlags::DIRECTORY).err(), Some(Errno::NOTDIR));
        let reader = w.open("f", OpenFlags::READ).unwrap();
        assert_eq!(reader.file_type(), FileType::Fifo);
        // Nobody has written yet: that is no end.
        assert_eq!(read_stream(reader.file()), Err(Errno::AGAIN));
        assert_eq!(reader.file().read_at(&mut [], 0), Err(Errno::SPIPE));
        let woken = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        assert_eq!(reader.file().poll(Events::READ, Some(&waker)), Ok(Events::empty()));
        let writer = w.open("f", OpenFlags::WRITE).unwrap();
        assert_eq!(read_stream(reader.file()), Err(Errno::AGAIN));
        assert_eq!(writer.file().write_stream(&[IoSlice::new(b"hello")]), Ok(5));
        let end = std::time::Instant::now() + Duration::from_secs(5);
        while !woken.0.load(Ordering::SeqCst) {
            assert!(std::time::Instant::now() < end, "not woken");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(read_stream(reader.file()), Ok(b"hello".to_vec()));
        let block = [7; 4096];
        while writer.file().write_stream(&[IoSlice::new(&block)]).is_ok() {}
        assert_eq!(writer.file().write_stream(&[IoSlice::new(&block)]), Err(Errno::AGAIN));
        drop(reader);
        assert_eq!(writer.file().write_stream(&[IoSlice::new(b"x")]), Err(Errno::PIPE));
        drop(writer);
        // Now there has been a writer, and it is gone.
        let reader = w.open("f", OpenFlags::READ).unwrap();
        let writer = w.open("f", OpenFlags::WRITE).unwrap();
        drop(writer);
        assert_eq!(read_stream(reader.file()), Ok(vec![]));
        assert_eq!(reader.file().getattr().unwrap().file_type, FileType::Fifo);
    });
}

#[test]
fn identity_is_the_hosts() {
    use std::os::unix::fs::MetadataExt;
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b")).unwrap();
        std::fs::write(w.host("root/a/b/f"), b"x").unwrap();
        std::fs::hard_link(w.host("root/a/b/f"), w.host("root/g")).unwrap();
        let host = std::fs::metadata(w.host("root/g")).unwrap().ino();
        for path in ["g", "a/b/f"] {
            let m = w.start().stat(path.as_bytes(), true).unwrap();
            assert_eq!((m.ino.get(), m.nlink, m.dev), (host, 2, w.fs.info().dev));
            assert_eq!(w.open(path, OpenFlags::READ).unwrap().metadata().unwrap().ino, m.ino);
        }
        let a = w.lookup(w.fs.root(), "a").unwrap();
        let again = w.start().place(b"a", true).unwrap();
        assert_eq!(again.node(), a.node);
        assert_eq!(w.fs.inner.table.lock().len(), 2);
        w.start().rename(b"a", &w.start(), b"moved", Rename::Replace).unwrap();
        assert_eq!(w.fs.getattr(a.node).unwrap().ino, a.node);
        assert_eq!(w.lookup(w.fs.root(), "moved").unwrap().node, a.node);
    });
}

#[test]
fn an_open_file_outlives_its_name() {
    everywhere(|w| {
        let rw = OpenFlags::READ | OpenFlags::WRITE;
        let file = w.create("f", rw).unwrap();
        file.write(&[IoSlice::new(b"old")]).unwrap();
        std::fs::write(w.host("root/new"), b"new").unwrap();
        w.start().rename(b"new", &w.start(), b"f", Rename::Replace).unwrap();
        assert_eq!(&file.file().read_bytes(0, 10).unwrap()[..], b"old");
        assert_eq!(file.metadata().unwrap().nlink, 0);
        assert_eq!(&w.read("f").unwrap()[..], b"new");
        // The incumbent deletes the path it remembers.
        let open = w.open("f", rw).unwrap();
        w.start().rename(b"f", &w.start(), b"g", Rename::Replace).unwrap();
        std::fs::write(w.host("root/f"), b"another").unwrap();
        w.start().unlink(b"g").unwrap();
        assert_eq!(&w.read("f").unwrap()[..], b"another");
        assert_eq!(&open.file().read_bytes(0, 10).unwrap()[..], b"new");
    });
}

#[test]
fn a_held_node_outlives_its_name() {
    let w = World::new(Options::default());
    std::fs::write(w.host("root/f"), b"content").unwrap();
    let f = w.lookup(w.fs.root(), "f").unwrap();
    w.start().unlink(b"f").unwrap();
    assert_eq!(w.fs.getattr(f.node).unwrap().nlink, 0);
    assert_eq!(w.fs.link(&CX, f.node, w.fs.root(), name_of("g")), Err(Errno::NOENT));
    let file = w.fs.open(&CX, f.node, OpenFlags::READ).unwrap();
    assert_eq!(&file.read_bytes(0, 100).unwrap()[..], b"content");
    w.fs.forget(f.node, 1);
    assert_eq!(w.fs.getattr(f.node).err(), Some(Errno::STALE));
}

#[test]
fn a_held_node_is_found_after_our_own_moves() {
    everywhere(|w| {
        std::fs::create_dir(w.host("root/d")).unwrap();
        for name in ["f", "l"] {
            if name == "f" {
                std::fs::write(w.host("root/f"), b"content").unwrap();
            } else {
                symlink("target", w.host("root/l"));
            }
            let held = w.lookup(w.fs.root(), name).unwrap().node;
            w.start().rename(name.as_bytes(), &w.start(), b"d/moved", Rename::Replace).unwrap();
            assert_eq!(w.fs.getattr(held).unwrap().ino, held);
            w.fs.link(&CX, held, w.fs.root(), name_of("again")).unwrap();
            w.start().unlink(b"d/moved").unwrap();
            assert_eq!(w.fs.getattr(held).unwrap().nlink, 1);
            match name {
                "f" => assert_eq!(w.fs.open(&CX, held, OpenFlags::READ).unwrap().read_bytes(0, 9).unwrap(), "content"),
                _ => assert_eq!(w.fs.readlink(held).unwrap(), "target"),
            }
            w.start().unlink(b"again").unwrap();
            w.fs.forget(held, 1);
        }
    });
}

/// Something mounted on one node.
struct On(NodeId);

impl MountPoints for On {
    fn is_empty(&self) -> bool {
        false
    }
    fn contains(&self, node: NodeId) -> bool {
        node == self.0
    }
}

#[test]
fn a_walk_stops_at_mount_points() {
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b/c")).unwrap();
        std::fs::write(w.host("root/a/b/f"), b"").unwrap();
        for (mounted, path, rest) in [("a/b", "a/b/c", "c"), ("a/b", "a/b", ""), ("a/b/f", "a/b/f", "")] {
            let on = w.start().place(mounted.as_bytes(), true).unwrap();
            let open = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: true };
            for goal in [Goal::Node { follow: true }, Goal::Stat { follow: true }, Goal::Open(&open)] {
                let mut at = Components::new(path.as_bytes()).unwrap();
                let walked = w.fs.walk(&CX, w.fs.root(), &mut at, &On(on.node()), goal).unwrap();
                assert!(matches!(walked, Walked::MountPoint(node) if node == on.node()), "{path}: {walked:?}");
                assert_eq!(at.rest(), rest.as_bytes());
                w.fs.forget(on.node(), 1);
            }
        }
        assert_eq!(w.fs.inner.table.lock().len(), 1);
    });
}

#[test]
fn a_walk_tells_where_it_stopped() {
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b")).unwrap();
        std::fs::write(w.host("root/a/f"), b"").unwrap();
        let goal = Goal::Stat { follow: true };
        let walk = |path: &[u8]| {
            let mut at = Components::new(path).unwrap();
            let walked = w.fs.walk(&CX, w.fs.root(), &mut at, &crate::NoMounts, goal);
            (walked, at.rest().to_vec())
        };
        let b = w.start().place(b"a/b", true).unwrap();
        let (walked, rest) = walk(b"a/b/x/y");
        assert!(matches!(walked, Ok(Walked::Missing)));
        assert!(b"a/b/x/y".ends_with(&rest[..]) && rest.ends_with(b"x/y"));
        let (walked, rest) = walk(b"a/b/../f");
        assert!(matches!(walked, Ok(Walked::Node(entry)) if entry.node == b.node()));
        assert_eq!(rest, b"../f");
        assert_eq!(walk(b"a/f/x").0.err(), Some(Errno::NOTDIR));
        let long = [&b"a/b/"[..], &[b'x'; 256]].concat();
        assert_eq!(walk(&long).0.err(), Some(Errno::NAMETOOLONG));
        w.fs.forget(b.node(), 2);
    });
}

#[test]
fn times_keep_nanoseconds_and_extremes_do_not_panic() {
    everywhere(|w| {
        std::fs::write(w.host("root/f"), b"").unwrap();
        symlink("f", w.host("root/l"));
        std::fs::create_dir(w.host("root/d")).unwrap();
        let t = Time(1_000_000_001_123_456_789);
        for (path, follow) in [("f", true), ("l", false), ("d", true)] {
            let attr = SetAttr { mtime: SetTime::To(t), ..SetAttr::default() };
            w.start().set_attr(path.as_bytes(), follow, &attr).unwrap();
            assert_eq!(w.start().stat(path.as_bytes(), follow).unwrap().mtime, t, "{path}");
        }
        assert_ne!(w.start().stat(b"f", true).unwrap().atime, t);
        for seconds in [i64::MIN, -(1 << 40), -1, 0, 1 << 40, i64::MAX] {
            let at = SetTime::To(Time::from_parts(seconds, 999_999_999));
            let attr = SetAttr { atime: at, mtime: at, ..SetAttr::default() };
            for path in ["f", "d"] {
                let _ = w.start().set_attr(path.as_bytes(), true, &attr);
                w.start().stat(path.as_bytes(), true).unwrap().mtime.as_wasi();
            }
        }
    });
}

#[test]
fn modes_are_at_most_those_asked_for_and_never_set_user_id() {
    // What this process's umask leaves is not known here: only what must not be there.
    let more_than = |mode: u16, allowed: u16| mode & !allowed;
    everywhere(|w| {
        let made = [
            w.fs.create(&CX, w.fs.root(), name_of("d"), &NewNode::Directory { mode: 0o7777 }),
            w.fs.create(&CX, w.fs.root(), name_of("f"), &NewNode::Regular { mode: 0o6666 }),
        ];
        let opened = w.create("g", OpenFlags::WRITE);
        // A directory may inherit its parent's set-group-ID bit.
        assert_eq!(more_than(w.fs.getattr(made[0].unwrap().node).unwrap().mode, 0o2755), 0);
        assert_eq!(more_than(w.fs.getattr(made[1].unwrap().node).unwrap().mode, 0o644), 0);
        assert_eq!(more_than(opened.unwrap().metadata().unwrap().mode, 0o644), 0);
        w.start().set_attr(b"f", true, &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
        assert_eq!(w.start().stat(b"f", true).unwrap().mode, 0o600);
    });
}

#[test]
fn creating_opens_what_is_there_unless_exclusive() {
    everywhere(|w| {
        std::fs::create_dir(w.host("root/a")).unwrap();
        let create = Some(NewNode::Regular { mode: 0o666 });
        for (path, exclusive, want) in [
            ("f", false, None),
            ("f", false, None),
            ("f", true, Some(Errno::EXIST)),
            ("a/f", true, None),
            ("a/f", false, None),
            ("a", false, Some(Errno::ISDIR)),
        ] {
            let how = OpenHow { flags: OpenFlags::WRITE, create, exclusive, follow: true };
            let mut at = Components::new(path.as_bytes()).unwrap();
            let walked = w.fs.walk(&CX, w.fs.root(), &mut at, &crate::NoMounts, Goal::Open(&how));
            assert!(matches!(walked, Ok(Walked::Opened(_)) | Err(_)), "{path}: {walked:?}");
            assert_eq!(walked.err(), want, "{path}");
        }
    });
}

#[test]
fn truncating_needs_the_right_to_write() {
    everywhere(|w| {
        std::fs::write(w.host("root/f"), b"content").unwrap();
        let how = OpenHow { flags: OpenFlags::READ | OpenFlags::TRUNC, create: None, exclusive: false, follow: true };
        let walk = |path: &str| {
            let mut path = Components::new(path.as_bytes()).unwrap();
            w.fs.walk(&CX, w.fs.root(), &mut path, &crate::NoMounts, Goal::Open(&how)).err()
        };
        std::fs::create_dir(w.host("root/d")).unwrap();
        assert_eq!(walk("f"), Some(Errno::INVAL));
        assert_eq!(walk("d"), Some(Errno::ISDIR));
        assert_eq!(&w.read("f").unwrap()[..], b"content");
        w.open("f", OpenFlags::WRITE | OpenFlags::TRUNC).unwrap();
        assert_eq!(&w.read("f").unwrap()[..], b"");
    });
}

#[test]
fn appends_of_two_files_do_not_overlap() {
    everywhere(|w| {
        let files: Vec<_> = (0..4).map(|_| w.create("log", OpenFlags::WRITE).unwrap()).collect();
        let mut ends: Vec<u64> = std::thread::scope(|threads| {
            let run = |f: &OpenFile| -> Vec<u64> {
                let line = [IoSlice::new(b"0123"), IoSlice::new(b"45\n")];
                (0..500).map(|_| f.file().write_at(&line, At::End).unwrap()).map(|(n, end)| (n == 7, end).1).collect()
            };
            let running: Vec<_> = files.iter().map(|f| threads.spawn(move || run(f))).collect();
            running.into_iter().flat_map(|t| t.join().unwrap()).collect()
        });
        ends.sort_unstable();
        assert_eq!(ends, (1..=2000).map(|i| i * 7).collect::<Vec<_>>());
        assert!(std::fs::read(w.host("root/log")).unwrap().chunks(7).all(|line| line == b"012345\n"));
    });
}

#[test]
fn offsets_and_sizes_at_the_edge() {
    everywhere(|w| {
        let f = w.create("f", OpenFlags::READ | OpenFlags::WRITE).unwrap();
        let f = f.file();
        let one = [IoSlice::new(b"x")];
        assert_eq!(f.write_at(&one, At::Offset(1 << 63)), Err(Errno::INVAL));
        assert_eq!(f.write_at(&one, At::Offset(i64::MAX as u64)), Err(Errno::FBIG));
        assert_eq!(f.read_at(&mut [IoSliceMut::new(&mut [0])], 1 << 63), Err(Errno::INVAL));
        for offset in [i64::MAX as u64, i64::MAX as u64 - 1] {
            let (mut a, mut b) = ([0; 1], [0; 9]);
            let bufs = &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            assert_eq!(f.read_at(bufs, offset), Ok(0));
        }
        assert_eq!(f.set_len(u64::MAX), Err(Errno::FBIG));
        assert_eq!(f.allocate(u64::MAX, 2), Err(Errno::INVAL));
        assert_eq!(f.allocate(0, 0), Err(Errno::INVAL));
        assert_eq!(f.seek_data(0, Seek::Data), Err(Errno::NXIO));
        assert_eq!(f.read_stream(&mut []), Err(Errno::INVAL));
        assert_eq!(f.getattr().unwrap().size, 0);
        // More buffers than one syscall takes.
        let many: Vec<_> = (0..3000).map(|_| IoSlice::new(b"ab")).collect();
        assert_eq!(f.write_at(&many, At::Offset(0)), Ok((6000, 6000)));
        assert_eq!(f.write_at(&many, At::End), Ok((6000, 12000)));
        let mut bytes = vec![[0u8; 2]; 6500];
        let mut slices: Vec<_> = bytes.iter_mut().map(|b| IoSliceMut::new(b)).collect();
        assert_eq!(f.read_at(&mut slices, 0), Ok(12000));
        assert!(bytes[..6000].iter().all(|b| b == b"ab"));
        f.set_flags(OpenFlags::SYNC).unwrap();
        assert_eq!(f.write_at(&one, At::Offset(5)), Ok((1, 6)));
        assert_eq!(f.write_at(&one, At::End), Ok((1, 12001)));
        assert_eq!(f.sync(true), Ok(()));
        if w.fs.info().caps.contains(FsCaps::SEEK_HOLE) {
            f.set_len(1 << 20).unwrap();
            f.write_at(&one, At::Offset(1 << 20)).unwrap();
            assert_eq!(f.seek_data(1 << 19, Seek::Data), Ok(1 << 20));
            assert_eq!(f.seek_data(0, Seek::Data), Ok(0));
        }
        assert_eq!(w.fs.sync(), Ok(()));
    });
}

#[test]
fn links_of_links_and_attributes() {
    everywhere(|w| {
        std::fs::write(w.host("root/f"), b"x").unwrap();
        symlink("f", w.host("root/l"));
        w.start().link(b"l", false, &w.start(), b"l2").unwrap();
        assert_eq!(&w.start().read_link(b"l2").unwrap()[..], b"f");
        w.start().link(b"f", true, &w.start(), b"g").unwrap();
        assert_eq!(w.start().stat(b"g", true).unwrap().nlink, 2);
        let root = w.fs.root();
        assert_eq!(w.fs.link(&CX, root, root, name_of("r")), Err(Errno::PERM));
        assert_eq!(w.fs.link(&CX, root, root, name_of("g")), Err(Errno::EXIST));
        assert_eq!(w.fs.remove(&CX, root, name_of("f"), Remove::Directory), Err(Errno::NOTDIR));
        if let Some(xattrs) = w.fs.xattrs() {
            let f = w.lookup(root, "f").unwrap().node;
            xattrs.set(f, b"user.kind", b"test", SetXattr::Create).unwrap();
            assert_eq!(xattrs.set(f, b"user.kind", b"", SetXattr::Create), Err(Errno::EXIST));
            assert_eq!(xattrs.set(f, b"user.other", b"", SetXattr::Replace), Err(Errno::NODATA));
            assert_eq!(&xattrs.get(f, b"user.kind").unwrap()[..], b"test");
            let mut names = vec![];
            xattrs.list(f, &mut |name| names.push(name.to_vec())).unwrap();
            assert_eq!(names, [b"user.kind"]);
            assert_eq!(xattrs.set(f, b"trusted.x", b"", SetXattr::Any), Err(Errno::NOTSUP));
            xattrs.remove(f, b"user.kind").unwrap();
            assert_eq!(xattrs.get(f, b"user.kind"), Err(Errno::NODATA));
        }
    });
}

#[test]
fn no_descriptor_leaks() {
    let open_now = |w: &World| {
        // Other tests run beside this one: only descriptors that lead into our directory count.
        let base = std::fs::canonicalize(w.host("root")).unwrap();
        let fds = std::fs::read_dir("/proc/self/fd").unwrap();
        fds.filter(|e| std::fs::read_link(e.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(&base))).count()
    };
    everywhere(|w| {
        std::fs::create_dir_all(w.host("root/a/b/c")).unwrap();
        symlink("a/b", w.host("root/l"));
        let before = open_now(w);
        for i in 0..2000 {
            let name = format!("a/b/f{}", i % 7);
            w.create(&name, OpenFlags::WRITE).unwrap();
            w.start().stat(name.as_bytes(), true).unwrap();
            w.start().stat(b"a/b/c/none", true).unwrap_err();
            w.start().stat(b"none/none", true).unwrap_err();
            w.start().stat(b"l/c/../c", true).unwrap();
            w.open("l/c", OpenFlags::READ).unwrap();
            w.start().place(name.as_bytes(), true).unwrap();
            w.open("a/b/c", OpenFlags::WRITE).unwrap_err();
            w.start().unlink(name.as_bytes()).unwrap();
        }
        assert_eq!(open_now(w), before);
        assert_eq!(w.fs.inner.table.lock().len(), 1);
    });
}
