//! Names that mean something elsewhere, to a shell, a terminal or another system, are names like all others.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

const NAMES: [&str; 22] = [
    "new\nline",
    "\n",
    "\t",
    "\u{1b}[2J",
    " ",
    "trailing ",
    "trailing.",
    "...",
    "-rf",
    "*",
    "~",
    "$(x)",
    "a:b",
    "f::$DATA",
    "C:",
    "a\\b",
    "..\\..",
    // Devices, elsewhere: CVE-2024-51745, CVE-2022-41720.
    "CON",
    "NUL.txt",
    "COM\u{b9}.log",
    "LPT\u{2070}",
    "CONIN$",
];

fn run() {
    let dir = scratch!();
    for name in NAMES {
        make_file(dir, name, name);
    }
    let mut buf = [0u8; 256];
    let mut listed = 0;
    ok(list(dir, &mut buf, 0, |entry| {
        if !is_dots(entry.name) {
            listed += 1;
            check(NAMES.iter().any(|name| name.as_bytes() == entry.name), "a name that was not made");
            eq(entry.kind, REGULAR_FILE);
        }
    }));
    eq(listed, NAMES.len() as u32);
    for name in NAMES {
        holds(dir, name, name);
        ok(rename(dir, name, dir, "plain"));
        fails(stat(dir, name), NOENT);
        ok(rename(dir, "plain", dir, name));
        ok(unlink(dir, name));
        ok(mkdir(dir, name));
        let inner = ok(open_dir(dir, name));
        eq(ok(fstat(inner)).filetype, DIRECTORY);
        ok(close(inner));
        ok(rmdir(dir, name));
        ok(symlink(name, dir, name));
        let n = ok(readlink(dir, name, &mut buf)) as usize;
        same(&buf[..n], name);
        ok(unlink(dir, name));
    }
}
