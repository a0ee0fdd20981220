//! What stdio is: not seekable, of no file type but a terminal's, readable and writable as its names say.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    for fd in 0..3 {
        let s = ok(fdstat(fd));
        check(s.filetype == UNKNOWN || s.filetype == CHARACTER_DEVICE, "unknown, or a terminal");
        check(s.base & (FD_SEEK | FD_TELL) == 0, "no seek, no tell: else libc takes it for a file");
        let main = if fd == 0 { FD_READ } else { FD_WRITE };
        check(s.base & main != 0, "reads or writes");
        check(s.base & POLL_FD_READWRITE != 0, "can be polled");
        eq(s.flags & APPEND as u16, 0u32);
        eq(s.base & (PATH_OPEN | FD_READDIR), 0u32);

        let stat = ok(fstat(fd));
        eq(stat.filetype, s.filetype);
        eq(stat.size, 0u32);

        fails(seek(fd, 0, CUR), SPIPE);
        fails(tell(fd), SPIPE);
        let mut buf = [0u8; 32];
        fails_with(readdir(fd, &mut buf, 0), &NOTDIR_OR_BADF);
        fails_with(open_ro(fd, "x"), &NOTDIR_OR_BADF);
        fails(check_call(raw::fd_prestat_get(fd, addr_of(&mut buf))), BADF);
        fails_with(set_size(fd, 0), &[INVAL, BADF, SPIPE]);
        fails_with(advise(fd, 0, 0, 0), &[SPIPE, BADF]);
        fails_with(allocate(fd, 0, 1), &[SPIPE, BADF]);
        fails_with(pread(fd, &mut buf, 0), &[SPIPE, BADF]);
        fails_with(pwrite(fd, "x", 0), &[SPIPE, BADF]);
    }
    fails(write(0, "x"), BADF);
    let mut buf = [0u8; 1];
    fails(read(1, &mut buf), BADF);
    fails(read(2, &mut buf), BADF);
}

const NOTDIR_OR_BADF: [Errno; 2] = [BADF, NOTDIR];
