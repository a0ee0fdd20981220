//! Each call on a path needs its right of the directory, and no other.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const NEEDED: [u64; 16] = [
    PATH_CREATE_DIRECTORY,
    PATH_REMOVE_DIRECTORY,
    PATH_CREATE_FILE,
    PATH_FILESTAT_SET_SIZE,
    PATH_OPEN,
    PATH_UNLINK_FILE,
    PATH_LINK_SOURCE,
    PATH_LINK_TARGET,
    PATH_RENAME_SOURCE,
    PATH_RENAME_TARGET,
    PATH_SYMLINK,
    PATH_READLINK,
    PATH_FILESTAT_GET,
    PATH_FILESTAT_SET_TIMES,
    FD_READDIR,
    FD_FILESTAT_GET,
];

fn run() {
    ok(close(scratch!()));
    let all = NEEDED.iter().fold(0, |all, right| all | right);
    let top = ok(open(ROOT, FOLLOW, "rights_paths.cleanup", O_DIRECTORY, all, all | READ_WRITE, 0));
    let mut buf = [0u8; 64];
    for missing in NEEDED {
        ok(mkdir(top, "d"));
        make_file(top, "d/file", "content");
        ok(symlink("file", top, "d/link"));
        let rights = all & !missing;
        let d = ok(open(top, FOLLOW, "d", O_DIRECTORY, rights, READ_WRITE | DIR, 0));
        eq(ok(fdstat(d)).base, rights);
        let open_as = |path: &str, oflags| open(d, FOLLOW, path, oflags, READ_WRITE, 0, 0).and_then(close);
        // In an order in which each finds what it needs if those before it were allowed, or were not.
        let calls = [
            (PATH_OPEN, open_as("file", 0)),
            (PATH_OPEN | PATH_FILESTAT_SET_SIZE, open_as("file", O_TRUNC)),
            (PATH_OPEN | PATH_CREATE_FILE, open_as("new", O_CREAT)),
            (PATH_FILESTAT_GET, stat(d, "file").map(drop)),
            (PATH_FILESTAT_SET_TIMES, set_path_times(d, FOLLOW, "file", 1, 1, ATIM)),
            (PATH_READLINK, readlink(d, "link", &mut buf).map(drop)),
            (PATH_SYMLINK, symlink("x", d, "symlink")),
            (PATH_LINK_SOURCE, link(d, NOFOLLOW, "file", top, "linked")),
            (PATH_LINK_TARGET, link(top, NOFOLLOW, "d/file", d, "link_in")),
            (PATH_CREATE_DIRECTORY, mkdir(d, "dir")),
            (FD_READDIR, readdir(d, &mut buf, 0).map(drop)),
            (FD_FILESTAT_GET, fstat(d).map(drop)),
        ];
        for (need, result) in calls {
            if rights & need == need { works(result) } else { fails(result, NOTCAPABLE) }
        }
        make_file(top, "outside", "");
        let calls = [
            (PATH_RENAME_SOURCE, rename(d, "file", top, "moved")),
            (PATH_RENAME_TARGET, rename(top, "outside", d, "moved_in")),
            (PATH_UNLINK_FILE, unlink(d, "link")),
        ];
        for (need, result) in calls {
            if rights & need == need { works(result) } else { fails(result, NOTCAPABLE) }
        }
        _ = mkdir(top, "d/dir");
        let removed = rmdir(d, "dir");
        if rights & PATH_REMOVE_DIRECTORY != 0 {
            works(removed)
        } else {
            fails(removed, NOTCAPABLE)
        }
        ok(close(d));
        for path in ["d/file", "d/new", "d/link", "d/symlink", "d/link_in", "d/moved_in", "linked", "moved", "outside"]
        {
            _ = unlink(top, path);
        }
        _ = rmdir(top, "d/dir");
        ok(rmdir(top, "d"));
    }
}
