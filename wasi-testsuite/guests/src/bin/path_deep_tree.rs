//! A tree a hundred directories deep, made, walked and removed, by path and by descriptor.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const DEPTH: usize = 100;

fn run() {
    let dir = scratch!();
    let mut path = [b'/'; DEPTH * 2];
    for name in path.iter_mut().step_by(2) {
        *name = b'd';
    }
    for depth in 1..=DEPTH {
        ok(mkdir(dir, &path[..depth * 2 - 1]));
    }
    let deep = ok(open_dir(dir, path));
    make_file(deep, "file", "at the bottom");
    let mut up = [0u8; DEPTH * 3];
    for step in up.chunks_mut(3) {
        step.copy_from_slice(b"../");
    }
    fails(stat(deep, up), PERM);
    let mut there_and_back = [0u8; DEPTH * 5];
    there_and_back[..DEPTH * 2].copy_from_slice(&path);
    there_and_back[DEPTH * 2..].copy_from_slice(&up);
    eq(ok(stat(dir, there_and_back)).ino, ok(fstat(dir)).ino);
    ok(unlink(deep, "file"));
    ok(rename(dir, "d", dir, "e"));
    path[0] = b'e';
    eq(ok(stat(dir, path)).ino, ok(fstat(deep)).ino);
    for depth in (1..=DEPTH).rev() {
        ok(rmdir(dir, &path[..depth * 2 - 1]));
    }
    fails(stat(dir, "e"), NOENT);
}
