use core::fmt;
use std::sync::Arc;

use gangplank_wasi::{
    Call, GuestMemory, ProcessBuilder, System, Thread,
    abi::{self, Layout as _, types},
    stdio,
};

use super::{Strace, show};

fn shown(show: impl Fn(&mut String) -> fmt::Result) -> String {
    let mut line = String::new();
    show(&mut line).unwrap();
    line
}

/// What is printed for one call, without the duration.
fn traced(memory: &mut [u8], name: &str, args: &[u64]) -> String {
    traced_import(memory, abi::find("wasi_snapshot_preview1", name).unwrap(), args)
}

fn traced_import(memory: &mut [u8], import: &'static abi::Import, args: &[u64]) -> String {
    #[derive(Clone, Default)]
    struct Kept(Arc<parking_lot::Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept::default();
    let process = ProcessBuilder::new(&System::deterministic(0), "prog")
        .args(["one", "two"])
        .stdin(stdio::bytes(&b"some input\n"[..]))
        .stdout(stdio::null())
        .trace(Arc::new(Strace::new(kept.clone())))
        .build()
        .unwrap();
    let thread = Thread::main(&process);
    let _ = (import.call)(&mut Call::new(&thread, GuestMemory::exclusive(memory)), args);
    let line = String::from_utf8(kept.0.lock().clone()).unwrap();
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    line.rsplit_once(" <").map_or(line, |(line, _)| line).to_owned()
}

fn iovec(memory: &mut [u8], at: usize, buf: u32, len: u32) {
    memory[at..at + 8].copy_from_slice(&types::IoVec { buf, len }.encode());
}

#[test]
fn sets_are_named_as_far_as_they_have_names() {
    assert_eq!(shown(|line| show::flags::<abi::OFlags>(line, 0)), "0");
    assert_eq!(shown(|line| show::flags::<abi::OFlags>(line, 5)), "CREAT|EXCL");
    assert_eq!(shown(|line| show::flags::<abi::OFlags>(line, 0x101)), "CREAT|0x100");
    assert_eq!(shown(|line| show::flags::<abi::OFlags>(line, 0x1_0000)), "0x10000");
    assert_eq!(shown(|line| show::rights(line, 0)), "0");
    assert_eq!(shown(|line| show::rights(line, u64::MAX)), "ALL");
    assert_eq!(shown(|line| show::rights(line, 0x42)), "FD_READ|FD_WRITE");
    assert_eq!(shown(|line| show::rights(line, !0x42)), "ALL-FD_READ|FD_WRITE");
    assert_eq!(shown(|line| show::rights(line, 0xff)), "FD_DATASYNC|FD_READ|FD_SEEK|+5");
    assert_eq!(shown(|line| show::nanoseconds(line, 1_000_000_000)), "1s");
    assert_eq!(shown(|line| show::nanoseconds(line, 1_020_000_000)), "1.02s");
    assert_eq!(shown(|line| show::nanoseconds(line, u64::MAX)), "18446744073.709551615s");
}

#[test]
fn bytes_are_quoted_without_what_a_terminal_would_obey() {
    assert_eq!(shown(|line| show::bytes(line, b"a\"b\n\xff\x1b[2J", false)), r#""a\"b\n\xff\u{1b}[2J""#);
    assert_eq!(shown(|line| show::bytes(line, "it's \u{fc}\u{202e}".as_bytes(), false)), "\"it's ü\\u{202e}\"");
    assert_eq!(shown(|line| show::bytes(line, b"half \xc3", true)), "\"half \"…");
    assert_eq!(shown(|line| show::bytes(line, b"half \xc3", false)), "\"half \\xc3\"");
}

#[test]
fn data_written_and_read_is_shown() {
    let mut memory = [0; 256];
    iovec(&mut memory, 0, 64, 5);
    iovec(&mut memory, 8, 69, 40);
    memory[64..69].copy_from_slice(b"hello");
    memory[69..109].fill(b'x');
    assert_eq!(
        traced(&mut memory, "fd_write", &[1, 0, 2, 32]),
        format!(r#"fd_write(fd=1, iovs=["hello"[5], "{}"…[40]]) = 0 SUCCESS nwritten=45"#, "x".repeat(32))
    );
    iovec(&mut memory, 8, 80, 100);
    assert_eq!(
        traced(&mut memory, "fd_read", &[0, 0, 2, 32]),
        r#"fd_read(fd=0, iovs=[5, 100]) = 0 SUCCESS nread=11 iovs="some input\n""#
    );
    assert_eq!(traced(&mut memory, "fd_read", &[9, 0, 2, 32]), "fd_read(fd=9, iovs=[5, 100]) = 8 BADF");
}

#[test]
fn lists_are_cut_and_wild_pointers_are_shown_as_such() {
    let mut memory = [0; 128];
    (0..6).for_each(|i| iovec(&mut memory, i * 8, 100, 1));
    assert_eq!(traced(&mut memory, "fd_read", &[7, 0, 6, 96]), "fd_read(fd=7, iovs=[1, 1, 1, 1, …]) = 8 BADF");
    iovec(&mut memory, 0, u32::MAX, 2);
    assert_eq!(traced(&mut memory, "fd_write", &[1, 0, 1, 96]), "fd_write(fd=1, iovs=[0xffffffff[2]]) = 21 FAULT");
    let max = u64::from(u32::MAX);
    assert_eq!(traced(&mut memory, "fd_write", &[1, 8, max, 96]), "fd_write(fd=1, iovs=0x8[4294967295]) = 21 FAULT");
    assert_eq!(
        traced(&mut memory, "path_unlink_file", &[1, max, max]),
        "path_unlink_file(fd=1, path=0xffffffff[4294967295]) = 8 BADF"
    );
}

#[test]
fn a_path_of_any_length_makes_a_line_of_bounded_length() {
    let mut memory = vec![0x1b; 1 << 20];
    let line = traced(&mut memory, "path_rename", &[3, 0, 1 << 19, 3, 9, 1 << 19]);
    assert!(line.starts_with("path_rename(fd=3, old_path=\"\\u{1b}"), "{line}");
    assert!(line.ends_with('…') && line.len() <= super::LINE_MAX + 3, "{}", line.len());
}

#[test]
fn subscriptions_and_events() {
    let mut memory = [0; 512];
    let what = types::SubscriptionClock { id: 1, timeout: 1_500_000, precision: 0, flags: 0 };
    let clock = types::Subscription { userdata: 1, tag: 0, what };
    let what = types::SubscriptionClock { id: 0, timeout: 0, precision: 0, flags: 0 };
    let read = types::Subscription { userdata: 2, tag: 1, what };
    memory[..48].copy_from_slice(&clock.encode());
    memory[48..96].copy_from_slice(&read.encode());
    assert_eq!(
        traced(&mut memory, "poll_oneoff", &[0, 128, 2, 256]),
        "poll_oneoff(subscriptions=[{MONOTONIC 0.0015s}, {FD_READ fd=0}]) = 0 SUCCESS nevents=1 \
         events=[{FD_READ nbytes=1}]"
    );
}

#[test]
fn the_snapshot_before_is_decoded_as_it_lies() {
    let mut memory = [0; 512];
    let clock = types::SubscriptionClock { id: 1, timeout: 1_500_000, precision: 0, flags: 0 };
    let wait = abi::unstable::Subscription { userdata: 1, tag: 0, identifier: 9, clock };
    let read = abi::unstable::Subscription { userdata: 2, tag: 1, identifier: 0, clock };
    memory[..56].copy_from_slice(&wait.encode());
    memory[56..112].copy_from_slice(&read.encode());
    let mut traced = |name, args: &[u64]| traced_import(&mut memory, abi::find("wasi_unstable", name).unwrap(), args);
    assert_eq!(
        traced("poll_oneoff", &[0, 128, 2, 256]),
        "poll_oneoff(subscriptions=[{MONOTONIC 0.0015s}, {FD_READ fd=0}]) = 0 SUCCESS nevents=1 \
         events=[{FD_READ nbytes=1}]"
    );
    assert_eq!(traced("fd_seek", &[1, 0, 2, 0]), "fd_seek(fd=1, offset=0, whence=SET) = 70 SPIPE");
    let stat = traced("fd_filestat_get", &[1, 256]);
    assert!(stat.starts_with("fd_filestat_get(fd=1) = 0 SUCCESS stat={unknown, ino=0, nlink=0, size=0, "), "{stat}");
}

#[test]
fn results_are_decoded() {
    let mut memory = [0; 512];
    assert_eq!(
        traced(&mut memory, "args_get", &[0, 64]),
        r#"args_get(argv=0x0, argv_buf=0x40) = 0 SUCCESS argv=["prog", "one", "two"]"#
    );
    assert_eq!(traced(&mut memory, "args_sizes_get", &[0, 4]), "args_sizes_get() = 0 SUCCESS argc=3 argv_buf_size=13");
    let fdstat = traced(&mut memory, "fd_fdstat_get", &[1, 0]);
    assert!(fdstat.starts_with("fd_fdstat_get(fd=1) = 0 SUCCESS stat={unknown, 0, rights="), "{fdstat}");
    assert_eq!(
        traced(&mut memory, "clock_time_get", &[9, 1000, 0]),
        "clock_time_get(id=9, precision=0.000001s) = 28 INVAL"
    );
    assert_eq!(traced(&mut memory, "fd_seek", &[1, u64::MAX, 1, 0]), "fd_seek(fd=1, offset=-1, whence=CUR) = 70 SPIPE");
    assert_eq!(traced(&mut memory, "proc_raise", &[15]), "proc_raise(signal=TERM) = 58 NOTSUP");
    assert_eq!(traced(&mut memory, "proc_exit", &[7]), "proc_exit(code=7) = ?");
}

#[test]
fn no_arguments_make_it_panic() {
    // Every call, with pointers and lengths that lead nowhere, everywhere and to the very end.
    let values = [0, 1, 60, 64, 255, 256, 0x7fff_ffff, u64::from(u32::MAX), u64::MAX];
    for import in abi::imports() {
        for (i, _) in values.iter().enumerate() {
            for step in [0, 1, 2, 5] {
                let arg = |at: usize| values[(i + at * step) % values.len()];
                let args: Vec<u64> = (0..import.params.len())
                    .map(|at| match import.params[at].kind.val_type() {
                        abi::ValType::I32 => u64::from(arg(at) as u32),
                        abi::ValType::I64 => arg(at),
                    })
                    .collect();
                // A clock that is waited for would be waited for.
                if import.name == "poll_oneoff" && args[2] < 256 {
                    continue;
                }
                let mut memory = [0xff; 256];
                let line = traced_import(&mut memory, import, &args);
                assert!(line.starts_with(import.name) && line.len() <= super::LINE_MAX + 3, "{line}");
            }
        }
    }
}
