//! One filesystem under two names is one filesystem: the same files, moved and linked at will or not at all.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const AGAIN_DIR: u32 = 4;

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let other = ok(open_dir(AGAIN_DIR, "dirs_twice.cleanup"));
    let (a, b) = (ok(stat(dir, "file")), ok(stat(other, "file")));
    eq(a.ino, b.ino);
    eq(a.dev, b.dev);
    let (one, two) = (ok(open_rw(dir, "file", 0)), ok(open_rw(other, "file", 0)));
    ok(write(one, "C"));
    let mut buf = [0u8; 8];
    eq(ok(read(two, &mut buf)), 7u32);
    same(&buf[..7], "Content");
    if works_or(rename(dir, "file", other, "moved"), &[XDEV]) {
        holds(dir, "moved", "Content");
        fails(stat(other, "file"), NOENT);
        ok(rename(other, "moved", dir, "file"));
    }
    if works_or(link(dir, NOFOLLOW, "file", other, "hard"), &[XDEV]) {
        eq(ok(stat(dir, "hard")).nlink, 2u32);
    }
    holds(other, "file", "Content");
    ok(unlink(other, "file"));
    fails(stat(dir, "file"), NOENT);
}
