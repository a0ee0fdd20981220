//! Links on the way are followed whatever the flags say, up to 40 of them in all; at the end the flag counts.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    ok(mkdir(dir, "d"));
    make_file(dir, "d/file", "content");
    ok(symlink("d", dir, "m"));
    ok(symlink("file", dir, "d/end"));
    for lookup in [NOFOLLOW, FOLLOW] {
        eq(ok(stat_with(dir, lookup, "m/file")).filetype, REGULAR_FILE);
        ok(close(ok(open(dir, lookup, "m/file", 0, READ, 0, 0))));
        ok(set_path_times(dir, lookup, "m/file", 1, 2, ATIM | MTIM));
    }
    eq(ok(lstat(dir, "m/end")).filetype, SYMBOLIC_LINK);
    eq(ok(stat(dir, "m/end")).filetype, REGULAR_FILE);
    fails(open(dir, NOFOLLOW, "m/end", 0, READ, 0, 0), LOOP);
    fails_with(open(dir, NOFOLLOW, "m", O_DIRECTORY, DIR, 0, 0), &[NOTDIR, LOOP]);
    ok(close(ok(open(dir, NOFOLLOW, "m/", O_DIRECTORY, DIR, 0, 0))));
    ok(close(ok(open(dir, NOFOLLOW, "m/.", O_DIRECTORY, DIR, 0, 0))));
    // Each counts, also those that were passed before.
    ok(symlink(".", dir, "d/s"));
    let mut path = [0u8; 2 * 42 + 8];
    let mut len = 0;
    let mut add = |path: &mut [u8; 92], part: &[u8]| {
        for byte in part {
            if let Some(slot) = path.get_mut(len) {
                *slot = *byte;
                len += 1;
            }
        }
        len
    };
    let mut n = add(&mut path, b"d/");
    for _ in 0..39 {
        n = add(&mut path, b"s/");
    }
    works(stat(dir, &path[..n - 1]));
    n = add(&mut path, b"s/");
    works(stat(dir, &path[..n - 1]));
    works(stat(dir, &path[..n]));
    n = add(&mut path, b"s/");
    fails(stat(dir, &path[..n - 1]), LOOP);
    fails(open_ro(dir, &path[..n]), LOOP);
    works(lstat(dir, &path[..n - 1]));
}
