//! A directory that was moved goes on as it is; in one that was removed nothing can be made.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let a = make_dir(dir, "a");
    make_file(a, "file", "content");
    ok(mkdir(dir, "deep"));
    ok(rename(dir, "a", dir, "deep/b"));
    holds(a, "file", "content");
    make_file(a, "new", "made after");
    holds(dir, "deep/b/new", "made after");
    ok(unlink(a, "new"));
    ok(unlink(a, "file"));
    ok(rmdir(dir, "deep/b"));

    fails(open_rw(a, "x", O_CREAT), NOENT);
    fails(mkdir(a, "x"), NOENT);
    fails(symlink("y", a, "x"), NOENT);
    fails(stat(a, "x"), NOENT);
    make_file(dir, "file", "");
    fails(rename(dir, "file", a, "x"), NOENT);
    fails(link(dir, NOFOLLOW, "file", a, "x"), NOENT);
    works(fstat(a));
    let mut buf = [0u8; 256];
    let used = ok(readdir(a, &mut buf, 0)) as usize;
    check(entries(&buf[..used]).all(|e| is_dots(e.name)), "empty");
    ok(close(a));
    // The name is free again, for something else.
    let b = make_dir(dir, "deep/b");
    make_file(b, "x", "");
}
