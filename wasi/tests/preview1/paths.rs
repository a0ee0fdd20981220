//! Paths: resolution, flags of `path_open`, and what is done to names.

use gangplank_wasi::{RightSet, Rights};

use crate::guest::{CREAT, DIRECTORY, EXCL, FOLLOW, Guest, OUT, PATH, R, ROOT, RW, TRUNC, everywhere};

const REGULAR: u8 = 4;
const DIR: u8 = 3;
const LINK: u8 = 7;

fn tree(g: &mut Guest) {
    assert_eq!((g.mkdir("d"), g.mkdir("d/e")), ("SUCCESS", "SUCCESS"));
    g.file("f", b"file");
    g.file("d/e/g", b"deep");
    for (target, link) in [("f", "lf"), ("d", "ld"), ("nothing", "dangling"), ("loop", "loop"), ("..", "out")] {
        assert_eq!(g.symlink(target, link), "SUCCESS");
    }
}

#[test]
fn paths_stay_beneath_the_directory() {
    everywhere(|g| {
        tree(g);
        for path in ["/f", "/", "../f", "..", "d/../../f", "d/e/../../..", "out", "out/f", "ld/../../f"] {
            assert_eq!(g.stat(path, FOLLOW).map(drop), Err("PERM"), "{path}");
            assert_eq!(g.open(path, 0, R), Err("PERM"), "{path}");
            assert_eq!(g.open(path, CREAT, RW), Err("PERM"), "{path}");
        }
        let d = g.open_dir("d").unwrap();
        assert_eq!(g.open_at(d, 0, "../f", 0, R, 0), Err("PERM"));
        assert!(g.open_at(d, 0, "e/../e/g", 0, R, 0).is_ok());
        assert_eq!(g.symlink("/f", "abs"), "PERM");
        assert_eq!(g.symlink("../../f", "d/far"), "SUCCESS", "a link may point anywhere");
        assert_eq!(g.content("d/far"), Err("PERM"), "but not lead there");
        assert_eq!(g.symlink("../../new", "d/make"), "SUCCESS");
        assert_eq!(g.open("d/make", CREAT, RW), Err("PERM"));
    });
}

#[test]
fn paths_in_all_spellings() {
    everywhere(|g| {
        tree(g);
        for path in ["d/.//e/../../d/e/../e///./g", "./ld/e/g", "ld/../d/e/g"] {
            assert_eq!(g.content(path).unwrap(), b"deep", "{path}");
        }
        for path in ["d/", "d///", "d/.", "ld/", "d/e/.."] {
            assert_eq!(g.stat(path, 0).map(|s| s.filetype), Ok(DIR), "{path}");
        }
        assert_eq!(g.stat("ld", 0).map(|s| s.filetype), Ok(LINK));
        for path in ["f/", "f//", "f/x", "lf/", "f/.", "f/.."] {
            assert_eq!(g.stat(path, FOLLOW).map(drop), Err("NOTDIR"), "{path}");
        }
        assert_eq!(g.stat("", 0).map(drop), Err("NOENT"));
        assert_eq!(g.stat("nothing", 0).map(drop), Err("NOENT"));
        for path in ["f\0", "f\0x", "\0"] {
            assert_eq!(g.stat(path, 0).map(drop), Err("INVAL"));
            assert_eq!(g.open(path, CREAT, RW), Err("INVAL"));
        }
        let long = "x".repeat(256);
        assert_eq!(g.open(&long, CREAT, RW), Err("NAMETOOLONG"));
        assert!(g.open(&long[1..], CREAT, RW).is_ok());
        assert_eq!(g.stat(&"d/../".repeat(900), 0).map(drop), Err("NAMETOOLONG"));
        let len = g.put(PATH, b"a\xffb");
        assert_eq!(g.call("path_create_directory", &[ROOT, PATH, len]), "ILSEQ");
    });
}

