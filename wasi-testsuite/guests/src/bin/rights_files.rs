//! Each call on a file needs its right, and no other.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    make_file(dir, "file", "content");
    // One descriptor for each right that is missing.
    for missing in 0..28 {
        let rights = READ_WRITE & !(1 << missing);
        if rights == READ_WRITE {
            continue;
        }
        let fd = ok(open(dir, FOLLOW, "file", 0, rights, 0, 0));
        let mut buf = [0u8; 4];
        let mut e = [Event::default()];
        let calls = [
            (FD_DATASYNC, datasync(fd)),
            (FD_READ, read(fd, &mut buf).map(drop)),
            (FD_READ | FD_SEEK, pread(fd, &mut buf, 0).map(drop)),
            (FD_SEEK, seek(fd, 0, SET).map(drop)),
            (FD_FDSTAT_SET_FLAGS, set_flags(fd, 0)),
            (FD_SYNC, sync(fd)),
            (FD_TELL, tell(fd).map(drop)),
            (FD_TELL, seek(fd, 0, CUR).map(drop)),
            (FD_WRITE, write(fd, "c").map(drop)),
            (FD_WRITE | FD_SEEK, pwrite(fd, "c", 0).map(drop)),
            (FD_ADVISE, advise(fd, 0, 0, 0)),
            (FD_FILESTAT_GET, fstat(fd).map(drop)),
            (FD_FILESTAT_SET_SIZE, set_size(fd, 7)),
            (FD_FILESTAT_SET_TIMES, set_times(fd, 1, 1, ATIM)),
            (POLL_FD_READWRITE | FD_READ, poll(&[on_read(1, fd)], &mut e).map(drop)),
            (POLL_FD_READWRITE | FD_WRITE, poll(&[on_write(1, fd)], &mut e).map(drop)),
        ];
        for (need, result) in calls {
            if rights & need == need { works(result) } else { fails(result, NOTCAPABLE) }
        }
        // Not every filesystem can allocate.
        match rights & FD_ALLOCATE {
            0 => fails(allocate(fd, 0, 7), NOTCAPABLE),
            _ => _ = works_or(allocate(fd, 0, 7), &[NOTSUP]),
        }
        ok(close(fd));
    }
    eq(ok(stat(dir, "file")).size, 7u32);
}
