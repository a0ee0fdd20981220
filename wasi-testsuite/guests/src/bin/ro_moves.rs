//! A file does not get out of a read-only directory by a rename or a link into one that can be written, nor in.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const RO: u32 = 4;

fn run() {
    make_file(ROOT, "mine", "mine");
    fails_with(rename(RO, "there", ROOT, "out"), &[ROFS, XDEV]);
    fails_with(link(RO, NOFOLLOW, "there", ROOT, "out"), &[ROFS, XDEV]);
    fails_with(rename(ROOT, "mine", RO, "in"), &[ROFS, XDEV]);
    fails_with(link(ROOT, NOFOLLOW, "mine", RO, "in"), &[ROFS, XDEV]);
    fails_with(rename(ROOT, "mine", RO, "there"), &[ROFS, XDEV]);
    fails_with(rename(RO, "d", ROOT, "dir_out"), &[ROFS, XDEV]);
    for path in ["out", "in", "dir_out"] {
        fails(lstat(ROOT, path), NOENT);
        fails(lstat(RO, path), NOENT);
    }
    eq(ok(stat(RO, "there")).nlink, 1u32);
    eq(ok(stat(ROOT, "mine")).nlink, 1u32);
    holds(RO, "there", "other content\n");
    holds(ROOT, "mine", "mine");
    // A descriptor does not become writable by another number, nor its directory.
    let fd = ok(open_ro(RO, "there"));
    let spare = ok(open_rw(ROOT, "mine", 0));
    ok(renumber(fd, spare));
    fails(write(spare, "x"), BADF);
    ok(renumber(RO, spare));
    fails(open_rw(spare, "there", 0), ROFS);
    ok(unlink(ROOT, "mine"));
}
