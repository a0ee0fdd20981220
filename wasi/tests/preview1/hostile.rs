//! What no honest program does: an errno each time, nothing done, nothing allocated, no panic.

use gangplank_wasi::{
    Rights,
    abi::{self, Kind},
};

use crate::{
    guest::{BUF, CREAT, Guest, IOVS, OUT, PATH, PATH2, ROOT, RW, SIZE, everywhere},
    heap,
};

const OUTSIDE: u64 = SIZE as u64;
const LAST: u64 = u32::MAX as u64;

/// Bytes that a result of this kind takes; 0 for anything else.
fn out_size(kind: Kind) -> u64 {
    match kind {
        Kind::OutU16 => 2,
        Kind::OutU32 | Kind::OutFd => 4,
        Kind::OutU64 | Kind::OutPrestat => 8,
        Kind::OutFdstat => 24,
        Kind::OutFilestat => 64,
        Kind::OutFilestatUnstable => 56,
        _ => 0,
    }
}

/// Arguments with which `import` succeeds, but for sockets.
fn good(g: &mut Guest, import: &abi::Import, fd: u64) -> Vec<u64> {
    g.iovs(&[(BUF, 4)]);
    g.put(PATH, b"p");
    // A subscription to a time that has come.
    g.put(PATH2, &[0; 56]);
    let directory = ["fd_readdir", "fd_prestat_get", "fd_prestat_dir_name"].contains(&import.name);
    let mut outs = 0;
    let mut arg = |kind| match kind {
        Kind::Fd if directory || import.name.starts_with("path_") => ROOT,
        Kind::Fd => fd,
        Kind::Path => PATH,
        Kind::PathLen | Kind::IovsLen => 1,
        Kind::Len if import.name == "poll_oneoff" => 1,
        Kind::Len => 64,
        Kind::Iovs | Kind::IovsMut => IOVS,
        Kind::Subscriptions | Kind::SubscriptionsUnstable => PATH2,
        Kind::OutBuf | Kind::OutEvents => BUF,
        Kind::U64 => 1,
        _ if out_size(kind) > 0 || kind == Kind::OutPtrs => {
            outs += 1;
            OUT + 64 * (outs - 1)
        }
        _ => 0,
    };
    import.params.iter().map(|p| arg(p.kind)).collect()
}

#[test]
fn results_are_refused_a_bad_place_before_anything_happens() {
    everywhere(|g| {
        g.symlink("target", "p");
        g.file("f", b"0123456789");
        let fd = g.open("f", 0, RW).unwrap();
        for import in abi::imports().filter(|i| !i.name.starts_with("sock_")) {
            let args = good(g, import, fd);
            for (i, param) in import.params.iter().enumerate() {
                let size = out_size(param.kind);
                for bad in [OUTSIDE, LAST, 1 << 31, OUTSIDE - size + 1] {
                    if size == 0 {
                        continue;
                    }
                    let mut args = args.clone();
                    args[i] = bad;
                    let before = g.memory.clone();
                    assert_eq!(g.perform(import, &args), "FAULT", "{import:?} {args:?}");
                    assert!(g.memory == before, "{import:?} has written");
                }
            }
        }
        assert_eq!(g.seek(fd, 0, 1), Ok(0), "nothing was read");
        assert_eq!(g.fstat(fd).unwrap().size, 10, "nothing was written");
        assert_eq!(g.open("f", 0, RW), Ok(fd + 1), "nothing was opened");
    });
}

#[test]
fn buffers_outside_of_memory() {
    everywhere(|g| {
        g.symlink("target", "p");
        g.file("f", b"0123456789");
        let fd = g.open("f", 0, RW).unwrap();
        for import in abi::imports().filter(|i| !i.name.starts_with("sock_")) {
            let args = good(g, import, fd);
            for (i, param) in import.params.iter().enumerate() {
                let pointer = matches!(
                    param.kind,
                    Kind::Path
                        | Kind::Iovs
                        | Kind::IovsMut
                        | Kind::OutBuf
                        | Kind::OutPtrs
                        | Kind::Subscriptions
                        | Kind::SubscriptionsUnstable
                );
                for bad in [OUTSIDE, LAST, 1 << 31] {
                    let mut args = args.clone();
                    args[i] = bad;
                    // Without environment there is nothing to write.
                    if pointer && import.name != "environ_get" {
                        assert_eq!(g.perform(import, &args), "FAULT", "{import:?} {args:?}");
                    }
                }
            }
        }
        for call in ["fd_read", "fd_write"] {
            for count in [LAST, 1 << 29, (1 << 29) + 1, OUTSIDE] {
                let (count_of, largest) = heap::watch(|| {
                    assert_eq!(g.call(call, &[fd, IOVS, count, OUT]), "FAULT");
                });
                assert_eq!((count_of, largest), (0, 0));
            }
            g.iovs(&[(BUF, 4), (OUTSIDE - 1, 2)]);
            assert_eq!(g.call(call, &[fd, IOVS, 2, OUT]), "FAULT");
            g.iovs(&[(BUF, LAST), (BUF, LAST)]);
            assert_eq!(g.call(call, &[fd, IOVS, 2, OUT]), "FAULT");
            g.iovs(&[(LAST, 0)]);
            assert_eq!(g.call(call, &[fd, IOVS, 1, OUT]), "SUCCESS");
        }
        assert_eq!(g.seek(fd, 0, 1), Ok(0));
        assert_eq!(g.call("path_create_directory", &[ROOT, OUT, 100_000]), "NAMETOOLONG");
        assert_eq!(g.call("path_create_directory", &[ROOT, LAST, 0]), "NOENT");
    });
}

