//! Unlinking takes away one name: of a link the link, of a file with more names one of them.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    ok(symlink("file", dir, "link"));
    ok(symlink("d", dir, "to_d"));
    ok(symlink("loop", dir, "loop"));
    ok(symlink("none", dir, "dangling"));
    ok(link(dir, NOFOLLOW, "file", dir, "d/hard"));
    for path in ["link/", "file/"] {
        fails(unlink(dir, path), NOTDIR);
    }
    fails_with(unlink(dir, "to_d/"), &[NOTDIR, ISDIR]);
    fails_with(rmdir(dir, "to_d/"), &[NOTDIR]);
    fails(unlink(dir, "loop/x"), LOOP);
    fails(unlink(dir, "dangling/x"), NOENT);
    fails(unlink(dir, ""), NOENT);
    fails(rmdir(dir, ""), NOENT);
    for path in ["link", "to_d", "loop", "dangling"] {
        ok(unlink(dir, path));
        fails(unlink(dir, path), NOENT);
    }
    eq(ok(stat(dir, "file")).nlink, 2u32);
    ok(unlink(dir, "file"));
    eq(ok(stat(dir, "d/hard")).nlink, 1u32);
    holds(dir, "d/hard", "content");
    fails(rmdir(dir, "d"), NOTEMPTY);
    ok(unlink(dir, "d/hard"));
    ok(rmdir(dir, "d"));
}
