//! [`ProcessBuilder`]: what a guest shall be able to reach.

use core::fmt;
use std::sync::Arc;

use gangplank_vfs::{
    Cred, Ctx, Errno, FileType, Namespace, OpenFile, OpenFlags, OpenHow, Place, Scope, Start, VirtualFile,
};

use super::{Process, Strings};
use crate::{Descriptor, FD_LIMIT, FdTable, Life, Rights, System, Trace, sync::atomic::AtomicU32};

/// What a guest shall be able to reach. Whatever is not put here does not exist for it: a standard stream that was not
/// given is a number that is not open.
#[derive(Debug)]
pub struct ProcessBuilder {
    system: Arc<System>,
    namespace: Arc<Namespace>,
    args: Vec<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    stdio: [Option<(Arc<dyn VirtualFile>, OpenFlags)>; 3],
    preopens: Vec<(Vec<u8>, Place)>,
    files: Vec<OpenFile>,
    fd_limit: u32,
    cred: Cred,
    rights: Rights,
    trace: Option<Arc<dyn Trace>>,
}

/// Why a process cannot be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// This argument has a NUL in it: a guest could not tell where it ends.
    ArgumentWithNul(Vec<u8>),
    /// This environment entry has a NUL in it, or its key is empty or has a `=` in it.
    BadEnvironment(Vec<u8>),
    /// Arguments or environment take more than 4 GiB.
    TooLong,
    /// The name of this preopened directory is empty, or has a NUL in it.
    BadPreopenName(Vec<u8>),
    /// The directory that this preopen shows cannot be opened.
    BadPreopen(Vec<u8>, Errno),
    /// There are more files than the limit of descriptors allows.
    TooManyFiles,
}

