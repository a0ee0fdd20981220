//! `gangplank fs mount`: trees for the programs of this machine, and what they changed.
#![cfg(target_os = "linux")]

mod common;

#[cfg(not(feature = "fuse"))]
use common::Sandbox;

#[cfg(not(feature = "fuse"))]
#[test]
fn a_build_that_cannot_mount_says_so() {
    let sandbox = Sandbox::new();
    sandbox.file("src/f", "");
    std::fs::create_dir(sandbox.path().join("on")).unwrap();
    sandbox.run(&["fs", "mount", "src", "on"]).refused(2, &["cannot mount", "`--features fuse`"]);
}

#[cfg(feature = "fuse")]
mod mounted {
    use std::{
        fs,
        io::{BufRead as _, BufReader, Read as _},
        path::{Path, PathBuf},
        process::{Child, ChildStderr, Stdio},
        sync::{Mutex, MutexGuard, PoisonError},
    };

    use super::common::Sandbox;

    /// Whether something can be mounted here; says why not.
    fn possible() -> bool {
        let Err(why) = fs::OpenOptions::new().read(true).write(true).open("/dev/fuse") else { return true };
        eprintln!("skipped: /dev/fuse: {why}");
        false
    }

    /// One test at a time: between its fork and its exec, a process that another test starts holds our descriptors too,
    /// and a mount that one of them belongs to is in use.
    static ALONE: Mutex<()> = Mutex::new(());

    /// What to mount, on `on`, while no other test does.
    struct Given {
        sandbox: Sandbox,
        _alone: MutexGuard<'static, ()>,
    }

    impl std::ops::Deref for Given {
        type Target = Sandbox;

        fn deref(&self) -> &Sandbox {
            &self.sandbox
        }
    }

    fn sandbox() -> Given {
        // Another test that has failed says nothing about this one.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let sandbox = Sandbox::new();
        sandbox.file("src/hello.txt", "hello");
        sandbox.file("src/sub/deep.txt", "deep");
        fs::create_dir(sandbox.path().join("on")).unwrap();
        Given { sandbox, _alone: alone }
    }

    /// `gangplank fs mount`, under way.
    struct Mount {
        child: Child,
        err: BufReader<ChildStderr>,
        on: PathBuf,
    }

    impl Mount {
        /// On `on`, with these words before it. Waits until it is there.
        #[track_caller]
        fn start(sandbox: &Sandbox, words: &[&str]) -> Mount {
            let mut command = sandbox.gangplank();
            command.args(["fs", "mount"]).args(words).arg("on").stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut err = BufReader::new(child.stderr.take().unwrap());
            let mut line = String::new();
            err.read_line(&mut line).unwrap();
            assert!(line.contains("is mounted on"), "{line}");
            Mount { child, err, on: sandbox.path().join("on") }
        }

        fn signal(&self, signal: rustix::process::Signal) {
            let pid = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(pid, signal).unwrap();
        }

        /// Ends it as Ctrl-C does; answers the exit code and what it said.
        fn end(mut self) -> (Option<i32>, String) {
            self.signal(rustix::process::Signal::INT);
            self.ended()
        }

        fn ended(&mut self) -> (Option<i32>, String) {
            let mut said = String::new();
            self.err.read_to_string(&mut said).unwrap();
            let code = self.child.wait().unwrap().code();
            assert_eq!(fs::read_dir(&self.on).unwrap().count(), 0, "it is not mounted any more");
            (code, said)
        }
    }

    impl Drop for Mount {
        fn drop(&mut self) {
            if self.child.try_wait().is_ok_and(|code| code.is_none()) {
                self.signal(rustix::process::Signal::TERM);
                let _ = self.child.wait();
            }
        }
    }

    fn read(dir: &Path, name: &str) -> String {
        fs::read_to_string(dir.join(name)).unwrap()
    }

    #[test]
    fn a_directory_is_itself() {
        if !possible() {
            return;
        }
        let sandbox = sandbox();
        let mount = Mount::start(&sandbox, &["src"]);
        assert_eq!(read(&mount.on, "sub/deep.txt"), "deep");
        fs::write(mount.on.join("new.txt"), "new").unwrap();
        assert_eq!(read(sandbox.path(), "src/new.txt"), "new");
        // What others do to it is seen at once.
        sandbox.file("src/hello.txt", "changed");
        assert_eq!(read(&mount.on, "hello.txt"), "changed");
        assert_eq!(mount.end(), (Some(0), String::new()));
    }

