//! `--listen`: sockets that the program finds open, after its directories.

use std::{ffi::OsStr, sync::Arc};

use gangplank::vfs::VirtualFile;
use parking_lot::Mutex;

use super::report::Failure;

/// The files of the unix sockets that we have made.
#[derive(Clone, Default)]
pub(crate) struct SocketFiles(Arc<Mutex<Made>>);

#[derive(Default)]
struct Made {
    files: Vec<imp::SocketFile>,
    /// They have been removed: it is the end, and no further one may stay.
    over: bool,
}

impl SocketFiles {
    /// Removes those that are still ours, and from now on whatever is made.
    pub(crate) fn remove(&self) {
        let mut made = self.0.lock();
        made.over = true;
        made.files.drain(..).for_each(imp::SocketFile::remove);
    }

    /// Makes one. Whoever removes all waits until this one is among them: a signal may come at any time.
    fn make<T>(&self, make: impl FnOnce() -> Result<(T, imp::SocketFile), Failure>) -> Result<T, Failure> {
        let mut made = self.0.lock();
        let (socket, file) = make()?;
        match made.over {
            true => file.remove(),
            false => made.files.push(file),
        }
        Ok(socket)
    }
}

/// Opens each `--listen`, in their order; what is to be removed at the end goes into `files`.
pub(crate) fn listeners(
    options: &[impl AsRef<OsStr>],
    files: &SocketFiles,
) -> Result<Vec<Arc<dyn VirtualFile>>, Failure> {
    options.iter().map(|option| imp::listen(option.as_ref(), files)).collect()
}

#[cfg(unix)]
mod imp {
    use std::{
        ffi::OsStr,
        fs,
        io::ErrorKind,
        net::TcpListener,
        os::unix::{
            ffi::OsStrExt as _,
            fs::{FileTypeExt as _, MetadataExt as _},
            net::{UnixListener, UnixStream},
        },
        path::{Path, PathBuf},
        sync::Arc,
    };

    use gangplank::{vfs::VirtualFile, wasi::net::HostSocket};

    use super::{Failure, SocketFiles};
    use crate::cli::report::note;

    /// A file that a unix socket has, and what it was when we made it.
    pub(super) struct SocketFile {
        path: PathBuf,
        identity: (u64, u64),
    }

    impl SocketFile {
        pub(super) fn remove(self) {
            // Somebody else may have put another in its place.
            if fs::symlink_metadata(&self.path).is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    pub(super) fn listen(option: &OsStr, files: &SocketFiles) -> Result<Arc<dyn VirtualFile>, Failure> {
        let text = option.as_bytes();
        let refuse =
            |why: &dyn core::fmt::Display| Failure::usage(format!("cannot listen on `{}`: {why}", option.display()));
        let guest = |socket: Result<Arc<_>, gangplank::vfs::Errno>| match socket {
            Ok(socket) => Ok(socket as Arc<dyn VirtualFile>),
            Err(errno) => Err(refuse(&errno.message())),
        };
        if let Some(address) = text.strip_prefix(b"tcp:") {
            let address = std::str::from_utf8(address).map_err(|_| refuse(&"it is not valid Unicode"))?;
            if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
                return Err(refuse(&"it is no address and port")
                    .help("write `--listen tcp:127.0.0.1:8080`, or `tcp:[::1]:8080`; port 0 takes any that is free"));
            }
            let listener = TcpListener::bind(address).map_err(|error| refuse(&error))?;
            if address.ends_with(":0")
                && let Ok(bound) = listener.local_addr()
            {
                // Nobody could know it otherwise.
                note(&format!("listening on tcp:{bound}"));
            }
            return guest(HostSocket::from_fd(listener));
        }
        let path = match text.strip_prefix(b"unix:") {
            Some([]) => return Err(refuse(&"the path is empty").help("write `--listen unix:PATH`")),
            Some(path) => Path::new(OsStr::from_bytes(path)),
            None => {
                let help = "write `--listen tcp:ADDRESS:PORT` or `--listen unix:PATH`";
                return Err(refuse(&"it is neither `tcp:` nor `unix:`").help(help));
            }
        };
        make_way(path).map_err(|why| refuse(&why))?;
        let listener = files.make(|| {
            let listener = UnixListener::bind(path).map_err(|error| refuse(&error))?;
            let found = fs::symlink_metadata(path).map_err(|error| refuse(&error))?;
            Ok((listener, SocketFile { path: path.to_owned(), identity: (found.dev(), found.ino()) }))
        })?;
        guest(HostSocket::from_fd(listener))
    }

    /// Removes a socket that nobody listens on any more.
    fn make_way(path: &Path) -> Result<(), String> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(found) if found.file_type().is_socket() => {}
            Ok(_) => return Err("there is a file that is not a socket".to_owned()),
        }
        match UnixStream::connect(path) {
            Ok(_) => Err("another program listens there".to_owned()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(not(unix))]
mod imp {
    use std::{convert::Infallible, ffi::OsStr, sync::Arc};

    use gangplank::vfs::VirtualFile;

    use super::{Failure, SocketFiles};

    pub(super) struct SocketFile(Infallible);

    impl SocketFile {
        pub(super) fn remove(self) {
            match self.0 {}
        }
    }

    pub(super) fn listen(option: &OsStr, _: &SocketFiles) -> Result<Arc<dyn VirtualFile>, Failure> {
        Err(Failure::usage(format!("cannot listen on `{}`: there are no sockets on this system yet", option.display())))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn listen(path: &std::path::Path, files: &SocketFiles) -> usize {
        let option = format!("unix:{}", path.display());
        listeners(&[option], files).map_err(|failure| failure.to_string()).expect("listen").len()
    }

    /// A signal came after one socket had been made and before the next, or while it was made.
    #[test]
    fn no_file_stays_that_is_made_after_the_end_or_beside_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let [first, second] = ["first", "second"].map(|name| dir.path().join(name));
        let files = SocketFiles::default();
        assert_eq!((listen(&first, &files), first.exists()), (1, true));
        files.remove();
        assert!(!first.exists());
        assert_eq!((listen(&second, &files), second.exists()), (1, false));
        for i in 0..200 {
            let (files, path) = (SocketFiles::default(), dir.path().join(i.to_string()));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let begun = std::time::Instant::now();
                    while !path.exists() && begun.elapsed().as_secs() < 10 {
                        std::hint::spin_loop();
                    }
                    files.remove();
                });
                listen(&path, &files);
            });
            assert!(!path.exists(), "{i}");
        }
    }
}
