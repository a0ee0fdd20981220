//! Symbolic links in paths: `path_resolution(7)`, `symlink(7)`.

use gangplank_vfs::{FileType, FsCaps, OpenFlags, OpenHow, SetAttr, SetTime, Time};

cases! { path_link, __cases_path_link, "path_resolution(7), symlink(7)";

/// In the middle they are always followed; at the end by who follows.
fn in_the_middle_and_at_the_end(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.mkdir("d/e").unwrap();
    p.put("d/e/f", "f");
    p.symlink("d/e", "l").unwrap();
    p.symlink("../d/e/f", "d/up").unwrap();
    p.symlink("l/f", "m").unwrap();
    assert_eq!(p.read("l/f").unwrap(), "f");
    assert_eq!(p.read("d/up").unwrap(), "f");
    assert_eq!(p.read("m").unwrap(), "f");
    assert_eq!(p.lstat("l").unwrap().file_type, FileType::Symlink);
    assert_eq!(p.stat("l").unwrap().file_type, FileType::Directory);
    assert_eq!(p.lstat("l/f").unwrap().file_type, FileType::Regular);
    // `..` after a link is the parent of where it led.
    assert_eq!(p.ino("l/.."), p.ino("d"));
    assert_eq!(p.ino("l/../.."), p.ino("."));
    assert_eq!(p.readlink("m").unwrap(), "l/f");
    assert_eq!(p.names("l").unwrap(), ["f"]);
    // A link to a directory, below another directory, opened as a directory.
    p.symlink("e", "d/le").unwrap();
    p.symlink("e/f", "d/lf").unwrap();
    assert_eq!(p.names("d/le").unwrap(), ["f"]);
    assert_eq!(p.names("d/le/").unwrap(), ["f"]);
    refused!(p.open("d/lf", OpenFlags::READ | OpenFlags::DIRECTORY), NOTDIR);
    refused!(p.open("d/e/f", OpenFlags::READ | OpenFlags::DIRECTORY), NOTDIR);
}

/// ELOOP at the 41st link of one path (Linux's MAXSYMLINKS); 40 are followed.
fn forty_links_and_no_more(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.put("l0", "found");
    for i in 1..=41 {
        p.symlink(&format!("l{}", i - 1), &format!("l{i}")).unwrap();
    }
    assert_eq!(p.read("l1").unwrap(), "found");
    assert_eq!(p.read("l40").unwrap(), "found");
    refused!(p.stat("l41"), LOOP);
    refused!(p.open("l41", OpenFlags::READ), LOOP);
    assert!(p.lstat("l41").is_ok());
}

/// The limit counts along the whole path, not at its end alone.
fn the_limit_counts_along_the_path(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.symlink(".", "d/here").unwrap();
    let forty = format!("d/{}", "here/".repeat(40));
    assert_eq!(p.ino(&forty), p.ino("d"));
    refused!(p.stat(&format!("{forty}here/")), LOOP);
    refused!(p.stat(&format!("{forty}here/nothing")), LOOP);
}

/// Circles: of one, of two, through a directory.
fn circles_are_loop(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.symlink("a", "a").unwrap();
    p.symlink("c", "b").unwrap();
    p.symlink("b", "c").unwrap();
    p.symlink("x/y", "x").unwrap();
    for path in ["a", "b", "c", "x", "a/z", "b/../c"] {
        refused!(p.stat(path), LOOP, "{path}");
        refused!(p.open(path, OpenFlags::READ), LOOP, "{path}");
        refused!(p.creat(path, false), LOOP, "{path}");
    }
    refused!(p.mkdir("a/z"), LOOP);
    refused!(p.mkdir("a"), EXIST);
    assert_eq!(p.readlink("a").unwrap(), "a");
    p.unlink("a").unwrap();
    refused!(p.lstat("a"), NOENT);
}

/// A link through which the path grows exponentially ends at the limit, quickly.
fn a_bomb_of_links_is_loop(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.symlink(".", "l0").unwrap();
    for i in 1..30 {
        p.symlink(&format!("l{}/", i - 1).repeat(10), &format!("l{i}")).unwrap();
    }
    refused!(p.stat("l29"), LOOP);
    refused!(p.stat("l29/x"), LOOP);
}

/// A dangling link: ENOENT for who follows; O_CREAT makes the target
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>).
fn a_dangling_link(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.symlink("d/new", "l").unwrap();
    p.symlink("l", "ll").unwrap();
    refused!(p.stat("l"), NOENT);
    refused!(p.open("l", OpenFlags::READ | OpenFlags::WRITE), NOENT);
    refused!(p.mkdir("l"), EXIST);
    refused!(p.creat("l", true), EXIST);
    refused!(p.stat("d/new"), NOENT);
    drop(p.creat("ll", false).unwrap());
    assert_eq!(p.lstat("d/new").unwrap().file_type, FileType::Regular);
    assert_eq!(p.lstat("l").unwrap().file_type, FileType::Symlink);
    p.symlink("nowhere/x", "m").unwrap();
    refused!(p.creat("m", false), NOENT);
    p.symlink("s/", "slash").unwrap();
    refused!(p.creat("slash", false), ISDIR | NOENT);
    refused!(p.stat("s"), NOENT);
}

