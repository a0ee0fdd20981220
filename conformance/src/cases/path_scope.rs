//! Scopes: nothing leads out of `Scope::Beneath`, and of `Scope::Root` neither. `RESOLVE_BENEATH` and
//! `RESOLVE_IN_ROOT` of openat2(2); `chroot(2)`.

use gangplank_vfs::{Errno, FsCaps, OpenFlags, OpenHow, Rename, SetAttr};

use crate::{Paths, World};

/// `in/` is what the guest may see, `in/d/`, `in/f`; `out` holds a secret; and links of every kind that lead to it.
fn scene(w: &World) -> Paths {
    let p = w.beneath();
    p.mkdir("in").unwrap();
    p.mkdir("in/d").unwrap();
    p.put("in/f", "mine");
    p.mkdir("out").unwrap();
    p.put("out/secret", "SECRET");
    if w.has(FsCaps::SYMLINKS) {
        for (target, path) in [
            ("../out/secret", "in/up"),
            ("../out", "in/updir"),
            ("..", "in/parent"),
            ("d/../../out/secret", "in/winding"),
            ("../in/f", "in/and-back"),
            ("../../out/secret", "in/d/up"),
            ("up", "in/chain"),
            ("/out/secret", "in/abs"),
            ("/", "in/absdir"),
            ("../out/new", "in/dangling"),
        ] {
            w.symlink(target, path).unwrap();
        }
    }
    p.confined("in")
}

/// Paths that leave.
const OUT: [&str; 12] = [
    "..",
    "../",
    "../out",
    "../out/secret",
    "d/../..",
    "d/../../out/secret",
    "../in",
    "../in/f",
    "./..",
    "d/./../../in",
    "d/../../../../../../etc/passwd",
    "../..",
];

/// Paths that leave by a link.
const LINKS_OUT: [&str; 16] = [
    "up",
    "updir",
    "updir/secret",
    "parent",
    "parent/out/secret",
    "winding",
    "and-back",
    "d/up",
    "chain",
    "abs",
    "absdir",
    "absdir/out/secret",
    "updir/",
    "parent/",
    "absdir/.",
    "dangling",
];

fn all(w: &World) -> Vec<&'static str> {
    if w.has(FsCaps::SYMLINKS) { [&OUT[..], &LINKS_OUT[..]].concat() } else { OUT.to_vec() }
}

