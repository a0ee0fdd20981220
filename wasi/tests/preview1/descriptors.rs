//! Descriptors: numbers, preopens, types, rights, limits.

use gangplank_wasi::{RightSet, Rights, SharedDescriptor, Thread};

use crate::guest::{
    APPEND, BUF, CREAT, FOLLOW, Guest, IOVS, OUT, PATH, R, ROOT, RW, TRUNC, builder, everywhere, mem_fs,
};

fn rights(g: &mut Guest, fd: u64) -> (RightSet, RightSet) {
    g.ok("fd_fdstat_get", &[fd, OUT]);
    (RightSet::from_bits(g.u64(OUT + 8)).unwrap(), RightSet::from_bits(g.u64(OUT + 16)).unwrap())
}

#[test]
fn preopened_directories() {
    everywhere(|g| {
        g.ok("fd_prestat_get", &[ROOT, OUT]);
        assert_eq!(g.bytes(OUT, 8), [0, 0, 0, 0, 1, 0, 0, 0]);
        g.put(BUF, b"..");
        g.ok("fd_prestat_dir_name", &[ROOT, BUF, 100]);
        assert_eq!(g.bytes(BUF, 2), b"/.");
        assert_eq!(g.call("fd_prestat_dir_name", &[ROOT, BUF, 0]), "NAMETOOLONG");
        let other = g.open_dir(".").unwrap();
        for fd in [0, 4, other, 99, u64::from(u32::MAX)] {
            assert_eq!(g.call("fd_prestat_get", &[fd, OUT]), "BADF");
            assert_eq!(g.call("fd_prestat_dir_name", &[fd, BUF, 100]), "BADF");
        }
        // The name moves with the descriptor.
        g.ok("fd_renumber", &[ROOT, other]);
        assert_eq!(g.call("fd_prestat_get", &[ROOT, OUT]), "BADF");
        g.ok("fd_prestat_get", &[other, OUT]);
        g.close(other);
        assert_eq!(g.call("fd_close", &[other]), "BADF");
    });
}

#[test]
fn renumbering() {
    everywhere(|g| {
        g.file("a", b"A");
        g.file("b", b"B");
        let (a, b) = (g.open("a", 0, R).unwrap(), g.open("b", 0, R).unwrap());
        for (from, to) in [(a, 127), (a, u64::from(u32::MAX)), (77, a), (77, 77)] {
            assert_eq!(g.call("fd_renumber", &[from, to]), "BADF");
        }
        g.ok("fd_renumber", &[a, a]);
        g.ok("fd_renumber", &[a, b]);
        assert_eq!(g.read(b, 9).unwrap(), b"A");
        assert_eq!(g.read(a, 9), Err("BADF"));
        assert_eq!(g.open("b", 0, R), Ok(a), "the lowest free number");
        g.ok("fd_renumber", &[a, 0]);
        assert_eq!(g.read(0, 9).unwrap(), b"B");
        g.close(0);
        assert_eq!(g.open("b", 0, R), Ok(a), "0 to 2 are not given out");
        for _ in 0..3000 {
            let fd = g.open("a", 0, R).unwrap();
            g.ok("fd_renumber", &[fd, b]);
        }
    });
}

#[test]
fn too_many_files_have_done_nothing() {
    for rights in [Rights::Ignore, Rights::Enforce] {
        let mut g = Guest::of(builder(rights, mem_fs(false)).fd_limit(10));
        g.file("f", b"1234");
        let fds: Vec<_> = (4..10).map(|_| g.open("f", 0, R).unwrap()).collect();
        assert_eq!(fds, [4, 5, 6, 7, 8, 9]);
        assert_eq!(g.open("f", TRUNC, RW), Err("MFILE"));
        assert_eq!(g.open("new", CREAT, RW), Err("MFILE"));
        g.close(7);
        assert_eq!(g.open("none", 0, R), Err("NOENT"));
        assert_eq!(g.open("f", 0, R), Ok(7), "a failed open gives its number back");
        assert_eq!(g.read(7, 9).unwrap(), b"1234");
        assert_eq!(g.stat("new", 0).map(drop), Err("NOENT"));
    }
}

