//! Reading, writing, cursors, sizes and times of open files.

use gangplank_wasi::{RightSet, Rights};

use crate::{
    guest::{APPEND, BUF, CREAT, Guest, IOVS, OUT, R, RW, everywhere, mem_fs},
    heap,
};

/// What is answered for want of access: the filesystem says so first, or the rights do.
fn no_access(g: &Guest) -> &'static str {
    if g.rights == Rights::Enforce { "NOTCAPABLE" } else { "BADF" }
}

const SET: u64 = 0;
const CUR: u64 = 1;
const END: u64 = 2;

#[test]
fn the_cursor_moves_with_reads_and_writes() {
    everywhere(|g| {
        let fd = g.open("f", CREAT, RW).unwrap();
        assert_eq!(g.write(fd, b"hello"), Ok(5));
        assert_eq!(g.seek(fd, 0, CUR), Ok(5));
        assert_eq!(g.seek(fd, -4, END), Ok(1));
        assert_eq!(g.read(fd, 2).unwrap(), b"el");
        g.ok("fd_tell", &[fd, OUT]);
        assert_eq!(g.u64(OUT), 3);
        assert_eq!(g.read(fd, 100).unwrap(), b"lo");
        assert_eq!(g.read(fd, 100).unwrap(), b"", "the end");
        assert_eq!(g.seek(fd, 1000, SET), Ok(1000));
        assert_eq!(g.read(fd, 1).unwrap(), b"", "past the end");
        assert_eq!(g.seek(fd, -1, SET), Err("INVAL"));
        assert_eq!(g.seek(fd, i64::MIN, END), Err("INVAL"));
        assert_eq!(g.seek(fd, i64::MAX, SET), Ok(i64::MAX as u64));
        assert_eq!(g.seek(fd, 1, CUR), Err("INVAL"));
        assert_eq!(g.seek(fd, 0, CUR), Ok(i64::MAX as u64), "as it was");
        assert_eq!(g.seek(fd, 0, 3), Err("INVAL"));
        assert_eq!(g.read(fd, 1), Ok(vec![]));
        assert!(matches!(g.write(fd, b"x"), Err("FBIG" | "INVAL")));
        assert_eq!(g.fstat(fd).unwrap().size, 5);
    });
}

#[test]
fn positional_reads_and_writes_leave_the_cursor_alone() {
    everywhere(|g| {
        let fd = g.open("f", CREAT, RW).unwrap();
        g.write(fd, b"abcdef").unwrap();
        let n = g.iovs(&[(BUF, 2), (BUF + 100, 0), (BUF + 10, 9)]);
        g.ok("fd_pread", &[fd, IOVS, n, 1, OUT]);
        assert_eq!((g.u32(OUT), g.bytes(BUF, 2), g.bytes(BUF + 10, 3)), (5, &b"bc"[..], &b"def"[..]));
        g.put(BUF, b"XY");
        let n = g.iovs(&[(BUF, 2)]);
        g.ok("fd_pwrite", &[fd, IOVS, n, 8, OUT]);
        assert_eq!(g.seek(fd, 0, CUR), Ok(6));
        assert_eq!(g.content("f").unwrap(), b"abcdef\0\0XY");
        for call in ["fd_pread", "fd_pwrite"] {
            assert_eq!(g.call(call, &[fd, IOVS, n, 1 << 63, OUT]), "INVAL");
            assert_eq!(g.call(call, &[fd, IOVS, n, u64::MAX, OUT]), "INVAL");
        }
        assert_eq!(g.call("fd_pwrite", &[fd, IOVS, n, i64::MAX as u64 - 1, OUT]), "FBIG");
        g.ok("fd_pread", &[fd, IOVS, n, i64::MAX as u64, OUT]);
        assert_eq!(g.u32(OUT), 0);
    });
}