impl ProcessBuilder {
    /// For a program that finds `program` as its first argument.
    pub fn new(system: &Arc<System>, program: impl Into<Vec<u8>>) -> ProcessBuilder {
        ProcessBuilder {
            system: system.clone(),
            namespace: Namespace::new(),
            args: vec![program.into()],
            env: Vec::new(),
            stdio: [None, None, None],
            preopens: Vec::new(),
            files: Vec::new(),
            fd_limit: FD_LIMIT,
            cred: Cred::default(),
            rights: Rights::default(),
            trace: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<A: Into<Vec<u8>>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, in place of an earlier one with this key.
    pub fn env(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.env.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => self.env.push((key, value)),
        }
        self
    }

    /// What it reads from descriptor 0.
    pub fn stdin(mut self, file: Arc<dyn VirtualFile>) -> Self {
        self.stdio[0] = Some((file, OpenFlags::READ));
        self
    }

    /// Where descriptor 1 writes.
    pub fn stdout(mut self, file: Arc<dyn VirtualFile>) -> Self {
        self.stdio[1] = Some((file, OpenFlags::WRITE));
        self
    }

    /// Where descriptor 2 writes.
    pub fn stderr(mut self, file: Arc<dyn VirtualFile>) -> Self {
        self.stdio[2] = Some((file, OpenFlags::WRITE));
        self
    }

    /// A directory that the guest finds open from 3 on, in the order of the calls, under the name `path`. Whether it
    /// is read-only is a matter of its mount.
    pub fn preopen(mut self, path: impl Into<Vec<u8>>, place: Place) -> Self {
        self.preopens.push((path.into(), place));
        self
    }

    /// An open file, a socket for example, that the guest finds after the directories.
    pub fn file(mut self, file: OpenFile) -> Self {
        self.files.push(file);
        self
    }

    /// The mounts that it sees; without this none but those of its preopened directories.
    pub fn namespace(mut self, namespace: &Arc<Namespace>) -> Self {
        self.namespace = namespace.clone();
        self
    }

    /// Descriptors have numbers below this; [`FD_LIMIT`] without it.
    pub fn fd_limit(mut self, limit: u32) -> Self {
        self.fd_limit = limit;
        self
    }

    /// Owner of what it creates.
    pub fn cred(mut self, cred: Cred) -> Self {
        self.cred = cred;
        self
    }

    /// What becomes of rights.
    pub fn rights(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }

    /// Who watches its syscalls.
    pub fn trace(mut self, trace: Arc<dyn Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The process.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Arc<Process>, BuildError> {
        let (args, env) = (self.strings_of_args()?, self.strings_of_env()?);
        let fds = FdTable::new(self.fd_limit);
        for (fd, stdio) in (0..).zip(self.stdio) {
            if let Some((file, flags)) = stdio {
                let open = OpenFile::from_stream(file.clone(), flags, stdio_type(&*file));
                let descriptor = Descriptor::new(open, self.rights);
                fds.insert_at(fd, descriptor).map_err(|_| BuildError::TooManyFiles)?;
            }
        }
        for (path, place) in self.preopens {
            if path.is_empty() || path.contains(&0) {
                return Err(BuildError::BadPreopenName(path));
            }
            let open = open_directory(&self.namespace, &self.cred, &place)
                .map_err(|errno| BuildError::BadPreopen(path.clone(), errno))?;
            let descriptor = Descriptor::preopened(open, self.rights, &path);
            fds.insert(descriptor).map_err(|_| BuildError::TooManyFiles)?;
        }
        for file in self.files {
            fds.insert(Descriptor::new(file, self.rights)).map_err(|_| BuildError::TooManyFiles)?;
        }
        Ok(Arc::new(Process {
            life: Life::new(),
            system: self.system,
            namespace: self.namespace,
            fds,
            args,
            env,
            cred: self.cred,
            rights: self.rights,
            trace: self.trace,
            threads: AtomicU32::new(0),
        }))
    }

    fn strings_of_args(&self) -> Result<Strings, BuildError> {
        let mut strings = Strings::default();
        for arg in &self.args {
            if arg.contains(&0) {
                return Err(BuildError::ArgumentWithNul(arg.clone()));
            }
            strings.push(&[arg]).ok_or(BuildError::TooLong)?;
        }
        Ok(strings)
    }

    fn strings_of_env(&self) -> Result<Strings, BuildError> {
        let mut strings = Strings::default();
        for (key, value) in &self.env {
            if key.is_empty() || key.contains(&b'=') || key.contains(&0) || value.contains(&0) {
                return Err(BuildError::BadEnvironment([key, &b"="[..], value].concat()));
            }
            strings.push(&[key, b"=", value]).ok_or(BuildError::TooLong)?;
        }
        Ok(strings)
    }
}

/// A standard stream is a terminal or nothing in particular, whatever is behind it: a guest that takes it for a file
/// would seek.
fn stdio_type(file: &dyn VirtualFile) -> FileType {
    match file.is_terminal() {
        true => FileType::CharDevice,
        false => FileType::Unknown,
    }
}

fn open_directory(namespace: &Namespace, cred: &Cred, place: &Place) -> Result<OpenFile, Errno> {
    let start = Start { namespace, cx: Ctx { cred }, place, scope: Scope::Beneath(place) };
    let flags = OpenFlags::READ | OpenFlags::DIRECTORY;
    start.open(b".", &OpenHow { flags, create: None, exclusive: false, follow: true })
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::ArgumentWithNul(arg) => write!(f, "the argument \"{}\" has a NUL in it", arg.escape_ascii()),
            BuildError::BadEnvironment(entry) => {
                write!(f, "the environment entry \"{}\" is not a key, `=`, and a value", entry.escape_ascii())
            }
            BuildError::TooLong => write!(f, "arguments or environment take more than 4 GiB"),
            BuildError::BadPreopenName(name) => {
                write!(f, "\"{}\" is no name for a directory", name.escape_ascii())
            }
            BuildError::BadPreopen(name, errno) => {
                write!(f, "the directory for \"{}\" cannot be opened: {}", name.escape_ascii(), errno.message())
            }
            BuildError::TooManyFiles => write!(f, "there are more files than the limit of descriptors allows"),
        }
    }
}

impl core::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipes;

    fn builder() -> ProcessBuilder {
        ProcessBuilder::new(&System::deterministic(0), "prog")
    }

    #[test]
    fn what_a_guest_could_not_read_back_is_refused() {
        assert_eq!(builder().arg("a\0b").build().unwrap_err(), BuildError::ArgumentWithNul(b"a\0b".to_vec()));
        for (key, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "\0")] {
            let error = builder().env(key, value).build().unwrap_err();
            assert!(matches!(&error, BuildError::BadEnvironment(_)), "{error}");
        }
        assert!(builder().env("A", "1=2").env("A", "").arg("").build().is_ok());
    }

    #[test]
    fn nothing_is_open_that_was_not_given() {
        let process = builder().build().unwrap();
        assert!(process.fds().is_empty());
        let process = builder().fd_limit(1).stdin(pipes::pipe(1).0).build().unwrap();
        assert_eq!(process.fds().len(), 1);
        let stdout = pipes::pipe(1).1;
        assert_eq!(builder().fd_limit(1).stdout(stdout).build().unwrap_err(), BuildError::TooManyFiles);
    }
}
