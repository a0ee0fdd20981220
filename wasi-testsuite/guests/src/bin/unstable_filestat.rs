//! A filestat of `wasi_unstable` has 56 bytes, and says what that of preview1 says.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    ok(link(dir, NOFOLLOW, "file", dir, "hard"));
    ok(symlink("file", dir, "link"));
    ok(mkdir(dir, "d"));
    for path in ["file", "hard", "link", "d"] {
        let new = ok(lstat(dir, path));
        // The bytes after it are somebody else's.
        let mut out = (unstable::Stat::default(), 0xAAAA_AAAA_AAAA_AAAAu64);
        let (p, n) = (path.as_ptr() as u32, path.len() as u32);
        works(check_call(unstable::path_filestat_get(dir, NOFOLLOW, p, n, addr(&mut out))));
        let (old, after) = unsafe { core::ptr::read_volatile(&out) };
        same_file(&old, &new);
        eq(after, 0xAAAA_AAAA_AAAA_AAAAu64);
    }
    let fd = ok(open_ro(dir, "file"));
    let old: unstable::Stat = ok(with_out(|out| unstable::fd_filestat_get(fd, out)));
    same_file(&old, &ok(fstat(fd)));
    eq(old.nlink, 2u32);
    eq(old.size, 7u32);

    // In the last 56 bytes of memory there is room for it.
    works(check_call(unstable::fd_filestat_get(fd, before_end(56))));
    fails(check_call(unstable::fd_filestat_get(fd, before_end(55))), FAULT);
    fails(check_call(unstable::path_filestat_get(dir, 0, b"file".as_ptr() as u32, 4, before_end(55))), FAULT);
    fails(check_call(unstable::fd_filestat_get(99, before_end(56))), BADF);
}

fn same_file(old: &unstable::Stat, new: &Stat) {
    eq(old.dev, new.dev);
    eq(old.ino, new.ino);
    eq(old.filetype, new.filetype);
    eq(old.nlink, new.nlink);
    eq(old.size, new.size);
    eq(old.atim, new.atim);
    eq(old.mtim, new.mtim);
    eq(old.ctim, new.ctim);
}
