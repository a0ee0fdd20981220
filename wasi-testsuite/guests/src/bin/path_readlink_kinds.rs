//! Only a symbolic link can be read as one, by its name and not through it.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let mut buf = [7u8; 32];
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    ok(symlink("d", dir, "to_d"));
    ok(symlink("to_d", dir, "to_link"));
    ok(symlink("../file", dir, "d/link"));
    for path in ["file", "d", "d/", ".", "to_d/", "to_d/.", "d/.."] {
        fails(readlink(dir, path, &mut buf), INVAL);
    }
    fails(readlink(dir, "none", &mut buf), NOENT);
    fails(readlink(dir, "none/x", &mut buf), NOENT);
    fails(readlink(dir, "file/x", &mut buf), NOTDIR);
    fails_with(readlink(dir, "file/", &mut buf), &[NOTDIR]);
    fails(readlink(dir, "", &mut buf), NOENT);
    check(buf == [7; 32], "nothing was written");
    eq(ok(readlink(dir, "to_link", &mut buf)), 4u32);
    same(&buf[..4], "to_d");
    eq(ok(readlink(dir, "to_link/link", &mut buf)), 7u32);
    same(&buf[..7], "../file");
    // Into no room at all.
    eq(ok(readlink(dir, "to_d", &mut [])), 0u32);
}