    #[test]
    fn an_image_is_read_only_and_a_view_of_it_is_not() {
        if !possible() {
            return;
        }
        let sandbox = sandbox();
        assert_eq!(sandbox.run(&["fs", "pack", "src", "a.tar.gz"]).code, Some(0));
        let mount = Mount::start(&sandbox, &["a.tar.gz"]);
        assert_eq!(read(&mount.on, "sub/deep.txt"), "deep");
        let refused = fs::write(mount.on.join("hello.txt"), "x").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        assert_eq!(mount.end().0, Some(0));

        let mount = Mount::start(&sandbox, &["--fs", "overlay", "--diff", "a.tar.gz"]);
        fs::write(mount.on.join("hello.txt"), "x").unwrap();
        fs::remove_file(mount.on.join("sub/deep.txt")).unwrap();
        let (code, said) = mount.end();
        assert_eq!(code, Some(0));
        assert_eq!(said, "a.tar.gz: 1 changed, 1 deleted\n~ hello.txt (content)\n- sub/deep.txt\n");
    }

    #[test]
    fn changes_are_committed_and_saved() {
        if !possible() {
            return;
        }
        let sandbox = sandbox();
        let words = ["--fs", "overlay", "--commit", "--save", "changes.tar", "src"];
        let mut mount = Mount::start(&sandbox, &words);
        fs::write(mount.on.join("new.txt"), "new").unwrap();
        fs::remove_dir_all(mount.on.join("sub")).unwrap();
        assert!(sandbox.path().join("src/sub/deep.txt").exists(), "not yet");
        // By `umount`, for a change.
        rustix::mount::unmount(&mount.on, rustix::mount::UnmountFlags::empty()).unwrap();
        let (code, said) = mount.ended();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("committed to `src`"), "{said}");
        assert_eq!(read(sandbox.path(), "src/new.txt"), "new");
        assert!(!sandbox.path().join("src/sub").exists());
        let saved = sandbox.run(&["fs", "ls", "-R", "changes.tar"]);
        assert!(saved.out.contains("new.txt") && saved.out.contains(".wh.sub"), "{saved:?}");
    }

    #[test]
    fn a_copy_in_memory_and_read_only() {
        if !possible() {
            return;
        }
        let sandbox = sandbox();
        let mount = Mount::start(&sandbox, &["--fs", "mem", "--diff", "src"]);
        fs::rename(mount.on.join("hello.txt"), mount.on.join("bye.txt")).unwrap();
        let (code, said) = mount.end();
        assert_eq!((code, &*said), (Some(0), "src: 1 renamed\n> hello.txt → bye.txt\n"));
        assert_eq!(read(sandbox.path(), "src/hello.txt"), "hello");

        let mount = Mount::start(&sandbox, &["--ro", "src"]);
        let refused = fs::write(mount.on.join("hello.txt"), "x").unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        assert_eq!(mount.end().0, Some(0));
    }

    /// What was in use when we were told to end is kept all the same.
    #[test]
    fn it_ends_in_use() {
        if !possible() {
            return;
        }
        let sandbox = sandbox();
        let mount = Mount::start(&sandbox, &["--fs", "overlay", "--diff", "src"]);
        let mut file = fs::File::create(mount.on.join("open.txt")).unwrap();
        std::io::Write::write_all(&mut file, b"kept").unwrap();
        let (code, said) = mount.end();
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("still in use") && said.contains("+ open.txt"), "{said}");
        assert!(std::io::Write::write_all(&mut file, b"more").is_err());
    }

    #[test]
    fn what_cannot_be_is_refused_and_why_is_told() {
        let sandbox = sandbox();
        sandbox.file("file", "");
        fs::create_dir(sandbox.path().join("src/inside")).unwrap();
        for (words, told) in [
            (&["src", "nowhere"][..], &["`nowhere`", "does not exist", "create the directory first"][..]),
            (&["src", "file"], &["`file`", "not a directory"]),
            (&["src", "src/sub"], &["`src/sub`", "not empty"]),
            (&["src", "src/inside"], &["`src/inside`", "would show itself there"]),
            (&["src", "on", "--limit-fs-bytes", "1M"], &["`--limit-fs-bytes` limits nothing"]),
            (&["src", "on", "--commit"], &["`--commit` has nowhere to put changes"]),
        ] {
            sandbox.run(&[&["fs", "mount"], words].concat()).refused(2, told);
        }
        sandbox.run(&["fs", "mount", "nothing.tar", "on"]).refused(1, &["`nothing.tar`", "does not exist"]);
    }
}
