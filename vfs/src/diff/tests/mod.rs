mod commit;
#[cfg(feature = "images")]
mod layer;

use std::sync::Arc;

use super::*;
use crate::{
    Ctx, FileSystem, MemFs, MemFsOptions, Name, NewNode, OpenFlags, OpenHow, Remove, Rename, SetAttr, SetTime,
    SetXattr, Time, Tree, dir,
};

/// A tree in memory, and the filesystem itself.
fn fork(of: &Arc<MemFs>) -> (Arc<MemFs>, Tree) {
    let fs = Arc::new(of.fork());
    (fs.clone(), Tree::new(fs))
}

fn start(literal: crate::Dir) -> (Arc<MemFs>, Tree) {
    let fs = Arc::new(MemFs::new());
    let tree = Tree::new(fs.clone());
    literal.write_to(&tree).unwrap();
    (fs, tree)
}

fn lines(changes: Changes) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

fn exchange(tree: &Tree, a: &str, b: &str) {
    let name = |name: &'static str| Name::new(name.as_bytes()).unwrap();
    let (a, b) = (a.to_owned().leak(), b.to_owned().leak());
    let root = tree.place().node();
    tree.fs().rename(&Ctx::ROOT, (root, name(a)), (root, name(b)), Rename::Exchange).unwrap();
}

#[test]
fn every_kind_of_change_is_told_once() {
    let (a, _) = start(dir! {
        "same": "x", "mode": "x", "content": "x", "longer": "x", "gone": "x", "sub": { "in": "x" },
        "l" => "1", "file-to-dir": "x", "dir-to-file": { "below": "x" }, "times": "x", "xattr": "x",
        "d": { "1": "", "2": { "3": "" } }, "rewritten": "x",
    });
    let (b, t) = fork(&a);
    assert_eq!(lines(b.changes_since(&a).unwrap()), [""; 0]);
    t.set_attr("times", &SetAttr { mtime: SetTime::To(Time(5)), ..SetAttr::default() }).unwrap();
    t.set_attr("mode", &SetAttr { mode: Some(0o600), uid: Some(7), ..SetAttr::default() }).unwrap();
    t.write("content", "yy").unwrap();
    t.append("longer", "y").unwrap();
    t.remove("gone").unwrap();
    t.remove("l").unwrap();
    t.symlink("2", "l").unwrap();
    t.write("sub/new", "x").unwrap();
    let node = t.metadata("xattr").unwrap().ino;
    b.xattrs().unwrap().set(node, b"user.k", b"v", SetXattr::Any).unwrap();
    t.remove("file-to-dir").unwrap();
    t.create_dir_all("file-to-dir/below").unwrap();
    t.remove_all("dir-to-file").unwrap();
    t.write("dir-to-file", "x").unwrap();
    t.remove_all("d").unwrap();
    t.remove("rewritten").unwrap();
    t.write("rewritten", "y").unwrap();
    let changes = b.changes_since(&a).unwrap();
    let expected = [
        "~ content (content)",
        "- d/ (3 entries below)",
        "~ dir-to-file (directory → file)",
        "- dir-to-file/below",
        "~ file-to-dir/ (file → directory)",
        "+ file-to-dir/below/",
        "- gone",
        "~ l (content)",
        "~ longer (content)",
        "~ mode (mode, owner)",
        "~ rewritten (content)",
        "+ sub/new",
        "~ times (times)",
        "~ xattr (xattrs)",
    ];
    assert_eq!(lines(changes.clone()), expected);
    assert_eq!((changes[0].size, changes[0].size_before), (2, 1));
    assert_eq!(changes.summary(), Summary { created: 2, changed: 9, deleted: 3, renamed: 0 });
    // The other way round, and between trees that have nothing in common.
    let back = lines(a.changes_since(&b).unwrap());
    assert!(back.contains(&"+ d/2/3".to_owned()) && back.contains(&"- file-to-dir/below/".to_owned()), "{back:?}");
    let copy = Tree::in_memory();
    copy.copy_from(&Tree::new(a.clone())).unwrap();
    let unrelated: Vec<_> =
        expected.into_iter().filter(|line| !line.contains("times") && !line.contains("xattr")).collect();
    assert_eq!(lines(compare(&copy, &t).unwrap()), unrelated);
}

