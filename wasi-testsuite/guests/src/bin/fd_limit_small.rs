//! At the limit of descriptors there is MFILE, and a file that was to be created is not; one closed is one to be had.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    // 0 to 3 are taken, 8 are all there are.
    let dir = scratch!();
    let mut last = dir;
    let mut count = 5;
    loop {
        match open_rw(dir, "file", O_CREAT) {
            Ok(fd) => last = fd,
            Err(errno) => {
                check(errno == MFILE, "MFILE");
                break;
            }
        }
        count += 1;
        check(count <= 8, "more than the limit");
    }
    eq(count as u32, 8u32);
    fails(open_rw(dir, "new", O_CREAT), MFILE);
    fails(open_rw(dir, "file", O_TRUNC), MFILE);
    fails(open_dir(dir, "."), MFILE);
    fails(lstat(dir, "new"), NOENT);
    // What opens nothing goes on.
    works(mkdir(dir, "d"));
    works(stat(dir, "file"));
    ok(renumber(last, last));
    for _ in 0..100 {
        ok(close(last));
        last = ok(open_rw(dir, "new", O_CREAT));
    }
    fails(open_rw(dir, "newer", O_CREAT), MFILE);
}