#[test]
fn symbolic_links() {
    everywhere(|g| {
        tree(g);
        assert_eq!(g.stat("lf", FOLLOW).unwrap().size, 4);
        let link = g.stat("ld", 0).unwrap();
        assert_eq!((link.filetype, link.size), (LINK, 1));
        assert_eq!(g.stat("dangling", FOLLOW).map(drop), Err("NOENT"));
        assert_eq!(g.stat("loop", FOLLOW).map(drop), Err("LOOP"));
        assert_eq!(g.stat("loop/x", 0).map(drop), Err("LOOP"));
        assert_eq!(g.open_at(ROOT, 0, "lf", 0, R, 0), Err("LOOP"));
        assert_eq!(g.open_at(ROOT, 0, "dangling", CREAT, RW, 0), Err("LOOP"));
        assert!(matches!(g.open_at(ROOT, 0, "ld", DIRECTORY, R, 0), Err("NOTDIR" | "LOOP")));
        assert_eq!(g.open("dangling", CREAT | EXCL, RW), Err("EXIST"));
        assert!(g.open("dangling", CREAT, RW).is_ok(), "creates what it points to");
        assert_eq!(g.stat("nothing", 0).unwrap().filetype, REGULAR);
        let mut name = "f".to_string();
        for i in 0..45 {
            let link = format!("chain{i}");
            assert_eq!(g.symlink(&name, &link), "SUCCESS");
            name = link;
        }
        assert_eq!(g.content("chain39").unwrap(), b"file", "40 links");
        assert_eq!(g.content("chain40"), Err("LOOP"));

        let readlink = |g: &mut Guest, path: &str, len| {
            let path_len = g.put(PATH, path.as_bytes());
            g.put(64, b"........");
            let result = g.call("path_readlink", &[ROOT, PATH, path_len, 64, len, OUT]);
            (result, g.u32(OUT), g.bytes(64, 8).to_vec())
        };
        g.symlink("target", "t");
        assert_eq!(readlink(g, "t", 8), ("SUCCESS", 6, b"target..".to_vec()));
        assert_eq!(readlink(g, "t", 4), ("SUCCESS", 4, b"targ....".to_vec()));
        assert_eq!(readlink(g, "t", 0), ("SUCCESS", 0, b"........".to_vec()));
        assert_eq!(readlink(g, "f", 8).0, "INVAL");
        assert_eq!(readlink(g, "none", 8).0, "NOENT");
        for (path, error) in [("new/", "NOENT"), ("d", "EXIST"), ("d/", "EXIST"), ("t", "EXIST")] {
            assert_eq!(g.symlink("x", path), error, "{path}");
        }
        assert!(matches!(g.symlink("x", "f/"), "EXIST" | "NOTDIR"));
    });
}

#[test]
fn flags_of_open() {
    everywhere(|g| {
        tree(g);
        assert_eq!(g.open("f", CREAT | EXCL, R), Err("EXIST"));
        assert!(g.open("f", EXCL, R).is_ok(), "means nothing by itself");
        assert_eq!(g.open("none", 0, R), Err("NOENT"));
        assert_eq!(g.open("none/x", CREAT, R), Err("NOENT"));
        assert_eq!(g.open("f", DIRECTORY, R), Err("NOTDIR"));
        assert_eq!(g.open("d", CREAT | DIRECTORY, R), Err("INVAL"));
        assert_eq!(g.open("d", TRUNC | DIRECTORY, R), Err("INVAL"));
        assert_eq!(g.open("d", TRUNC, RW), Err("ISDIR"));
        assert_eq!(g.open("d", 0, RW), Err("ISDIR"));
        assert_eq!(g.open("d", DIRECTORY, RW), Err("ISDIR"));
        assert_eq!(g.open("new/", CREAT, RW), Err("ISDIR"));
        assert!(g.open("d", 0, R).is_ok());
        assert!(g.open_at(ROOT, 0, ".", 0, R, 4).is_ok(), "NONBLOCK");
        assert!(g.open("f", 0, RightSet::empty()).is_ok());
        let fd = g.open("f", TRUNC, R).unwrap();
        assert_eq!(g.fstat(fd).unwrap().size, 0);
        assert!(g.write(fd, b"x").is_err(), "cut, but not writable");
        for (lookup, oflags, fdflags) in [(2, 0, 0), (0, 16, 0), (0, 0, 32), (1 << 31, 0, 0), (0, 1 << 16, 0)] {
            assert_eq!(g.open_at(ROOT, lookup, "f", oflags, R, fdflags), Err("INVAL"));
        }
        assert!(g.open("f", 0, R | RightSet::from_bits_retain(1 << 40)).is_ok(), "unknown rights mean nothing");
        let f = g.open("f", 0, R).unwrap();
        assert_eq!(g.open_at(f, 0, "x", 0, R, 0), Err("NOTDIR"));
        assert_eq!(g.open_at(0, 0, "x", 0, R, 0), Err("BADF"));
        assert_eq!(g.open_at(99, 0, "x", 0, R, 0), Err("BADF"));
        g.close(f);
        assert_eq!(g.open_at(f, 0, "x", 0, R, 0), Err("BADF"));
    });
}

