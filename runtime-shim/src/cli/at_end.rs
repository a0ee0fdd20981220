//! What is left to do when the program has ended, or we end it together with ourselves.

use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use gangplank::engine::Profile;

use super::{changes::Report, listen::SocketFiles, report::Failure, run::complain, tracing::Summary};

/// Done once, by whoever comes first.
#[derive(Clone)]
pub(crate) struct AtEnd {
    pub(crate) summary: Summary,
    pub(crate) sockets: SocketFiles,
    pub(crate) profile: ProfileFile,
    pub(crate) changes: Report,
}

/// `--profile`.
#[derive(Clone, Default)]
pub(crate) struct ProfileFile(Option<Arc<Wanted>>);

struct Wanted {
    profile: Arc<Profile>,
    path: PathBuf,
    written: AtomicBool,
}

impl ProfileFile {
    /// Makes the file, so that we know before the run that we can.
    pub(crate) fn create(path: Option<&Path>) -> Result<ProfileFile, Failure> {
        let Some(path) = path else { return Ok(ProfileFile(None)) };
        fs::write(path, "")
            .map_err(|error| Failure::usage(format!("`--profile {}` cannot be written: {error}", path.display())))?;
        let profile = Arc::new(Profile::new(Duration::from_millis(1)));
        Ok(ProfileFile(Some(Arc::new(Wanted { profile, path: path.to_owned(), written: AtomicBool::new(false) }))))
    }

    pub(crate) fn profile(&self) -> Option<&Arc<Profile>> {
        self.0.as_ref().map(|wanted| &wanted.profile)
    }

    fn write(&self) {
        let Some(wanted) = &self.0 else { return };
        if wanted.written.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = fs::write(&wanted.path, wanted.profile.to_json()) {
            complain(&format!("cannot write the profile `{}`: {error}", wanted.path.display()));
        }
    }
}

impl AtEnd {
    /// Whether there is anything that must not be left undone.
    #[cfg(unix)]
    pub(crate) fn is_wanted(&self) -> bool {
        self.summary.is_wanted() || self.profile.0.is_some() || self.changes.is_wanted()
    }

    /// Does it. `succeeded`: whether the program has. Answers whether what it changed is told and kept as was asked for.
    pub(crate) fn run(&self, succeeded: bool) -> bool {
        self.sockets.remove();
        self.summary.print();
        self.profile.write();
        self.changes.run(succeeded)
    }
}

/// Ends the program on Ctrl-C and the like, where the system's own way would leave something undone.
#[cfg(unix)]
pub(crate) mod signals {
    use std::{io, sync::Arc, thread, time::Duration};

    use gangplank::wasi::{Cancel, Canceller};
    use parking_lot::Mutex;
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::{Handle, Signals},
    };

    use super::AtEnd;
    use crate::cli::exit;

    /// Watches until it is dropped.
    pub(crate) struct Watch {
        canceller: Arc<Mutex<Option<Canceller>>>,
        handle: Handle,
    }

    impl Watch {
        /// Begins, before there is anything to undo. `grace`: how long the program may take to notice.
        pub(crate) fn start(at_end: &AtEnd, grace: Duration) -> io::Result<Watch> {
            let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
            let watch = Watch { canceller: Arc::default(), handle: signals.handle() };
            let (canceller, at_end) = (Arc::clone(&watch.canceller), at_end.clone());
            thread::Builder::new().name("signals".to_owned()).spawn(move || {
                let (why, code) = match signals.forever().next() {
                    Some(SIGINT) => (Cancel::Interrupt, exit::INTERRUPT),
                    Some(_) => (Cancel::Requested, exit::TERMINATED),
                    None => return,
                };
                let canceller = canceller.lock().clone();
                if let Some(canceller) = canceller {
                    canceller.cancel(why);
                    thread::sleep(grace);
                }
                at_end.run(false);
                std::process::exit(code.into());
            })?;
            Ok(watch)
        }

        /// The program has begun to run, and may end by itself when it is canceled.
        pub(crate) fn cancels(&self, canceller: Canceller) {
            *self.canceller.lock() = Some(canceller);
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            self.handle.close();
        }
    }
}
