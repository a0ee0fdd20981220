//! Links that were there before, made by the host: they lead nowhere out, and absolute ones stay unread.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [0u8; 64];
    // up -> .., etc -> /etc, passwd -> /etc/passwd, exe -> /proc/self/exe, magic -> /proc/self/root/etc/passwd,
    // beside -> ../manifest.json, inside -> sub/file
    for path in ["passwd", "etc/passwd", "exe", "magic", "beside", "up/manifest.json", "up/escape-tests.dir/sub/file"] {
        fails(open_ro(ROOT, path), PERM);
        fails(stat(ROOT, path), PERM);
    }
    for path in ["up", "up/", "up/.", "etc", "etc/", "etc/."] {
        fails(open_dir(ROOT, path), PERM);
        fails(stat(ROOT, path), PERM);
    }
    // Writing only where a host that is wrong does no harm.
    fails(open_rw(ROOT, "beside", O_CREAT), PERM);
    fails(set_path_times(ROOT, FOLLOW, "up", 1, 1, ATIM), PERM);
    fails(mkdir(ROOT, "up/x"), PERM);
    fails(unlink(ROOT, "up/none"), PERM);
    fails(rename(ROOT, "up/none", ROOT, "x"), PERM);
    fails(symlink("x", ROOT, "etc/hostname"), PERM);
    // Where an absolute link points to is the host's business.
    for path in ["etc", "passwd", "exe", "magic"] {
        eq(ok(lstat(ROOT, path)).filetype, SYMBOLIC_LINK);
        fails(readlink(ROOT, path, &mut buf), PERM);
        check(buf == [0; 64], "nothing of it is told");
    }
    eq(ok(readlink(ROOT, "up", &mut buf)), 2u32);
    holds(ROOT, "inside", "inside\n");
    holds(ROOT, "sub/../inside", "inside\n");
}
