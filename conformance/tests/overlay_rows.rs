//! What another overlay filesystem gets wrong, row by row, on each of ours: memory over memory, memory over the host,
//! the host over the host. The lower layers must be untouched in the end, and the tree the same when it is opened again.

use gangplank_conformance::{
    Listed, Paths, World,
    differential::overlay::{Kind, Rig},
    layers::{Item, Layer},
};
use gangplank_vfs::{Cookie, Errno, NewNode, OpenFlags, Rename, SetAttr, SetTime, Time};

const READ: OpenFlags = OpenFlags::READ;
const WRITE: OpenFlags = OpenFlags::WRITE;
const BOTH: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

/// What lies below: in two layers, so that directories merge.
fn layers() -> Vec<Layer> {
    let directory = || Item::Directory { mode: 0o755, opaque: false };
    let file = |text: &str| Item::File { mode: 0o640, mtime: 1_000_000_007, text: text.into() };
    let layer = |items: Vec<(&str, Item)>| Layer(items.into_iter().map(|(p, i)| (p.to_owned(), i)).collect());
    vec![
        layer(vec![("dir", directory()), ("dir/middle", file("middle")), ("mid", directory())]),
        layer(vec![
            ("dir", directory()),
            ("dir/one", file("one")),
            ("dir/sub", directory()),
            ("dir/sub/deep", file("deep")),
            ("dir/two", file("two")),
            ("empty", directory()),
            ("file", file("0123456789")),
            ("link", Item::Symlink("file".to_owned())),
            ("none", file("")),
            ("other", directory()),
            ("other/thing", file("thing")),
        ]),
    ]
}

/// Runs one row.
fn row(kind: Kind, act: fn(&Rig, &World)) {
    let rig = Rig::new(kind, &layers(), &std::env::temp_dir());
    let world = rig.open();
    let known = world.paths();
    act(&rig, &world);
    let tree = world.tree();
    drop(world);
    let again = rig.open();
    assert_eq!(again.tree(), tree, "opened again, it must be the same");
    // What is not listed any more cannot be found by its name either.
    let listed = again.paths();
    for path in known.iter().filter(|path| !listed.contains(path)) {
        assert!(again.node(path).is_err(), "{path} is not listed, and there");
    }
    drop(again);
    assert_eq!(rig.lower_written_to(), None, "who wrote to a lower layer?");
}

macro_rules! rows {
    ($($(#[$meta:meta])* fn $name:ident($rig:ident, $w:ident) $body:block)*) => {
        $($(#[$meta])* fn $name($rig: &Rig, $w: &World) $body)*

        rows! { @on memory_over_memory Mem $($name)* }
        rows! { @on memory_without_devices Marked $($name)* }
        #[cfg(target_os = "linux")]
        rows! { @on memory_over_host MemOverHost $($name)* }
        #[cfg(target_os = "linux")]
        rows! { @on host_over_host Host $($name)* }
    };
    (@on $module:ident $kind:ident $($name:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::row(super::Kind::$kind, super::$name);
                }
            )*
        }
    };
}

fn paths(w: &World) -> Paths {
    w.rooted()
}

fn names(w: &World, dir: &str) -> Vec<String> {
    w.names(dir).expect("list")
}

/// What is in the upper layer, on the host.
#[cfg(target_os = "linux")]
fn littered(rig: &Rig) -> Vec<std::path::PathBuf> {
    let mut dirs: Vec<_> = rig.host().map(|host| host.upper().join("upper")).into_iter().collect();
    let mut found = vec![];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("list the upper layer") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                dirs.push(entry.path());
            }
            if entry.file_name().as_encoded_bytes().starts_with(b".wh.") {
                found.push(entry.path());
            }
        }
    }
    found
}

