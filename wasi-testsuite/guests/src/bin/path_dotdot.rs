//! `..` goes up as far as the descriptor it started from and never above, after links have been followed.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let a = make_dir(dir, "a");
    ok(mkdir(a, "b"));
    make_file(a, "file", "in a");
    make_file(dir, "file", "in dir");

    holds(dir, "a/../file", "in dir");
    holds(dir, "a/b/../file", "in a");
    holds(dir, "./a/.//b/..///b/../../a/file", "in a");
    eq(ok(stat(dir, "a/..")).ino, ok(fstat(dir)).ino);
    eq(ok(stat(dir, ".")).ino, ok(fstat(dir)).ino);
    fails(open_ro(dir, "none/../file"), NOENT);
    fails(open_ro(dir, "file/../file"), NOTDIR);

    // Not textually: what comes before may be a link to elsewhere.
    ok(symlink("a/b", dir, "link"));
    holds(dir, "link/../file", "in a");
    ok(symlink("../file", dir, "a/up"));
    holds(dir, "a/up", "in dir");

    // Above the start.
    for fd in [ROOT, dir] {
        let up: [&[u8]; 6] = [b"..", b"../..", b"../x", b"./..", b"../../etc/passwd", b"..//x"];
        for path in up {
            every_path_call(fd, path, |result| fails_with(result, &[PERM]));
        }
    }
    fails(open_dir(dir, "../"), PERM);
    fails(stat(dir, "../"), PERM);
    fails_with(open_rw(dir, "../", O_CREAT), &[PERM, ISDIR]);
    fails(open_ro(dir, "a/../../x"), PERM);
    fails(stat(dir, "a/b/../../.."), PERM);
    fails(open_ro(a, "../file"), PERM);
    fails(open_ro(a, "up"), PERM);
    fails(rename(a, "file", a, "../file2"), PERM);
    fails(open_rw(a, "../new", O_CREAT), PERM);
    fails(mkdir(a, "b/../../new"), PERM);
    fails(lstat(dir, "new"), NOENT);
    holds(a, "file", "in a");
}