cases! { path_scope, __cases_path_scope, "openat2(2), chroot(2)";

/// EPERM for everything that follows a path out, of any form; also where it would come back.
fn nothing_leads_out_of_beneath(w) {
    let p = scene(w);
    for path in all(w) {
        refused!(p.stat(path), PERM, "stat {path}");
        refused!(p.place(path), PERM, "place {path}");
        refused!(p.open(path, OpenFlags::READ), PERM, "open {path}");
        refused!(p.set_attr(path, true, SetAttr { mode: Some(0), ..SetAttr::default() }), PERM, "chmod {path}");
        // A path that ends in a slash is ISDIR for O_CREAT wherever it leads.
        refused!(p.creat(path, false), PERM | ISDIR, "create {path}");
        let inner = format!("{}/x", path.trim_end_matches('/'));
        for refusal in [p.mkdir(&inner), p.unlink(&inner), p.rmdir(&inner), p.mv("f", &inner), p.mv(&inner, "x")] {
            refused!(refusal, PERM, "{inner}");
        }
        refused!(p.creat(&inner, true), PERM, "create {inner}");
        refused!(p.readlink(&inner), PERM, "readlink {inner}");
        refused!(p.lstat(&inner), PERM, "lstat {inner}");
        if w.has(FsCaps::HARD_LINKS) {
            refused!(p.link(&inner, "x"), PERM, "link {inner}");
            refused!(p.link("f", &inner), PERM, "link to {inner}");
        }
        if w.has(FsCaps::SYMLINKS) {
            refused!(p.symlink("t", &inner), PERM, "symlink {inner}");
        }
    }
    let outer = w.beneath();
    assert_eq!(outer.names("out").unwrap(), ["secret"]);
    assert_eq!(outer.read("out/secret").unwrap(), "SECRET");
    assert_eq!(outer.read("in/f").unwrap(), "mine");
}

/// EPERM for `..` as the name itself, whatever is to be done to it.
fn dotdot_itself_is_outside(w) {
    let p = scene(w);
    for path in ["..", "d/../..", "../"] {
        refused!(p.rmdir(path), PERM, "{path}");
        refused!(p.unlink(path), PERM, "{path}");
        refused!(p.mkdir(path), PERM, "{path}");
        refused!(p.mv(path, "x"), PERM, "{path}");
        refused!(p.mv("d", path), PERM, "{path}");
    }
}

/// EPERM for every absolute path.
fn absolute_paths_are_outside(w) {
    let p = scene(w);
    for path in ["/", "//", "/in", "/in/f", "/out/secret", "/nothing", "/.", "/.."] {
        refused!(p.stat(path), PERM, "{path}");
        refused!(p.open(path, OpenFlags::READ), PERM, "{path}");
        refused!(p.mkdir(path), PERM, "{path}");
        refused!(p.creat(path, false), PERM | ISDIR, "{path}");
        refused!(p.unlink(path), PERM, "{path}");
        refused!(p.rmdir(path), PERM, "{path}");
        refused!(p.mv(path, "x"), PERM, "{path}");
        refused!(p.mv("f", path), PERM, "{path}");
    }
}

/// What does not leave is not refused: `..` within, and names that look like it.
fn what_stays_inside_is_fine(w) {
    let p = scene(w);
    assert_eq!(p.read("d/../f").unwrap(), "mine");
    assert_eq!(p.read("d/.././d/../f").unwrap(), "mine");
    p.put("...", "dots");
    p.put("..x", "dots");
    assert_eq!(p.read("d/../...").unwrap(), "dots");
    assert_eq!(p.at("d").read("../f").unwrap(), "mine");
    refused!(p.at("d").stat("../.."), PERM);
}

/// Links that lead out are still there to be seen, removed and renamed; but an absolute target is not told.
fn links_themselves_are_inside(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = scene(w);
    assert!(p.lstat("up").is_ok() && p.lstat("abs").is_ok());
    assert_eq!(p.readlink("up").unwrap(), "../out/secret");
    refused!(p.readlink("abs"), PERM);
    refused!(p.symlink("/out/secret", "new"), PERM);
    p.symlink("../out/secret", "new").unwrap();
    refused!(p.stat("new"), PERM);
    p.mv("abs", "abs2").unwrap();
    p.unlink("abs2").unwrap();
    p.unlink("up").unwrap();
    refused!(p.stat("up"), NOENT);
    assert_eq!(w.beneath().read("out/secret").unwrap(), "SECRET");
}

/// `O_NOFOLLOW`, `O_EXCL`, `O_DIRECTORY` and a slash at the end are no way out (a slash was one, in a known runtime).
fn no_combination_of_flags_leads_out(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let p = scene(w);
    for path in ["up", "updir", "parent", "absdir", "abs", "updir/", "parent/", "absdir/", "updir/.", "parent/./"] {
        for bits in 0..32 {
            let mut flags = OpenFlags::READ;
            for (bit, flag) in [(1, OpenFlags::WRITE), (2, OpenFlags::DIRECTORY), (4, OpenFlags::TRUNC)] {
                if bits & bit != 0 {
                    flags |= flag;
                }
            }
            let how = OpenHow {
                flags,
                create: (bits & 8 != 0).then_some(gangplank_vfs::NewNode::Regular { mode: 0o644 }),
                exclusive: bits & 8 != 0 && bits & 16 != 0,
                follow: bits & 16 != 0,
            };
            match p.open_how(path, how) {
                Ok(file) => panic!("{path} {how:?}: {:?}", file.metadata()),
                Err(e) => assert!(
                    [Errno::PERM, Errno::LOOP, Errno::EXIST, Errno::ISDIR, Errno::INVAL, Errno::NOTDIR].contains(&e),
                    "{path} {how:?}: {e:?}"
                ),
            }
        }
    }
    assert_eq!(w.beneath().read("out/secret").unwrap(), "SECRET");
}

/// A directory moved out from under a confined start: neither its names nor `..` lead on into what is around it now.
fn a_directory_moved_out_is_no_way_out(w) {
    let p = scene(w);
    p.mkdir("d/deep").unwrap();
    let deep = p.at("d/deep");
    w.beneath().mv("in/d", "out/d").unwrap();
    refused!(deep.stat(".."), PERM);
    refused!(deep.stat("../../secret"), PERM);
    refused!(deep.stat("../.."), PERM);
    assert!(deep.stat(".").is_ok());
    w.beneath().mv("out/d", "in/d").unwrap();
    assert_eq!(deep.ino("../.."), p.ino("."));
}

/// The root itself moved: what is below it is still all there is.
fn a_moved_root_is_still_the_root(w) {
    let p = scene(w);
    w.beneath().mv("in", "out/in").unwrap();
    assert_eq!(p.read("f").unwrap(), "mine");
    refused!(p.stat("../secret"), PERM);
    assert_eq!(p.read("d/../f").unwrap(), "mine");
}

/// `Scope::Root`: `..` at the root is the root, `/` is the root, and absolute links lead from there.
fn a_root_is_its_own_parent(w) {
    let p = Paths { beneath: false, ..scene(w) };
    let root = p.ino(".").unwrap();
    for path in ["/", "//", "/.", "/..", "..", "../..", "/../..", "d/../..", "/d/../../.."] {
        assert_eq!(p.ino(path), Ok(root), "{path}");
    }
    for path in ["/f", "../f", "/../f", "/d/../f", "d/../../../f"] {
        assert_eq!(p.read(path).unwrap(), "mine", "{path}");
        assert_eq!(p.at("d").read(&format!("../{path}")).unwrap(), "mine", "../{path} from d");
    }
    for path in ["/out/secret", "../out/secret", "d/../../out/secret"] {
        refused!(p.stat(path), NOENT, "{path}");
    }
    if w.has(FsCaps::SYMLINKS) {
        let links = ["up", "updir/secret", "winding", "d/up", "chain", "abs", "absdir/out/secret", "parent/out/secret"];
        for path in links {
            refused!(p.stat(path), NOENT, "{path}");
        }
        assert_eq!(p.ino("absdir"), Ok(root));
        assert_eq!(p.ino("parent"), Ok(root));
        assert_eq!(p.read("absdir/f").unwrap(), "mine");
        assert_eq!(p.readlink("abs").unwrap(), "/out/secret");
        p.symlink("/f", "absf").unwrap();
        p.symlink("/d", "absd").unwrap();
        p.put("d/g", "g");
        assert_eq!((p.read("absf").unwrap(), p.read("d/../absd/g").unwrap()), ("mine".into(), "g".into()));
        // A dangling link creates inside.
        refused!(p.creat("dangling", false), NOENT);
        p.mkdir("out").unwrap();
        drop(p.creat("dangling", false).unwrap());
        assert_eq!(p.names("out").unwrap(), ["new"]);
        assert_eq!(w.beneath().names("out").unwrap(), ["secret"]);
    }
}

/// Making and removing by absolute paths in a root.
fn absolute_paths_in_a_root(w) {
    let p = Paths { beneath: false, ..scene(w) };
    p.mkdir("/x").unwrap();
    p.put("/x/y", "y");
    p.mv("/x/y", "/../../y").unwrap();
    p.rename("/y", "/d/y", Rename::Replace).unwrap();
    assert_eq!(p.at("d").read("/d/y").unwrap(), "y");
    p.unlink("/d/y").unwrap();
    p.rmdir("/x").unwrap();
    refused!(p.stat("/x"), NOENT);
}

/// H1: links on the host's disk were followed out of the root by the kernel. Links made behind our back, as a host
/// would have them, are resolved by us.
fn h1_links_on_the_disk_do_not_lead_out(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.symlink("/etc/hostname", "esc").unwrap();
    w.symlink("/etc", "dir").unwrap();
    w.symlink("../../../../../../../../etc/hostname", "up").unwrap();
    w.symlink("/proc/self/root/etc/hostname", "magic").unwrap();
    let p = w.beneath();
    for path in ["esc", "dir", "dir/hostname", "dir/", "up", "magic"] {
        refused!(p.open(path, OpenFlags::READ), PERM, "{path}");
        refused!(p.stat(path), PERM, "{path}");
        refused!(w.rooted().stat(path), NOENT, "{path}");
    }
    refused!(w.open("esc", OpenFlags::READ), LOOP);
    refused!(w.node("dir/hostname"), NOTDIR);
}
}
