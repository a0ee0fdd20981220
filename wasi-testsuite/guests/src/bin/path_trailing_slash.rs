//! A trailing slash asks for a directory.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(mkdir(dir, "d"));
    ok(symlink("d", dir, "to_d"));
    ok(symlink("file", dir, "to_file"));
    ok(symlink("none", dir, "to_none"));

    for path in ["file/", "file///", "file/.", "to_file/", "to_file/."] {
        fails(open_ro(dir, path), NOTDIR);
        fails(stat(dir, path), NOTDIR);
        fails(lstat(dir, path), NOTDIR);
        fails(unlink(dir, path), NOTDIR);
        fails_with(rmdir(dir, path), &[NOTDIR, INVAL]);
        fails_with(rename(dir, path, dir, "moved"), &[NOTDIR, INVAL, BUSY]);
        fails(set_path_times(dir, NOFOLLOW, path, 1, 1, ATIM), NOTDIR);
    }
    fails_with(open_rw(dir, "file/", O_CREAT), &[NOTDIR, ISDIR]);
    fails(open_rw(dir, "new/", O_CREAT), ISDIR);
    fails(lstat(dir, "new"), NOENT);
    fails_with(rename(dir, "file", dir, "new/"), &[NOTDIR]);
    fails_with(link(dir, NOFOLLOW, "file", dir, "new/"), &[NOENT, NOTDIR]);
    fails_with(symlink("x", dir, "new/"), &[NOENT, NOTDIR]);
    fails_with(symlink("x", dir, "d/"), &[EXIST]);
    fails(lstat(dir, "new"), NOENT);

    // Directories do not mind.
    for path in ["d/", "d///", "d/.", "d/./", "to_d/"] {
        eq(ok(stat(dir, path)).filetype, DIRECTORY);
        eq(ok(lstat(dir, path)).filetype, DIRECTORY);
        ok(close(ok(open(dir, NOFOLLOW, path, O_DIRECTORY, DIR, 0, 0))));
    }
    eq(ok(lstat(dir, "to_d")).filetype, SYMBOLIC_LINK);
    fails(stat(dir, "to_none/"), NOENT);
    ok(mkdir(dir, "new/"));
    ok(rename(dir, "new/", dir, "new2"));
    ok(rename(dir, "new2", dir, "new3/"));
    ok(rename(dir, "new3/", dir, "new4//"));
    fails(mkdir(dir, "new4/"), EXIST);
    ok(rmdir(dir, "new4/"));
    fails(lstat(dir, "new4"), NOENT);

    let mut buf = [0u8; 16];
    fails_with(readlink(dir, "to_d/", &mut buf), &[INVAL]);
    fails_with(rmdir(dir, "to_d/"), &[NOTDIR]);
    fails_with(unlink(dir, "to_d/"), &[NOTDIR, ISDIR]);
    eq(ok(lstat(dir, "to_d")).filetype, SYMBOLIC_LINK);
}
