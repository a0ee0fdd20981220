//! Renaming everything onto everything.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "1");
    make_file(dir, "file2", "2");
    ok(mkdir(dir, "empty"));
    ok(mkdir(dir, "empty2"));
    ok(mkdir(dir, "full"));
    make_file(dir, "full/inner", "inner");
    ok(symlink("file", dir, "link"));
    let file = ok(stat(dir, "file"));

    fails(rename(dir, "none", dir, "x"), NOENT);
    fails(rename(dir, "file", dir, "none/x"), NOENT);
    fails(rename(dir, "file", dir, "file2/x"), NOTDIR);
    fails(rename(dir, "file", dir, "empty"), ISDIR);
    fails(rename(dir, "file", dir, "full"), ISDIR);
    fails(rename(dir, "empty", dir, "file"), NOTDIR);
    fails(rename(dir, "empty", dir, "link"), NOTDIR);
    fails(rename(dir, "empty", dir, "full"), NOTEMPTY);
    fails(rename(dir, "full", dir, "full/sub"), INVAL);
    fails(rename(dir, "full", dir, "full/inner/x"), NOTDIR);
    fails_with(rename(dir, "full/inner", dir, "full"), &[NOTEMPTY, ISDIR]);
    fails_with(rename(dir, ".", dir, "x"), &[INVAL, BUSY]);
    fails_with(rename(dir, "empty", dir, "."), &[INVAL, BUSY, EXIST, NOTEMPTY]);
    fails_with(rename(dir, "full/..", dir, "x"), &[INVAL, BUSY]);
    ok(mkdir(dir, "full/sub"));
    ok(mkdir(dir, "full/sub/deep"));
    fails(rename(dir, "full", dir, "full/sub/deep/x"), INVAL);
    holds(dir, "full/inner", "inner");

    // Onto itself, by one name or by two.
    ok(rename(dir, "file", dir, "file"));
    ok(rename(dir, "full", dir, "full"));
    ok(link(dir, NOFOLLOW, "file", dir, "hard"));
    ok(rename(dir, "file", dir, "hard"));
    eq(ok(stat(dir, "file")).nlink, 2u32);
    ok(unlink(dir, "hard"));

    // The file itself moves: same inode, its content, nothing left behind.
    ok(rename(dir, "file", dir, "moved"));
    fails(stat(dir, "file"), NOENT);
    eq(ok(stat(dir, "moved")).ino, file.ino);
    ok(rename(dir, "moved", dir, "file2"));
    holds(dir, "file2", "1");
    fails(stat(dir, "moved"), NOENT);

    // A link is moved and replaced as a link.
    ok(rename(dir, "link", dir, "link2"));
    eq(ok(lstat(dir, "link2")).filetype, SYMBOLIC_LINK);
    make_file(dir, "over", "over");
    ok(rename(dir, "over", dir, "link2"));
    eq(ok(lstat(dir, "link2")).filetype, REGULAR_FILE);
    fails(stat(dir, "file"), NOENT);

    // Directories: onto an empty one, elsewhere with all they hold, between descriptors.
    ok(rename(dir, "empty", dir, "empty2"));
    fails(stat(dir, "empty"), NOENT);
    ok(rename(dir, "full", dir, "empty2"));
    holds(dir, "empty2/inner", "inner");
    let other = make_dir(dir, "other");
    ok(rename(dir, "empty2", other, "sub"));
    holds(dir, "other/sub/inner", "inner");
    holds(other, "sub/inner", "inner");
    eq(ok(stat(dir, "other/sub/..")).ino, ok(fstat(other)).ino);
    ok(rename(other, "sub/inner", dir, "inner"));
    holds(dir, "inner", "inner");
}
