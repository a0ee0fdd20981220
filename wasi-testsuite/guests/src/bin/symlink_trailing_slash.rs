//! GHSA-hp8f-xmx4-4qrg, CVE-2026-39822: a link whose target ends in a slash, to a link that leads out. No call gets
//! anything by it, in any spelling, and what is outside is as it was.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let a = make_dir(dir, "a");
    let outside = make_dir(dir, "outside");
    make_file(outside, "f", "secret");
    ok(set_path_times(outside, NOFOLLOW, "f", 1, 1, ATIM | MTIM));
    let before = [ok(fstat(outside)), ok(stat(outside, "f"))];

    ok(symlink("../outside", a, "evil"));
    for (target, link) in [
        ("evil/", "link1"),
        ("evil//", "link2"),
        ("evil/.", "link3"),
        ("link1/", "link4"),
        ("../outside/", "link5"),
        ("./link5", "link6"),
    ] {
        ok(symlink(target, a, link));
    }
    for link in ["link1", "link2", "link3", "link4", "link5", "link6"] {
        for end in ["/", "//", "/.", "/f", "/f/", "//f", "/new", "/../outside/f"] {
            let mut buf = [0u8; 32];
            let path = joined(&mut buf, link, end);
            let mut calls = 0;
            every_path_call(a, path, |result| {
                calls += 1;
                // What has a name after the slash, or is to be one, is outside; of `link/` itself some calls mean what
                // has the name `link`, and that is no directory.
                check(result.is_err(), "a call that leads out was made");
            });
            check(calls > 15, "all calls");
            fails_with(open(a, NOFOLLOW, path, O_DIRECTORY | O_EXCL, DIR, 0, 0), &[PERM]);
            fails_with(open(a, FOLLOW, path, O_TRUNC, READ, 0, 0), &[PERM]);
            fails_with(open(a, FOLLOW, path, O_CREAT | O_TRUNC, READ_WRITE, 0, 0), &[PERM, ISDIR]);
        }
        // And the name alone, where a call follows it.
        fails(open_dir(a, link), PERM);
        fails_with(open_rw(a, link, O_CREAT), &[PERM, ISDIR]);
        fails(stat(a, link), PERM);
        fails(set_path_times(a, FOLLOW, link, 2, 2, ATIM | MTIM), PERM);
        // Where none does, the link is a link.
        eq(ok(lstat(a, link)).filetype, SYMBOLIC_LINK);
        ok(set_path_times(a, NOFOLLOW, link, 2, 2, ATIM | MTIM));
        ok(rename(a, link, a, "renamed"));
        fails(stat(a, "renamed/f"), PERM);
        ok(rename(a, "renamed", a, link));
    }
    // Where they lead is still there for who may go there, and untouched.
    let after = [ok(fstat(outside)), ok(stat(outside, "f"))];
    for (before, after) in before.iter().zip(&after) {
        eq(after.mtim, before.mtim);
        eq(after.ctim, before.ctim);
        eq(after.atim, before.atim);
        eq(after.nlink, before.nlink);
        eq(after.size, before.size);
    }
    fails(lstat(dir, "new"), NOENT);
    fails(lstat(outside, "new"), NOENT);
    holds(dir, "a/link1/f", "secret");
    holds(dir, "a/link4/f", "secret");
}

fn joined<'a>(buf: &'a mut [u8; 32], link: &str, end: &str) -> &'a [u8] {
    let n = link.len();
    buf[..n].copy_from_slice(link.as_bytes());
    buf[n..n + end.len()].copy_from_slice(end.as_bytes());
    &buf[..n + end.len()]
}