/// O_EXCL does not follow: EEXIST, whatever the link leads to. O_NOFOLLOW: ELOOP.
fn exclusive_and_nofollow(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.put("f", "f");
    p.symlink("f", "l").unwrap();
    p.symlink("nowhere", "no").unwrap();
    for path in ["l", "no"] {
        refused!(p.creat(path, true), EXIST, "{path}");
        for create in [false, true] {
            let how = OpenHow {
                flags: OpenFlags::READ | OpenFlags::WRITE,
                create: create.then_some(gangplank_vfs::NewNode::Regular { mode: 0o644 }),
                exclusive: false,
                follow: false,
            };
            refused!(p.open_how(path, how), LOOP, "{path}, create {create}");
        }
    }
    refused!(p.stat("nowhere"), NOENT);
    // In the middle of the path NOFOLLOW means nothing.
    p.mkdir("d").unwrap();
    p.put("d/x", "x");
    p.symlink("d", "dl").unwrap();
    let how = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: false };
    assert!(p.open_how("dl/x", how).is_ok());
}

/// `unlink`, `rename`, `link` and `lstat` mean the link; `chmod` and `open` what it leads to.
fn who_means_the_link(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.put("f", "f");
    p.symlink("f", "l").unwrap();
    let then = |s| SetAttr { mtime: SetTime::To(Time::from_parts(s, 0)), ..SetAttr::default() };
    p.set_attr("l", true, then(1_000)).unwrap();
    p.set_attr("l", false, then(2_000)).unwrap();
    assert_eq!(p.stat("f").unwrap().mtime, Time::from_parts(1_000, 0));
    assert_eq!(p.lstat("l").unwrap().mtime, Time::from_parts(2_000, 0));
    p.set_attr("l", true, SetAttr { size: Some(0), ..SetAttr::default() }).unwrap();
    assert_eq!(p.stat("f").unwrap().size, 0);
    if w.has(FsCaps::HARD_LINKS) {
        p.link("l", "hard").unwrap();
        assert_eq!(p.lstat("hard").unwrap().file_type, FileType::Symlink);
        p.to_start().link(b"l", true, &p.to_start(), b"followed").unwrap();
        assert_eq!(p.lstat("followed").unwrap().ino, p.stat("f").unwrap().ino);
    }
    p.mv("l", "m").unwrap();
    assert_eq!(p.readlink("m").unwrap(), "f");
    p.unlink("m").unwrap();
    assert!(p.stat("f").is_ok());
    refused!(p.readlink("f"), INVAL);
}

/// Through a link that is replaced the path leads elsewhere from then on.
fn a_link_that_is_replaced(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    for d in ["one", "two"] {
        p.mkdir(d).unwrap();
        p.put(&format!("{d}/f"), d);
    }
    p.symlink("one", "current").unwrap();
    let start = p.at("current");
    assert_eq!(p.read("current/f").unwrap(), "one");
    p.symlink("two", "next").unwrap();
    p.mv("next", "current").unwrap();
    assert_eq!(p.read("current/f").unwrap(), "two");
    assert_eq!(start.read("f").unwrap(), "one");
}

/// A target with every kind of slash and dot.
fn odd_targets(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.put("d/f", "f");
    for (i, (target, want)) in [
        ("d/", "d"), ("./d", "d"), ("d/.", "d"), (".//d//", "d"), ("d/../d", "d"), (".", "."), ("d/..", "."),
        ("./", "."),
    ]
    .into_iter()
    .enumerate()
    {
        let l = format!("l{i}");
        p.symlink(target, &l).unwrap();
        assert_eq!(p.ino(&l), p.ino(want), "{target}");
        assert_eq!(p.ino(&format!("{l}/")), p.ino(want), "{target}");
    }
    p.symlink("d/f/", "bad").unwrap();
    p.symlink("d/f/.", "worse").unwrap();
    refused!(p.stat("bad"), NOTDIR);
    refused!(p.open("worse", OpenFlags::READ), NOTDIR);
}
}
