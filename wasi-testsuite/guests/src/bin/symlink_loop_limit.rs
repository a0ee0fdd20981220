//! Forty links are followed in one resolution, wherever they stand; a loop is LOOP.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "l0000", "the end");
    let (mut a, mut b) = ([0u8; 32], [0u8; 32]);
    for i in 1..=45 {
        ok(symlink(numbered(&mut a, "l", i - 1), dir, numbered(&mut b, "l", i)));
    }
    holds(dir, "l0001", "the end");
    holds(dir, "l0039", "the end");
    holds(dir, "l0040", "the end");
    fails(open_ro(dir, "l0041"), LOOP);
    fails(stat(dir, "l0045"), LOOP);
    works(lstat(dir, "l0045"));

    ok(symlink("self", dir, "self"));
    ok(symlink("pong", dir, "ping"));
    ok(symlink("ping", dir, "pong"));
    ok(symlink("in/x", dir, "in"));
    for path in ["self", "ping", "in", "self/x", "ping/../file"] {
        fails(open_ro(dir, path), LOOP);
        fails(open_rw(dir, path, O_CREAT), LOOP);
        fails(stat(dir, path), LOOP);
        fails(set_path_times(dir, FOLLOW, path, 1, 1, ATIM), LOOP);
    }
    fails(open(dir, NOFOLLOW, "self", 0, READ, 0, 0), LOOP);
    fails(mkdir(dir, "self/x"), LOOP);
    fails(unlink(dir, "in/x"), LOOP);
    eq(ok(lstat(dir, "self")).filetype, SYMBOLIC_LINK);
    ok(unlink(dir, "self"));

    // The count is of the whole path, not of one component.
    ok(symlink(".", dir, "dot"));
    let mut path = [0u8; 4 * 41 + 5];
    for step in path.chunks_mut(4) {
        let n = step.len();
        step.copy_from_slice(&b"dot/"[..n]);
    }
    let forty = 4 * 40;
    path[forty..forty + 5].copy_from_slice(b"l0000");
    holds(dir, &path[..forty + 5], "the end");
    path[forty..forty + 4].copy_from_slice(b"dot/");
    path[forty + 4..].copy_from_slice(b"l0000");
    fails(open_ro(dir, path), LOOP);
}
