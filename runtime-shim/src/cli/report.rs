//! How we tell what went wrong, and how we write to our own stdout.

use core::fmt;
use std::io::{self, Write as _};

use gangplank::LoadError;

use super::exit;

/// Something that ends the command: one paragraph, and an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    help: Option<String>,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Failure {
        Failure { code: exit::USAGE, message: message.to_string(), help: None }
    }

    /// The program cannot be run.
    pub(crate) fn cannot_run(message: impl fmt::Display) -> Failure {
        Failure { code: exit::CANNOT_RUN, message: message.to_string(), help: None }
    }

    /// Something else.
    pub(crate) fn failed(code: u8, message: impl fmt::Display) -> Failure {
        Failure { code, message: message.to_string(), help: None }
    }

    /// With another exit code.
    pub(crate) fn code(mut self, code: u8) -> Failure {
        self.code = code;
        self
    }

    /// With advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The advice.
    pub(crate) fn into_help(self) -> Option<String> {
        self.help
    }

    /// With more to say before the rest.
    pub(crate) fn context(mut self, before: impl fmt::Display) -> Failure {
        self.message = format!("{before}: {}", self.message);
        self
    }

    /// Prints it, and answers the exit code.
    pub(crate) fn print(self) -> u8 {
        let text = format!("error: {self}");
        // Nowhere is left to complain to if this fails.
        let _ = io::stderr().write_all(text.as_bytes());
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| writeln!(f, "  help: {help}"))
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        let code = match error.reason {
            gangplank::Reason::NotFound => exit::NOT_FOUND,
            _ => exit::CANNOT_RUN,
        };
        Failure { code, message: error.to_string(), help: error.help().map(str::to_owned) }
    }
}

/// Says on stderr what went wrong without ending the command.
pub(crate) fn warn(text: &str) {
    let _ = io::stderr().write_all(format!("warning: {text}\n").as_bytes());
}

/// Says on stderr what may be of use.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().write_all(format!("note: {text}\n").as_bytes());
}

/// Writes to stdout. A reader that has gone is no error; nobody wants the rest.
pub(crate) fn print(text: &str) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure { code: 1, message: format!("cannot write to stdout: {e}"), help: None })
        }
        _ => Ok(0),
    }
}