#[test]
fn standard_streams_are_no_files() {
    everywhere(|g| {
        for (fd, access) in [(0, RightSet::FD_READ), (1, RightSet::FD_WRITE), (2, RightSet::FD_WRITE)] {
            let (base, _) = rights(g, fd);
            assert_eq!(g.bytes(OUT, 4), [0, 0, 0, 0], "of no type, without flags");
            assert!(base.contains(access | RightSet::POLL_FD_READWRITE));
            assert!(!base.intersects(RightSet::FD_SEEK | RightSet::FD_TELL));
            assert!(!base.contains(RightSet::FD_READ | RightSet::FD_WRITE));
            let stat = g.fstat(fd).unwrap();
            assert_eq!((stat.filetype, stat.size, stat.mtim), (0, 0, 0));
            assert_eq!(g.call("fd_seek", &[fd, 0, 1, OUT]), "SPIPE");
            assert_eq!(g.call("fd_tell", &[fd, OUT]), "SPIPE");
            assert_eq!(g.call("sock_shutdown", &[fd, 1]), "NOTSOCK");
            assert_eq!(g.call("sock_accept", &[fd, 0, OUT]), "NOTSOCK");
        }
        assert_eq!(g.read(0, 9).unwrap(), b"");
        assert_eq!(g.write(1, b"gone"), Ok(4));
        assert!(matches!(g.write(0, b"x"), Err("BADF" | "NOTCAPABLE")));
        assert!(matches!(g.read(1, 1), Err("BADF" | "NOTCAPABLE")));
        assert_eq!(g.write(u64::from(-31337i32 as u32), b"x"), Err("BADF"));
    });
}

#[test]
fn a_directory_reports_what_can_be_done_with_it() {
    everywhere(|g| {
        let (base, inheriting) = rights(g, ROOT);
        assert_eq!(g.bytes(OUT, 4), [3, 0, 0, 0]);
        let needed = RightSet::PATH_OPEN
            | RightSet::PATH_CREATE_FILE
            | RightSet::FD_READDIR
            | RightSet::PATH_RENAME_SOURCE
            | RightSet::PATH_FILESTAT_SET_TIMES
            | RightSet::FD_FILESTAT_GET;
        assert!(base.contains(needed) && inheriting.contains(base | RW));
        assert!(!base.intersects(RightSet::FD_WRITE | RightSet::FD_SEEK | RightSet::FD_FILESTAT_SET_SIZE));
        let enforced = g.rights == Rights::Enforce;
        assert_eq!(base.contains(RightSet::PATH_FILESTAT_SET_SIZE), enforced);
        let len = g.put(PATH, b".");
        g.ok("path_open", &[ROOT, 0, PATH, len, 2, base.bits(), inheriting.bits(), 0, OUT]);
        let fd = g.u32(OUT);
        assert_eq!(rights(g, fd), (base, inheriting));
    });
}

#[test]
fn ignored_rights_are_reported_and_cannot_be_given_up() {
    let mut g = Guest::new(Rights::Ignore);
    g.file("f", b"1234");
    let fd = g.open("f", 0, RightSet::FD_READ).unwrap();
    let (base, inheriting) = rights(&mut g, fd);
    assert!(base.contains(RightSet::FD_READ | RightSet::FD_SEEK | RightSet::FD_FILESTAT_GET));
    assert!(!base.intersects(RightSet::FD_WRITE | RightSet::FD_ALLOCATE) && inheriting.is_empty());
    assert_eq!(g.call("fd_fdstat_set_rights", &[fd, 0, 0]), "NOTSUP");
    assert!(g.fstat(fd).is_ok());
}

