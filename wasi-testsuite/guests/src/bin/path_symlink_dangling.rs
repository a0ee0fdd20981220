//! A link to nothing: seen as a link, created through, and never mistaken for a free name.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    ok(symlink("target", dir, "link"));
    fails(open_ro(dir, "link"), NOENT);
    fails(open(dir, NOFOLLOW, "link", 0, READ, 0, 0), LOOP);
    fails_with(open(dir, NOFOLLOW, "link", O_DIRECTORY, DIR, 0, 0), &[NOTDIR, LOOP]);
    fails(open(dir, NOFOLLOW, "link", O_CREAT, READ_WRITE, 0, 0), LOOP);
    fails(open(dir, FOLLOW, "link", O_CREAT | O_EXCL, READ_WRITE, 0, 0), EXIST);
    fails(open(dir, NOFOLLOW, "link", O_CREAT | O_EXCL, READ_WRITE, 0, 0), EXIST);
    fails(mkdir(dir, "link"), EXIST);
    fails(symlink("x", dir, "link"), EXIST);
    fails(lstat(dir, "target"), NOENT);

    // Creating through it makes the target.
    make_file(dir, "link", "content");
    eq(ok(lstat(dir, "link")).filetype, SYMBOLIC_LINK);
    eq(ok(lstat(dir, "target")).filetype, REGULAR_FILE);
    holds(dir, "target", "content");
    fails(open(dir, NOFOLLOW, "link", O_TRUNC, READ_WRITE, 0, 0), LOOP);
    holds(dir, "link", "content");
    ok(unlink(dir, "link"));
    holds(dir, "target", "content");

    // With a directory in between that is missing, there is nothing to make it in.
    ok(symlink("none/target", dir, "link"));
    fails(open_rw(dir, "link", O_CREAT), NOENT);
    // A link to a directory, with and without following.
    ok(mkdir(dir, "d"));
    ok(symlink("d", dir, "to_d"));
    ok(close(ok(open_dir(dir, "to_d"))));
    fails_with(open(dir, NOFOLLOW, "to_d", O_DIRECTORY, DIR, 0, 0), &[NOTDIR, LOOP]);
    fails(open(dir, NOFOLLOW, "to_d", 0, DIR, 0, 0), LOOP);
    make_file(dir, "to_d/file", "inside");
    holds(dir, "d/file", "inside");
}
