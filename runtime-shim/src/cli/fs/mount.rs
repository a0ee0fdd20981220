//! `gangplank fs mount`: a tree for all programs of this machine, until somebody unmounts it.

use super::args::Mount;
use crate::cli::report::Failure;

#[cfg(not(all(feature = "fuse", target_os = "linux")))]
pub(super) fn mount(_: &Mount) -> Result<u8, Failure> {
    Err(match cfg!(target_os = "linux") {
        true => Failure::usage("this `gangplank` cannot mount: it has been built without the feature `fuse`")
            .help("build it with `cargo build --release --features fuse`"),
        false => Failure::usage("only Linux mounts filesystems for us")
            .help("`gangplank fs unpack` writes an image into a directory"),
    })
}

#[cfg(all(feature = "fuse", target_os = "linux"))]
pub(super) fn mount(args: &Mount) -> Result<u8, Failure> {
    linux::mount(args)
}

#[cfg(all(feature = "fuse", target_os = "linux"))]
mod linux {
    use std::{
        fs,
        io::{self, ErrorKind},
        path::Path,
        sync::{
            Arc, OnceLock,
            atomic::{AtomicBool, Ordering},
        },
        thread,
        time::Duration,
    };

    use gangplank::vfs::{
        FsCaps,
        fuse::{self, FuseOptions, Unmounter},
    };
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
    };

    use super::super::{FAILED, args::Mount};
    use crate::cli::{
        args::Fs,
        changes::{Report, Wanted},
        exit,
        given::offered::offered,
        report::{Failure, note, warn},
        sources,
    };

    /// How long the kernel may answer for a filesystem that nobody else changes.
    const KEPT: Duration = Duration::from_secs(1);
    /// How long what is unmounted may still be served to programs elsewhere, in a container for example.
    const GRACE: Duration = Duration::from_secs(3);

    pub(super) fn mount(args: &Mount) -> Result<u8, Failure> {
        let shown = args.on.display();
        let cannot = |failure: Failure| failure.context(format_args!("cannot mount on `{shown}`"));
        is_free(&args.on).map_err(cannot)?;
        let tree = sources::tree(&args.tree, FAILED)?;
        is_apart(args).map_err(cannot)?;
        let offered = offered(args, &tree)?;
        let wanted = Wanted {
            diff: args.diff,
            diff_json: None,
            commit: args.commit,
            save: args.save.iter().map(|path| path.as_os_str()).collect(),
        };
        let changes = Report::new(wanted, offered.watched.into_iter().collect())?;
        let end = Arc::new(End { unmounter: OnceLock::new(), begun: AtomicBool::new(false), changes });
        signals(&end).map_err(|error| Failure::failed(FAILED, format!("cannot watch for signals: {error}")))?;
        let is_ours_alone = offered.place.fs().info().caps.contains(FsCaps::LOCAL);
        let options = FuseOptions {
            ttl: if is_ours_alone { KEPT } else { Duration::ZERO },
            allow_other: args.allow_other,
            read_only: args.ro,
            source: args.tree.display().to_string(),
            ..FuseOptions::default()
        };
        if !is_ours_alone {
            // As it is, it will do for a while.
            let _ = fuse::raise_descriptor_limit();
        }
        let mounted = fuse::mount(offered.place, &args.on, &options).map_err(|error| cannot(refused(&error)))?;
        let _ = end.unmounter.set(mounted.unmounter());
        note(&format!("`{}` is mounted on `{shown}`; Ctrl-C or `umount` ends it", args.tree.display()));
        let ended = mounted.wait();
        let code = end.finish();
        ended.map_err(|error| Failure::failed(FAILED, format!("the mount on `{shown}` has failed: {error}")))?;
        Ok(code)
    }

    /// What is left to do when the mount has ended.
    struct End {
        unmounter: OnceLock<Unmounter>,
        /// Whether somebody does it already.
        begun: AtomicBool,
        changes: Report,
    }

    impl End {
        /// Does it, and answers the exit code. Does not return to who comes second: the first ends the process.
        fn finish(&self) -> u8 {
            if self.begun.swap(true, Ordering::Relaxed) {
                loop {
                    thread::park();
                }
            }
            if self.changes.run(true) { 0 } else { exit::NOT_KEPT }
        }
    }

    /// Unmounts when we are told to end.
    fn signals(end: &Arc<End>) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let end = Arc::clone(end);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                let Some(unmounter) = end.unmounter.get() else { std::process::exit(exit::INTERRUPT.into()) };
                match unmounter.unmount() {
                    Ok(false) => {}
                    Ok(true) => note("it was still in use; programs that have files of it open get errors now"),
                    Err(error) => {
                        warn(&format!("cannot unmount: {error}"));
                        continue;
                    }
                }
                // Now the mount has ended, and with it this process, usually.
                thread::sleep(GRACE);
                std::process::exit(end.finish().into());
            }
        })?;
        Ok(())
    }

    /// That something can be mounted there.
    fn is_free(on: &Path) -> Result<(), Failure> {
        match fs::metadata(on) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(Failure::usage("it is not a directory")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::usage("it does not exist").help("create the directory first"));
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                return Err(Failure::usage("something is mounted there, and nobody answers for it any more")
                    .help(format!("`umount {0}` or `fusermount3 -u {0}` takes it away", on.display())));
            }
            Err(error) => return Err(Failure::usage(error)),
        }
        let mut entries = fs::read_dir(on).map_err(Failure::usage)?;
        match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::usage("it is not empty").help("what is in it could not be seen any more")),
        }
    }

    /// That the tree does not show the mount itself: to look at it there, we would have to wait for ourselves.
    fn is_apart(args: &Mount) -> Result<(), Failure> {
        let (Ok(tree), Ok(on)) = (args.tree.canonicalize(), args.on.canonicalize()) else { return Ok(()) };
        match args.fs != Fs::Mem && tree.is_dir() && on.starts_with(&tree) {
            false => Ok(()),
            true => Err(Failure::usage(format!("it lies in `{}`, which would show itself there", args.tree.display()))
                .help("mount it elsewhere, or a copy with `--fs mem`")),
        }
    }

    /// Why it could not be mounted, and what to do.
    fn refused(error: &io::Error) -> Failure {
        let said = error.to_string();
        let failed = |why: &str| Failure::failed(FAILED, why);
        match error.kind() {
            _ if !Path::new("/dev/fuse").exists() => failed("this machine has no /dev/fuse")
                .help("`modprobe fuse` loads what makes it; a container needs `--device /dev/fuse`"),
            ErrorKind::NotFound => failed("only root can mount without the program `fusermount3`")
                .help("install it (Debian's package fuse3), or be root"),
            _ if said.contains("user_allow_other") => {
                failed("other users may be let in by root only").help("write `user_allow_other` into /etc/fuse.conf")
            }
            ErrorKind::PermissionDenied => {
                failed("you may not use /dev/fuse").help("its permission bits say who may; or run `gangplank` as root")
            }
            _ if said.trim().is_empty() => failed("the system refuses, and does not say why")
                .help("a container needs `--device /dev/fuse` and `--cap-add SYS_ADMIN`"),
            _ => Failure::failed(FAILED, said.trim()),
        }
    }
}
