//! A descriptor moved onto the preopen is what is there from then on; the old one is closed.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    let inner = ok(fstat(dir));
    ok(renumber(dir, ROOT));
    fails(fdstat(dir), BADF);
    eq(ok(fstat(ROOT)).ino, inner.ino);
    holds(ROOT, "file", "content");
    fails(open_ro(ROOT, "../x"), PERM);
    ok(close(ROOT));
    fails(fdstat(ROOT), BADF);
    fails(open_ro(ROOT, "file"), BADF);
}
