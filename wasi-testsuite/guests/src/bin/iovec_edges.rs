//! Vectors: none, empty, wild but empty, thousands, overlapping, more than 2^32 bytes in all.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "hello world");
    let fd = ok(open_rw(dir, "file", 0));
    let end = memory_end() as u32;
    let wild = Iov { base: end, len: 0 };
    let wilder = Iov { base: u32::MAX, len: 0 };
    let mut buf = [0u8; 64];

    // Nothing to do.
    eq(ok(readv(fd, &[])), 0u32);
    eq(ok(writev(fd, &[])), 0u32);
    eq(ok(with_out::<u32>(|out| raw::fd_read(fd, u32::MAX, 0, out))), 0u32);
    eq(ok(readv(fd, &[wild, wilder])), 0u32);
    eq(ok(writev(fd, &[wilder, wild, wild])), 0u32);
    eq(ok(tell(fd)), 0u32);

    // Empty ones between others are skipped.
    let (a, b) = buf.split_at_mut(3);
    eq(ok(readv(fd, &[wild, iov_mut(a), wilder, iov_mut(&mut b[..3]), wild])), 6u32);
    same(&buf[..6], "hello ");

    // The later of two overlapping vectors wins.
    ok(seek(fd, 0, SET));
    let base = addr_of(&mut buf);
    eq(ok(readv(fd, &[Iov { base, len: 4 }, Iov { base: base + 2, len: 4 }])), 8u32);
    same(&buf[..6], "heo wo");

    // 2000 vectors of one byte each. A host may take a part, at least the 1024 that POSIX systems do, and say so.
    let text = [*b"abcdefg"; 286];
    let text = text.as_flattened();
    let mut many = [wild; 2000];
    for (i, v) in many.iter_mut().enumerate() {
        *v = iov(&text[i..i + 1]);
    }
    let long = ok(open_rw(dir, "long", O_CREAT));
    all(&many, |rest| writev(long, rest));
    eq(ok(fstat(long)).size, 2000u32);
    let mut back = [0u8; 2001];
    eq(ok(pread(long, &mut back, 0)), 2000u32);
    check(back[..2000] == text[..2000], "in order");
    back.fill(0);
    let at = addr_of(&mut back);
    for (i, v) in many.iter_mut().enumerate() {
        // Backwards.
        *v = Iov { base: at + 1999 - i as u32, len: 1 };
    }
    ok(seek(long, 0, SET));
    all(&many, |rest| readv(long, rest));
    check((0..2000).all(|i| back[1999 - i] == text[i]), "scattered in order");

    // Vectors that are all in bounds, and sum up to 5 GB: the file is shorter than that.
    let pages = new_pages(80);
    let mut lots = [Iov { base: addr_of(pages), len: pages.len() as u32 }; 1000];
    ok(seek(fd, 0, SET));
    eq(ok(readv(fd, &lots)), 11u32);
    same(&pages[..11], "hello world");
    // The last of many is out of bounds: nothing is moved.
    lots.fill(Iov { base: addr_of(pages), len: 4 });
    lots[999].len = u32::MAX;
    ok(seek(fd, 0, SET));
    fails(readv(fd, &lots), FAULT);
    fails(writev(fd, &lots), FAULT);
    eq(ok(tell(fd)), 0u32);

    // A count whose vectors cannot be in memory.
    let mut n = 99u32;
    let out = addr(&mut n);
    for count in [u32::MAX, 0x2000_0000, 0x2000_0001, 0x4000_0000, 0x8000_0000] {
        fails_with(check_call(raw::fd_read(fd, addr(&mut lots), count, out)), &[FAULT, INVAL]);
        fails_with(check_call(raw::fd_write(fd, addr(&mut lots), count, out)), &[FAULT, INVAL]);
        fails_with(check_call(raw::fd_pread(fd, addr(&mut lots), count, 0, out)), &[FAULT, INVAL]);
        fails_with(check_call(raw::fd_pwrite(fd, addr(&mut lots), count, 0, out)), &[FAULT, INVAL]);
    }
    // Twice 2^31 at 0.
    let huge = [Iov { base: 0, len: 0x8000_0000 }; 2];
    fails_with(check_call(raw::fd_read(fd, iovs(&huge), 2, out)), &[FAULT, INVAL, OVERFLOW]);
    fails_with(check_call(raw::fd_write(fd, iovs(&huge), 2, out)), &[FAULT, INVAL, OVERFLOW]);
    eq(n, 99u32);
    eq(ok(tell(fd)), 0u32);
    holds(dir, "file", "hello world");
}

/// Moves all of the vectors, of one byte each.
fn all(mut rest: &[Iov], mut call: impl FnMut(&[Iov]) -> Result<u32>) {
    while !rest.is_empty() {
        let n = ok(call(rest)) as usize;
        check(n == rest.len() || n >= 1024, "all, or at least 1024");
        rest = &rest[n.clamp(1, rest.len())..];
    }
}