#[test]
fn enforced_rights_only_shrink() {
    let mut g = Guest::new(Rights::Enforce);
    g.file("f", b"1234");
    let fd = g.open("f", 0, RW).unwrap();
    assert_eq!(rights(&mut g, fd).0, RW & rights(&mut g, fd).0);
    let less = RightSet::FD_SEEK | RightSet::FD_TELL;
    g.ok("fd_fdstat_set_rights", &[fd, less.bits(), 0]);
    assert_eq!(rights(&mut g, fd), (less, RightSet::empty()));
    assert_eq!((g.read(fd, 1), g.write(fd, b"x")), (Err("NOTCAPABLE"), Err("NOTCAPABLE")));
    assert_eq!(g.fstat(fd).map(drop), Err("NOTCAPABLE"));
    for more in [RightSet::FD_READ, RW, RightSet::all()] {
        assert_eq!(g.call("fd_fdstat_set_rights", &[fd, (less | more).bits(), 0]), "NOTCAPABLE");
        assert_eq!(g.call("fd_fdstat_set_rights", &[fd, 0, more.bits()]), "NOTCAPABLE");
    }
    assert_eq!(g.seek(fd, 0, 1), Ok(0));
    g.ok("fd_fdstat_set_rights", &[fd, RightSet::FD_TELL.bits(), 0]);
    assert_eq!((g.seek(fd, 0, 1), g.seek(fd, 0, 0)), (Ok(0), Err("NOTCAPABLE")), "asking is telling");

    let (base, inheriting) = rights(&mut g, ROOT);
    let no_trunc = base - RightSet::PATH_FILESTAT_SET_SIZE;
    g.ok("fd_fdstat_set_rights", &[ROOT, no_trunc.bits(), inheriting.bits()]);
    assert_eq!(g.open("f", TRUNC, RW), Err("NOTCAPABLE"));
    let reading = inheriting - RightSet::FD_WRITE;
    g.ok("fd_fdstat_set_rights", &[ROOT, no_trunc.bits(), reading.bits()]);
    assert_eq!(g.open("f", 0, RW), Err("NOTCAPABLE"), "more than the directory hands on");
    assert!(g.open("f", 0, R).is_ok());
    let listing = RightSet::FD_READDIR | RightSet::PATH_OPEN;
    g.ok("fd_fdstat_set_rights", &[ROOT, listing.bits(), reading.bits()]);
    assert_eq!(g.open("new", CREAT, R), Err("NOTCAPABLE"));
    for denied in [g.mkdir("d"), g.unlink("f"), g.rename("f", "g"), g.symlink("f", "l"), g.link(0, "f", "g")] {
        assert_eq!(denied, "NOTCAPABLE");
    }
    assert_eq!(g.stat("f", 0).map(drop), Err("NOTCAPABLE"));
    g.ok("fd_readdir", &[ROOT, BUF, 100, 0, OUT]);
    g.ok("fd_fdstat_set_rights", &[ROOT, 0, 0]);
    assert_eq!(g.open("f", 0, R), Err("NOTCAPABLE"));
    assert_eq!(g.call("fd_readdir", &[ROOT, BUF, 100, 0, OUT]), "NOTCAPABLE");
    g.close(ROOT);
}

#[test]
fn flags_given_to_open_come_back() {
    everywhere(|g| {
        for flags in [0, APPEND, 4, 16, 2, APPEND | 4 | 2 | 16] {
            let fd = g.open_at(ROOT, FOLLOW, "f", CREAT, RW, flags).unwrap();
            g.ok("fd_fdstat_get", &[fd, OUT]);
            assert_eq!(u64::from(g.bytes(OUT + 2, 1)[0]), flags);
            // Those of synchronisation stay, whether they are mentioned or not.
            g.ok("fd_fdstat_set_flags", &[fd, flags & 5]);
            g.ok("fd_fdstat_get", &[fd, OUT]);
            assert_eq!(u64::from(g.bytes(OUT + 2, 1)[0]), flags);
        }
    });
}

