//! `wasi_unstable`: the same files and descriptors as preview1's, in other layouts.

use gangplank_wasi::{
    RightSet, Rights,
    abi::{self, Layout, types, unstable},
    stdio,
};

use crate::guest::{BUF, CREAT, FOLLOW, Guest, OUT, PATH, ROOT, RW, builder, everywhere, mem_fs};

fn call(g: &mut Guest, name: &str, args: &[u64]) -> &'static str {
    g.perform(abi::find("wasi_unstable", name).unwrap(), args)
}

fn filestat(g: &Guest) -> unstable::Filestat {
    unstable::Filestat::decode(g.bytes(OUT, 56).try_into().unwrap())
}

fn event(g: &Guest, index: u64) -> types::Event {
    types::Event::decode(g.bytes(BUF + 32 * index, 32).try_into().unwrap())
}

/// A subscription as it lies in memory.
fn subscription(userdata: u64, tag: u8, identifier: u64, clock: types::SubscriptionClock) -> [u8; 56] {
    unstable::Subscription { userdata, tag, identifier, clock }.encode()
}

fn clock(id: u32, timeout: u64) -> types::SubscriptionClock {
    types::SubscriptionClock { id, timeout, precision: 0, flags: 0 }
}

#[test]
fn metadata_takes_56_bytes() {
    everywhere(|g| {
        g.file("f", b"0123456789");
        let len = g.put(PATH, b"f");
        g.memory[OUT as usize + 56..OUT as usize + 64].fill(0xaa);
        assert_eq!(call(g, "path_filestat_get", &[ROOT, FOLLOW, PATH, len, OUT]), "SUCCESS");
        let by_path = filestat(g);
        assert_eq!((by_path.filetype, by_path.nlink, by_path.size), (4, 1, 10));
        assert_eq!(g.bytes(OUT + 56, 8), [0xaa; 8], "and not a byte more");
        let new = g.stat("f", 0).unwrap();
        assert_eq!(
            (by_path.dev, by_path.ino, by_path.atim, by_path.mtim, by_path.ctim),
            (new.dev, new.ino, new.atim, new.mtim, new.ctim)
        );
        let fd = g.open("f", 0, RW).unwrap();
        assert_eq!(call(g, "fd_filestat_get", &[fd, OUT]), "SUCCESS");
        assert_eq!(filestat(g), by_path);
        assert_eq!(call(g, "fd_filestat_get", &[1, OUT]), "SUCCESS", "streams have a type, if nothing else");
        assert_eq!(filestat(g), unstable::Filestat { filetype: filestat(g).filetype, ..Default::default() });
        assert_eq!(call(g, "path_filestat_get", &[ROOT, 2, PATH, len, OUT]), "INVAL");
    });
}

#[test]
fn whence_counts_from_the_cursor_first() {
    everywhere(|g| {
        g.file("f", b"0123456789");
        let fd = g.open("f", 0, RW).unwrap();
        let mut seek = |offset: i64, whence| {
            let result = call(g, "fd_seek", &[fd, offset as u64, whence, OUT]);
            if result == "SUCCESS" { Ok(g.u64(OUT)) } else { Err(result) }
        };
        assert_eq!(seek(4, 2), Ok(4), "2 is SET");
        assert_eq!(seek(3, 0), Ok(7), "0 is CUR");
        assert_eq!(seek(-1, 1), Ok(9), "1 is END");
        assert_eq!(seek(0, 3), Err("INVAL"));
        assert_eq!(seek(0, u64::from(u32::MAX)), Err("INVAL"));
        assert_eq!(seek(-1, 2), Err("INVAL"));
        assert_eq!(g.seek(fd, 0, 1), Ok(9), "one cursor for both snapshots");
    });
}

#[test]
fn events_have_the_type_of_their_subscription() {
    everywhere(|g| {
        g.file("f", b"0123456789");
        let fd = g.open("f", 0, RW | RightSet::POLL_FD_READWRITE).unwrap();
        // Where preview1 has the descriptor's 32 bits there are 64 here; the upper ones say nothing.
        let wild = fd | 0xffff_ffff_0000_0000;
        g.put(PATH, &subscription(1, 1, fd, clock(99, 0)));
        g.put(PATH + 56, &subscription(2, 2, wild, clock(0, 0)));
        g.put(PATH + 112, &subscription(3, 0, u64::MAX, clock(1, 0)));
        assert_eq!(call(g, "poll_oneoff", &[PATH, BUF, 3, OUT]), "SUCCESS");
        assert_eq!(g.u32(OUT), 3);
        let events: Vec<_> = (0..3).map(|i| event(g, i)).map(|e| (e.userdata, e.kind, e.error)).collect();
        assert_eq!(events, [(1, 1, 0), (2, 2, 0), (3, 0, 0)]);
        assert_eq!(event(g, 0).nbytes, 10);

        g.put(PATH, &subscription(1, 1, 99, clock(0, 0)));
        assert_eq!(call(g, "poll_oneoff", &[PATH, BUF, 1, OUT]), "BADF");
        g.put(PATH, &subscription(1, 3, fd, clock(0, 0)));
        assert_eq!(call(g, "poll_oneoff", &[PATH, BUF, 1, OUT]), "INVAL");
        g.put(PATH, &subscription(1, 0, 0, clock(7, 0)));
        assert_eq!(call(g, "poll_oneoff", &[PATH, BUF, 1, OUT]), "INVAL");
        assert_eq!(call(g, "poll_oneoff", &[PATH, BUF, 0, OUT]), "INVAL");
    });
}

#[test]
fn a_process_can_use_both() {
    let (stdout, written) = stdio::capture(64);
    let mut g = Guest::of(builder(Rights::Enforce, mem_fs(false)).stdout(stdout));
    let len = g.put(PATH, b"new");
    let rights = RW.bits();
    assert_eq!(call(&mut g, "path_open", &[ROOT, 1, PATH, len, CREAT, rights, 0, 0, OUT]), "SUCCESS");
    let fd = g.u32(OUT);
    g.put(BUF, b"text");
    let count = g.iovs(&[(BUF, 4)]);
    for fd in [1, fd] {
        assert_eq!(call(&mut g, "fd_write", &[fd, crate::guest::IOVS, count, OUT]), "SUCCESS");
    }
    assert_eq!(g.fstat(fd).unwrap().size, 4);
    g.ok("fd_close", &[fd]);
    assert_eq!(call(&mut g, "fd_close", &[fd]), "BADF");
    assert_eq!(call(&mut g, "proc_exit", &[3]), "EXIT");
    assert_eq!(written.take(), b"text");
}
