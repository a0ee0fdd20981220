//! `path_readlink` writes what fits and no more, and needs a link.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let mut target = [b't'; 1000];
    for slash in target.iter_mut().skip(9).step_by(10) {
        *slash = b'/';
    }
    ok(symlink("target", dir, "link"));
    ok(symlink("../\u{e9}/./x//", dir, "odd"));
    ok(symlink(target, dir, "long"));
    let mut buf = [b'#'; 1100];
    eq(ok(readlink(dir, "link", &mut buf)), 6u32);
    same(&buf[..8], "target##");
    eq(ok(readlink(dir, "odd", &mut buf)), 11u32);
    same(&buf[..12], "../\u{e9}/./x//#");
    eq(ok(readlink(dir, "long", &mut buf)), 1000u32);
    check(buf[..1000] == target && buf[1000] == b'#', "all of it");

    buf.fill(b'#');
    eq(ok(readlink(dir, "link", &mut buf[..4])), 4u32);
    same(&buf[..6], "targ##");
    eq(ok(readlink(dir, "link", &mut buf[..6])), 6u32);
    works_or(readlink(dir, "link", &mut []), &[INVAL]);

    make_file(dir, "file", "");
    fails(readlink(dir, "file", &mut buf), INVAL);
    fails(readlink(dir, ".", &mut buf), INVAL);
    fails(readlink(dir, "none", &mut buf), NOENT);
    // The link in the middle is followed, the last one never.
    ok(mkdir(dir, "d"));
    ok(symlink("x", dir, "d/inner"));
    ok(symlink("d", dir, "to_d"));
    eq(ok(readlink(dir, "to_d/inner", &mut buf)), 1u32);
    eq(ok(readlink(dir, "to_d", &mut buf)), 1u32);
    same(&buf[..1], "d");
}
