use super::*;

/// A tree that is like another but for times of directories.
fn assert_like(left: &Tree, right: &Tree) {
    assert_eq!(lines(compare(left, right).unwrap()), [""; 0]);
    for entry in right.walk("").unwrap() {
        let entry = entry.unwrap();
        let made = left.symlink_metadata(&entry.path).unwrap();
        if entry.metadata.file_type != FileType::Directory {
            assert_eq!((made.mtime, made.nlink), (entry.metadata.mtime, entry.metadata.nlink), "{}", entry.display());
        }
    }
}

#[test]
fn a_commit_makes_the_target_what_the_overlay_is() {
    let (lower, below) = start(dir! {
        "f": "1", "d": { "x": "2", "y": "3", "deep": { "z": "4" } }, "swap1": "s1", "swap2": "s2", "over": "o", "by": "b",
        "gone": { "saved": "5", "lost": "6", "sub": { "kept": "7", "not": "8" } }, "opaque": { "old": "", "both": "x" },
        "mode": "m", "dir-to-file": { "in": "" }, "file-to-dir": "x", "replaced": "1", "l" => "f",
        "r1": "1", "r2": "2", "r3": "3", "up": { "up": { "leaf": "l" } }, "down": { "leaf": "l" },
        "one": { "1": "1" }, "two": { "2": "2" },
    });
    let by = below.metadata("by").unwrap().ino;
    for name in [&b"by2"[..], b"by3"] {
        lower.link(&Ctx::ROOT, by, lower.root(), Name::new(name).unwrap()).unwrap();
    }
    let (fs, t) = overlay(&lower);
    t.create_dir_all("new/dir").unwrap();
    t.rename("f", "new/f").unwrap();
    t.append("new/f", "!").unwrap();
    t.write("f", "another").unwrap();
    t.rename("d", "new/dir/d").unwrap();
    t.write("new/dir/d/added", "").unwrap();
    t.remove("new/dir/d/x").unwrap();
    t.rename("new/dir/d/deep/z", "z").unwrap();
    exchange(&t, "swap1", "swap2");
    exchange(&t, "one", "two");
    t.rename("one/2", "two/2").unwrap();
    t.append("by2", "more").unwrap();
    t.rename("gone/saved", "saved").unwrap();
    t.rename("gone/sub", "sub").unwrap();
    t.remove("sub/not").unwrap();
    t.remove_all("gone").unwrap();
    t.remove_all("opaque").unwrap();
    t.create_dir("opaque").unwrap();
    t.write("opaque/both", "y").unwrap();
    t.set_attr("mode", &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    t.remove_all("dir-to-file").unwrap();
    t.write("dir-to-file", "x").unwrap();
    t.remove("file-to-dir").unwrap();
    t.create_dir_all("file-to-dir/below").unwrap();
    t.write("tmp", "2").unwrap();
    t.rename("tmp", "replaced").unwrap();
    t.remove("l").unwrap();
    t.symlink("elsewhere", "l").unwrap();
    // A circle; out of what it replaces; into what replaces it.
    for (from, to) in [("r1", "t"), ("r2", "r1"), ("r3", "r2"), ("t", "r3"), ("up", "t"), ("t/up", "up"), ("down", "t")]
    {
        t.rename(from, to).unwrap();
    }
    t.remove("t/leaf").unwrap();
    t.create_dir("down").unwrap();
    t.rename("t", "down/t").unwrap();
    t.write("big", vec![7; 3 << 20]).unwrap();
    let total = of_overlay(&fs).unwrap().len() as u64;
    let mut told = Vec::new();
    let mut note = |now: Progress<'_>| told.push((now.done, now.total));
    let done = Commit::new(&fs, &below).progress(&mut note).run().unwrap();
    assert_like(&below, &t);
    assert!(told.is_sorted() && told.last() == Some(&(total, total)), "{told:?}");
    assert!(done.bytes >= 3 << 20 && done.renamed >= 10, "{done:?}");
    let names: Vec<_> = below.walk("").unwrap().map(|entry| entry.unwrap().path).collect();
    assert!(!names.iter().any(|name| name.windows(10).any(|part| part == b".gangplank")), "nothing stays behind");
}

#[test]
fn what_somebody_else_changed_is_not_overwritten() {
    let (lower, below) = start(dir! {
        "both": "1", "gone": "1", "dir": { "in": "" }, "other": "", "free": "1", "moved": "1",
    });
    let (fs, t) = overlay(&lower);
    for path in ["both", "gone", "free"] {
        t.append(path, "ours").unwrap();
    }
    t.write("made", "ours").unwrap();
    t.remove_all("dir").unwrap();
    t.rename("moved", "to").unwrap();
    below.append("both", "theirs").unwrap();
    below.remove("gone").unwrap();
    below.write("dir/new", "theirs").unwrap();
    below.write("made", "theirs").unwrap();
    below.write("other", "theirs").unwrap();
    below.remove("moved").unwrap();
    let commit = || Commit::new(&fs, &below);
    let conflicts: Vec<_> = commit().conflicts().unwrap().iter().map(ToString::to_string).collect();
    let expected = [
        "both: somebody else has changed it",
        "dir/new: somebody else has made it",
        "gone: somebody else has removed it",
        "made: somebody else has made it, too",
        "moved: somebody else has removed it",
    ];
    assert_eq!(conflicts, expected);
    let before = below.fork().unwrap();
    let refused = commit().run().unwrap_err();
    assert!(refused.to_string().ends_with("moved: somebody else has removed it"), "{refused}");
    assert_eq!(lines(below.changes_since(&before).unwrap()), [""; 0], "nothing was committed");
    commit().force(true).run().unwrap();
    assert_eq!(below.read("both").unwrap(), "1ours");
    assert_eq!(below.read("to").unwrap(), "1");
    assert!(!below.exists("dir").unwrap());
    assert_eq!(below.read("other").unwrap(), "theirs", "what was not changed here stays");
    assert_eq!(
        Commit::new(&fs, &below.read_only()).force(true).run().unwrap_err().to_string(),
        "cannot write to `.`: read-only filesystem"
    );
}

/// Whatever fails, at whatever step: each file is the old or the new one.
#[test]
fn a_commit_that_runs_out_of_space_halves_nothing() {
    for room in 0..12 {
        let lower = Arc::new(MemFsOptions::new().max_bytes(Some((6 + room) << 14)).build());
        let below = Tree::new(lower.clone());
        for path in ["a", "b", "c"] {
            below.write(path, vec![b'o'; 20_000]).unwrap();
        }
        let (fs, t) = overlay(&lower);
        for path in ["a", "b", "c", "d"] {
            t.write(path, vec![b'n'; 30_000]).unwrap();
        }
        let (a, b) = (vec![b'o'; 20_000], vec![b'n'; 30_000]);
        let done = Commit::new(&fs, &below).run();
        for path in ["a", "b", "c"] {
            let content = below.read(path).unwrap();
            assert!(content == a || content == b, "{path} with {room}");
        }
        let names: Vec<_> = below.walk("").unwrap().map(|entry| entry.unwrap().display().to_string()).collect();
        assert!(names.iter().all(|name| name.len() == 1), "{names:?}");
        if done.is_ok() {
            assert_like(&below, &t);
        }
    }
}

#[cfg(all(feature = "host", unix))]
mod host {
    use super::*;
    use crate::{Clock, SystemClock, diff::Commit, host_fs::HostFs};

    fn over(dir: &std::path::Path) -> (Arc<crate::OverlayFs>, Tree, Tree) {
        let below: Arc<dyn FileSystem> = HostFs::open(dir).unwrap();
        let made = crate::OverlayFs::builder().lower(below).upper_mem(MemFsOptions::new()).build().unwrap();
        let fs = Arc::new(made);
        (fs.clone(), Tree::new(fs), Tree::new(HostFs::open(dir).unwrap()))
    }

    #[test]
    fn changes_of_a_view_go_into_the_directory() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, outside) = (temp.path().join("dir"), temp.path().join("outside"));
        std::fs::create_dir_all(dir.join("d/deep")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        for (name, content) in [("a", "1"), ("b", "2"), ("d/x", "3"), ("d/deep/y", "4"), ("theirs", "5")] {
            std::fs::write(dir.join(name), content).unwrap();
        }
        std::fs::hard_link(dir.join("b"), dir.join("b2")).unwrap();
        let (fs, t, target) = over(&dir);
        std::thread::sleep(core::time::Duration::from_millis(20));
        let since = SystemClock.now();
        t.append("a", "!").unwrap();
        t.append("b2", "!").unwrap();
        t.rename("d", "e").unwrap();
        t.write("e/deep/new", "n").unwrap();
        t.set_attr("e/x", &SetAttr { mode: Some(0o640), ..SetAttr::default() }).unwrap();
        t.symlink("a", "l").unwrap();
        assert_eq!(
            lines(of_overlay(&fs).unwrap()),
            ["~ a (content)", "~ b (content)", "~ b2 (content)", "> d/ → e/", "+ e/deep/new", "~ e/x (mode)", "+ l"]
        );
        // What others do is seen by the time that the kernel gives it.
        std::thread::sleep(core::time::Duration::from_millis(20));
        std::fs::write(dir.join("theirs"), "6").unwrap();
        assert_eq!(Commit::new(&fs, &target).since(since).conflicts().unwrap(), []);
        std::fs::write(dir.join("d/x"), "7").unwrap();
        let conflicts = Commit::new(&fs, &target).since(since).conflicts().unwrap();
        assert_eq!(
            conflicts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["d/x: somebody else has changed it"]
        );
        std::fs::remove_file(dir.join("d/x")).unwrap();
        std::fs::write(dir.join("d/x"), "3").unwrap();
        let done = Commit::new(&fs, &target).run().unwrap();
        assert_eq!(done.to_string(), "2 created, 4 changed, 1 renamed (5 bytes written)");
        assert_eq!(std::fs::read(dir.join("b")).unwrap(), b"2!");
        assert_eq!(target.metadata("b").unwrap().ino, target.metadata("b2").unwrap().ino);
        assert_eq!(target.metadata("e/x").unwrap().mode, 0o640);
        assert_eq!(target.read("e/deep/new").unwrap(), "n");
        assert!(!dir.join("d").exists());
    }

    /// A directory of the target that has become a link leads nowhere.
    #[test]
    fn a_commit_never_leaves_its_target() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, outside) = (temp.path().join("dir"), temp.path().join("outside"));
        std::fs::create_dir_all(dir.join("d")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("x"), "outside").unwrap();
        std::fs::write(dir.join("d/x"), "3").unwrap();
        let (lower, _) = start(dir! { "d": { "x": "3", "y": "4" } });
        let (fs, t) = overlay(&lower);
        t.append("d/x", "!").unwrap();
        t.remove("d/y").unwrap();
        t.write("d/z", "").unwrap();
        std::fs::remove_dir_all(dir.join("d")).unwrap();
        std::os::unix::fs::symlink(&outside, dir.join("d")).unwrap();
        let target = Tree::new(HostFs::open(&dir).unwrap());
        let failed = Commit::new(&fs, &target).force(true).run().unwrap_err();
        assert_eq!(failed.to_string(), "cannot commit `d/x`: not a directory");
        assert_eq!(std::fs::read(outside.join("x")).unwrap(), b"outside");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    }
}
