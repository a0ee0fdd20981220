//! What a stat says of files, directories and links, by path and by descriptor.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    ok(mkdir(dir, "d"));
    ok(symlink("some/long/target", dir, "dangling"));
    ok(symlink("file", dir, "link"));
    ok(symlink("d", dir, "dlink"));

    let file = ok(stat(dir, "file"));
    eq(file.filetype, REGULAR_FILE);
    eq(file.size, 10u32);
    eq(file.nlink, 1u32);
    eq(ok(stat(dir, "link")).ino, file.ino);
    eq(ok(lstat(dir, "file")).ino, file.ino);
    let fd = ok(open_ro(dir, "link"));
    let by_fd = ok(fstat(fd));
    eq(by_fd.ino, file.ino);
    eq(by_fd.dev, file.dev);
    eq(by_fd.size, file.size);
    eq(by_fd.mtim, file.mtim);
    eq(by_fd.ctim, file.ctim);

    let d = ok(stat(dir, "d"));
    eq(d.filetype, DIRECTORY);
    eq(d.dev, file.dev);
    eq(ok(stat(dir, "dlink")).ino, d.ino);
    let link = ok(lstat(dir, "link"));
    eq(link.filetype, SYMBOLIC_LINK);
    eq(link.size, 4u32);
    eq(ok(lstat(dir, "dangling")).size, 16u32);
    fails(stat(dir, "dangling"), NOENT);
    fails(stat(dir, "none"), NOENT);

    let inos = [file.ino, d.ino, link.ino, ok(lstat(dir, "dangling")).ino, ok(fstat(dir)).ino, ok(fstat(ROOT)).ino];
    for (i, a) in inos.iter().enumerate() {
        check(!inos[..i].contains(a), "every inode is another");
    }
    ok(rename(dir, "file", dir, "d/file"));
    eq(ok(stat(dir, "d/file")).ino, file.ino);
}
