//! The entries of a listing: each once, with its inode and type, and `.` and `..`.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    let d = make_dir(dir, "d");
    let mut buf = [0u8; 4096];
    // Empty.
    let used = ok(readdir(d, &mut buf, 0)) as usize;
    let mut names = 0;
    for e in entries(&buf[..used]) {
        check(is_dots(e.name), "an empty directory has only dots");
        eq(e.kind, DIRECTORY);
        if e.name == b"." {
            eq(e.ino, ok(fstat(d)).ino);
        }
        names += 1;
    }
    eq(names, 2u32);
    eq(used, 24 + 1 + 24 + 2u32);

    make_file(d, "file", "");
    ok(mkdir(d, "sub"));
    ok(symlink("nowhere", d, "link"));
    let utf8 = "\u{65e5}\u{672c}\u{1f980}";
    make_file(d, utf8, "");
    let longest = [b'n'; 255];
    make_file(d, longest, "");
    let want: [(&[u8], u8); 5] = [
        (b"file", REGULAR_FILE),
        (b"sub", DIRECTORY),
        (b"link", SYMBOLIC_LINK),
        (utf8.as_bytes(), REGULAR_FILE),
        (&longest, REGULAR_FILE),
    ];
    let mut seen = [0u32; 5];
    let used = ok(readdir(d, &mut buf, 0)) as usize;
    check(used < buf.len(), "the end");
    for e in entries(&buf[..used]).filter(|e| !is_dots(e.name)) {
        let Some(i) = want.iter().position(|w| w.0 == e.name) else {
            check(false, "a name that nobody made");
            continue;
        };
        seen[i] += 1;
        eq(e.kind, want[i].1);
        eq(e.ino, ok(lstat(d, e.name)).ino);
    }
    check(seen == [1; 5], "each name once");
    // `..` of the preopen does not tell what is above it.
    let used = ok(readdir(ROOT, &mut buf, 0)) as usize;
    for e in entries(&buf[..used]).filter(|e| e.name == b"..") {
        check(e.ino == ok(fstat(ROOT)).ino || e.ino == 0, "the preopen's own inode");
    }
    // Twice the same.
    let mut again = [0u8; 4096];
    let first = ok(readdir(d, &mut buf, 0)) as usize;
    let second = ok(readdir(d, &mut again, 0)) as usize;
    eq(first, second);
    check(buf[..first] == again[..second], "the same listing");
}
