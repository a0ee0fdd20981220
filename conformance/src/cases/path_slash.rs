//! Paths: `.`, `..`, slashes, empty and over-long ones; `path_resolution(7)`,
//! <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap04.html#tag_04_16>.

use gangplank_vfs::{FileType, FsCaps, OpenFlags, OpenHow};

use crate::{Paths, World};

/// `d/`, `d/e/`, `d/e/f`, `g`; links `dl -> d`, `gl -> g`, `no -> nowhere`.
fn scene(w: &World) -> Paths {
    let p = w.beneath();
    p.mkdir("d").unwrap();
    p.mkdir("d/e").unwrap();
    p.put("d/e/f", "f");
    p.put("g", "g");
    if w.has(FsCaps::SYMLINKS) {
        for (target, path) in [("d", "dl"), ("g", "gl"), ("nowhere", "no")] {
            p.symlink(target, path).unwrap();
        }
    }
    p
}

cases! { path_slash, __cases_path_slash, "https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap04.html#tag_04_16";

/// `.` and repeated slashes mean nothing between names; `..` is the parent.
fn dots_and_slashes(w) {
    let p = scene(w);
    let (root, d, e, f) = (p.ino(".").unwrap(), p.ino("d").unwrap(), p.ino("d/e").unwrap(), p.ino("d/e/f").unwrap());
    for (path, want) in [
        ("./", root), ("././.", root), ("d/..", root), ("d/../", root), ("d/e/../..", root), ("d/./../.", root),
        ("./d", d), ("d//", d), ("d/.", d), ("d/./", d), ("d/e/..", d), ("d/e/../", d), ("d/../d", d),
        ("./d/e/.././/", d),
        ("d//e", e), ("d/e/./", e), ("d/../d/e", e), ("d/e/f", f), (".//d/.//e/..//e/f", f),
    ] {
        assert_eq!(p.ino(path), Ok(want), "{path}");
        assert_eq!(p.lstat(path).map(|m| m.ino.get()), Ok(want), "{path}, not following");
        assert_eq!(p.place(path).map(|p| p.node().get()), Ok(want), "{path}, as a place");
    }
}

/// ENOENT for an empty path, in every operation.
fn an_empty_path_is_noent(w) {
    let p = scene(w);
    refused!(p.stat(""), NOENT);
    refused!(p.open("", OpenFlags::READ), NOENT);
    refused!(p.creat("", false), NOENT);
    refused!(p.mkdir(""), NOENT);
    refused!(p.unlink(""), NOENT);
    refused!(p.rmdir(""), NOENT);
    refused!(p.mv("", "x"), NOENT);
    refused!(p.mv("g", ""), NOENT);
    refused!(p.link("", "x"), NOENT);
    refused!(p.link("g", ""), NOENT);
    refused!(p.symlink("t", ""), NOENT);
    refused!(p.readlink(""), NOENT);
    refused!(p.place(""), NOENT);
}

/// A slash at the end demands a directory: ENOTDIR for a file.
fn a_trailing_slash_demands_a_directory(w) {
    let p = scene(w);
    for path in ["g/", "g//", "g/.", "d/e/f/", "d/e/f/.", "g/..", "g/../d", "g/./x"] {
        refused!(p.stat(path), NOTDIR, "{path}");
        refused!(p.lstat(path), NOTDIR, "{path}");
        refused!(p.open(path, OpenFlags::READ), NOTDIR, "{path}");
    }
    for path in ["d/", "d/.", "d/e//"] {
        assert_eq!(p.lstat(path).unwrap().file_type, FileType::Directory, "{path}");
        assert!(p.open(path, OpenFlags::READ).is_ok(), "{path}");
    }
    refused!(p.stat("x/"), NOENT);
    refused!(p.stat("x/.."), NOENT);
    refused!(p.stat("x/../d"), NOENT);
}

/// It also follows a link at the end, where without it the link itself is meant.
fn a_trailing_slash_follows_the_link(w) {
    let p = scene(w);
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    assert_eq!(p.lstat("dl").unwrap().file_type, FileType::Symlink);
    assert_eq!(p.lstat("dl/").unwrap().file_type, FileType::Directory);
    assert_eq!(p.lstat("dl/.").unwrap().file_type, FileType::Directory);
    refused!(p.lstat("gl/"), NOTDIR);
    refused!(p.lstat("no/"), NOENT);
    refused!(p.readlink("dl/"), INVAL);
    let nofollow = OpenHow { flags: OpenFlags::READ, create: None, exclusive: false, follow: false };
    refused!(p.open_how("dl", nofollow), LOOP);
    assert_eq!(p.open_how("dl/", nofollow).unwrap().file_type(), FileType::Directory);
    refused!(p.open_how("gl/", nofollow), NOTDIR);
}

/// `mkdir("x/")` makes; nothing else does: ENOENT, and EISDIR for O_CREAT
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>).
fn only_mkdir_makes_with_a_trailing_slash(w) {
    let p = scene(w);
    p.mkdir("x/").unwrap();
    p.mkdir("d/y//").unwrap();
    assert_eq!(p.names("d").unwrap(), ["e", "y"]);
    refused!(p.mkdir("x/"), EXIST);
    refused!(p.mkdir("g/"), EXIST | NOTDIR);
    for exclusive in [false, true] {
        refused!(p.creat("z/", exclusive), ISDIR);
        refused!(p.creat("d/", exclusive), ISDIR);
        refused!(p.creat("g/", exclusive), ISDIR | NOTDIR);
    }
    if w.has(FsCaps::SYMLINKS) {
        refused!(p.symlink("t", "z/"), NOENT);
        refused!(p.symlink("t", "d/"), EXIST);
        refused!(p.mkdir("no/"), EXIST);
    }
    if w.has(FsCaps::HARD_LINKS) {
        refused!(p.link("g", "z/"), NOENT | NOTDIR);
        refused!(p.link("g", "d/"), EXIST);
        refused!(p.link("g/", "z"), NOTDIR);
    }
    refused!(p.stat("z"), NOENT);
}

