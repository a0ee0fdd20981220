//! `path_link` never follows: asked to, it is INVAL, as is any other flag; and slashes are not names.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    ok(symlink("file", dir, "link"));
    for flags in [FOLLOW, 2, 3, 0x100, 0x8000_0000, u32::MAX] {
        fails(link(dir, flags, "link", dir, "new"), INVAL);
        fails(link(dir, flags, "file", dir, "new"), INVAL);
    }
    fails(link(dir, NOFOLLOW, "file", dir, "new/"), NOENT);
    fails(link(dir, NOFOLLOW, "file/", dir, "new"), NOTDIR);
    fails_with(link(dir, NOFOLLOW, "link/", dir, "new"), &[NOTDIR]);
    fails_with(link(dir, NOFOLLOW, "d/", dir, "new"), &[PERM]);
    fails_with(link(dir, NOFOLLOW, ".", dir, "new"), &[PERM]);
    fails_with(link(dir, NOFOLLOW, "file", dir, "."), &[EXIST]);
    fails_with(link(dir, NOFOLLOW, "file", dir, "d/"), &[EXIST]);
    fails(link(dir, NOFOLLOW, "file", dir, ""), NOENT);
    fails(link(dir, NOFOLLOW, "", dir, "new"), NOENT);
    let long = [b'n'; 256];
    fails(link(dir, NOFOLLOW, "file", dir, long), NAMETOOLONG);
    fails(link(dir, NOFOLLOW, long, dir, "new"), NAMETOOLONG);
    fails(lstat(dir, "new"), NOENT);
    eq(ok(stat(dir, "file")).nlink, 1u32);
    // Between two descriptors of directories.
    let d = ok(open_dir(dir, "d"));
    ok(link(dir, NOFOLLOW, "file", d, "new"));
    eq(ok(stat(d, "new")).ino, ok(stat(dir, "file")).ino);
    ok(link(d, NOFOLLOW, "new", dir, "again"));
    eq(ok(stat(dir, "file")).nlink, 3u32);
}
