//! Every cookie resumes where it says; buffers of any size see the same bytes, cut where they end.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const FILES: u32 = 40;

fn run() {
    let dir = scratch!();
    let mut name = [0u8; 32];
    for i in 0..FILES {
        make_file(dir, numbered(&mut name, "file", i), "");
    }
    let mut all = [0u8; 4096];
    let total = ok(readdir(dir, &mut all, 0)) as usize;
    eq(entries(&all[..total]).count(), FILES + 2);

    // From each cookie on, the rest; in any order.
    let mut at = [0usize; 64];
    let mut cookies = [0u64; 64];
    let mut count = 0;
    let mut offset = 0;
    for e in entries(&all[..total]) {
        offset += 24 + e.name.len();
        at[count] = offset;
        cookies[count] = e.next;
        check(e.next != 0, "0 is the beginning");
        check(!cookies[..count].contains(&e.next), "every cookie is another");
        count += 1;
    }
    let mut buf = [0u8; 4096];
    for i in (0..count).rev().chain(0..count) {
        let used = ok(readdir(dir, &mut buf, cookies[i])) as usize;
        check(buf[..used] == all[at[i]..total], "the rest");
    }
    // Past the end there is nothing, and that is no error.
    eq(ok(readdir(dir, &mut buf, cookies[count - 1])), 0u32);
    works(readdir(dir, &mut buf, u64::MAX));
    works(readdir(dir, &mut buf, 1 << 63));

    // Any length: the first bytes of the same, and not one more.
    for len in [0, 1, 10, 23, 24, 25, 26, 50, 51, 52, 100, 1000] {
        buf.fill(0xEE);
        eq(ok(readdir(dir, &mut buf[..len], 0)), len);
        check(buf[..len] == all[..len], "a prefix");
        check(buf[len..].iter().all(|b| *b == 0xEE), "nothing beyond the buffer");
    }
    // Through the smallest buffer that can hold an entry.
    let mut small = [0u8; 24 + 8];
    let mut seen = 0;
    ok(list(dir, &mut small, 0, |_| seen += 1));
    eq(seen, FILES + 2);
    // From the beginning again, after something was added.
    make_file(dir, "new", "");
    let mut found = false;
    ok(list(dir, &mut small, 0, |e| found |= e.name == b"new"));
    check(found, "cookie 0 starts anew");
    // Two descriptors do not disturb each other.
    let other = ok(open_dir(dir, "."));
    let used = ok(readdir(other, &mut buf, 0)) as usize;
    eq(entries(&buf[..used]).count(), FILES + 3);
}
