//! The rights that are reported: what libc needs of preopens and files, nothing a directory cannot do.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

/// Bits no directory may claim: programs would take it for a file, or expect them to be enforced.
const NOT_A_DIRECTORYS: u64 = FD_SEEK | FD_TELL | FD_WRITE | FD_FILESTAT_SET_SIZE | PATH_FILESTAT_SET_SIZE;

fn run() {
    let root = ok(fdstat(ROOT));
    eq(root.filetype, DIRECTORY);
    eq(root.flags, 0u32);
    eq(root.base & DIR, DIR);
    eq(root.base & NOT_A_DIRECTORYS, 0u32);
    let inherited = DIR | FD_READ | FD_WRITE | FD_SEEK | FD_TELL | FD_SYNC | FD_DATASYNC | FD_ADVISE | FD_ALLOCATE;
    eq(root.inheriting & inherited, inherited);
    eq(root.inheriting & POLL_FD_READWRITE, POLL_FD_READWRITE);

    // What a preopen reports, a directory can be opened with.
    let again = ok(open(ROOT, FOLLOW, ".", O_DIRECTORY, root.base, root.inheriting, 0));
    ok(close(again));

    let dir = scratch!();
    let s = ok(fdstat(dir));
    eq(s.filetype, DIRECTORY);
    eq(s.flags, 0u32);
    eq(s.base & NOT_A_DIRECTORYS, 0u32);
    eq(s.base & DIR, DIR);

    let file = ok(open_rw(dir, "file", O_CREAT));
    let s = ok(fdstat(file));
    eq(s.filetype, REGULAR_FILE);
    eq(s.flags, 0u32);
    eq(s.base & (FD_READ | FD_WRITE | FD_SEEK | FD_TELL), FD_READ | FD_WRITE | FD_SEEK | FD_TELL);
    eq(s.base & (PATH_OPEN | FD_READDIR), 0u32);
    let reader = ok(open_ro(dir, "file"));
    eq(ok(fdstat(reader)).base & (FD_READ | FD_WRITE), FD_READ);
    let writer = ok(open(dir, FOLLOW, "file", 0, WRITE, 0, 0));
    eq(ok(fdstat(writer)).base & (FD_READ | FD_WRITE), FD_WRITE);

    // libc sets bits that no version of preview1 knows.
    let fd = ok(open(dir, FOLLOW, "file", 0, READ | !0u64 << 30, !0u64 << 30, 0));
    let mut buf = [0u8; 4];
    eq(ok(read(fd, &mut buf)), 0u32);
    // No rights at all still make a descriptor.
    let fd = ok(open(dir, FOLLOW, "file", 0, 0, 0, 0));
    works(fstat(fd));
    works(fdstat(fd));
    works(close(fd));
}
