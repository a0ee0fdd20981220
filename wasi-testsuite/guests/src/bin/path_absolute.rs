//! An absolute path is PERM in every call, whatever it names.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    for path in ["/", "/file", "//", "/.", "/..", "/etc/passwd", "/path_absolute.cleanup"] {
        every_path_call(dir, path.as_bytes(), |result| fails(result, PERM));
        every_path_call(ROOT, path.as_bytes(), |result| fails(result, PERM));
    }
}