/// `unlink` and `rmdir` with a slash at the end.
fn removing_with_a_trailing_slash(w) {
    let p = scene(w);
    refused!(p.unlink("g/"), NOTDIR);
    refused!(p.unlink("d/"), ISDIR);
    refused!(p.unlink("x/"), NOENT);
    refused!(p.rmdir("g/"), NOTDIR);
    refused!(p.rmdir("x/"), NOENT);
    if w.has(FsCaps::SYMLINKS) {
        refused!(p.rmdir("dl"), NOTDIR);
        refused!(p.rmdir("dl/"), NOTDIR);
        refused!(p.unlink("dl/"), NOTDIR | ISDIR);
        assert!(p.lstat("dl").is_ok() && p.stat("d/e").is_ok());
    }
    p.mkdir("x").unwrap();
    p.rmdir("x//").unwrap();
    refused!(p.stat("x"), NOENT);
    assert_eq!(p.read("g").unwrap(), "g");
}

/// EINVAL, ENOTEMPTY and EBUSY of <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rmdir.html>.
fn removing_dot_and_dotdot(w) {
    let p = scene(w);
    for path in [".", "./", "d/.", "d/./", "d/e/."] {
        refused!(p.rmdir(path), INVAL, "{path}");
        refused!(p.unlink(path), ISDIR, "{path}");
    }
    for path in ["d/..", "d/e/..", "d/e/../"] {
        refused!(p.rmdir(path), NOTEMPTY, "{path}");
        refused!(p.unlink(path), ISDIR, "{path}");
    }
    let r = w.rooted();
    refused!(r.rmdir("/"), BUSY);
    refused!(r.unlink("/"), ISDIR);
}

/// EBUSY for renaming `.`, `..` or the root, from or to.
fn renaming_dot_and_dotdot(w) {
    let p = scene(w);
    for path in [".", "d/.", "d/..", "d/e/.."] {
        refused!(p.mv(path, "x"), BUSY | INVAL, "{path}");
        refused!(p.mv("d", path), BUSY | INVAL, "{path}");
    }
    refused!(w.rooted().mv("/", "x"), BUSY);
    refused!(w.rooted().mv("g", "/"), BUSY);
}

/// EEXIST for making them.
fn making_dot_and_dotdot(w) {
    let p = scene(w);
    for path in [".", "./", "d/.", "d/..", "d/e/../"] {
        refused!(p.mkdir(path), EXIST, "{path}");
        refused!(p.creat(path, false), ISDIR, "{path}");
        if w.has(FsCaps::HARD_LINKS) {
            refused!(p.link("g", path), EXIST, "{path}");
        }
        if w.has(FsCaps::SYMLINKS) {
            refused!(p.symlink("t", path), EXIST, "{path}");
        }
    }
    for path in [".", "d/.."] {
        refused!(p.creat(path, true), EXIST, "{path}");
    }
    refused!(w.rooted().mkdir("/"), EXIST);
}