#[test]
fn vectors_scatter_and_gather_and_the_later_of_two_overlapping_wins() {
    everywhere(|g| {
        let fd = g.open("f", CREAT, RW).unwrap();
        g.put(BUF, b"hello world");
        let n = g.iovs(&[(BUF + 6, 5), (u64::from(u32::MAX), 0), (BUF, 5)]);
        g.ok("fd_write", &[fd, IOVS, n, OUT]);
        assert_eq!(g.u32(OUT), 10);
        g.seek(fd, 0, SET).unwrap();
        let n = g.iovs(&[(BUF, 4), (BUF + 2, 4)]);
        g.put(BUF, &[b'.'; 8]);
        g.ok("fd_read", &[fd, IOVS, n, OUT]);
        assert_eq!((g.u32(OUT), g.bytes(BUF, 8)), (8, &b"wodhel.."[..]));
        g.ok("fd_read", &[fd, IOVS, 0, OUT]);
        assert_eq!(g.u32(OUT), 0);
        // More buffers than a call uses: a short count, and the next call goes on.
        let many: Vec<_> = (0..1500).map(|_| (BUF, 1)).collect();
        let n = g.iovs(&many);
        g.ok("fd_write", &[fd, IOVS, n, OUT]);
        assert_eq!(g.u32(OUT), 1024);
    });
}

#[test]
fn appending_goes_to_the_end_whatever_the_cursor() {
    everywhere(|g| {
        g.file("f", b"1234");
        let fd = g.open_at(3, 0, "f", 0, RW, APPEND).unwrap();
        assert_eq!(g.read(fd, 2).unwrap(), b"12");
        assert_eq!(g.write(fd, b"56"), Ok(2));
        assert_eq!(g.seek(fd, 0, CUR), Ok(6));
        let other = g.open("f", 0, RW).unwrap();
        assert_eq!(g.seek(other, 0, END), Ok(6));
        g.write(other, b"7").unwrap();
        g.seek(fd, 0, SET).unwrap();
        g.write(fd, b"8").unwrap();
        assert_eq!(g.content("f").unwrap(), b"12345678");
        g.ok("fd_fdstat_get", &[fd, OUT]);
        assert_eq!(g.bytes(OUT, 4), [4, 0, 1, 0]);
        g.ok("fd_fdstat_set_flags", &[fd, 0]);
        g.seek(fd, 0, SET).unwrap();
        g.write(fd, b"X").unwrap();
        assert_eq!(g.content("f").unwrap(), b"X2345678");
        g.ok("fd_fdstat_set_flags", &[fd, 1 | 4]);
        g.ok("fd_fdstat_get", &[fd, OUT]);
        assert_eq!(g.bytes(OUT, 4), [4, 0, 5, 0]);
        assert_eq!(g.call("fd_fdstat_set_flags", &[fd, 16]), "INVAL", "synchronisation is fixed");
        assert_eq!(g.call("fd_fdstat_set_flags", &[fd, 32]), "INVAL");
    });
}

#[test]
fn a_file_opened_one_way_cannot_be_used_the_other() {
    everywhere(|g| {
        g.file("f", b"1234");
        let reading = g.open("f", 0, RightSet::FD_READ | RightSet::FD_SEEK).unwrap();
        let writing = g.open("f", 0, RightSet::FD_WRITE | RightSet::FD_SEEK).unwrap();
        let none = no_access(g);
        assert_eq!(g.write(reading, b"x"), Err(none));
        assert_eq!(g.write(reading, b""), Err(none), "of nothing, too");
        assert_eq!(g.read(writing, 1), Err(none));
        assert_eq!(g.read(writing, 0), Err(none));
        let n = g.iovs(&[(3, 0)]);
        assert_eq!(g.call("fd_pwrite", &[reading, IOVS, n, 0, OUT]), none);
        assert_eq!(g.call("fd_pread", &[writing, IOVS, n, 0, OUT]), none);
        assert_eq!(g.call("fd_filestat_set_size", &[reading, 0]), none);
        assert_eq!(g.call("fd_allocate", &[reading, 0, 1]), none);
        assert_eq!(g.content("f").unwrap(), b"1234");
    });
}

