//! What the command line may say.

use std::{ffi::OsString, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint};

use super::{
    examples, fs,
    limits::{self, Size},
};

/// Runs WebAssembly programs over virtual filesystems, on the engine of your choice.
#[derive(Debug, Parser)]
#[command(name = "gangplank", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a program.
    #[command(after_help = examples::RUN, after_long_help = examples::RUN_LONG)]
    Run(Box<Run>),
    /// Show what a module imports and exports, and whether it would run.
    #[command(after_help = examples::INSPECT, after_long_help = examples::INSPECT_LONG)]
    Inspect(Inspect),
    /// Compile a program ahead of time, for machines like this one.
    #[command(after_help = examples::COMPILE)]
    Compile(Compile),
    /// Look into images and directories, compare them, make and unpack them.
    #[command(subcommand, after_help = examples::FS)]
    Fs(fs::args::Command),
    /// List the engines, and what each can do; and where compiled programs are cached.
    #[command(after_help = examples::ENGINES)]
    Engines,
    /// Print a script that lets a shell complete our command line.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(Completions),
    /// Print our manual page, or that of one command.
    #[command(after_help = examples::MAN)]
    Man(Man),
}

/// Headings of the help.
const GIVEN: &str = "What the program is given";
const CHANGES: &str = "What it changed";
const LIMITS: &str = "Limits";
const WATCHING: &str = "Watching it";
const CODE: &str = "Engine and compiled code";

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// How each --dir is offered: the directory itself, a copy of it in memory, or a view that keeps changes in memory.
    #[arg(help_heading = GIVEN, long, value_name = "FS", value_enum, default_value_t = Fs::Host)]
    pub(crate) fs: Fs,

    /// Offer a directory to the program, as GUEST or else under the name as it is given here.
    ///
    /// HOST and GUEST are split at the last `::`. With `:ro` at the end the program cannot change anything in it. The
    /// program sees nothing of the host's files but these directories, in the order given.
    #[arg(help_heading = GIVEN, value_hint = ValueHint::DirPath, long = "dir", value_name = "HOST[::GUEST][:ro]")]
    pub(crate) dirs: Vec<OsString>,

    /// Offer a directory of any kind: type=KIND,src=PATH,dst=GUEST and options, with commas between them.
    ///
    /// KIND is one of: `mem`, in memory, empty or with src a copy of a directory or image; `host`, the directory
    /// itself; `overlay`, a copy-on-write view of a directory or image, or of several, each src over the one before;
    /// `tar` (.tar.gz and .tar.zst too) and `zip`, an image in a file; `oci`, an OCI image, of which `ref=` chooses
    /// one, or its layers, each src over the one before.
    ///
    /// Options: `ro`; `noatime`; for `host` `exclusive`, a promise that nobody else changes the directory meanwhile, so
    /// that its names are remembered, which halves what a path below a directory costs to look at, and files that
    /// somebody makes there are not found; `size=64M` and `nodes=1000`, limits of what is in memory, or for `host` of
    /// what is added; for `overlay` `upper=DIR,work=DIR`, to keep changes there instead, as Linux's overlayfs does. A
    /// comma in a path is written twice.
    ///
    /// Where GUEST lies in a directory that is offered, and there is a directory of that name, it takes its place.
    #[arg(help_heading = GIVEN, long = "mount", value_name = "type=KIND,dst=GUEST[,…]")]
    pub(crate) mounts: Vec<OsString>,

    /// Offer an empty directory in memory.
    ///
    /// --limit-fs-bytes says how much it can hold.
    #[arg(help_heading = GIVEN, long, value_name = "GUEST")]
    pub(crate) tmpfs: Vec<OsString>,

    /// Open a listening socket, which the program finds as the next descriptor after its directories.
    ///
    /// With port 0 the system chooses one, which is printed on stderr. The file of a unix socket is removed at the end;
    /// one that an earlier program has left is replaced.
    #[arg(help_heading = GIVEN, long, value_name = "tcp:ADDRESS:PORT|unix:PATH")]
    pub(crate) listen: Vec<OsString>,

    /// Set a variable of the program's environment, which is empty otherwise; without a value, to the one it has here.
    #[arg(help_heading = GIVEN, long = "env", value_name = "KEY[=VALUE]")]
    pub(crate) env: Vec<OsString>,

    /// Print each system call on stderr: arguments, results and how long it took.
    #[arg(help_heading = WATCHING, long)]
    pub(crate) strace: bool,

    /// Count the system calls, and print on stderr in the end how often each was made and failed, and how long it took.
    ///
    /// The time includes waiting, for input or for a clock.
    #[arg(help_heading = WATCHING, long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "table")]
    pub(crate) stats: Option<StatsFormat>,

    /// Write what --stats=json prints to a file.
    #[arg(help_heading = WATCHING, value_hint = ValueHint::FilePath, long, value_name = "FILE")]
    pub(crate) stats_json: Option<PathBuf>,

    /// Look at the program a thousand times a second, and write where it spends its time to a file.
    ///
    /// The file is in the format of Chrome's .cpuprofile, for Chrome's developer tools and other viewers of that
    /// format. It slows the program down a little; precompiled programs cannot be profiled.
    #[arg(help_heading = WATCHING, long, value_name = "FILE.cpuprofile", value_hint = ValueHint::FilePath)]
    pub(crate) profile: Option<PathBuf>,

    /// Tell on stderr in the end what the program changed in its views (--fs overlay) and in memory.
    #[arg(help_heading = CHANGES, long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "text")]
    pub(crate) diff: Option<DiffFormat>,

    /// Write what --diff=json prints to a file.
    #[arg(help_heading = CHANGES, value_hint = ValueHint::FilePath, long, value_name = "FILE")]
    pub(crate) diff_json: Option<PathBuf>,

    /// Put what the program changed in its views into the directories below, if it ends with code 0.
    ///
    /// Each file is replaced at once or not at all. If somebody else has changed the same things meanwhile, they are
    /// listed, and nothing is put anywhere.
    #[arg(help_heading = CHANGES, long)]
    pub(crate) commit: bool,

    /// Keep what the program changed in a file, as a layer of an OCI image: .tar, .tar.gz or .tgz.
    ///
    /// What was deleted is in it as whiteouts, so that `--mount type=overlay,src=DIR,src=FILE` shows the directory as
    /// the program left it. GUEST says of which directory, if there are several.
    #[arg(help_heading = CHANGES, value_hint = ValueHint::FilePath, long, value_name = "FILE[::GUEST]")]
    pub(crate) save: Vec<OsString>,

    /// Whether descriptors have rights, as preview1 was once meant to; most programs never ask.
    #[arg(help_heading = GIVEN, long, value_enum, default_value_t = Rights::Ignore)]
    pub(crate) rights: Rights,

    /// How paths in host directories are kept inside: by the kernel, or by our own steps; both are equally strict.
    #[arg(help_heading = GIVEN, long, value_name = "HOW", value_enum, default_value_t = HostResolver::Auto)]
    pub(crate) host_resolver: HostResolver,

    /// Most descriptors that the program can have open; 1024 if it is not given.
    #[arg(help_heading = LIMITS, long, value_name = "N")]
    pub(crate) limit_fds: Option<u32>,

    /// Most memory that the program can have, its tables included: 4096, 64K, 512M, 2G.
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = limits::size)]
    pub(crate) limit_memory: Option<Size>,

    /// Most content in each directory that is in memory (--tmpfs, --mount, copies of --fs mem, changes of --fs
    /// overlay).
    ///
    /// If it is not given, half as much as this machine's memory.
    #[arg(help_heading = LIMITS, long, value_name = "SIZE", value_parser = limits::size)]
    pub(crate) limit_fs_bytes: Option<Size>,

    /// Most files and directories in each directory that is in memory, itself included.
    #[arg(help_heading = LIMITS, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit_fs_nodes: Option<u64>,

    /// End the program after this time: 5, 2.5s, 300ms, 10m, 1h.
    #[arg(help_heading = LIMITS, long, value_name = "TIME", value_parser = duration, visible_alias = "limit-time")]
    pub(crate) timeout: Option<Duration>,

    /// End the program when it has executed this many instructions: at the same place every time, whatever the machine.
    #[arg(help_heading = LIMITS, long, value_name = "N")]
    pub(crate) limit_fuel: Option<u64>,

    /// The engine to run it on; `gangplank engines` lists them.
    #[arg(help_heading = CODE, long, value_name = "ENGINE")]
    pub(crate) engine: Option<String>,

    #[command(flatten)]
    pub(crate) compiled: Compiled,

    /// The program, a .wasm file; all that follows is its own.
    #[arg(value_name = "PROGRAM [ARGS]", required = true, trailing_var_arg = true, allow_hyphen_values = true,
        value_hint = ValueHint::FilePath)]
    pub(crate) command: Vec<OsString>,
}