/// `rename` with a slash after either name wants a directory.
fn renaming_with_a_trailing_slash(w) {
    let p = scene(w);
    refused!(p.mv("g/", "x"), NOTDIR);
    refused!(p.mv("g", "x/"), NOTDIR);
    refused!(p.mv("x/", "y/"), NOENT);
    p.mv("d/", "x/").unwrap();
    assert_eq!(p.names("x").unwrap(), ["e"]);
    p.mv("x", "d/").unwrap();
    if w.has(FsCaps::SYMLINKS) {
        refused!(p.mv("dl/", "x"), NOTDIR | LOOP);
        assert!(p.stat("dl/e/f").is_ok());
    }
}

/// ENAMETOOLONG for a name over 255 bytes, and a path over 4095; 255 and 4095 do.
fn long_names_and_paths(w) {
    let p = scene(w);
    let (long, longest) = ("n".repeat(256), "n".repeat(255));
    refused!(p.stat(&long), NAMETOOLONG);
    refused!(p.stat(&format!("d/{long}/x")), NAMETOOLONG);
    refused!(p.mkdir(&long), NAMETOOLONG);
    refused!(p.creat(&long, false), NAMETOOLONG);
    refused!(p.mv("g", &long), NAMETOOLONG);
    refused!(p.mv(&long, "x"), NAMETOOLONG);
    refused!(p.unlink(&long), NAMETOOLONG);
    refused!(p.stat(&longest), NOENT);
    let path = format!("{}d", "./".repeat(2047));
    assert_eq!((path.len(), p.ino(&path)), (4095, p.ino("d")));
    refused!(p.stat(&format!("{path}/")), NAMETOOLONG);
    refused!(p.mkdir(&format!("{}x", "./".repeat(2048))), NAMETOOLONG);
    // A missing directory is found missing before a name after it is found too long.
    refused!(p.stat(&format!("x/{long}")), NOENT);
}

/// EINVAL for a NUL, wherever it is.
fn a_nul_is_inval(w) {
    let p = scene(w);
    for path in ["\0", "d\0", "d/\0x", "d/e\0/f"] {
        refused!(p.stat(path), INVAL, "{path:?}");
        refused!(p.mkdir(path), INVAL, "{path:?}");
        refused!(p.creat(path, false), INVAL, "{path:?}");
        refused!(p.unlink(path), INVAL, "{path:?}");
    }
    if w.has(FsCaps::SYMLINKS) {
        refused!(p.symlink("a\0b", "x"), INVAL);
    }
}

/// A directory removed under one's feet: `.` is still it, names are gone, `..` is its last parent.
fn in_a_removed_directory(w) {
    let p = scene(w);
    p.mkdir("d/x").unwrap();
    let x = p.at("d/x");
    p.rmdir("d/x").unwrap();
    assert_eq!(x.stat(".").unwrap().file_type, FileType::Directory);
    refused!(x.stat("f"), NOENT);
    refused!(x.creat("f", false), NOENT);
    refused!(x.mkdir("f"), NOENT);
    assert_eq!(x.ino(".."), p.ino("d"));
    assert_eq!(x.names(".").unwrap(), [""; 0]);
}

/// A directory moved under one's feet takes its paths along.
fn in_a_moved_directory(w) {
    let p = scene(w);
    let e = p.at("d/e");
    p.mv("d/e", "moved").unwrap();
    assert_eq!(e.read("f").unwrap(), "f");
    assert_eq!(e.ino(".."), p.ino("."));
    assert_eq!(e.ino("../d"), p.ino("d"));
}

/// O_DIRECTORY with O_CREAT, and with O_TRUNC, is EINVAL.
fn directory_and_create_is_inval(w) {
    let p = scene(w);
    let how = OpenHow {
        flags: OpenFlags::READ | OpenFlags::DIRECTORY,
        create: Some(gangplank_vfs::NewNode::Regular { mode: 0o644 }),
        exclusive: false,
        follow: true,
    };
    for path in ["x", "g", "d"] {
        refused!(p.open_how(path, how), INVAL, "{path}");
    }
    refused!(p.open("d", OpenFlags::READ | OpenFlags::WRITE | OpenFlags::TRUNC | OpenFlags::DIRECTORY), INVAL);
    refused!(p.open("g", OpenFlags::READ | OpenFlags::DIRECTORY), NOTDIR);
    refused!(p.stat("x"), NOENT);
}
}