rows! {
    /// O1: rmdir of a directory below that was not empty succeeded, and its children could still be reached.
    fn o1_rmdir_of_a_full_directory_is_refused(_rig, w) {
        assert_eq!(w.rmdir("dir"), Err(Errno::NOTEMPTY));
        assert_eq!(names(w, "dir"), ["middle", "one", "sub", "two"]);
        assert_eq!(w.rmdir("dir/sub"), Err(Errno::NOTEMPTY));
        assert_eq!(w.read("dir/sub/deep").unwrap(), b"deep");
    }

    /// O2: mkdir where a directory had been removed brought its children back.
    fn o2_a_new_directory_is_empty(rig, w) {
        for name in ["dir/middle", "dir/one", "dir/two", "dir/sub/deep"] {
            w.unlink(name).unwrap();
        }
        w.rmdir("dir/sub").unwrap();
        w.rmdir("dir").unwrap();
        w.mkdir("dir").unwrap();
        assert_eq!(names(w, "dir"), [""; 0]);
        assert_eq!(w.node("dir/one").err(), Some(Errno::NOENT));
        assert_eq!(w.node("dir/sub").err(), Some(Errno::NOENT));
        w.put("dir/new", "new");
        let again = rig.open();
        assert_eq!(names(&again, "dir"), ["new"]);
        assert_eq!(again.node("dir/sub").err(), Some(Errno::NOENT));
    }

    /// O3: after every child had been deleted, rmdir was ENOTEMPTY, because of the marks of the deletions.
    fn o3_an_emptied_directory_can_be_removed(_rig, w) {
        for name in ["dir/middle", "dir/one", "dir/two", "dir/sub/deep"] {
            w.unlink(name).unwrap();
        }
        assert_eq!(names(w, "dir"), ["sub"]);
        w.rmdir("dir/sub").unwrap();
        w.rmdir("dir").unwrap();
        assert_eq!(w.node("dir").err(), Some(Errno::NOENT));
        assert!(!names(w, "").contains(&"dir".to_owned()));
    }

    /// Found by `cargo xtask diff --players all --seed 8`: to clear the whiteouts out of a removed directory was a change of
    /// it, to whoever had it open. Renaming over it clears it, too.
    fn an_open_directory_that_is_removed_keeps_its_mtime(_rig, w) {
        let then = Time(329_000_987_000_000_007);
        let emptied = |dir: &str, name: &str| {
            let open = w.open(dir, READ | OpenFlags::DIRECTORY).unwrap();
            w.unlink(name).unwrap();
            w.setattr(dir, SetAttr { mtime: SetTime::To(then), ..SetAttr::default() }).unwrap();
            open
        };
        let removed = emptied("dir/sub", "dir/sub/deep");
        w.rmdir("dir/sub").unwrap();
        assert_eq!(removed.0.getattr().unwrap().mtime, then);
        let replaced = emptied("other", "other/thing");
        w.mv("empty", "other").unwrap();
        assert_eq!(replaced.0.getattr().unwrap().mtime, then);
    }

    /// O4: unlink of a directory below succeeded.
    fn o4_unlink_of_a_directory_is_refused(_rig, w) {
        for name in ["dir", "empty", "dir/sub"] {
            assert_eq!(w.unlink(name), Err(Errno::ISDIR), "{name}");
            assert!(w.node(name).is_ok());
        }
        assert_eq!(w.rmdir("file"), Err(Errno::NOTDIR));
    }

    /// O5: renaming a file that had been deleted brought it back.
    fn o5_a_deleted_file_cannot_be_renamed(_rig, w) {
        w.unlink("file").unwrap();
        assert_eq!(w.mv("file", "back"), Err(Errno::NOENT));
        assert_eq!(w.link("file", "back").err(), Some(Errno::NOENT));
        assert_eq!(w.rename("file", "none", Rename::Exchange), Err(Errno::NOENT));
        assert_eq!(w.node("back").err(), Some(Errno::NOENT));
        assert_eq!(w.node("file").err(), Some(Errno::NOENT));
    }

    /// O6, O17: renaming into, or inside of, a directory that existed only below was ENOENT.
    fn o6_o17_rename_into_and_inside_of_a_directory_below(_rig, w) {
        w.put("new", "new");
        w.mv("new", "dir/sub/new").unwrap();
        w.mv("file", "other/file").unwrap();
        w.mv("dir/one", "dir/uno").unwrap();
        w.mv("other/thing", "dir/sub/thing").unwrap();
        assert_eq!(w.read("dir/sub/new").unwrap(), b"new");
        assert_eq!(w.read("other/file").unwrap(), b"0123456789");
        assert_eq!(w.read("dir/uno").unwrap(), b"one");
        assert_eq!(names(w, "dir/sub"), ["deep", "new", "thing"]);
        assert_eq!(names(w, "other"), ["file"]);
        assert_eq!(w.node("dir/one").err(), Some(Errno::NOENT));
    }

    /// O7: directories below could not be renamed at all.
    fn o7_a_directory_below_is_renamed_with_all_that_is_in_it(rig, w) {
        let number = w.stat("other/thing").unwrap().ino;
        w.mv("other", "moved").unwrap();
        assert_eq!(w.node("other").err(), Some(Errno::NOENT));
        assert_eq!(w.read("moved/thing").unwrap(), b"thing");
        assert_eq!(w.stat("moved/thing").unwrap().ino, number);
        w.mv("moved", "dir/sub/moved").unwrap();
        w.mkdir("other").unwrap();
        assert_eq!(names(w, "other"), [""; 0]);
        assert_eq!(rig.open().read("dir/sub/moved/thing").unwrap(), b"thing");
    }

    /// O8: renaming a merged directory lost all the children that existed only below.
    fn o8_a_merged_directory_is_renamed_with_all_that_is_in_it(rig, w) {
        w.put("dir/new", "new");
        w.unlink("dir/two").unwrap();
        w.mv("dir", "moved").unwrap();
        let content = |w: &World| {
            assert_eq!(names(w, "moved"), ["middle", "new", "one", "sub"]);
            assert_eq!(w.read("moved/one").unwrap(), b"one");
            assert_eq!(w.read("moved/middle").unwrap(), b"middle");
            assert_eq!(w.read("moved/sub/deep").unwrap(), b"deep");
            assert_eq!(w.node("dir").err(), Some(Errno::NOENT));
        };
        content(w);
        content(&rig.open());
    }

    /// O9: ftruncate of a file below made zeros of it, and the descriptor went on showing the old size.
    fn o9_ftruncate_keeps_what_is_before_the_cut(_rig, w) {
        let file = w.open("file", BOTH).unwrap();
        let early = w.open("file", READ).unwrap();
        file.set_len(5).unwrap();
        assert_eq!((file.size(), early.size()), (5, 5));
        assert_eq!(w.read("file").unwrap(), b"01234");
        file.set_len(8).unwrap();
        assert_eq!(early.read(0, 100).unwrap(), b"01234\0\0\0");
        let attr = SetAttr { size: Some(1), ..SetAttr::default() };
        w.setattr("dir/one", attr).unwrap();
        assert_eq!(w.read("dir/one").unwrap(), b"o");
    }

    /// O10, O11: `O_CREAT | O_EXCL` opened what was there, above or below.
    fn o10_o11_exclusive_creation_is_exclusive(_rig, w) {
        w.put("above", "above");
        let p = paths(w);
        for path in ["above", "file", "link", "dir", "dir/one", "dir/middle"] {
            assert_eq!(p.creat(path, true).err(), Some(Errno::EXIST), "{path}");
        }
        assert_eq!(p.read("file").unwrap(), "0123456789");
        w.unlink("file").unwrap();
        assert!(p.creat("file", true).is_ok());
        assert_eq!(p.creat("file", true).err(), Some(Errno::EXIST));
        assert_eq!(p.read("file").unwrap(), "");
    }

    /// O12: mkdir over a directory below succeeded.
    fn o12_mkdir_over_what_is_below_is_eexist(_rig, w) {
        for name in ["dir", "dir/sub", "empty", "file", "link"] {
            assert_eq!(w.mkdir(name).err(), Some(Errno::EXIST), "{name}");
        }
        assert_eq!(names(w, "dir"), ["middle", "one", "sub", "two"]);
    }

    /// O13, O19a: `O_TRUNC` was ignored for files below: "NEW" gave `NEW3456789`.
    fn o13_o19a_truncation_on_open(_rig, w) {
        let p = paths(w);
        let how = |create| gangplank_vfs::OpenHow {
            flags: WRITE | OpenFlags::TRUNC,
            create,
            exclusive: false,
            follow: true,
        };
        let file = p.open_how("file", how(Some(NewNode::Regular { mode: 0o600 }))).unwrap();
        assert_eq!(file.write(&[std::io::IoSlice::new(b"NEW")]), Ok(3));
        assert_eq!(p.read("file").unwrap(), "NEW");
        assert_eq!(w.stat("file").unwrap().mode, 0o640, "the mode of what was there");
        drop(p.open_how("dir/one", how(None)).unwrap());
        assert_eq!(w.stat("dir/one").unwrap().size, 0);
        drop(w.open("dir/two", WRITE | OpenFlags::TRUNC).unwrap());
        assert_eq!(w.read("dir/two").unwrap(), b"");
    }

    /// O14: writing through a descriptor whose name was gone made the name again.
    fn o14_writing_to_an_unlinked_file_does_not_bring_it_back(rig, w) {
        let (early, late) = (w.open("file", BOTH).unwrap(), w.open("dir/one", BOTH).unwrap());
        w.unlink("file").unwrap();
        assert_eq!(early.write(0, b"XY"), Ok(2));
        assert_eq!(early.read(0, 100).unwrap(), b"XY23456789");
        late.write(0, b"O").unwrap();
        w.unlink("dir/one").unwrap();
        late.append(b"!").unwrap();
        assert_eq!(late.read(0, 100).unwrap(), b"One!");
        for world in [w, &rig.open()] {
            assert_eq!(world.node("file").err(), Some(Errno::NOENT));
            assert_eq!(names(world, "dir"), ["middle", "sub", "two"]);
        }
        assert_eq!(early.getattr().unwrap().nlink, 0);
        w.put("file", "another");
        assert_eq!(early.read(0, 2).unwrap(), b"XY");
    }

    /// O15: names that begin with `.wh.` were forbidden, and the upper layer on the host was full of them.
    fn o15_every_name_can_be_had(rig, w) {
        w.put(".wh.file", "mine");
        w.put("dir/.wh..wh..opq", "mine, too");
        assert_eq!(w.read("file").unwrap(), b"0123456789");
        assert_eq!(names(w, "dir"), [".wh..wh..opq", "middle", "one", "sub", "two"]);
        w.unlink(".wh.file").unwrap();
        w.unlink("dir/.wh..wh..opq").unwrap();
        w.unlink("file").unwrap();
        w.unlink("dir/one").unwrap();
        w.unlink("other/thing").unwrap();
        w.rmdir("other").unwrap();
        w.mkdir("other").unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(littered(rig), [""; 0].map(std::path::PathBuf::from));
        #[cfg(not(target_os = "linux"))]
        let _ = rig;
    }

    /// O16: the first write through a descriptor that could only write, or only append, was EPERM and left an empty
    /// file over the data.
    fn o16_files_opened_for_writing_alone(_rig, w) {
        let file = w.open("file", WRITE).unwrap();
        assert_eq!(file.read(0, 1).err(), Some(Errno::BADF));
        assert_eq!(file.write(2, b"xy"), Ok(2));
        assert_eq!(w.read("file").unwrap(), b"01xy456789");
        let file = w.open("dir/one", WRITE | OpenFlags::APPEND).unwrap();
        assert_eq!(file.append(b"s").unwrap(), (1, 4));
        assert_eq!(w.read("dir/one").unwrap(), b"ones");
    }

    /// O16c: `O_APPEND` was lost when the file was copied up: two who appended overwrote each other.
    fn o16c_appending_goes_to_the_end(_rig, w) {
        let p = paths(w);
        let flags = WRITE | OpenFlags::APPEND;
        let (one, two) = (p.open("file", flags).unwrap(), p.open("file", flags).unwrap());
        let (first, second) = (w.open("file", flags).unwrap(), w.open("file", flags).unwrap());
        for round in 0..3 {
            one.write(&[std::io::IoSlice::new(b"a")]).unwrap();
            two.write(&[std::io::IoSlice::new(b"b")]).unwrap();
            first.append(b"c").unwrap();
            assert_eq!(second.append(b"d").unwrap().1, 10 + 4 * (round + 1));
        }
        assert_eq!(w.read("file").unwrap(), b"0123456789abcdabcdabcd");
    }

    /// O18: listing a directory that does not exist was ENOTDIR, because EINVAL and ENOTDIR counted as ENOENT.
    fn o18_errors_say_what_is_wrong(_rig, w) {
        let p = paths(w);
        assert_eq!(p.names("nowhere").err(), Some(Errno::NOENT));
        assert_eq!(p.names("file").err(), Some(Errno::NOTDIR));
        assert_eq!(p.stat("file/below").err(), Some(Errno::NOTDIR));
        assert_eq!(p.stat("dir/one/below").err(), Some(Errno::NOTDIR));
        assert_eq!(p.readlink("file").err(), Some(Errno::INVAL));
        assert_eq!(p.mkdir("file/below").err(), Some(Errno::NOTDIR));
        assert_eq!(p.mv("file", "dir").err(), Some(Errno::ISDIR));
        assert_eq!(p.mv("other", "file").err(), Some(Errno::NOTDIR));
        assert_eq!(p.mv("dir", "dir/sub/dir").err(), Some(Errno::INVAL));
        assert_eq!(p.mv("other", "dir").err(), Some(Errno::NOTEMPTY));
    }

    /// Copying up lost times, mode and length.
    fn copying_up_keeps_what_a_file_is(rig, w) {
        let before = w.stat("file").unwrap();
        assert_eq!((before.mode, before.mtime), (0o640, Time::from_parts(1_000_000_007, 7)));
        w.setattr("file", SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
        let after = w.stat("file").unwrap();
        assert_eq!((after.ino, after.mtime, after.size, after.mode), (before.ino, before.mtime, 10, 0o600));
        assert_eq!((after.uid, after.gid, after.nlink), (before.uid, before.gid, 1));
        let dir = w.stat("dir").unwrap();
        w.open("dir/sub/deep", WRITE).unwrap().write(0, b"D").unwrap();
        let (now, deep) = (w.stat("dir").unwrap(), w.stat("dir/sub/deep").unwrap());
        assert_eq!((now.ino, now.mtime, now.mode), (dir.ino, dir.mtime, dir.mode), "nothing was done to the directory");
        assert_eq!(deep.mode, 0o640);
        assert!(deep.mtime > Time::from_parts(1_500_000_000, 0));
        let again = rig.open();
        assert_eq!(again.stat("file").unwrap().ino, before.ino);
        assert_eq!(again.stat("dir/sub/deep").unwrap().ino, deep.ino);
    }

    /// Copying up an empty file waited for ever.
    fn copying_up_an_empty_file_ends(_rig, w) {
        let file = w.open("none", BOTH).unwrap();
        assert_eq!(file.append(b"x").unwrap(), (1, 1));
        assert_eq!(w.read("none").unwrap(), b"x");
    }

    /// Listing a merged directory was a copy of all layers at each call; a position in it meant nothing.
    fn a_merged_listing_can_be_gone_on_with(_rig, w) {
        for i in 0..40 {
            w.put(&format!("dir/n{i}"), "");
        }
        w.unlink("dir/one").unwrap();
        let dir = w.open("dir", READ).unwrap();
        let all: Vec<Listed> = dir.list().unwrap();
        let mut sorted: Vec<String> = all.iter().map(|e| e.name.clone()).collect();
        sorted.sort();
        assert_eq!(sorted, names(w, "dir"));
        assert_eq!(sorted.len(), 43);
        for (i, e) in all.iter().enumerate() {
            assert_eq!(dir.list_from(e.next, usize::MAX).unwrap(), all[i + 1..], "after {}", e.name);
            assert_eq!(w.stat(format!("dir/{}", e.name)).unwrap().ino, e.node);
        }
        // What happens meanwhile neither hides nor repeats what stays.
        let dir = w.open("dir", READ).unwrap();
        let mut count = 0;
        let steps = dir.list_in_steps(3, |batch| {
            count += 1;
            w.put(&format!("dir/later{count}"), "");
            if batch.iter().any(|e| e.name == "n7") {
                w.unlink("dir/two").unwrap_or(());
            }
        });
        let steps: Vec<String> = steps.unwrap().into_iter().map(|e| e.name).collect();
        for stays in (0..40).map(|i| format!("n{i}")).chain(["middle".to_owned(), "sub".to_owned()]) {
            assert_eq!(steps.iter().filter(|name| **name == stays).count(), 1, "{stays}");
        }
        assert!(!dir.list_from(Cookie::START, usize::MAX).unwrap().iter().any(|e| e.name == "one"));
    }

    /// Making a link, a symbolic link or a directory removed the mark of a deletion before it failed: what had been
    /// deleted came back.
    fn what_is_deleted_stays_so_when_its_name_cannot_be_taken(rig, w) {
        w.unlink("file").unwrap();
        w.unlink("other/thing").unwrap();
        w.rmdir("other").unwrap();
        for name in ["file", "other"] {
            assert_eq!(w.link("dir", name), Err(Errno::PERM));
            assert_eq!(w.symlink("", name).err(), Some(Errno::INVAL));
            assert_eq!(w.symlink("x".repeat(5000), name).err(), Some(Errno::NAMETOOLONG));
            assert_eq!(w.mv("dir/nothing", name), Err(Errno::NOENT));
            assert_eq!(w.node(name).err(), Some(Errno::NOENT));
        }
        let again = rig.open();
        assert_eq!(again.names("").unwrap(), ["dir", "empty", "link", "mid", "none"]);
    }
}
