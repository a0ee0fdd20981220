//! In `wasi_unstable`, 0 is CUR, 1 is END and 2 is SET; there is one cursor for both snapshots.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "0123456789");
    let fd = ok(open_rw(dir, "file", 0));
    let old_seek = |delta, whence| with_out::<u64>(|out| unstable::fd_seek(fd, delta, whence, out));
    eq(ok(old_seek(4, unstable::SET)), 4u32);
    eq(ok(old_seek(3, unstable::CUR)), 7u32);
    eq(ok(old_seek(-1, unstable::END)), 9u32);
    eq(ok(seek(fd, 0, CUR)), 9u32);
    eq(ok(seek(fd, 2, SET)), 2u32);
    eq(ok(old_seek(0, unstable::CUR)), 2u32);
    eq(ok(with_out::<u64>(|out| unstable::fd_tell(fd, out))), 2u32);
    for whence in [3, 255, 256, u32::MAX] {
        fails(old_seek(0, whence), INVAL);
    }
    fails(old_seek(-1, unstable::SET), INVAL);
    fails(old_seek(-3, unstable::CUR), INVAL);
    fails(old_seek(-11, unstable::END), INVAL);
    fails_with(old_seek(i64::MAX, unstable::CUR), &[INVAL, OVERFLOW]);
    eq(ok(tell(fd)), 2u32);
    fails(check_call(unstable::fd_seek(dir, 0, unstable::CUR, addr(&mut 0u64))), BADF);
    fails(check_call(unstable::fd_seek(1, 0, unstable::CUR, addr(&mut 0u64))), SPIPE);
}
