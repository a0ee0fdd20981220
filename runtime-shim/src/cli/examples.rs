//! What the help says after the options.

macro_rules! run {
    () => {
        "\
Examples:
  gangplank run hello.wasm
  gangplank run --dir . --env LANG prog.wasm --its-own-option file.txt
  gangplank run --dir ./project::/work --dir /usr/share/dict::/dict:ro prog.wasm
  gangplank run --fs mem --dir ./project::/ prog.wasm     (the host's files stay as they are)
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
  126  the program cannot be run: not a module, damaged, or it needs what we do not provide
  127  there is no such program
  130  Ctrl-C ended the program (as shells report it)
  134  the program trapped; the reason and its calls are on stderr
  143  another program asked us to end (as shells report it)

When a program fails after a limit has refused it something, a note on stderr names the limit."
);

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