#[test]
fn directories_come_and_go() {
    everywhere(|g| {
        tree(g);
        assert_eq!((g.mkdir("n/"), g.mkdir("d"), g.mkdir("f"), g.mkdir("lf")), ("SUCCESS", "EXIST", "EXIST", "EXIST"));
        assert_eq!((g.mkdir("x/y"), g.mkdir("f/y"), g.mkdir("")), ("NOENT", "NOTDIR", "NOENT"));
        assert_eq!(
            (g.rmdir("d"), g.rmdir("f"), g.rmdir("ld"), g.rmdir("x")),
            ("NOTEMPTY", "NOTDIR", "NOTDIR", "NOENT")
        );
        assert_eq!((g.rmdir("."), g.rmdir("n/."), g.rmdir("f/")), ("INVAL", "INVAL", "NOTDIR"));
        assert_eq!(
            (g.unlink("d"), g.unlink("d/"), g.unlink("f/"), g.unlink("x")),
            ("ISDIR", "ISDIR", "NOTDIR", "NOENT")
        );
        assert_eq!(g.rmdir("n/"), "SUCCESS");
        assert_eq!((g.unlink("ld"), g.unlink("dangling")), ("SUCCESS", "SUCCESS"));
        assert_eq!(g.stat("d", 0).unwrap().filetype, DIR);
        // One that is gone can still be named by its descriptor, but holds nothing.
        assert_eq!(g.mkdir("gone"), "SUCCESS");
        let gone = g.open_dir("gone").unwrap();
        assert_eq!(g.rmdir("gone"), "SUCCESS");
        assert_eq!(g.open_at(gone, 0, "x", CREAT, RW, 0), Err("NOENT"));
        assert_eq!(g.fstat(gone).unwrap().filetype, DIR);
    });
}

#[test]
fn renaming() {
    everywhere(|g| {
        tree(g);
        let ino = g.stat("f", 0).unwrap().ino;
        assert_eq!((g.rename("f", "f"), g.rename("f", "f2")), ("SUCCESS", "SUCCESS"));
        assert_eq!(g.stat("f2", 0).unwrap().ino, ino);
        g.file("other", b"other");
        assert_eq!(g.rename("f2", "other"), "SUCCESS");
        assert_eq!(g.content("other").unwrap(), b"file");
        assert_eq!((g.rename("other", "d"), g.rename("d", "other")), ("ISDIR", "NOTDIR"));
        assert_eq!((g.rename("d", "d/e/d"), g.rename("none", "x")), ("INVAL", "NOENT"));
        g.mkdir("full");
        g.mkdir("full/x");
        g.mkdir("empty");
        assert_eq!((g.rename("d", "full"), g.rename("d", "empty")), ("NOTEMPTY", "SUCCESS"));
        assert_eq!(g.rename("empty/", "d/"), "SUCCESS");
        assert_eq!((g.rename("other", "x/"), g.rename("other/", "x")), ("NOTDIR", "NOTDIR"));
        assert_eq!(g.rename("lf", "moved"), "SUCCESS");
        assert_eq!(g.stat("moved", 0).unwrap().filetype, LINK);
    });
}

#[test]
fn linking() {
    everywhere(|g| {
        tree(g);
        assert_eq!(g.link(0, "f", "d/hard"), "SUCCESS");
        let (a, b) = (g.stat("f", 0).unwrap(), g.stat("d/hard", 0).unwrap());
        assert_eq!((a, a.nlink), (b, 2));
        for existing in ["f", "d", "lf", "dangling", "loop"] {
            assert_eq!(g.link(0, "f", existing), "EXIST", "{existing}");
        }
        assert_eq!((g.link(0, "d", "x"), g.link(0, "none", "x"), g.link(0, "f", "x/")), ("PERM", "NOENT", "NOENT"));
        assert_eq!(g.link(0, "dangling", "also"), "SUCCESS");
        assert_eq!(g.stat("also", 0).unwrap().filetype, LINK);
        assert_eq!((g.link(1, "f", "x"), g.link(2, "f", "x")), ("INVAL", "INVAL"));
    });
}

#[test]
fn another_filesystem_is_another_device() {
    let builder = crate::guest::builder(Rights::Ignore, crate::guest::mem_fs(false));
    let mut g = Guest::of(builder.preopen("/other", crate::guest::mem_fs(false)));
    g.file("f", b"");
    let len = g.put(PATH, b"f");
    assert_eq!(g.call("path_rename", &[ROOT, PATH, len, 4, PATH, len]), "XDEV");
    assert_eq!(g.call("path_link", &[ROOT, 0, PATH, len, 4, PATH, len]), "XDEV");
    assert_ne!(g.fstat(3).unwrap().dev, g.fstat(4).unwrap().dev);
}
