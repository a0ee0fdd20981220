//! TRUNC without the right to write: the file is truncated as on Linux, or the call fails and it is whole.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    for rights in [0, FD_READ, READ] {
        let size = match open(dir, FOLLOW, "file", O_TRUNC, rights, 0, 0) {
            Ok(fd) => {
                fails(write(fd, "x"), BADF);
                fails_with(set_size(fd, 3), &[BADF, INVAL]);
                0
            }
            Err(e) => {
                check(e == INVAL || e == ACCES || e == NOTCAPABLE, "an error of its own");
                7
            }
        };
        eq(ok(stat(dir, "file")).size, size as u32);
        ok(unlink(dir, "file"));
        make_file(dir, "file", "content");
    }
    fails(open(dir, FOLLOW, "none", O_TRUNC, READ, 0, 0), NOENT);
    fails(stat(dir, "none"), NOENT);
}
