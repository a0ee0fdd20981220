//! Opening, using and closing, thousands of times, through directories and links, leaks nothing.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    ok(mkdir(dir, "d"));
    ok(symlink("d", dir, "link"));
    make_file(dir, "d/file", "content");
    let mut buf = [0u8; 16];
    for _ in 0..2000 {
        let d = ok(open_dir(dir, "link"));
        let fd = ok(open_ro(d, "file"));
        eq(ok(read(fd, &mut buf)), 7u32);
        fails(open_ro(d, "none"), NOENT);
        fails(open_ro(d, "file/"), NOTDIR);
        ok(close(d));
        eq(ok(pread(fd, &mut buf, 3)), 4u32);
        ok(close(fd));
        let fd = ok(open_rw(dir, "temporary", O_CREAT | O_EXCL));
        ok(unlink(dir, "temporary"));
        ok(close(fd));
    }
}
