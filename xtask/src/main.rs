//! The tasks of this repository. `cargo xtask` alone lists them.

mod diff;
mod fuse;
mod fuzz;
mod guests;
mod javascriptcore;
mod race;
mod results;
mod run;
mod sanitize;
mod scoreboard;
mod second_try;
mod shuttle;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
Tasks of the Gangplank repository.

  cargo xtask test [STEP…]   everything that has to be green: all steps, or the ones named
                             (fmt, clippy, doc, wasm32, tests, instructions)
  cargo xtask diff [OPTION…]  the same scripts on every filesystem at once, as many as you like; `--help` says how
  cargo xtask guests [--check]
                             builds the guest programs in wasi-testsuite again (needs the wasm32 targets), or tells
                             whether they are what their sources make
  cargo xtask fuse [--help | OPTIONS]
                             mounts our filesystems through FUSE, and runs pjdfstest, fsx, git, compilers, sqlite and
                             others on them (needs Linux and root; takes an hour)
  cargo xtask fuzz [TARGET…] [--seconds N] [--sanitizer address]
                             gives the fuzz targets of the conformance kit to cargo-fuzz, one after the other
                             (`cargo xtask fuzz --help`)
  cargo xtask asan           the tests of wasi's unsafe module under AddressSanitizer (needs a nightly toolchain)
  cargo xtask miri           the same under Miri (needs a nightly toolchain with the component miri)
  cargo xtask race [--seconds N] [openat2|portable]
                             attackers on the host exchange directories and links while paths are resolved, for a
                             minute with each resolver unless told otherwise; fails if anything outside is touched
  cargo xtask scoreboard [--output FILE] [--check]
                             runs the kit on every filesystem and all programs on every engine and filesystem, and writes
                             CONFORMANCE.md: what passed where, and why the rest is not green (`--help` says how)
  cargo xtask shuttle [--schedules N] [--seed S] [--replay FILE] [FILTER]
                             searches the schedules of threads for wrong answers and deadlocks (`--help` says more);
                             not part of `test`, since it compiles the crates once more
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next();
    let rest: Vec<String> = args.collect();
    let result = match task.as_deref() {
        Some("test") => test::test(&rest),
        Some("diff") => diff::diff(&rest),
        Some("guests") => guests::guests(&rest),
        Some("fuse") => fuse::fuse(&rest),
        Some("fuzz") => fuzz::fuzz(&rest),
        Some("asan") => sanitize::asan(&rest),
        Some("miri") => sanitize::miri(&rest),
        Some("race") => race::race(&rest),
        Some("scoreboard") => scoreboard::scoreboard(&rest),
        Some("shuttle") => shuttle::shuttle(&rest),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("error: there is no task `{other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