/// Where compiled code comes from.
#[derive(Debug, Args)]
pub(crate) struct Compiled {
    /// Compile the program even if it has been compiled before, and do not keep it.
    #[arg(help_heading = CODE, long)]
    pub(crate) no_cache: bool,

    /// Keep compiled programs here instead of in $XDG_CACHE_HOME/gangplank or ~/.cache/gangplank.
    ///
    /// It is made if it is not there. It must be yours, and writable by nobody else. At most 2 GiB are kept; what was
    /// used least recently goes first.
    #[arg(help_heading = CODE, value_hint = ValueHint::DirPath, long, value_name = "DIR", conflicts_with = "no_cache")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Allow the program to be a file that `gangplank compile` made.
    ///
    /// Such a file is native code, which can do all that you can do. Use this only for files that you would also run as
    /// native programs.
    #[arg(help_heading = CODE, long)]
    pub(crate) allow_precompiled: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The engine to compile it for; `gangplank engines` lists them.
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<String>,

    /// Let instructions be counted: such a file runs with `run --limit-fuel`, and only with it.
    #[arg(long)]
    pub(crate) fuel: bool,

    /// The file to write; otherwise PROGRAM with the extension .cwasm.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// A .wasm file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) program: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Print JSON, whose keys --help lists.
    #[arg(long)]
    pub(crate) json: bool,

