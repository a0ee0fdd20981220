//! Descriptors end, with MFILE, and come back when some are closed.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let (mut first, mut last, mut count) = (0, 0, 0u32);
    loop {
        match open_ro(dir, "file") {
            Ok(fd) => {
                if count == 0 {
                    first = fd;
                }
                last = fd;
                count += 1;
                check(count < 1_000_000, "there is no end to them");
                if count >= 1_000_000 {
                    return;
                }
            }
            Err(errno) => {
                fails::<()>(Err(errno), MFILE);
                break;
            }
        }
    }
    check(count >= 64, "a program needs a few");
    // Nothing is created or truncated by an open that fails.
    fails(open_rw(dir, "new", O_CREAT), MFILE);
    fails(open_rw(dir, "file", O_TRUNC), MFILE);
    fails(open_dir(dir, "."), MFILE);
    eq(ok(stat(dir, "file")).size, 7u32);
    fails(lstat(dir, "new"), NOENT);
    // What is open still works.
    let mut buf = [0u8; 8];
    eq(ok(read(last, &mut buf)), 7u32);
    ok(close(first));
    let fd = ok(open_rw(dir, "new", O_CREAT));
    fails(open_ro(dir, "file"), MFILE);
    ok(close(last));
    ok(write(fd, "x"));
}