#[test]
fn sizes() {
    everywhere(|g| {
        let fd = g.open("f", CREAT, RW).unwrap();
        g.write(fd, b"1234").unwrap();
        g.ok("fd_filestat_set_size", &[fd, 6]);
        assert_eq!(g.seek(fd, 0, CUR), Ok(4));
        assert_eq!(g.content("f").unwrap(), b"1234\0\0");
        g.ok("fd_filestat_set_size", &[fd, 2]);
        assert_eq!(g.content("f").unwrap(), b"12");
        assert_eq!(g.call("fd_filestat_set_size", &[fd, u64::MAX]), "INVAL");
        assert_eq!(g.call("fd_filestat_set_size", &[fd, (1 << 63) - 1]), "FBIG");
        g.ok("fd_allocate", &[fd, 1, 9]);
        assert_eq!(g.fstat(fd).unwrap().size, 10);
        g.ok("fd_allocate", &[fd, 0, 1]);
        assert_eq!(g.fstat(fd).unwrap().size, 10, "never shorter");
        assert_eq!(g.call("fd_allocate", &[fd, 0, 0]), "INVAL");
        assert_eq!(g.call("fd_allocate", &[fd, u64::MAX, u64::MAX]), "INVAL");
        // Nothing written past the end makes nothing.
        g.seek(fd, 500, SET).unwrap();
        assert_eq!(g.write(fd, b""), Ok(0));
        assert_eq!(g.fstat(fd).unwrap().size, 10);
        for advice in 0..6 {
            g.ok("fd_advise", &[fd, 0, 0, advice]);
        }
        assert_eq!(g.call("fd_advise", &[fd, 0, 0, 6]), "INVAL");
        assert_eq!(g.call("fd_advise", &[fd, u64::MAX, 1, 0]), "INVAL");
        g.ok("fd_sync", &[fd]);
        g.ok("fd_datasync", &[fd]);
    });
}

#[test]
fn times_to_the_nanosecond_or_not_at_all() {
    const ATIM: u64 = 1;
    const ATIM_NOW: u64 = 2;
    const MTIM: u64 = 4;
    const MTIM_NOW: u64 = 8;
    everywhere(|g| {
        g.file("f", b"");
        g.symlink("f", "l");
        let fd = g.open("f", 0, R).unwrap();
        g.ok("fd_filestat_set_times", &[fd, 1_234_567_890_123_456_789, 42, ATIM | MTIM]);
        let stat = g.fstat(fd).unwrap();
        assert_eq!((stat.atim, stat.mtim), (1_234_567_890_123_456_789, 42));
        for bad in [ATIM | ATIM_NOW, MTIM | MTIM_NOW | ATIM, 16, 0x1_0000] {
            assert_eq!(g.call("fd_filestat_set_times", &[fd, 7, 7, bad]), "INVAL");
        }
        g.ok("fd_filestat_set_times", &[fd, 7, 7, 0]);
        assert_eq!(g.fstat(fd).unwrap(), stat, "nothing was asked for");
        g.ok("fd_filestat_set_times", &[fd, 0, u64::MAX, MTIM]);
        assert_eq!(g.fstat(fd).unwrap().atim, stat.atim);
        g.ok("fd_filestat_set_times", &[fd, 0, 0, MTIM_NOW]);
        let now = g.fstat(fd).unwrap().mtim;
        assert!(now > 42 && now < u64::MAX);

        let len = g.put(crate::guest::PATH, b"l");
        let set = |g: &mut Guest, follow, time| {
            g.ok("path_filestat_set_times", &[3, follow, crate::guest::PATH, len, time, time, ATIM | MTIM]);
        };
        set(g, 0, 5);
        set(g, 1, 6);
        assert_eq!((g.stat("l", 0).unwrap().mtim, g.stat("l", 1).unwrap().mtim), (5, 6));
    });
}

