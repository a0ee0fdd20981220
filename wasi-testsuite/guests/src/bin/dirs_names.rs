//! Each preopened directory has its number, from 3 on, and its name; there are no others.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let names: [&[u8]; 4] = [b"/", b"/other", b"a b/\xc3\xa9", b"."];
    for (fd, name) in (3..).zip(names) {
        let mut prestat = [9u32; 3];
        ok(check_call(raw::fd_prestat_get(fd, addr(&mut prestat))));
        eq(prestat[0] as u8, 0u32);
        eq(prestat[1], name.len());
        eq(prestat[2], 9u32);
        let mut buf = [0xEEu8; 16];
        ok(check_call(raw::fd_prestat_dir_name(fd, addr_of(&mut buf), 16)));
        same(&buf[..name.len()], name);
        check(buf[name.len()..].iter().all(|b| *b == 0xEE), "the name, without a NUL");
        ok(check_call(raw::fd_prestat_dir_name(fd, addr_of(&mut buf), name.len() as u32)));
        fails_with(
            check_call(raw::fd_prestat_dir_name(fd, addr_of(&mut buf), name.len() as u32 - 1)),
            &[NAMETOOLONG, INVAL],
        );
        eq(ok(fdstat(fd)).filetype, DIRECTORY);
    }
    fails(check_call(raw::fd_prestat_get(7, addr(&mut [0u32; 2]))), BADF);
    fails(fdstat(7), BADF);
    // A name moves with its descriptor.
    ok(renumber(4, 6));
    let mut prestat = [9u32; 2];
    ok(check_call(raw::fd_prestat_get(6, addr(&mut prestat))));
    eq(prestat[1], 6u32);
    fails(check_call(raw::fd_prestat_get(4, addr(&mut prestat))), BADF);
}