#[test]
fn renames_are_recognised_by_identity() {
    let (a, _) = start(dir! {
        "f": "1", "d": { "x": "2", "y": "3", "deep": { "z": "4" } }, "swap1": "s1", "swap2": "s2", "over": "o", "by": "b",
        "gone": { "saved": "5", "lost": "6", "sub": { "kept": "7", "not": "8" } },
    });
    let (b, t) = fork(&a);
    t.create_dir_all("new/dir").unwrap();
    t.rename("f", "new/f").unwrap();
    t.append("new/f", "!").unwrap();
    t.rename("d", "new/dir/d").unwrap();
    t.write("new/dir/d/added", "").unwrap();
    t.remove("new/dir/d/x").unwrap();
    t.rename("new/dir/d/deep/z", "z").unwrap();
    exchange(&t, "swap1", "swap2");
    t.rename("by", "over").unwrap();
    t.rename("gone/saved", "saved").unwrap();
    t.rename("gone/sub", "sub").unwrap();
    t.remove("sub/not").unwrap();
    t.remove_all("gone").unwrap();
    let expected = [
        "+ new/",
        "+ new/dir/",
        "> d/ → new/dir/d/",
        "+ new/dir/d/added",
        "- new/dir/d/x",
        "> f → new/f (content)",
        "- over",
        "> by → over",
        "> gone/saved → saved",
        "> gone/sub/ → sub/",
        "- sub/not",
        "> swap2 → swap1",
        "> swap1 → swap2",
        "> d/deep/z → z",
    ];
    let mut with_gone: Vec<String> = expected.iter().map(ToString::to_string).collect();
    with_gone.insert(0, "- gone/ (1 entry below)".to_owned());
    assert_eq!(lines(b.changes_since(&a).unwrap()), with_gone);
    // Through the traits, the same by the numbers of the nodes.
    assert_eq!(lines(compare_related(&Tree::new(a), &t, &|_| true).unwrap()), with_gone);
}

#[test]
fn several_names_of_one_file() {
    let (a, t) = start(dir! { "one": "1", "d": { "far": "2" } });
    let link = |tree: &Tree, from: &str, to: &'static str| {
        let node = tree.metadata(from).unwrap().ino;
        tree.fs().link(&Ctx::ROOT, node, tree.place().node(), Name::new(to.as_bytes()).unwrap()).unwrap();
    };
    link(&t, "one", "two");
    link(&t, "d/far", "near");
    let (b, t) = fork(&a);
    t.append("two", "!").unwrap();
    t.remove("near").unwrap();
    t.append("d/far", "!").unwrap();
    assert_eq!(
        lines(b.changes_since(&a).unwrap()),
        ["~ d/far (content)", "- near", "~ one (content)", "~ two (content)"]
    );
    let (b, t) = fork(&a);
    link(&t, "one", "three");
    assert_eq!(lines(b.changes_since(&a).unwrap()), ["+ three"]);
    t.remove("one").unwrap();
    assert_eq!(lines(b.changes_since(&a).unwrap()), ["> one → three"]);
    // The name that it is known by has gone: the others are found.
    let (b, t) = fork(&a);
    t.remove("one").unwrap();
    let (c, t) = fork(&b);
    t.append("two", "!").unwrap();
    assert_eq!(lines(c.changes_since(&b).unwrap()), ["~ two (content)"]);
}

/// Two forks give the same number to different nodes.
#[test]
fn equal_numbers_are_not_yet_equal_nodes() {
    let (a, _) = start(dir! { "x": "" });
    let ((b, left), (c, right)) = (fork(&a), fork(&a));
    left.write("left", "l").unwrap();
    right.write("right", "r").unwrap();
    assert_eq!(left.metadata("left").unwrap().ino, right.metadata("right").unwrap().ino);
    assert_eq!(lines(c.changes_since(&b).unwrap()), ["- left", "+ right"]);
    for tree in [&left, &right] {
        tree.create_dir_all("both/in").unwrap();
        tree.write("both/in/file", "same").unwrap();
    }
    right.write("both/in/file", "else").unwrap();
    assert_eq!(lines(c.changes_since(&b).unwrap()), ["~ both/in/file (content)", "- left", "+ right"]);
    assert_eq!(b.changes_since(&MemFs::new()).unwrap_err().errno, crate::Errno::INVAL);
}

