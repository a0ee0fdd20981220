//! Times keep their nanoseconds; only what was named changes; what contradicts itself changes nothing.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const A: u64 = 1_234_567_890_123_456_789;
const M: u64 = 987_654_321_987_654_321;

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(symlink("file", dir, "link"));
    let fd = ok(open_rw(dir, "file", 0));

    ok(set_times(fd, A, M, ATIM | MTIM));
    are(fd, A, M);
    ok(set_times(fd, 5, 7, ATIM));
    are(fd, 5, M);
    ok(set_times(fd, 5, 7, MTIM));
    are(fd, 5, 7);
    ok(set_times(fd, A, M, 0));
    are(fd, 5, 7);
    for bad in [ATIM | ATIM_NOW, MTIM | MTIM_NOW, ATIM | MTIM | MTIM_NOW, 15, 0x10, ATIM | 0x20, 0x1_0000, 0x1_0001] {
        fails(set_times(fd, A, M, bad), INVAL);
        fails(set_path_times(dir, FOLLOW, "file", A, M, bad), INVAL);
        are(fd, 5, 7);
    }

    ok(set_path_times(dir, FOLLOW, "file", A, M, ATIM | MTIM));
    are(fd, A, M);
    let ctim = ok(fstat(fd)).ctim;
    check(ctim > M, "the time of change is now");

    // A link has times of its own.
    ok(set_path_times(dir, NOFOLLOW, "link", 11, 13, ATIM | MTIM));
    are(fd, A, M);
    eq(ok(lstat(dir, "link")).mtim, 13u32);
    ok(set_path_times(dir, FOLLOW, "link", 17, 19, ATIM | MTIM));
    are(fd, 17, 19);
    eq(ok(lstat(dir, "link")).mtim, 13u32);

    // Now is now.
    let before = ok(now(REALTIME));
    ok(set_times(fd, A, M, ATIM_NOW | MTIM));
    let s = ok(fstat(fd));
    eq(s.mtim, M);
    near(s.atim, before);
    ok(set_path_times(dir, FOLLOW, "file", A, M, ATIM | MTIM_NOW));
    let s = ok(fstat(fd));
    eq(s.atim, A);
    near(s.mtim, before);

    // Directories have times too.
    ok(set_path_times(dir, FOLLOW, ".", A, M, ATIM | MTIM));
    are(dir, A, M);
    ok(set_times(dir, M, A, ATIM | MTIM));
    are(dir, M, A);
    make_file(dir, "another", "");
    near(ok(fstat(dir)).mtim, before);
    // Writing changes the time of modification, reading does not.
    ok(set_times(fd, A, M, ATIM | MTIM));
    let mut buf = [0u8; 4];
    ok(pread(fd, &mut buf, 0));
    eq(ok(fstat(fd)).mtim, M);
    ok(pwrite(fd, "x", 0));
    near(ok(fstat(fd)).mtim, before);

    // Times no clock shows: refused or kept or cut, never a crash.
    for far in [u64::MAX, 1 << 63, i64::MAX as u64] {
        works_or(set_times(fd, far, far, ATIM | MTIM), &[INVAL, OVERFLOW]);
        works(fstat(fd));
        works(stat(dir, "file"));
    }
    fails(set_path_times(dir, FOLLOW, "none", A, M, ATIM), NOENT);
}

#[track_caller]
fn are(fd: u32, atim: u64, mtim: u64) {
    let s = ok(fstat(fd));
    eq(s.atim, atim);
    eq(s.mtim, mtim);
}

/// Within the granularity of a filesystem's clock before, and a minute after.
#[track_caller]
fn near(time: u64, before: u64) {
    check(time + 2_000_000_000 >= before && time < before + 60_000_000_000, "this is not now");
}
