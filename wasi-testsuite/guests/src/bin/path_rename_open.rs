//! What is open stays what it is: a file that is replaced keeps its content, a directory that moves its entries.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "old", "old content");
    make_file(dir, "new", "new");
    let (old, new) = (ok(open_rw(dir, "old", 0)), ok(open_rw(dir, "new", 0)));
    ok(rename(dir, "new", dir, "old"));
    eq(ok(fstat(old)).nlink, 0u32);
    let mut buf = [0u8; 16];
    eq(ok(read(old, &mut buf)), 11u32);
    same(&buf[..11], "old content");
    ok(write(old, "!"));
    ok(write(new, "NEW"));
    holds(dir, "old", "NEW");

    // The descriptor of a directory follows it, and `..` is where it is now.
    ok(mkdir(dir, "a"));
    ok(mkdir(dir, "b"));
    let moving = make_dir(dir, "a/moving");
    make_file(moving, "file", "inside");
    ok(rename(dir, "a/moving", dir, "b/moved"));
    holds(moving, "file", "inside");
    make_file(moving, "later", "later");
    holds(dir, "b/moved/later", "later");
    fails(open_ro(dir, "a/moving/file"), NOENT);
    fails(stat(moving, ".."), PERM);
    let mut parent = 0;
    ok(list(moving, &mut [0u8; 256], 0, |e| {
        if e.name == b".." {
            parent = e.ino;
        }
    }));
    eq(parent, ok(stat(dir, "b")).ino);
    // An empty directory that is replaced has no name any more.
    let empty = make_dir(dir, "empty");
    ok(rename(dir, "b/moved", dir, "empty"));
    fails(open_rw(empty, "x", O_CREAT), NOENT);
    fails(mkdir(empty, "x"), NOENT);
    holds(dir, "empty/file", "inside");
    fails(rename(dir, "empty", moving, "inside_itself"), INVAL);
}
