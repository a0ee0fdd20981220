//! Entries have the type of what is there: a link is a link.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "");
    ok(mkdir(dir, "d"));
    ok(symlink("d", dir, "link"));
    ok(symlink("none", dir, "dangling"));
    let want: [(&[u8], u8); 6] = [
        (b".", DIRECTORY),
        (b"..", DIRECTORY),
        (b"file", REGULAR_FILE),
        (b"d", DIRECTORY),
        (b"link", SYMBOLIC_LINK),
        (b"dangling", SYMBOLIC_LINK),
    ];
    let mut buf = [0u8; 512];
    let mut seen = 0;
    ok(list(dir, &mut buf, 0, |entry| {
        match want.iter().find(|(name, _)| *name == entry.name) {
            Some((_, kind)) => eq(entry.kind, *kind),
            None => check(false, "an entry of nobody"),
        }
        seen += 1;
    }));
    eq(seen as u32, 6u32);
    // As long as it is a directory, through any descriptor; not what is no directory.
    let file = ok(open_ro(dir, "file"));
    fails(readdir(file, &mut buf, 0), NOTDIR);
    fails(readdir(0, &mut buf, 0), BADF);
    // A directory that is gone has nothing in it.
    let gone = ok(open_dir(dir, "d"));
    ok(rmdir(dir, "d"));
    let used = ok(readdir(gone, &mut buf, 2)) as usize;
    eq(used, 0u32);
}
