//! CVE-2026-27204, GHSA-x84v-gj2h-g759: what a guest says about sizes costs the host no memory. Measured in a process of its
//! own, as what it has resident at most, so that it counts whoever allocates.
#![cfg(target_os = "linux")]

use gangplank_wasi::Rights;

use crate::guest::{CREAT, Guest, IOVS, OUT, PATH, ROOT, RW};

const TASK: &str = "GANGPLANK_BOUNDED";

/// Memory of the guest: 64 MiB, all of which it has touched.
const MEMORY: usize = 64 << 20;

/// What a call may cost, in kilobytes.
const MOST: usize = 6 << 10;

fn resident(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs one call, and answers what it was answered, if it did not cost too much.
fn measure(what: &str, g: &mut Guest, name: &str, args: &[u64]) -> &'static str {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident("VmRSS");
    let answer = g.call(name, args);
    let grown = resident("VmHWM").saturating_sub(before);
    assert!(grown < MOST, "{what} took {grown} kB");
    answer
}

/// Not a test, but a process whose memory is measured.
#[test]
fn measured() {
    if std::env::var_os(TASK).is_none() {
        return;
    }
    let mut g = Guest::new(Rights::Ignore);
    g.memory = vec![1; MEMORY];
    let fd = g.open("f", CREAT, RW).unwrap();
    g.ok("fd_filestat_set_size", &[fd, 1 << 40]);
    for n in 0..2000 {
        assert_eq!(g.mkdir(&format!("directory {n}")), "SUCCESS");
    }
    // Everything after what `Guest` uses itself.
    const AT: u64 = 1 << 20;
    const ALL: u64 = MEMORY as u64 - AT;
    const HUGE: u64 = u32::MAX as u64;

    for (len, answer) in [(ALL, "SUCCESS"), (HUGE, "FAULT")] {
        assert_eq!(measure("random_get", &mut g, "random_get", &[AT, len]), answer);
        assert_eq!(measure("fd_readdir", &mut g, "fd_readdir", &[ROOT, AT, len, 0, OUT]), answer);
        assert_eq!(
            measure("path_readlink", &mut g, "path_readlink", &[ROOT, PATH, 1, AT, len, OUT]),
            answer_of_link(len)
        );
        assert_eq!(measure("a long path", &mut g, "path_create_directory", &[ROOT, AT, len]), long_path(len));
        g.iovs(&[(AT, len)]);
        assert_eq!(measure("fd_read", &mut g, "fd_read", &[fd, IOVS, 1, OUT]), answer);
        assert_eq!(measure("fd_pread", &mut g, "fd_pread", &[fd, IOVS, 1, 1 << 30, OUT]), answer);
        // To where nothing is kept.
        assert_eq!(measure("fd_write", &mut g, "fd_write", &[1, IOVS, 1, OUT]), answer);
    }
    assert_eq!(measure("an argument too long", &mut g, "path_create_directory", &[ROOT, AT, 110_000]), "NAMETOOLONG");

    // Ten thousand buffers, and eight million, each of four kilobytes that all of them share.
    for at in (AT as usize..MEMORY).step_by(8) {
        g.put(at as u64, &[0, 0, 0, 0, 0, 16, 0, 0]);
    }
    for count in [10_000, ALL / 8] {
        for (name, fd) in [("fd_read", fd), ("fd_write", 1)] {
            assert_eq!(measure("many buffers", &mut g, name, &[fd, AT, count, OUT]), "SUCCESS");
        }
    }
    // Subscriptions to clocks that have come.
    for at in (AT as usize..MEMORY).step_by(8) {
        g.put(at as u64, &[0; 8]);
    }
    for (count, answer) in [(8192, "SUCCESS"), (8193, "NOMEM"), (1 << 20, "NOMEM")] {
        assert_eq!(measure("a poll", &mut g, "poll_oneoff", &[AT, AT, count, OUT]), answer, "{count}");
    }
    println!("all of it was cheap");
}

/// There is no such link, whatever the buffer; but one that leads nowhere is refused first.
fn answer_of_link(len: u64) -> &'static str {
    if len > MEMORY as u64 { "FAULT" } else { "NOENT" }
}

fn long_path(len: u64) -> &'static str {
    if len > MEMORY as u64 { "FAULT" } else { "NAMETOOLONG" }
}

#[test]
fn no_call_takes_memory_for_what_the_guest_says() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bounded::measured", "--nocapture", "--test-threads=1"])
        .env(TASK, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all of it was cheap"), "{said}{failed}");
}
