//! Running other people's programs, with an end to their patience and ours.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What came of a program.
pub(super) struct Ran {
    /// `None` if it took too long and was killed.
    pub(super) status: Option<ExitStatus>,
    /// All that it wrote, on stdout and stderr.
    pub(super) output: String,
    pub(super) took: Duration,
}

impl Ran {
    pub(super) fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The last lines of what it wrote.
    pub(super) fn tail(&self) -> String {
        let lines: Vec<&str> = self.output.lines().filter(|line| !line.trim().is_empty()).collect();
        let how = match self.status {
            Some(status) => status.to_string(),
            None => "took too long, and was killed".to_owned(),
        };
        format!("{how}\n    {}", lines[lines.len().saturating_sub(25)..].join("\n    "))
    }
}

/// Runs a program for at most `patience`.
pub(super) fn run(command: &mut Command, patience: Duration) -> io::Result<Ran> {
    let mut output = tempfile::tempfile()?;
    let begun = Instant::now();
    let other = |file: &File| file.try_clone().map(Stdio::from);
    let mut child =
        command.stdin(Stdio::null()).stdout(other(&output)?).stderr(other(&output)?).env("LC_ALL", "C").spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let took = begun.elapsed();
    output.rewind()?;
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes)?;
    Ok(Ran { status, output: String::from_utf8_lossy(&bytes).into_owned(), took })
}

/// Whether there is a program of this name.
pub(super) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
