//! What a symbolic link may say and where it may be; nothing of it is looked at.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    // Absolute ones could only lead out.
    for target in ["/", "/file", "//x"] {
        fails(symlink(target, dir, "abs"), PERM);
    }
    fails(lstat(dir, "abs"), NOENT);
    fails_with(symlink("", dir, "empty"), &[NOENT, INVAL]);
    fails(symlink("a\0b", dir, "nul"), INVAL);
    fails(symlink(b"\xff", dir, "latin"), ILSEQ);
    for existing in ["file", "d", "d/", "."] {
        fails(symlink("x", dir, existing), EXIST);
    }
    fails(symlink("x", dir, "none/x"), NOENT);
    fails(symlink("x", dir, "file/x"), NOTDIR);
    fails_with(symlink("x", dir, "new/"), &[NOENT, INVAL, NOTDIR]);
    fails(symlink("x", dir, ""), NOENT);
    fails(symlink("x", dir, "../x"), PERM);

    // Anything else is kept to the byte.
    let mut buf = [0u8; 300];
    for (i, target) in ["file", "./file", "d/..//file", "none", "../../up", " ", "\u{e9}\u{1f980}"].iter().enumerate() {
        let name = [b'l', b'0' + i as u8];
        ok(symlink(target, dir, name));
        let n = ok(readlink(dir, name, &mut buf)) as usize;
        same(&buf[..n], target);
        let s = ok(lstat(dir, name));
        eq(s.filetype, SYMBOLIC_LINK);
        eq(s.size, target.len());
        eq(s.nlink, 1u32);
        fails(symlink("x", dir, name), EXIST);
    }
    // A target may be long.
    let long = [b'a'; 255];
    ok(symlink(long, dir, "long"));
    eq(ok(readlink(dir, "long", &mut buf)), 255u32);
    let longer = [b'a'; 5000];
    fails(symlink(longer, dir, "longer"), NAMETOOLONG);
    fails(lstat(dir, "longer"), NOENT);
}
