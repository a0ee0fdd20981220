//! [`Mounted`]: the mount itself, and its end.

use std::{
    fs::File,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use fuser::{Config, MountOption, Session, SessionACL, SessionUnmounter};
use parking_lot::Mutex;
use rustix::{
    io::Errno,
    mount::{UnmountFlags, unmount},
};

use super::{FuseOptions, forgetting::Forgetting, requests::Requests, server::Server};
use crate::Place;

/// How long the threads of a mount may take to end when it has been unmounted. They do at once, unless `fusermount3`
/// unmounted for us what was still in use: then they serve whoever uses it until that ends.
const GRACE: Duration = Duration::from_secs(5);

/// How long an unmount waits for what is in use by chance: between `fork` and `exec`, a new process holds whatever its
/// parent has open, files of ours that have been closed since too.
const CHANCE: Duration = Duration::from_millis(200);
/// How often it looks meanwhile.
const LOOKS: u32 = 20;

/// A mounted directory. To drop it unmounts it.
#[derive(Debug)]
pub struct Mounted {
    unmounter: Unmounter,
    /// What the session answers in the end; until somebody has waited for it.
    ended: Option<Receiver<io::Result<()>>>,
}

/// Unmounts from another thread: on a signal, for example.
#[derive(Clone, Debug)]
pub struct Unmounter {
    on: PathBuf,
    session: Arc<Mutex<SessionUnmounter>>,
}

impl Mounted {
    pub(super) fn new(place: Place, on: &Path, options: &FuseOptions) -> io::Result<Mounted> {
        let on = on.canonicalize()?;
        let kind = place.fs().info().fs_type;
        let read_only = options.read_only || place.mount().read_only();
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName(harmless(&options.source)),
            MountOption::Subtype(format!("gangplank-{kind}")),
            MountOption::DefaultPermissions,
            if read_only { MountOption::RO } else { MountOption::RW },
        ];
        config.acl = if options.allow_other { SessionACL::All } else { SessionACL::Owner };
        config.n_threads = Some(options.threads.max(1));
        let server = Arc::new(Server::new(place, options.clone()));
        let mut session = Session::new(Requests(Arc::clone(&server)), &on, &config)?;
        let forgetting = Forgetting::begin(server, session.as_fd().try_clone_to_owned()?)?;
        let unmounter = Unmounter { on, session: Arc::new(Mutex::new(session.unmount_callable())) };
        let (end, ended) = mpsc::channel();
        thread::Builder::new().name("fuse".to_owned()).spawn(move || {
            let ended = session.run();
            drop(forgetting);
            // Nobody need be there to hear it.
            let _ = end.send(outcome(ended));
        })?;
        Ok(Mounted { unmounter, ended: Some(ended) })
    }

    /// Where it is mounted: the absolute path.
    pub fn path(&self) -> &Path {
        &self.unmounter.on
    }

    /// What unmounts it from another thread, while this one [waits](Mounted::wait).
    pub fn unmounter(&self) -> Unmounter {
        self.unmounter.clone()
    }

    /// Waits until it has been unmounted, by whomever.
    ///
    /// # Errors
    /// Why it could not go on.
    pub fn wait(mut self) -> io::Result<()> {
        self.ended.take().map_or(Ok(()), |ended| ended.recv().unwrap_or(Ok(())))
    }

    /// Unmounts it, and waits for its threads.
    ///
    /// # Errors
    /// Those of `umount(2)`, but for being in use. `TimedOut` if it was, and a program that uses it is still served.
    pub fn unmount(mut self) -> io::Result<()> {
        self.unmounter.unmount()?;
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(ended) = self.ended.take() else { return Ok(()) };
        match ended.recv_timeout(GRACE) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
            Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody is left to be told why not.
        if self.unmounter.unmount().is_ok() {
            let _ = self.finish();
        }
    }
}

impl Unmounter {
    /// Unmounts, and answers whether it was still in use, 200 milliseconds after it was asked first: then whoever uses it
    /// gets errors from now on, after what has been written is written. Does nothing where somebody else has unmounted
    /// it already.
    ///
    /// # Errors
    /// Those of `umount(2)`, but for being in use.
    pub fn unmount(&self) -> io::Result<bool> {
        // Locked until it is done: whoever comes second must not be told so before.
        let mut session = self.session.lock();
        match session.unmount() {
            Ok(()) => Ok(false),
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy => self.unmount_used(),
            Err(e) => Err(e),
        }
    }

    /// The session tries once, and forgets its mount whatever comes of it; the rest is ours.
    fn unmount_used(&self) -> io::Result<bool> {
        for _ in 0..LOOKS {
            thread::sleep(CHANCE / LOOKS);
            match unmount(&self.on, UnmountFlags::empty()) {
                Err(Errno::BUSY) => {}
                // Somebody else has been quicker.
                Ok(()) | Err(Errno::INVAL) => return Ok(false),
                Err(e) => return Err(e.into()),
            }
        }
        // What programs have mapped into memory and changed.
        if let Ok(top) = File::open(&self.on) {
            let _ = rustix::fs::syncfs(&top);
        }
        unmount(&self.on, UnmountFlags::FORCE | UnmountFlags::DETACH)?;
        Ok(true)
    }
}

/// A mount that is taken away by force has been unmounted. Mostly the kernel says `ENODEV` then, which the session takes for
/// an end; to whoever is about to take a request at that moment it says `ECONNABORTED`.
fn outcome(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => Ok(()),
        other => other,
    }
}

/// Without what separates mount options.
fn harmless(source: &str) -> String {
    source.chars().map(|c| if c == ',' || c == '\\' || c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_cut_off_by_an_unmount_has_ended_well() {
        let told = |errno: rustix::io::Errno| outcome(Err(errno.into()));
        assert!(told(rustix::io::Errno::CONNABORTED).is_ok());
        assert!(told(rustix::io::Errno::IO).is_err());
    }
}
