//! In a read-only directory every change is ROFS, and reading is as ever.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const RO: u32 = 4;

fn run() {
    let file = ok(open_ro(RO, "there"));
    let before = ok(fstat(file));
    fails(mkdir(RO, "new"), ROFS);
    fails(rmdir(RO, "d"), ROFS);
    fails(unlink(RO, "there"), ROFS);
    fails(symlink("x", RO, "new"), ROFS);
    fails(link(RO, NOFOLLOW, "there", RO, "new"), ROFS);
    fails(rename(RO, "there", RO, "new"), ROFS);
    fails(set_path_times(RO, FOLLOW, "there", 1, 1, ATIM | MTIM), ROFS);
    fails(set_times(file, 1, 1, ATIM | MTIM), ROFS);
    fails(set_times(RO, 1, 1, ATIM | MTIM), ROFS);
    fails_with(write(file, "x"), &[BADF, ROFS]);
    fails_with(pwrite(file, "x", 0), &[BADF, ROFS]);
    fails_with(set_size(file, 0), &[BADF, INVAL, ROFS]);
    fails_with(allocate(file, 0, 100), &[BADF, INVAL, ROFS]);
    // Through a directory opened there, too.
    let d = ok(open_dir(RO, "d"));
    fails(open_rw(d, "new", O_CREAT), ROFS);
    fails(mkdir(d, "new"), ROFS);
    fails(unlink(d, "inner"), ROFS);
    fails(set_times(d, 1, 1, MTIM), ROFS);
    // What is wrong anyway is still said.
    fails(open_ro(RO, "none"), NOENT);
    fails(stat(RO, "there/x"), NOTDIR);
    fails(open_ro(RO, "../x"), PERM);

    let mut buf = [0u8; 256];
    eq(ok(read(file, &mut buf)), 14u32);
    let mut count = 0;
    ok(list(RO, &mut buf, 0, |_| count += 1));
    eq(count as u32, 4u32);
    let after = ok(stat(ROOT, "there"));
    eq(after.mtim, before.mtim);
    eq(after.ctim, before.ctim);
    eq(after.nlink, 1u32);
    fails(stat(ROOT, "new"), NOENT);
    fails(stat(ROOT, "d/new"), NOENT);
    holds(RO, "there", "other content\n");
    holds(RO, "d/inner", "inner\n");
}