#[test]
fn directories_have_no_content() {
    everywhere(|g| {
        let n = g.iovs(&[(BUF, 1)]);
        for fd in [3, g.open_dir(".").unwrap()] {
            for (call, args) in [
                ("fd_read", &[fd, IOVS, n, OUT][..]),
                ("fd_write", &[fd, IOVS, n, OUT]),
                ("fd_pread", &[fd, IOVS, n, 0, OUT]),
                ("fd_pwrite", &[fd, IOVS, n, 0, OUT]),
                ("fd_seek", &[fd, 0, CUR, OUT]),
                ("fd_tell", &[fd, OUT]),
                ("fd_allocate", &[fd, 0, 1]),
                ("fd_advise", &[fd, 0, 1, 0]),
                ("fd_filestat_set_size", &[fd, 0]),
                ("fd_fdstat_set_flags", &[fd, 1]),
            ] {
                assert_eq!(g.call(call, args), "BADF", "{call}");
            }
            g.ok("fd_sync", &[fd]);
            g.ok("fd_datasync", &[fd]);
        }
    });
}

#[test]
fn a_removed_file_lives_until_it_is_closed() {
    everywhere(|g| {
        g.file("f", b"old");
        let fd = g.open("f", 0, RW).unwrap();
        assert_eq!(g.unlink("f"), "SUCCESS");
        g.file("f", b"new");
        assert_eq!(g.read(fd, 9).unwrap(), b"old");
        assert_eq!(g.fstat(fd).unwrap().nlink, 0);
        assert_eq!(g.content("f").unwrap(), b"new");
    });
}

#[test]
fn nothing_changes_on_a_read_only_mount() {
    for rights in [Rights::Ignore, Rights::Enforce] {
        let place = mem_fs(false);
        let mut writer = Guest::of(crate::guest::builder(rights, place.clone()));
        writer.file("f", b"1234");
        writer.symlink("f", "l");
        let namespace = gangplank_vfs::Namespace::new();
        let at = mem_fs(false);
        let options = gangplank_vfs::MountOptions { read_only: true, ..Default::default() };
        let place = namespace.bind(&at, &place, options).unwrap();
        let mut g = Guest::of(crate::guest::builder(rights, place).namespace(&namespace));
        assert_eq!(g.open("f", 0, RW), Err("ROFS"));
        assert_eq!(g.open("f", crate::guest::TRUNC, R), Err("ROFS"), "cutting is writing");
        assert_eq!(g.open("new", CREAT, R), Err("ROFS"));
        assert_eq!((g.mkdir("d"), g.unlink("f"), g.rename("f", "g")), ("ROFS", "ROFS", "ROFS"));
        assert_eq!((g.symlink("f", "s"), g.link(0, "f", "g")), ("ROFS", "ROFS"));
        let fd = g.open("f", 0, R).unwrap();
        assert_eq!(g.call("fd_filestat_set_times", &[fd, 1, 1, 5]), "ROFS");
        assert_eq!(g.read(fd, 9).unwrap(), b"1234");
    }
}

#[test]
fn what_programs_do_all_the_time_allocates_nothing() {
    for rights in [Rights::Ignore, Rights::Enforce] {
        let mut g = Guest::new(rights);
        g.mkdir("a");
        g.mkdir("a/b");
        g.file("a/b/file", &[7; 4096]);
        let fd = g.open("a/b/file", 0, RW).unwrap();
        let n = g.iovs(&[(BUF, 64), (BUF + 64, 1000)]);
        let len = g.put(crate::guest::PATH, b"a/b/file");
        let mut round = || {
            g.ok("fd_seek", &[fd, 0, SET, OUT]);
            g.ok("fd_read", &[fd, IOVS, n, OUT]);
            g.ok("fd_write", &[fd, IOVS, n, OUT]);
            g.ok("fd_pread", &[fd, IOVS, 1, 5, OUT]);
            g.ok("fd_pwrite", &[fd, IOVS, 1, 5, OUT]);
            g.ok("fd_tell", &[fd, OUT]);
            g.ok("fd_filestat_get", &[fd, OUT]);
            g.ok("fd_fdstat_get", &[fd, OUT]);
            g.ok("path_filestat_get", &[3, 1, crate::guest::PATH, len, OUT]);
            g.ok("clock_time_get", &[0, 0, OUT]);
            g.ok("clock_time_get", &[1, 0, OUT]);
            g.ok("random_get", &[BUF, 64]);
        };
        round();
        assert_eq!(heap::watch(|| (0..100).for_each(|_| round())).0, 0);
    }
}
