//! Every way to open a file of a read-only directory that could change it is refused, and changes nothing: TRUNC without
//! the right to write among them.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const RO: u32 = 4;

fn run() {
    for oflags in 0..16u32 {
        for rights in [0, READ, FD_WRITE, WRITE, READ_WRITE, FD_ALLOCATE, FD_FILESTAT_SET_SIZE, !0] {
            for fdflags in [0, APPEND, NONBLOCK] {
                for lookup in [NOFOLLOW, FOLLOW] {
                    for path in ["there", "new", "d", "d/inner"] {
                        one(lookup, path, oflags, rights, fdflags);
                    }
                }
            }
        }
    }
    // Nothing has come of it, seen from where one could write.
    holds(ROOT, "there", "other content\n");
    holds(ROOT, "d/inner", "inner\n");
    fails(stat(ROOT, "new"), NOENT);
}

fn one(lookup: u32, path: &str, oflags: u32, rights: u64, fdflags: u32) {
    let Ok(fd) = open(RO, lookup, path, oflags, rights, 0, fdflags) else { return };
    check(oflags & O_TRUNC == 0, "opened with TRUNC");
    check(rights & FD_WRITE == 0 || rights == !0, "opened for writing");
    check(write(fd, "x").is_err(), "written to");
    check(pwrite(fd, "x", 0).is_err(), "written to");
    check(set_size(fd, 0).is_err(), "cut");
    check(set_times(fd, 1, 1, MTIM).is_err(), "changed");
    ok(close(fd));
}
