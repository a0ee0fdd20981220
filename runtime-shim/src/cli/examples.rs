//! What the help says after the options.

macro_rules! run {
    () => {
        "\
Examples:
  gangplank run hello.wasm
  gangplank run --dir . --env LANG prog.wasm --its-own-option file.txt
  gangplank run --dir ./project::/work --dir /usr/share/dict::/dict:ro prog.wasm
  gangplank run --fs overlay --dir ./project::/ --diff prog.wasm     (the host's files stay as they are)
  gangplank run --fs overlay --dir ./project::/ --diff --commit prog.wasm
  gangplank run --mount type=tar,src=usr.tar.gz,dst=/usr --mount type=mem,dst=/tmp prog.wasm
  gangplank run --tmpfs /tmp --limit-fs-bytes 64M --limit-memory 512M --timeout 10s untrusted.wasm
  gangplank run --listen tcp:127.0.0.1:8080 server.wasm
  gangplank run --strace --stats prog.wasm 2>calls.txt"
    };
}

pub(crate) const RUN: &str = run!();

pub(crate) const RUN_LONG: &str = concat!(
    run!(),
    "

Exit codes:
  The program's own code, modulo 256, or
    2  the command line is wrong; nothing has been run
  124  --timeout or --limit-fuel ended the program
  125  the program succeeded, but what it changed could not be told, saved or committed
  126  the program cannot be run: not a module, damaged, or it needs what we do not provide
  127  there is no such program
  130  Ctrl-C ended the program (as shells report it)
  134  the program trapped; the reason and its calls are on stderr
  143  another program asked us to end (as shells report it)

When a program fails after a limit has refused it something, a note on stderr names the limit."
);

pub(crate) const ENGINES: &str = "\
`jsc` is the library of JavaScriptCore that this machine has. If it has several, or one in a place of its own, the \
environment variable GANGPLANK_JSC_LIBRARY names the one to use:
  GANGPLANK_JSC_LIBRARY=libjavascriptcoregtk-6.0.so.1 gangplank engines";

pub(crate) const COMPILE: &str = "\
Examples:
  gangplank compile prog.wasm -o prog.cwasm
  gangplank run --allow-precompiled prog.cwasm

The file is native code: only the same version can run it, on the same kind of machine, and whoever runs it must trust
whoever made it. `run` caches what it compiles by itself; this is for code that is to be sent elsewhere.";

macro_rules! inspect {
    () => {
        "\
Examples:
  gangplank inspect prog.wasm
  gangplank inspect --json prog.wasm | jq -r '.imports[] | select(.provided | not).name'"
    };
}

pub(crate) const INSPECT: &str = inspect!();

pub(crate) const INSPECT_LONG: &str = concat!(
    inspect!(),
    "

Keys of --json (keys may be added; `format` changes if one goes or means something else):
  format           1
  runs, obstacles  whether `gangplank run` would take it, and a list of the reasons why not;
                   it is not compiled to know that
  entry            command, reactor, none: whether it exports _start, or _initialize
  flavour          preview1, unstable, wasix, none: whose system calls it imports
  start            whether it has a start function
  threads          whether it imports a function that makes threads
  asyncify         whether it exports the functions of Binaryen's Asyncify
  size             bytes of the file
  functions        how many it defines
  code_size        bytes of its code section
  data_size        bytes of its data section
  imports          list: module, name, kind (func, memory, table, global, tag), type,
                   params and results (functions and tags), provided, why_not (null if provided)
  exports          list: name, kind, type, params, results
  memories         list: initial, maximum (pages, or null), shared, memory64, page_size (bytes)
  tables           list: element, initial, maximum
  producers        list: field (language, processed-by, sdk), name, version
  custom_sections  list: name, size"
);

pub(crate) const COMPLETIONS: &str = "\
Examples:
  gangplank completions bash > ~/.local/share/bash-completion/completions/gangplank
  gangplank completions zsh > \"${fpath[1]}/_gangplank\"
  gangplank completions fish > ~/.config/fish/completions/gangplank.fish";

pub(crate) const MAN: &str = "\
Examples:
  gangplank man > gangplank.1
  gangplank man run > gangplank-run.1 && man ./gangplank-run.1";

pub(crate) const FS: &str = "\
Examples:
  gangplank fs ls -l -R image.tar.gz
  gangplank fs cat image.zip etc/config.toml
  gangplank fs diff before/ after.tar
  gangplank fs pack --deterministic ./project project.tar.gz
  gangplank fs unpack image.tar.zst ./there
  gangplank fs mount image.tar.gz /mnt

A tree is a directory; an image (.tar, .tar.gz, .tar.zst, .zip), which is told by what is in it and
not by its name; or `oci:PATH[:REFERENCE]`, an OCI image in a directory or in a tar.

Exit codes: 0 done, 1 trouble, 2 the command line is wrong. Those of `diff` are as diff(1)'s:
0 the same, 1 different, 2 trouble.";

macro_rules! fs_ls {
    () => {
        "\
Examples:
  gangplank fs ls image.tar.gz usr/lib
  gangplank fs ls -l -R ./project
  gangplank fs ls --json -R oci:./image:latest | jq -r '.[] | select(.size > 1000000).path'"
    };
}

pub(crate) const FS_LS: &str = fs_ls!();

pub(crate) const FS_LS_LONG: &str = concat!(
    fs_ls!(),
    "

Keys of --json, of each entry (keys may be added):
  path             from the top of the tree
  type             file, directory, symlink, fifo, socket, char_device, block_device
  mode             permissions, octal: \"0644\"
  nlink            number of names
  uid, gid         owner and group
  size             bytes
  mtime            last change, UTC: \"2026-11-20T14:05:59.000000000Z\"
  target           of a symbolic link, else null
  path_hex, target_hex
                   only of what is no UTF-8: its bytes"
);

pub(crate) const FS_CAT: &str = "\
Examples:
  gangplank fs cat image.tar.gz etc/passwd
  gangplank fs cat oci:./image:latest app/main.wasm > main.wasm";

macro_rules! fs_diff {
    () => {
        "\
Examples:
  gangplank fs diff before/ after/
  gangplank fs diff --json release-1.tar.gz release-2.tar.gz | jq .summary"
    };
}

pub(crate) const FS_DIFF: &str = fs_diff!();

pub(crate) const FS_DIFF_LONG: &str = concat!(
    fs_diff!(),
    "

Each line is one entry:
  + created   - deleted, a directory with all in it   ~ changed (in what)   > old name → new name

Keys of --json (keys may be added):
  summary          created, deleted, changed, renamed: how many
  changes          list: path, kind (created, deleted, changed, renamed, type_changed),
                   type (file, directory, …), size, size_before (bytes),
                   aspects (list: content, mode, owner, times, xattrs), from (the old path, or
                   the old type, or null), below (entries that were deleted with a directory)
  path_hex, from_hex
                   only of what is no UTF-8: its bytes

Exit codes: 0 the same, 1 different, 2 trouble."
);

macro_rules! fs_mount {
    () => {
        "\
Examples:
  gangplank fs mount image.tar.gz /mnt                     (until Ctrl-C, or `umount /mnt`)
  gangplank fs mount --fs overlay --diff ./project /mnt    (the directory stays as it is)
  gangplank fs mount --fs overlay --commit ./project /mnt
  gangplank fs mount --fs mem --limit-fs-bytes 1G oci:./image:latest /mnt
  gangplank fs mount --ro --allow-other ./shared /mnt"
    };
}

pub(crate) const FS_MOUNT: &str = fs_mount!();

pub(crate) const FS_MOUNT_LONG: &str = concat!(
    fs_mount!(),
    "

It stays in the foreground, and is unmounted when it ends: by Ctrl-C, a signal to end, `umount` or
`fusermount3 -u`. What is in memory goes with it, unless --save or --commit keeps it.

Needs Linux with FUSE (/dev/fuse), and root or the program fusermount3 (package fuse3). Permission
bits are enforced; set-user-ID programs and devices have no effect.

Exit codes: 0 unmounted, 1 trouble, 2 the command line is wrong, 125 what was changed could not be
told, saved or committed."
);

pub(crate) const FS_PACK: &str = "\
Examples:
  gangplank fs pack ./project project.tar.gz
  gangplank fs pack --deterministic ./project project.tar
  gangplank fs pack old.zip new.tar
  gangplank fs pack ./project - | ssh host tar x

Entries are sorted by name. The file appears when it is complete.";

pub(crate) const FS_UNPACK: &str = "\
Examples:
  gangplank fs unpack image.tar.gz ./there
  gangplank fs unpack --force patch.zip ./project
  gangplank fs unpack oci:./image:latest ./root

Nothing is written outside of the directory, whatever the image says. An image that is damaged
changes nothing.";
