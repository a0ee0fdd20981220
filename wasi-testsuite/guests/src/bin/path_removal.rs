//! What `path_unlink_file`, `path_remove_directory` and `path_create_directory` refuse.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "");
    ok(mkdir(dir, "d"));
    ok(mkdir(dir, "d/e"));
    ok(mkdir(dir, "empty"));
    ok(symlink("empty", dir, "to_empty"));

    fails(unlink(dir, "d"), ISDIR);
    fails_with(unlink(dir, "d/"), &[ISDIR]);
    fails(unlink(dir, "none"), NOENT);
    fails(unlink(dir, "file/x"), NOTDIR);
    fails(rmdir(dir, "none"), NOENT);
    fails(rmdir(dir, "file"), NOTDIR);
    fails(rmdir(dir, "d"), NOTEMPTY);
    fails(rmdir(dir, "to_empty"), NOTDIR);
    fails(rmdir(dir, "."), INVAL);
    fails(rmdir(dir, "empty/."), INVAL);
    fails_with(rmdir(dir, "d/e/.."), &[INVAL, NOTEMPTY]);
    fails_with(unlink(dir, "."), &[ISDIR, INVAL]);
    fails_with(unlink(dir, "empty/.."), &[ISDIR, INVAL]);
    fails(mkdir(dir, "d"), EXIST);
    fails(mkdir(dir, "file"), EXIST);
    fails(mkdir(dir, "to_empty"), EXIST);
    fails(mkdir(dir, "."), EXIST);
    fails(mkdir(dir, "d/.."), EXIST);
    fails(mkdir(dir, "none/new"), NOENT);
    fails(mkdir(dir, "file/new"), NOTDIR);

    eq(ok(stat(dir, "to_empty")).filetype, DIRECTORY);
    ok(unlink(dir, "to_empty"));
    works(stat(dir, "empty"));
    ok(rmdir(dir, "empty"));
    ok(rmdir(dir, "d/e"));
    ok(rmdir(dir, "d"));
    ok(unlink(dir, "file"));
    fails(unlink(dir, "file"), NOENT);
}
