//! No link that a guest makes leads out, by any call, in any spelling.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let a = make_dir(dir, "a");
    make_file(dir, "outside", "secret");
    let before = ok(stat(dir, "outside"));

    // Links that point out may exist; `dir` is out for `a`.
    ok(symlink("../outside", a, "up"));
    ok(symlink("..", a, "evil"));
    // A target that ends in a slash, and links to links.
    ok(symlink("evil/", a, "slash"));
    ok(symlink("slash", a, "twice"));
    ok(symlink("./././evil", a, "dots"));
    // A link that leads nowhere does not earn a level.
    ok(symlink(".", a, "here"));
    ok(mkdir(a, "sub"));
    ok(symlink("sub/../..", a, "sideways"));
    ok(symlink("../a/sub", a, "back"));

    let out: [&[u8]; 14] = [
        b"up",
        b"evil/outside",
        b"evil//outside",
        b"slash/outside",
        b"slash//outside",
        b"twice/outside",
        b"dots/outside",
        b"here/../outside",
        b"here/here/../outside",
        b"sideways/outside",
        b"evil/a/sub",
        b"back/x",
        b"sub/../../outside",
        b"here/up",
    ];
    let mut buf = [0u8; 64];
    for path in out {
        fails(open_ro(a, path), PERM);
        fails(open_rw(a, path, O_CREAT), PERM);
        fails(open_rw(a, path, O_TRUNC), PERM);
        fails(open_dir(a, path), PERM);
        fails(stat(a, path), PERM);
        fails(set_path_times(a, FOLLOW, path, 1, 1, ATIM | MTIM), PERM);
        if path != b"up" && path != b"here/up" {
            fails(lstat(a, path), PERM);
            fails(mkdir(a, path), PERM);
            fails(rmdir(a, path), PERM);
            fails(unlink(a, path), PERM);
            fails(readlink(a, path, &mut buf), PERM);
            fails(symlink("x", a, path), PERM);
            fails(link(a, NOFOLLOW, path, a, "stolen"), PERM);
            fails(rename(a, path, a, "stolen"), PERM);
            fails(rename(a, "sub", a, path), PERM);
        }
    }
    let directories: [&[u8]; 10] =
        [b"evil", b"evil/", b"slash", b"slash/", b"slash//", b"twice", b"twice/", b"dots/.", b"sideways/", b"here/.."];
    for path in directories {
        fails(open_dir(a, path), PERM);
        fails(stat(a, path), PERM);
        fails(set_path_times(a, FOLLOW, path, 1, 1, ATIM | MTIM), PERM);
    }
    // Not followed, a trailing slash follows all the same.
    for path in ["evil/", "slash/", "slash//", "evil/.", "slash/./"] {
        fails(open(a, NOFOLLOW, path, O_DIRECTORY, DIR, 0, 0), PERM);
        fails(lstat(a, path), PERM);
    }
    // Creating through a link that dangles outside.
    ok(symlink("../planted", a, "plant"));
    fails(open_rw(a, "plant", O_CREAT), PERM);
    fails(lstat(dir, "planted"), NOENT);
    // A hard link to an escaping link is that link again, and escapes as little.
    ok(link(a, NOFOLLOW, "up", a, "up2"));
    fails(open_ro(a, "up2"), PERM);

    fails(symlink("/", a, "root"), PERM);
    fails(symlink("/etc/passwd", a, "passwd"), PERM);
    fails(lstat(a, "stolen"), NOENT);
    let after = ok(stat(dir, "outside"));
    eq(after.mtim, before.mtim);
    eq(after.atim, before.atim);
    holds(dir, "outside", "secret");
    // And from above, the same links are good.
    holds(dir, "a/up", "secret");
    holds(dir, "a/slash/outside", "secret");
}