#[test]
fn a_closed_number_is_bad_everywhere() {
    everywhere(|g| {
        let n = g.iovs(&[(BUF, 1)]);
        let len = g.put(PATH, b"x");
        let bad = 77;
        for (call, args) in [
            ("fd_advise", &[bad, 0, 0, 0][..]),
            ("fd_allocate", &[bad, 0, 1]),
            ("fd_close", &[bad]),
            ("fd_datasync", &[bad]),
            ("fd_fdstat_get", &[bad, OUT]),
            ("fd_fdstat_set_flags", &[bad, 0]),
            ("fd_fdstat_set_rights", &[bad, 0, 0]),
            ("fd_filestat_get", &[bad, OUT]),
            ("fd_filestat_set_size", &[bad, 0]),
            ("fd_filestat_set_times", &[bad, 0, 0, 0]),
            ("fd_pread", &[bad, IOVS, n, 0, OUT]),
            ("fd_prestat_get", &[bad, OUT]),
            ("fd_prestat_dir_name", &[bad, BUF, 1]),
            ("fd_pwrite", &[bad, IOVS, n, 0, OUT]),
            ("fd_read", &[bad, IOVS, n, OUT]),
            ("fd_readdir", &[bad, BUF, 1, 0, OUT]),
            ("fd_renumber", &[bad, ROOT]),
            ("fd_renumber", &[ROOT, bad]),
            ("fd_seek", &[bad, 0, 0, OUT]),
            ("fd_sync", &[bad]),
            ("fd_tell", &[bad, OUT]),
            ("fd_write", &[bad, IOVS, n, OUT]),
            ("path_create_directory", &[bad, PATH, len]),
            ("path_filestat_get", &[bad, 0, PATH, len, OUT]),
            ("path_filestat_set_times", &[bad, 0, PATH, len, 0, 0, 0]),
            ("path_link", &[bad, 0, PATH, len, ROOT, PATH, len]),
            ("path_link", &[ROOT, 0, PATH, len, bad, PATH, len]),
            ("path_open", &[bad, 0, PATH, len, 0, 0, 0, 0, OUT]),
            ("path_readlink", &[bad, PATH, len, BUF, 1, OUT]),
            ("path_remove_directory", &[bad, PATH, len]),
            ("path_rename", &[bad, PATH, len, ROOT, PATH, len]),
            ("path_rename", &[ROOT, PATH, len, bad, PATH, len]),
            ("path_symlink", &[PATH, len, bad, PATH, len]),
            ("path_unlink_file", &[bad, PATH, len]),
            ("sock_accept", &[bad, 0, OUT]),
            ("sock_recv", &[bad, IOVS, n, 0, OUT, OUT + 8]),
            ("sock_send", &[bad, IOVS, n, 0, OUT]),
            ("sock_shutdown", &[bad, 1]),
        ] {
            assert_eq!(g.call(call, args), "BADF", "{call}");
        }
    });
}

#[test]
fn what_a_thread_remembers_is_closed_at_once_all_the_same() {
    everywhere(|g| {
        g.file("f", b"1234");
        let (fd, other) = (g.open("f", 0, R).unwrap(), g.open("f", 0, R).unwrap());
        for close in [("fd_close", &[fd][..]), ("fd_renumber", &[other, fd])] {
            let _ = g.read(fd, 1);
            let _ = g.read(fd, 1);
            let descriptor = g.process.fds().get(fd as u32).unwrap();
            assert_eq!(SharedDescriptor::count(&descriptor), 3, "here, in the table, and remembered");
            g.ok(close.0, close.1);
            assert_eq!(SharedDescriptor::count(&descriptor), 1);
            g.file("g", b"");
            g.open("g", 0, R).unwrap();
        }
        let second = Thread::main(&g.process);
        let last = g.open("f", 0, R).unwrap();
        let _ = g.read(last, 1);
        let descriptor = g.process.fds().get(last as u32).unwrap();
        assert_eq!(SharedDescriptor::count(&descriptor), 2, "not remembered: the other thread may close it");
        drop(second);
    });
}

/// `fd_tell` looks at what the thread remembers before it looks into the table: it must answer the same.
#[test]
fn a_glance_tells_what_the_table_would() {
    everywhere(|g| {
        g.file("f", b"1234");
        let [a, b, c] = [1, 3, 4].map(|n| {
            let fd = g.open("f", 0, R).unwrap();
            assert_eq!(g.read(fd, n).map(|read| read.len()), Ok(n as usize));
            fd
        });
        let tell = |g: &mut Guest, fd: u64| {
            // Nothing of an earlier answer.
            g.put(OUT, &[0xff; 8]);
            let error = g.call("fd_tell", &[fd, OUT]);
            if error == "SUCCESS" { Ok(g.u64(OUT)) } else { Err(error) }
        };
        assert_eq!([a, b, c].map(|fd| tell(g, fd)), [Ok(1), Ok(3), Ok(4)]);
        let end = g.memory.len() as u64;
        for place in [end - 7, end, u64::from(u32::MAX) - 7, u64::from(u32::MAX)] {
            assert_eq!(g.call("fd_tell", &[a, place]), "FAULT");
        }
        g.ok("fd_renumber", &[a, b]);
        assert_eq!([a, b].map(|fd| tell(g, fd)), [Err("BADF"), Ok(1)]);
        // As another thread would, of which this one does not hear.
        g.process.fds().renumber(c as u32, b as u32).unwrap();
        assert_eq!([b, c].map(|fd| tell(g, fd)), [Ok(4), Err("BADF")]);
        g.process.fds().close(b as u32).unwrap();
        assert_eq!(tell(g, b), Err("BADF"));
    });
}
