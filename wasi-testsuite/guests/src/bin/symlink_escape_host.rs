//! Links that were there before, made by the host: they lead nowhere out, and absolute ones stay unread.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let mut buf = [0u8; 64];
    // up -> .., absolute -> /, etc -> /etc, proc -> /proc/self, beside -> ../manifest.json, inside -> sub/file
    for path in ["beside", "etc/passwd", "absolute/etc/passwd", "proc/root/etc/passwd", "up/manifest.json", "proc/exe"]
    {
        fails(open_ro(ROOT, path), PERM);
        fails(stat(ROOT, path), PERM);
    }
    // Writing only where a host that is wrong does no harm.
    fails(open_rw(ROOT, "beside", O_CREAT), PERM);
    fails(set_path_times(ROOT, FOLLOW, "up", 1, 1, ATIM), PERM);
    for path in ["up", "up/", "absolute", "absolute/", "proc/", "etc/."] {
        fails(open_dir(ROOT, path), PERM);
        fails(stat(ROOT, path), PERM);
    }
    fails(mkdir(ROOT, "up/x"), PERM);
    fails(unlink(ROOT, "up/none"), PERM);
    fails(rename(ROOT, "up/none", ROOT, "x"), PERM);
    fails(symlink("x", ROOT, "absolute/tmp"), PERM);
    // Where an absolute link points to is the host's business.
    for path in ["absolute", "etc", "proc"] {
        eq(ok(lstat(ROOT, path)).filetype, SYMBOLIC_LINK);
        fails(readlink(ROOT, path, &mut buf), PERM);
        check(buf == [0; 64], "nothing of it is told");
    }
    eq(ok(readlink(ROOT, "up", &mut buf)), 2u32);
    holds(ROOT, "inside", "inside\n");
    holds(ROOT, "sub/../inside", "inside\n");
}