/// A hundred thousand files in directories of all sizes: what is looked at depends on what was touched alone.
#[test]
fn what_is_shared_is_not_looked_at() {
    let fs = Arc::new(MemFs::new());
    let mut node = 0;
    for (dir, files) in [("large", 60_000), ("middle", 1000), ("small", 20)] {
        for copy in 0..(20_000 / files).clamp(1, 20) {
            let name = format!("{dir}{copy}");
            let made = fs.create(
                &Ctx::ROOT,
                fs.root(),
                Name::new(name.as_bytes()).unwrap(),
                &NewNode::Directory { mode: 0o755 },
            );
            let made = made.unwrap().node;
            for file in 0..files {
                let name = format!("f{file}");
                fs.add_image(made, Name::new(name.as_bytes()).unwrap(), 0o644, crate::Bytes::from_static(b"content"))
                    .unwrap();
                node += 1;
            }
        }
    }
    assert!(node > 80_000);
    let (after, tree) = fork(&fs);
    let pages = |after: &MemFs| crate::mem_fs::pages_compared(&fs, after).unwrap();
    assert_eq!(pages(&after).1, 0);
    tree.write("large0/f777", "new content").unwrap();
    tree.remove("large0/f778").unwrap();
    tree.rename("large0/f779", "middle3/moved").unwrap();
    tree.write("small2/more", "").unwrap();
    let (changes, visited) = pages(&after);
    let expected = ["~ large0/f777 (content)", "- large0/f778", "> large0/f779 → middle3/moved", "+ small2/more"];
    assert_eq!(lines(changes), expected);
    assert!(visited < 150, "{visited} pages");
    let everything = compare_related(&Tree::new(fs.clone()), &tree, &|_| true).unwrap();
    assert_eq!(lines(everything), expected);
}

#[test]
fn content_is_compared_by_what_is_not_shared() {
    let (a, t) = start(dir! { "sparse": "", "big": "" });
    t.set_attr("sparse", &SetAttr { size: Some(1 << 40), ..SetAttr::default() }).unwrap();
    t.write("big", vec![7; 4 << 20]).unwrap();
    let (b, t) = fork(&a);
    let write = |path: &str, at: u64, bytes: &[u8]| {
        let how = OpenHow { flags: OpenFlags::WRITE, create: None, exclusive: false, follow: true };
        t.open(path, &how).unwrap().write_at(&[std::io::IoSlice::new(bytes)], at).unwrap();
        t.set_attr(
            path,
            &SetAttr { mtime: SetTime::To(Tree::new(a.clone()).metadata(path).unwrap().mtime), ..SetAttr::default() },
        )
        .unwrap();
    };
    write("sparse", 1 << 39, b"\0\0");
    write("big", 3 << 20, &[7; 100]);
    assert_eq!(lines(b.changes_since(&a).unwrap()), [""; 0], "the same bytes");
    write("sparse", 1 << 39, b"\0x");
    write("big", 3 << 20, &[8]);
    let (changes, visited) = crate::mem_fs::pages_compared(&a, &b).unwrap();
    assert_eq!(lines(changes), ["~ big (content)", "~ sparse (content)"]);
    assert!(visited < 30, "{visited} pages");
    // What is written to again and again is kept beside the pages.
    (0..3).for_each(|n| write("big", 1 << 20, &[n]));
    let (c, t) = fork(&b);
    let how = OpenHow { flags: OpenFlags::WRITE, create: None, exclusive: false, follow: true };
    t.open("big", &how).unwrap().write_at(&[std::io::IoSlice::new(&[9])], (1 << 20) + 5).unwrap();
    assert_eq!(lines(c.changes_since(&b).unwrap()), ["~ big (content)"]);
}

#[test]
fn names_are_safe_to_print() {
    let (a, _) = start(dir! {});
    let (b, t) = fork(&a);
    for name in [&b"new\nline"[..], b"\x1b[31mred", b"bad\xff", "ümlaut → ok".as_bytes(), "\u{202e}turned".as_bytes()]
    {
        t.write(name, "").unwrap();
    }
    let expected = ["+ \\x1b[31mred", "+ bad\\xff", "+ new\\nline", "+ ümlaut → ok", "+ \\u{202e}turned"];
    assert_eq!(lines(b.changes_since(&a).unwrap()), expected);
    assert_eq!(Changes::default().summary().to_string(), "nothing changed");
}

/// As deep as a guest likes: no stack, and no paths that nobody could use.
#[test]
fn depth_costs_neither_stack_nor_memory() {
    let fs = Arc::new(MemFsOptions::new().build());
    let (empty, depth) = (Arc::new(fs.fork()), 20_000);
    let mut node = fs.root();
    for _ in 0..depth {
        node = fs.create(&Ctx::ROOT, node, Name::new(b"d").unwrap(), &NewNode::Directory { mode: 0o755 }).unwrap().node;
    }
    let deleted = empty.changes_since(&fs).unwrap();
    assert_eq!(lines(deleted), [format!("- d/ ({} entries below)", depth - 1)]);
    assert_eq!(fs.changes_since(&empty).unwrap_err().errno, crate::Errno::NAMETOOLONG);
    let moved = Arc::new(fs.fork());
    let name = |name: &'static [u8]| Name::new(name).unwrap();
    moved.rename(&Ctx::ROOT, (moved.root(), name(b"d")), (moved.root(), name(b"e")), Rename::Replace).unwrap();
    assert_eq!(lines(moved.changes_since(&fs).unwrap()), ["> d/ → e/"]);
    fs.remove(&Ctx::ROOT, fs.root(), name(b"d"), Remove::Directory).unwrap_err();
}

