//! (dev, ino) is one file: the same by every path, descriptor and listing, whatever it is called; and no other.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    ok(mkdir(dir, "d"));
    ok(mkdir(dir, "e"));
    make_file(dir, "a", "a");
    make_file(dir, "b", "b");
    ok(symlink("a", dir, "link"));
    ok(link(dir, NOFOLLOW, "a", dir, "d/hard"));
    let names = ["a", "b", "link", "d", "e"];
    let mut inos = [0u64; 5];
    for (ino, name) in inos.iter_mut().zip(names) {
        let s = ok(lstat(dir, name));
        eq(s.dev, ok(fstat(dir)).dev);
        check(s.ino != 0, "a number");
        *ino = s.ino;
    }
    for i in 0..5 {
        check(!inos[..i].contains(&inos[i]), "each its own");
    }
    // By descriptor, by another name, through a link.
    let (one, two) = (ok(open_ro(dir, "a")), ok(open_rw(dir, "d/hard", 0)));
    for s in [ok(fstat(one)), ok(fstat(two)), ok(stat(dir, "link")), ok(stat(dir, "d/../d/./hard"))] {
        eq(s.ino, inos[0]);
        eq(s.nlink, 2u32);
    }
    eq(ok(fstat(ok(open_dir(dir, "d")))).ino, inos[3]);
    // As listed.
    let mut buf = [0u8; 512];
    let mut seen = 0;
    ok(list(dir, &mut buf, 0, |entry| {
        if let Some(at) = names.iter().position(|name| name.as_bytes() == entry.name) {
            eq(entry.ino, inos[at]);
            seen += 1;
        }
        if entry.name == b"." {
            eq(entry.ino, ok(fstat(dir)).ino);
        }
    }));
    eq(seen as u32, 5u32);
    // Renamed, written to, without a name.
    ok(rename(dir, "a", dir, "e/moved"));
    ok(write(two, "more"));
    ok(unlink(dir, "d/hard"));
    eq(ok(stat(dir, "e/moved")).ino, inos[0]);
    ok(unlink(dir, "e/moved"));
    let s = ok(fstat(one));
    eq(s.ino, inos[0]);
    eq(s.nlink, 0u32);
    // While it is open nobody else gets its number.
    make_file(dir, "a", "new");
    check(ok(stat(dir, "a")).ino != inos[0], "another file");
}
