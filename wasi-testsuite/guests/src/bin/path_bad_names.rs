//! Paths that are none: empty, absolute, not UTF-8, with a NUL, too long. The same answer from every call.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

fn run() {
    let dir = scratch!();
    ok(mkdir(dir, "d"));
    let refuse = |path: &[u8], want: Errno| every_path_call(dir, path, |result| fails(result, want));
    refuse(b"", NOENT);
    refuse(b"/", PERM);
    refuse(b"/file", PERM);
    refuse(b"//d", PERM);
    refuse(b"d\0", INVAL);
    refuse(b"\0", INVAL);
    refuse(b"fi\0le", INVAL);
    refuse(b"\xFF", ILSEQ);
    refuse(b"d/\xC3(", ILSEQ);
    refuse(b"\xED\xA0\x80", ILSEQ);

    let mut long = [b'n'; 70_000];
    refuse(&long[..256], NAMETOOLONG);
    refuse(&long[..5000], NAMETOOLONG);
    long[1] = b'/';
    for slash in long.iter_mut().skip(1).step_by(2) {
        *slash = b'/';
    }
    refuse(&long[..5000], NAMETOOLONG);
    refuse(&long, NAMETOOLONG);

    // The longest name there is works, as do names that only look odd.
    let longest = [b'x'; 255];
    let odd: [&[u8]; 6] = [&longest, b"...", b" ", b"back\\slash:*?", "\u{e9}\u{1f980}".as_bytes(), b"line\nbreak"];
    for name in odd {
        make_file(dir, name, "odd");
        holds(dir, name, "odd");
        ok(unlink(dir, name));
    }
    // Composed and decomposed are two names, and so are upper and lower case.
    make_file(dir, "\u{e9}", "1");
    fails(stat(dir, "e\u{301}"), NOENT);
    fails(stat(dir, "D"), NOENT);

    // A bad target of a link.
    // Linux says NOENT, POSIX nothing.
    fails_with(symlink("", dir, "l"), &[NOENT, INVAL]);
    fails(symlink("a\0b", dir, "l"), INVAL);
    fails(symlink(b"\xFF", dir, "l"), ILSEQ);
    fails(symlink(&long, dir, "l"), NAMETOOLONG);
    fails(symlink("/etc/passwd", dir, "l"), PERM);
    fails(lstat(dir, "l"), NOENT);
}
