//! Trees in memory; on the host they are exercised through the same traits by `runtime-shim/tests/seed.rs`.

use super::*;
use crate::{SetTime, Time, diff::compare, dir};

fn paths(tree: &Tree, at: &str) -> Vec<String> {
    tree.walk(at).unwrap().map(|entry| entry.unwrap().display().to_string()).collect()
}

fn changes(a: &Tree, b: &Tree) -> Vec<String> {
    compare(a, b).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn files_are_written_and_read_with_whole_paths() {
    let tree = Tree::in_memory();
    tree.create_dir_all("a/b//c/").unwrap();
    tree.create_dir_all("a/b").unwrap();
    tree.write("/a/b/c/file", "long content").unwrap();
    tree.write("a/b/c/file", "short").unwrap();
    tree.append("a/b/c/file", "er").unwrap();
    assert_eq!(tree.read_to_string("a/../a/b/./c/file").unwrap(), "shorter");
    tree.symlink("/a/b", "link").unwrap();
    assert_eq!(tree.read("link/c/file").unwrap(), "shorter");
    assert_eq!(tree.dir("link").unwrap().read("c/file").unwrap(), "shorter");
    assert_eq!(tree.dir("a/b").unwrap().read("../../x").unwrap_err().errno, Errno::NOENT, "`..` ends at the top");
    assert!(tree.exists("link").unwrap() && !tree.exists("a/b/c/file/x").unwrap());
    tree.rename("a/b/c/file", "a/top").unwrap();
    tree.remove("a/b/c").unwrap();
    assert_eq!(paths(&tree, ""), ["a", "a/b", "a/top", "link"]);
    tree.append("new", "made").unwrap();
    assert_eq!(tree.read("new").unwrap(), "made");
}

#[test]
fn errors_name_the_path() {
    let tree = dir! { "file": "\u{fc}", "bad": b"\xff", "dir": {} }.tree().unwrap();
    for (error, text) in [
        (tree.read("no/where").unwrap_err(), "cannot read `no/where`: no such file or directory"),
        (tree.write("dir", "x").unwrap_err(), "cannot write `dir`: is a directory"),
        (tree.create_dir_all("file/x/y").unwrap_err(), "cannot create the directory `file`: not a directory"),
        (tree.read_to_string("bad").unwrap_err(), "cannot read the text of `bad`: illegal byte sequence"),
        (tree.dir("file").unwrap_err(), "cannot open the directory `file`: not a directory"),
        (tree.remove_all("nothing").unwrap_err(), "cannot remove `nothing`: no such file or directory"),
        (tree.read_only().write("file", "").unwrap_err(), "cannot write `file`: read-only filesystem"),
        (tree.read_only().remove_all("").unwrap_err(), "cannot remove `.`: read-only filesystem"),
    ] {
        assert_eq!(error.to_string().to_lowercase(), text);
    }
    assert_eq!(tree.read("file").unwrap(), "\u{fc}");
}

#[test]
fn a_walk_goes_by_name_and_into_mounts() {
    let tree = dir! { "b": { "2": "", "1": "" }, "a": "", "c": { "on": {} } }.tree().unwrap();
    assert_eq!(paths(&tree, ""), ["a", "b", "b/1", "b/2", "c", "c/on"]);
    assert_eq!(paths(&tree, "./b/"), ["./b/1", "./b/2"]);
    let names: Vec<_> = tree.entries("b").unwrap().iter().map(|e| e.name().to_vec()).collect();
    assert_eq!(names, [b"1", b"2"]);

    let namespace = Namespace::new();
    let other = dir! { "mounted": "m" }.build().unwrap();
    namespace.mount(tree.dir("c/on").unwrap().place(), Arc::new(other), MountOptions::default()).unwrap();
    let seen = tree.clone().with_namespace(&namespace);
    assert_eq!(paths(&seen, "c"), ["c/on", "c/on/mounted"]);
    assert_eq!(seen.read("c/on/mounted").unwrap(), "m");
    let error = seen.remove_all("c").unwrap_err();
    assert_eq!((error.errno, &*error.path), (Errno::BUSY, &b"c/on"[..]));
    tree.remove_all("c").unwrap();
    assert_eq!(paths(&tree, ""), ["a", "b", "b/1", "b/2"]);
    tree.remove_all("/").unwrap();
    assert_eq!(paths(&tree, ""), [""; 0]);
}

#[test]
fn removal_follows_no_link() {
    let tree = dir! { "keep": { "x": "" }, "go": { "l" => "/keep", "d": { "e": {} } }, "t" => "keep" }.tree().unwrap();
    tree.remove_all("go").unwrap();
    tree.remove_all("t").unwrap();
    assert_eq!(paths(&tree, ""), ["keep", "keep/x"]);
}

#[test]
fn depth_costs_no_stack() {
    let fs = Arc::new(MemFs::new());
    let (mut node, depth) = (fs.root(), 20_000);
    for _ in 0..depth {
        let made = fs.create(&Ctx::ROOT, node, crate::Name::new(b"d").unwrap(), &NewNode::Directory { mode: 0o755 });
        node = made.unwrap().node;
    }
    let tree = Tree::new(fs);
    let fork = tree.fork().unwrap();
    assert_eq!(tree.walk("").unwrap().count(), depth);
    assert_eq!(compare(&tree, &fork).unwrap(), []);
    fork.remove_all("d").unwrap();
    assert_eq!(fork.changes_since(&tree).unwrap().len(), 1);
}

#[test]
fn changes_are_found_and_only_those() {
    let a = dir! {
        "same": "x", "mode": "x", "content": "x", "longer": "x", "gone": "x", "sub": { "in": "x" },
        "l" => "1", "file-to-dir": "x", "dir-to-file": { "below": "x" },
    }
    .tree()
    .unwrap();
    let b = a.fork().unwrap();
    assert_eq!(changes(&a, &b), [""; 0]);
    let touched = SetAttr { mtime: SetTime::To(Time(5)), ..SetAttr::default() };
    b.set_attr("same", &touched).unwrap();
    b.set_attr("mode", &SetAttr { mode: Some(0o600), uid: Some(7), ..SetAttr::default() }).unwrap();
    b.write("content", "y").unwrap();
    b.append("longer", "y").unwrap();
    b.remove("gone").unwrap();
    b.remove("l").unwrap();
    b.symlink("2", "l").unwrap();
    b.write("sub/new", "x").unwrap();
    for (path, was_dir) in [("file-to-dir", false), ("dir-to-file", true)] {
        b.remove_all(path).unwrap();
        if was_dir { b.write(path, "x").unwrap() } else { b.create_dir_all([path, "/below"].concat()).unwrap() }
    }
    let expected = [
        "~ content (content)",
        "~ dir-to-file (directory → file)",
        "- dir-to-file/below",
        "~ file-to-dir/ (file → directory)",
        "+ file-to-dir/below/",
        "- gone",
        "~ l (content)",
        "~ longer (content)",
        "~ mode (mode, owner)",
        "~ same (times)",
        "+ sub/new",
    ];
    assert_eq!(changes(&a, &b), expected);
    let copy = Tree::in_memory();
    copy.copy_from(&b).unwrap();
    assert_eq!(changes(&b, &copy), [""; 0]);
}

#[test]
fn holes_are_compared_without_being_read() {
    let (a, b) = (Tree::in_memory(), Tree::in_memory());
    for tree in [&a, &b] {
        tree.write("sparse", "").unwrap();
        tree.set_attr("sparse", &SetAttr { size: Some(1 << 40), ..SetAttr::default() }).unwrap();
    }
    let at_end = |tree: &Tree, byte: &[u8]| {
        let how = OpenHow { flags: OpenFlags::WRITE, create: None, exclusive: false, follow: true };
        tree.open("sparse", &how).unwrap().write_at(&[IoSlice::new(byte)], (1 << 40) - 1).unwrap();
    };
    at_end(&a, b"\0");
    assert_eq!(changes(&a, &b), [""; 0], "zeros are zeros");
    at_end(&b, b"x");
    assert_eq!(changes(&a, &b), ["~ sparse (content)"]);
}

#[test]
fn literals_share_what_is_static() {
    static IMAGE: [u8; 1 << 20] = [7; 1 << 20];
    let options = crate::MemFsOptions::new().max_bytes(Some(1 << 16));
    let fs = dir! { "big": &IMAGE, "d" mode 0o700: { "e" mode 0o4755: "x" } }.build_with(&options).unwrap();
    let tree = Tree::new(Arc::new(fs));
    assert_eq!(tree.read("big").unwrap().as_ptr(), IMAGE.as_ptr(), "not copied, and charged to no limit");
    assert_eq!((tree.metadata("d").unwrap().mode, tree.metadata("d/e").unwrap().mode), (0o700, 0o4755));
}

#[test]
fn literals_that_cannot_be_are_refused_by_path() {
    for (dir, errno, path) in [
        (dir! { "a": "", "a": "" }, Errno::EXIST, "a"),
        (dir! { "d": { "..": "" } }, Errno::INVAL, "d/.."),
        (dir! { "": "" }, Errno::NOENT, ""),
        (dir! { "a": "", "a/b": "" }, Errno::NOTDIR, "a"),
    ] {
        let error = dir.build().unwrap_err();
        assert_eq!((error.errno, &*error.path), (errno, path.as_bytes()), "{error}");
    }
    let many = Dir::new().add("a", "").add("b", String::new());
    let full = many.build_with(&crate::MemFsOptions::new().max_nodes(Some(2))).unwrap_err();
    assert_eq!(full.path, b"b");
}

#[test]
fn a_literal_goes_anywhere() {
    let tree = dir! { "sub": { "old": "o" } }.tree().unwrap();
    let more = dir! { "sub": { "new": "n" }, "x/y/z": "deep" };
    more.write_to(&tree).unwrap();
    assert_eq!(paths(&tree, ""), ["sub", "sub/new", "sub/old", "x", "x/y", "x/y/z"]);
    assert_eq!(tree.read("x/y/z").unwrap(), "deep");
    assert_eq!(more.write_to(&tree).unwrap_err().errno, Errno::EXIST);
    assert_eq!(dir! { "q": "" }.write_to(&tree.read_only()).unwrap_err().errno, Errno::ROFS);
}
