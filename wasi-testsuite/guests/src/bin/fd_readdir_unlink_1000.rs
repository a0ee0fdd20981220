//! A program that unlinks each entry as it lists them through a small buffer leaves none behind.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const FILES: u32 = 1000;

fn run() {
    let dir = scratch!();
    let d = make_dir(dir, "d");
    let mut name = [0u8; 32];
    for i in 0..FILES {
        make_file(d, numbered(&mut name, "some-file-name-", i), "");
    }
    let mut seen = [0u8; FILES as usize];
    let mut buf = [0u8; 4096];
    ok(list(d, &mut buf, 0, |e| {
        if is_dots(e.name) {
            return;
        }
        match number_of(e.name) {
            Some(i) if i < FILES => seen[i as usize] += 1,
            _ => check(false, "a name that nobody made"),
        }
        works(unlink(d, e.name));
    }));
    check(seen.iter().all(|n| *n == 1), "each entry once");
    let used = ok(readdir(d, &mut buf, 0)) as usize;
    eq(entries(&buf[..used]).count(), 2u32);
    ok(rmdir(dir, "d"));
}
