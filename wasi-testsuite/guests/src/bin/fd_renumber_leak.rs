//! Two thousand renumberings leak no descriptor, and what was replaced is closed.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let keep = ok(open_ro(dir, "file"));
    let mut highest = 0;
    for i in 0..2000 {
        let fd = ok(open_ro(dir, "file"));
        highest = highest.max(fd);
        ok(renumber(fd, keep));
        fails(fdstat(fd), BADF);
        // The other way round too: then `keep` is free, and is taken again.
        if i % 2 == 0 {
            let fd = ok(open_ro(dir, "file"));
            ok(renumber(fd, keep));
        }
    }
    check(highest < 2000, "numbers are used again");
    let mut buf = [0u8; 8];
    eq(ok(read(keep, &mut buf)), 7u32);
    ok(close(keep));
    fails(fdstat(keep), BADF);
    for _ in 0..5000 {
        ok(close(ok(open_ro(dir, "file"))));
    }
}
