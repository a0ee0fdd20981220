//! Flags given at open or later are reported; only APPEND and NONBLOCK can change; the rest is INVAL.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    for flags in [0, APPEND, NONBLOCK, APPEND | NONBLOCK] {
        let fd = ok(open(dir, FOLLOW, "file", O_CREAT, READ_WRITE, 0, flags));
        eq(ok(fdstat(fd)).flags, flags);
        for next in [APPEND, NONBLOCK, 0, NONBLOCK | APPEND] {
            ok(set_flags(fd, next));
            eq(ok(fdstat(fd)).flags, next);
        }
        for bad in [0x20, 0x8000, 0x1_0000, 0x1_0001, u32::MAX] {
            fails(set_flags(fd, bad), INVAL);
        }
        for sync in [DSYNC, RSYNC, SYNC, SYNC | APPEND] {
            fails(set_flags(fd, sync), INVAL);
        }
        eq(ok(fdstat(fd)).flags, NONBLOCK | APPEND);
        ok(close(fd));
    }
    // Synchronous files can only be opened as such, if at all.
    for flags in [SYNC, DSYNC, SYNC | DSYNC | RSYNC] {
        let fd = open(dir, FOLLOW, "file", 0, READ_WRITE, 0, flags);
        if works_or(fd, &[NOTSUP]) {
            let fd = ok(fd);
            // RSYNC may come back as the SYNC that it is on many hosts.
            let kept = flags as u16 & !(RSYNC as u16);
            eq(ok(fdstat(fd)).flags & kept, kept);
            eq(ok(write(fd, "x")), 1u32);
        }
    }
    fails(set_flags(dir, APPEND), BADF);
}
