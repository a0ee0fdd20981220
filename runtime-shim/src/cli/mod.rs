//! The command line.

mod args;
mod at_end;
mod changes;
mod compiled;
mod engines;
mod examples;
mod fs;
mod generate;
mod given;
mod inspect;
mod limits;
mod listen;
mod progress;
mod report;
mod run;
mod sources;
mod tracing;
mod words;

use std::process::ExitCode;

use args::{Cli, Command};

/// Exit codes of our own; everything else is the guest's.
pub(crate) mod exit {
    /// The command line is wrong, and nothing has been run.
    pub(crate) const USAGE: u8 = 2;
    /// `--timeout` or `--limit-fuel` ended the program (as `timeout(1)`).
    pub(crate) const TIMEOUT: u8 = 124;
    /// The program succeeded, but what it changed could not be told, saved or committed.
    pub(crate) const NOT_KEPT: u8 = 125;
    /// The program exists but cannot be run (as a shell).
    pub(crate) const CANNOT_RUN: u8 = 126;
    /// The program does not exist (as a shell).
    pub(crate) const NOT_FOUND: u8 = 127;
    /// Ctrl-C (as `SIGINT`).
    pub(crate) const INTERRUPT: u8 = 130;
    /// Asked to end by another program (as `SIGTERM`).
    #[cfg(unix)]
    pub(crate) const TERMINATED: u8 = 143;
}

pub(crate) fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(cli) => cli,
        Err(error) => return args::refuse(&error),
    };
    let Cli { command } = cli;
    let done = match command {
        Command::Run(args) => run::run(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Compile(args) => compiled::compile(&args),
        Command::Fs(command) => fs::fs(&command),
        Command::Engines => engines::engines(),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    };
    ExitCode::from(done.unwrap_or_else(|failure| failure.print()))
}
