//! A new directory is empty and counted by its parent; where none can be made, none is.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(symlink("none", dir, "dangling"));
    ok(symlink("loop", dir, "loop"));
    let links = ok(fstat(dir)).nlink;
    ok(mkdir(dir, "d"));
    ok(mkdir(dir, "slash/"));
    ok(mkdir(dir, "./d/./e"));
    let now_links = ok(fstat(dir)).nlink;
    check(now_links == links + 2 || now_links == links, "a parent counts its directories, or none");
    let s = ok(stat(dir, "d/e"));
    eq(s.filetype, DIRECTORY);
    let mut buf = [0u8; 128];
    let mut count = 0;
    ok(list(ok(open_dir(dir, "d/e")), &mut buf, 0, |_| count += 1));
    eq(count as u32, 2u32);
    for path in ["d", "d/", "file", "dangling", "loop", ".", "d/.", "d/..", "d/e/../e"] {
        fails(mkdir(dir, path), EXIST);
    }
    fails(mkdir(dir, "none/x"), NOENT);
    fails(mkdir(dir, "dangling/x"), NOENT);
    fails(mkdir(dir, "loop/x"), LOOP);
    fails(mkdir(dir, "file/x"), NOTDIR);
    fails(mkdir(dir, ""), NOENT);
    fails_with(mkdir(dir, "file/"), &[EXIST, NOTDIR]);
    fails(stat(dir, "none"), NOENT);
    let long = [b'n'; 256];
    ok(mkdir(dir, &long[..255]));
    fails(mkdir(dir, long), NAMETOOLONG);
    fails(mkdir(dir, b"\xc3\x28"), ILSEQ);
    fails(mkdir(dir, "a\0"), INVAL);
}