fn overlay(lower: &Arc<MemFs>) -> (Arc<crate::OverlayFs>, Tree) {
    let made = crate::OverlayFs::builder().lower(lower.clone()).upper_mem(MemFsOptions::new()).build().unwrap();
    let fs = Arc::new(made);
    (fs.clone(), Tree::new(fs))
}

#[test]
fn an_overlay_tells_what_it_changed() {
    let (lower, t) = start(dir! {
        "f": "1", "d": { "x": "2", "y": "3", "deep": { "z": "4" } }, "swap1": "s1", "swap2": "s2", "over": "o", "by": "b",
        "gone": { "saved": "5", "lost": "6", "sub": { "kept": "7", "not": "8" } }, "opaque": { "old": "", "both": "x" },
        "mode": "m", "touched": "t", "dir-to-file": { "in": "" }, "replaced": "1", "l" => "f",
    });
    let one = t.metadata("by").unwrap().ino;
    for name in [&b"by2"[..], b"by3"] {
        lower.link(&Ctx::ROOT, one, lower.root(), Name::new(name).unwrap()).unwrap();
    }
    let (fs, t) = overlay(&lower);
    assert_eq!(of_overlay(&fs).unwrap(), []);
    // To look is to change nothing.
    t.walk("").unwrap().for_each(|entry| drop(t.open(entry.unwrap().path, &READ)));
    assert_eq!(of_overlay(&fs).unwrap(), []);
    t.create_dir_all("new/dir").unwrap();
    t.rename("f", "new/f").unwrap();
    t.append("new/f", "!").unwrap();
    t.rename("d", "new/dir/d").unwrap();
    t.write("new/dir/d/added", "").unwrap();
    t.remove("new/dir/d/x").unwrap();
    t.rename("new/dir/d/deep/z", "z").unwrap();
    exchange(&t, "swap1", "swap2");
    t.append("by2", "more").unwrap();
    t.rename("gone/saved", "saved").unwrap();
    t.rename("gone/sub", "sub").unwrap();
    t.remove("sub/not").unwrap();
    t.remove_all("gone").unwrap();
    t.remove_all("opaque").unwrap();
    t.create_dir("opaque").unwrap();
    t.write("opaque/both", "y").unwrap();
    t.write("opaque/new", "").unwrap();
    t.set_attr("mode", &SetAttr { mode: Some(0o600), ..SetAttr::default() }).unwrap();
    t.write("touched", "t").unwrap();
    t.set_attr("touched", &SetAttr { mtime: SetTime::To(Time(5)), ..SetAttr::default() }).unwrap();
    t.remove_all("dir-to-file").unwrap();
    t.write("dir-to-file", "x").unwrap();
    t.write("tmp", "2").unwrap();
    t.rename("tmp", "replaced").unwrap();
    t.write("made and removed", "").unwrap();
    t.remove("made and removed").unwrap();
    let expected = [
        "~ by (content)",
        "~ by2 (content)",
        "~ by3 (content)",
        "~ dir-to-file (directory → file)",
        "- dir-to-file/in",
        "- gone/ (1 entry below)",
        "~ mode (mode)",
        "+ new/",
        "+ new/dir/",
        "> d/ → new/dir/d/",
        "+ new/dir/d/added",
        "- new/dir/d/x",
        "> f → new/f (content)",
        "~ opaque/both (content)",
        "+ opaque/new",
        "- opaque/old",
        "~ replaced (content)",
        "> gone/saved → saved",
        "> gone/sub/ → sub/",
        "- sub/not",
        "> swap2 → swap1",
        "> swap1 → swap2",
        "~ touched (times)",
        "> d/deep/z → z",
    ];
    assert_eq!(lines(of_overlay(&fs).unwrap()), expected);
    assert_eq!(lines(of_overlay(&fs.fork().unwrap()).unwrap()), expected, "of a fork");
}

const READ: OpenHow<'static> = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: false };