    /// A .wasm file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) program: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command whose page it is, as in `gangplank man fs ls`; all of them have one.
    pub(crate) command: Vec<String>,
}

/// How a host directory is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Fs {
    /// The directory itself.
    Host,
    /// A copy in memory.
    Mem,
    /// A copy-on-write view: nothing is copied until the program changes it, and the directory stays as it is.
    Overlay,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum StatsFormat {
    /// For people.
    Table,
    /// On one line: `{"calls", "errors", "bytes", "total_ns", "syscalls": [{"module", "name", "calls", "errors":
    /// {ERRNO: count}, "bytes", "total_ns", "mean_ns", "max_ns"}]}`.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DiffFormat {
    /// For people: `+` created, `~` changed, `-` deleted, `>` renamed.
    Text,
    /// On one line: `{"format": 1, "directories": [{"guest", "summary", "changes"}]}`, as of `gangplank fs diff
    /// --json`.
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Rights {
    /// No.
    Ignore,
    /// Yes.
    Enforce,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum HostResolver {
    /// The kernel's if it has it.
    Auto,
    /// The kernel's `openat2`, or an error.
    Openat2,
    /// Our own steps.
    Portable,
}

/// Reads our command line.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = Cli::from_arg_matches(&Cli::command().try_get_matches_from(&words)?)?;
    if let Command::Run(run) = &cli.command
        && run.command.first().is_some_and(|program| program.as_encoded_bytes().starts_with(b"-"))
    {
        // To let the program have options of its own, clap takes one of ours that it does not know for the program.
        // Asked again without that licence, it says what is wrong with it.
        let strict =
            Cli::command().mut_subcommand("run", |run| run.mut_arg("command", |arg| arg.allow_hyphen_values(false)));
        return match strict.try_get_matches_from(&words) {
            Err(error) => Err(error),
            // After `--`.
            Ok(_) => Ok(cli),
        };
    }
    Ok(cli)
}

/// Prints why our command line is refused, or the help that was asked for.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(std::io::stderr(), "{}", text);
    } else {
        let _ = write!(std::io::stdout(), "{}", text);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(super::exit::USAGE))
}

/// Reads `5`, `2.5s`, `300ms`, `10m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("it begins with no number".to_owned());
    }
    let seconds = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is not a unit of time; use ms, s, m or h")),
    };
    let number: f64 = number.parse().map_err(|_| "it begins with no number".to_owned())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("it is zero".to_owned()),
        Err(_) => Err("it is too long".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("2.5s"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for bad in ["", "s", "-1", "0", "0.0ms", "1 s", "1d", "1e3", "1.2.3", "99999999999999999999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