#[test]
fn memory_full_of_buffers_is_used_to_the_limit_of_a_call() {
    everywhere(|g| {
        let fd = g.open("f", CREAT, RW).unwrap();
        // Every eight bytes of the memory describe 4 KiB of it.
        for at in (0..SIZE).step_by(8) {
            g.put(at as u64, &[0, 0, 1, 0, 0, 16, 0, 0]);
        }
        let (_, largest) = heap::watch(|| {
            g.ok("fd_write", &[fd, 0, SIZE as u64 / 8, OUT]);
        });
        assert_eq!(g.u32(OUT), 1024 * 4096);
        assert!(largest <= 8 << 20, "{largest}");
        assert_eq!(g.fstat(fd).unwrap().size, 1024 * 4096);
    });
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// An argument that has some chance of getting far.
    fn arg(&mut self, kind: Kind) -> u64 {
        let wide = kind.val_type() == abi::ValType::I64;
        match (self.below(10), kind) {
            (0, _) if wide => self.next(),
            (0, _) => self.next() & LAST,
            (1, _) => [0, 1, LAST, 1 << 31, OUTSIDE, OUTSIDE - 1, OUTSIDE - 8][self.below(7) as usize],
            (2, _) if wide => [u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 50, 1 << 32][self.below(6) as usize],
            (3..6, Kind::Fd) => ROOT,
            (6..8, Kind::Fd) => ROOT + 1 + self.below(3),
            (_, Kind::Fd) => self.below(12),
            (_, Kind::Path) => [PATH, PATH + 100, PATH + 200, PATH + 300][self.below(4) as usize],
            (_, Kind::PathLen) => 1 + self.below(12) * self.below(2),
            (_, Kind::Iovs | Kind::IovsMut | Kind::Subscriptions) => IOVS + self.below(64) * 8,
            (_, Kind::IovsLen) => self.below(20),
            (_, Kind::Len) => self.below(300),
            (_, Kind::LookupFlags) => self.below(3),
            (_, Kind::FdFlags) => self.below(6),
            (_, Kind::Rights) => self.next() | 2,
            (_, Kind::OutBuf | Kind::OutEvents | Kind::OutPtrs) => BUF + self.below(5000),
            _ if out_size(kind) > 0 => OUT + self.below(200),
            _ => self.below(9),
        }
    }
}

/// Memory with paths, buffers and subscriptions, and noise between them.
fn furnish(g: &mut Guest, random: &mut Random) {
    for at in (0..PATH2 + 4096).step_by(8) {
        let noise = [0, random.below(OUTSIDE + 9), random.below(200), random.next()][random.below(4) as usize];
        g.put(at, &noise.to_le_bytes());
    }
    for (i, text) in ["a/b/c/../ab/d", "b/a/b/../../.", "c/../../a/b/c", "d/./a//b/../c"].iter().enumerate() {
        g.put(PATH + 100 * i as u64, text.as_bytes());
    }
    for i in 0..128 {
        let (at, len) = (random.below(OUTSIDE), random.below(3000));
        g.put(IOVS + i * 8, &(at as u32).to_le_bytes());
        g.put(IOVS + i * 8 + 4, &(len as u32).to_le_bytes());
    }
}

#[test]
fn a_storm_of_calls() {
    const CALLS: u32 = 50_000;
    for (seed, rights) in [(1, Rights::Ignore), (2, Rights::Enforce), (3, Rights::Ignore)] {
        let mut random = Random(seed);
        let mut succeeded = [0u32; 46];
        let mut g = Guest::new(rights);
        for i in 0..CALLS {
            if i % 200 == 0 {
                furnish(&mut g, &mut random);
            }
            let index = random.below(46) as usize;
            let import = &abi::preview1::IMPORTS[index];
            let args: Vec<_> = import.params.iter().map(|p| random.arg(p.kind)).collect();
            // Now and then will do.
            let ends = import.name == "proc_exit"
                || (["fd_close", "fd_renumber"].contains(&import.name) && args.contains(&ROOT));
            if ends && random.below(20) > 0 {
                continue;
            }
            let mut result = "";
            let (_, largest) = heap::watch(|| result = g.call(import.name, &args));
            assert!(largest <= 4 << 20, "{largest} bytes for {} {args:?}", import.name);
            succeeded[index] += u32::from(result == "SUCCESS");
            if result == "EXIT" || (i % 50 == 0 && g.process.fds().get(ROOT as u32).is_err()) {
                g = Guest::new(rights);
                furnish(&mut g, &mut random);
            }
        }
        let reached = succeeded.iter().filter(|&&n| n > 0).count();
        let never: Vec<_> =
            abi::preview1::IMPORTS.iter().zip(succeeded).filter(|(_, n)| *n == 0).map(|(i, _)| i.name).collect();
        assert!(reached >= 30, "never succeeded: {never:?}");
    }
}
