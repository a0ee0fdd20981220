//! Two filesystems: files cannot be moved or linked from one to the other, nor reached.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const OTHER: u32 = 4;

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    holds(OTHER, "there", "other content\n");
    check(ok(fstat(dir)).dev != ok(fstat(OTHER)).dev, "each has a number of its own");
    fails(rename(dir, "file", OTHER, "file"), XDEV);
    fails(rename(dir, "d", OTHER, "d"), XDEV);
    fails(rename(OTHER, "there", dir, "there"), XDEV);
    fails(rename(dir, "file", OTHER, "there"), XDEV);
    fails(link(dir, NOFOLLOW, "file", OTHER, "file"), XDEV);
    fails(link(OTHER, NOFOLLOW, "there", dir, "there"), XDEV);
    holds(dir, "file", "content");
    holds(OTHER, "there", "other content\n");
    fails(stat(OTHER, "file"), NOENT);
    fails(stat(dir, "there"), NOENT);
    eq(ok(stat(dir, "file")).nlink, 1u32);
    // What is wrong with the paths comes first.
    fails(rename(dir, "none/x", OTHER, "x"), NOENT);
    fails(rename(dir, "file", OTHER, "../x"), PERM);
    // No way from one into the other.
    fails(stat(ROOT, "../other.dir/there"), PERM);
    ok(symlink("../other.dir/there", ROOT, "out.cleanup"));
    fails(open_ro(ROOT, "out.cleanup"), PERM);
    ok(unlink(ROOT, "out.cleanup"));
}
