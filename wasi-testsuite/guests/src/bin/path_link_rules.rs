//! Hard links: one file, several names, counted; and what cannot be linked.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    ok(symlink("file", dir, "link"));
    ok(symlink("none", dir, "dangling"));
    ok(symlink("loop", dir, "loop"));

    ok(link(dir, NOFOLLOW, "file", dir, "hard"));
    ok(link(dir, NOFOLLOW, "file", dir, "d/hard"));
    let (a, b) = (ok(stat(dir, "file")), ok(stat(dir, "d/hard")));
    eq(a.nlink, 3u32);
    eq(b.nlink, 3u32);
    eq(a.ino, b.ino);
    eq(a.dev, b.dev);
    eq(a.ctim, b.ctim);
    eq(a.mtim, b.mtim);
    let fd = ok(open_rw(dir, "d/hard", 0));
    ok(write(fd, "C"));
    holds(dir, "hard", "Content");
    ok(unlink(dir, "file"));
    eq(ok(fstat(fd)).nlink, 2u32);
    holds(dir, "hard", "Content");
    make_file(dir, "file", "new");
    holds(dir, "hard", "Content");

    for onto in ["hard", "file", "d", "link", "dangling", "loop"] {
        fails(link(dir, NOFOLLOW, "file", dir, onto), EXIST);
    }
    fails(link(dir, NOFOLLOW, "d", dir, "x"), PERM);
    fails(link(dir, NOFOLLOW, "none", dir, "x"), NOENT);
    fails(link(dir, NOFOLLOW, "file", dir, "none/x"), NOENT);
    fails(link(dir, NOFOLLOW, "file", dir, "file/x"), NOTDIR);
    fails(lstat(dir, "x"), NOENT);

    // A link to a link is another name of the link.
    for (i, name) in ["link", "dangling", "loop"].iter().enumerate() {
        let new = ["l0", "l1", "l2"][i];
        ok(link(dir, NOFOLLOW, name, dir, new));
        let (a, b) = (ok(lstat(dir, name)), ok(lstat(dir, new)));
        eq(b.filetype, SYMBOLIC_LINK);
        eq(a.ino, b.ino);
        eq(b.nlink, 2u32);
    }
}
