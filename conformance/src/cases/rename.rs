//! `rename`: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html>, `renameat2(2)`.

use gangplank_vfs::{Ctx, Errno, FsCaps, Name, OpenFlags, Rename, Result};

use crate::World;

/// Makes one of each kind under `name`.
fn make(w: &World, kind: &str, name: &str) {
    match kind {
        "file" => drop(w.put(name, name)),
        "dir" => drop(w.mkdir(name).unwrap()),
        "full" => {
            w.mkdir(name).unwrap();
            w.put(&format!("{name}/x"), name);
        }
        "link" => drop(w.symlink("target", name).unwrap()),
        _ => {}
    }
}

fn kinds(w: &World) -> Vec<&'static str> {
    let mut kinds = vec!["file", "dir", "full"];
    if w.has(FsCaps::SYMLINKS) {
        kinds.push("link");
    }
    kinds
}

fn ways(w: &World) -> Vec<Rename> {
    let mut ways = vec![Rename::Replace];
    if w.has(FsCaps::NO_REPLACE) {
        ways.push(Rename::NoReplace);
    }
    if w.has(FsCaps::EXCHANGE) {
        ways.push(Rename::Exchange);
    }
    ways
}

cases! { rename, __cases_rename, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html, renameat2(2)";

/// Every kind onto every kind, in every way that is claimed, in one directory and across two.
fn every_kind_onto_every_kind(w) {
    w.mkdir("p").unwrap();
    w.mkdir("q").unwrap();
    for how in ways(w) {
        for (a, b) in [("p/a", "p/b"), ("p/a", "q/b")] {
            for from in kinds(w) {
                for to in kinds(w).into_iter().chain(["none"]) {
                    make(w, from, a);
                    make(w, to, b);
                    let (was, there) = (w.node(a).unwrap(), w.node(b).ok());
                    let before = w.tree();
                    let directory = |kind| ["dir", "full"].contains(&kind);
                    let want: Result<()> = match (how, to) {
                        (Rename::NoReplace, "none") | (Rename::Replace, "none") => Ok(()),
                        (Rename::Exchange, "none") => Err(Errno::NOENT),
                        (Rename::NoReplace, _) => Err(Errno::EXIST),
                        (Rename::Exchange, _) => Ok(()),
                        _ if directory(from) && !directory(to) => Err(Errno::NOTDIR),
                        _ if !directory(from) && directory(to) => Err(Errno::ISDIR),
                        (_, "full") => Err(Errno::NOTEMPTY),
                        _ => Ok(()),
                    };
                    let label = format!("{from} {a} onto {to} {b}, {how:?}");
                    assert_eq!(w.rename(a, b, how), want, "{label}");
                    if want.is_err() {
                        assert_eq!(w.tree(), before, "{label}: failed, and changed something");
                    } else {
                        assert_eq!(w.node(b).unwrap().id, was.id, "{label}");
                        match (how, &there) {
                            (Rename::Exchange, Some(there)) => assert_eq!(w.node(a).unwrap().id, there.id, "{label}"),
                            _ => refused!(w.node(a), NOENT, "{label}"),
                        }
                        if from == "full" {
                            assert_eq!(w.read(format!("{b}/x")).unwrap(), a.as_bytes(), "{label}");
                        }
                        if directory(from) {
                            assert_eq!(was.parent().unwrap().id, w.node(&b[..1]).unwrap().id, "{label}: its parent");
                        }
                    }
                    for path in [a, b] {
                        let _ = w.unlink(&format!("{path}/x"));
                        let _ = w.unlink(path);
                        let _ = w.rmdir(path);
                    }
                }
            }
        }
    }
    assert_eq!(w.tree(), "p/\nq/\n");
}

/// EINVAL for a way that is not claimed; nothing changes.
fn unclaimed_ways_are_inval(w) {
    w.put("a", "1");
    w.put("b", "2");
    for (cap, how) in [(FsCaps::NO_REPLACE, Rename::NoReplace), (FsCaps::EXCHANGE, Rename::Exchange), (FsCaps::WHITEOUT, Rename::Whiteout)] {
        if !w.has(cap) {
            refused!(w.rename("a", "b", how), INVAL | EXIST, "{how:?}");
            assert_eq!((w.read("a").unwrap(), w.read("b").unwrap()), (b"1".to_vec(), b"2".to_vec()));
        }
    }
}

/// To its own name: nothing happens, successfully. EEXIST if nothing may be there.
fn onto_itself_is_nothing(w) {
    for kind in kinds(w) {
        make(w, kind, "a");
        let before = w.tree();
        assert_eq!(w.mv("a", "a"), Ok(()), "{kind}");
        if w.has(FsCaps::EXCHANGE) {
            assert_eq!(w.rename("a", "a", Rename::Exchange), Ok(()), "{kind}");
        }
        if w.has(FsCaps::NO_REPLACE) {
            refused!(w.rename("a", "a", Rename::NoReplace), EXIST, "{kind}");
        }
        assert_eq!(w.tree(), before, "{kind}");
        let _ = w.unlink("a/x");
        let _ = w.unlink("a");
        let _ = w.rmdir("a");
    }
}

/// Two names of one file: nothing happens, both stay
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html>).
fn two_names_of_one_file_stay(w) {
    if !w.has(FsCaps::HARD_LINKS) {
        return;
    }
    w.mkdir("d").unwrap();
    w.put("a", "x");
    w.link("a", "b").unwrap();
    w.link("a", "d/c").unwrap();
    for (from, to) in [("a", "b"), ("b", "a"), ("a", "d/c"), ("d/c", "b")] {
        assert_eq!(w.mv(from, to), Ok(()));
        assert_eq!(w.names("").unwrap(), ["a", "b", "d"]);
        assert_eq!(w.stat("d/c").unwrap().nlink, 3);
    }
    if w.has(FsCaps::NO_REPLACE) {
        refused!(w.rename("a", "b", Rename::NoReplace), EXIST);
    }
}

/// EINVAL: a directory would become its own descendant, at any depth, whatever is there.
fn into_its_own_subtree_is_inval(w) {
    w.mkdir("a").unwrap();
    w.mkdir("a/b").unwrap();
    w.mkdir("a/b/c").unwrap();
    w.put("a/f", "");
    w.put("a/b/g", "");
    let before = w.tree();
    for to in ["a/x", "a/b/x", "a/b/c/x", "a/b", "a/b/c", "a/f", "a/b/g"] {
        refused!(w.mv("a", to), INVAL, "a to {to}");
        if w.has(FsCaps::NO_REPLACE) {
            // Linux looks at what is there first.
            refused!(w.rename("a", to, Rename::NoReplace), INVAL | EXIST, "a to {to}, no replace");
            if w.node(to).is_err() {
                refused!(w.rename("a", to, Rename::NoReplace), INVAL, "a to {to}, no replace");
            }
        }
    }
    assert_eq!(w.tree(), before);
}

/// ENOTEMPTY: the new name is an ancestor of the old one.
fn onto_an_ancestor_is_notempty(w) {
    w.mkdir("a").unwrap();
    w.mkdir("a/b").unwrap();
    w.mkdir("a/b/c").unwrap();
    w.put("a/b/f", "");
    let before = w.tree();
    for (from, to) in [("a/b", "a"), ("a/b/c", "a"), ("a/b/c", "a/b"), ("a/b/f", "a"), ("a/b/f", "a/b")] {
        refused!(w.mv(from, to), NOTEMPTY | ISDIR, "{from} to {to}");
        if from != "a/b/f" {
            refused!(w.mv(from, to), NOTEMPTY, "{from} to {to}");
        }
    }
    assert_eq!(w.tree(), before);
}

/// EINVAL for an exchange with an ancestor or a descendant.
fn exchange_with_an_ancestor_is_inval(w) {
    if !w.has(FsCaps::EXCHANGE) {
        return;
    }
    w.mkdir("a").unwrap();
    w.mkdir("a/b").unwrap();
    w.put("a/b/f", "");
    let before = w.tree();
    for (from, to) in [("a", "a/b"), ("a/b", "a"), ("a", "a/b/f"), ("a/b/f", "a")] {
        refused!(w.rename(from, to, Rename::Exchange), INVAL, "{from} with {to}");
    }
    assert_eq!(w.tree(), before);
}

/// A prefix of a name is no ancestor: `a` may go into `ab`.
fn a_prefix_is_no_ancestor(w) {
    w.mkdir("a").unwrap();
    w.mkdir("ab").unwrap();
    w.mv("a", "ab/a").unwrap();
    w.mkdir("a").unwrap();
    w.mv("ab", "a/ab").unwrap();
    assert_eq!(w.tree(), "a/\na/ab/\na/ab/a/\n");
}

/// ENOENT: the old name is not there; the new one stays as it was.
fn a_missing_name_is_noent(w) {
    w.put("b", "2");
    for how in ways(w) {
        refused!(w.rename("a", "b", how), NOENT, "{how:?}");
        refused!(w.rename("a", "c", how), NOENT, "{how:?}");
        refused!(w.rename("a", "a", how), NOENT, "{how:?}");
    }
    assert_eq!(w.read("b").unwrap(), b"2");
}

/// ENOTDIR if one of the two directories is none.
fn in_a_file_is_notdir(w) {
    w.put("a", "");
    w.put("f", "");
    for how in ways(w) {
        refused!(w.rename("f/x", "b", how), NOTDIR, "{how:?}");
        refused!(w.rename("a", "f/x", how), NOTDIR, "{how:?}");
    }
}

/// ENOENT out of and into a directory that is held but removed.
fn a_removed_directory_is_noent(w) {
    let gone = w.mkdir("d").unwrap();
    w.rmdir("d").unwrap();
    w.put("a", "1");
    w.mkdir("e").unwrap();
    let name = |n: &'static str| Name::new(n.as_bytes()).unwrap();
    for how in ways(w) {
        for from in ["a", "e"] {
            refused!(
                w.fs().rename(&Ctx::ROOT, (w.fs().root(), name(from)), (gone.id, name("x")), how),
                NOENT,
                "{from}, {how:?}"
            );
        }
        refused!(w.fs().rename(&Ctx::ROOT, (gone.id, name("x")), (w.fs().root(), name("b")), how), NOENT, "{how:?}");
    }
    assert_eq!(w.tree(), "a = \"1\" (1 links)\ne/\n");
}

/// What was replaced is gone from the tree, and alive for who holds it.
fn what_was_replaced_stays_for_who_holds_it(w) {
    w.put("a", "new");
    let old = w.put("b", "old").open(OpenFlags::READ).unwrap();
    w.mv("a", "b").unwrap();
    assert_eq!(w.read("b").unwrap(), b"new");
    if w.has(FsCaps::UNLINKED_OPEN) {
        assert_eq!(old.read(0, 9).unwrap(), b"old");
        assert_eq!(old.getattr().unwrap().nlink, 0);
    }
}

/// A directory that was replaced is a removed one.
fn a_directory_that_was_replaced_is_removed(w) {
    w.mkdir("a").unwrap();
    w.put("a/x", "");
    let old = w.mkdir("b").unwrap();
    let open = old.open(OpenFlags::READ).unwrap();
    w.mv("a", "b").unwrap();
    assert_eq!(open.list().unwrap(), []);
    refused!(w.lookup(&old, "x"), NOENT);
    refused!(w.create_in(&old, "y", gangplank_vfs::NewNode::Regular { mode: 0o644 }), NOENT);
    assert_eq!(w.names("b").unwrap(), ["x"]);
}

/// The last of several names that is replaced leaves the others.
fn replacing_one_of_several_names(w) {
    if !w.has(FsCaps::HARD_LINKS) {
        return;
    }
    w.put("a", "new");
    w.put("b", "old");
    w.link("b", "c").unwrap();
    w.mv("a", "b").unwrap();
    assert_eq!((w.read("b").unwrap(), w.read("c").unwrap()), (b"new".to_vec(), b"old".to_vec()));
    assert_eq!((w.stat("b").unwrap().nlink, w.stat("c").unwrap().nlink), (1, 1));
}

/// A link is moved itself, and its target is not looked at.
fn a_symlink_is_moved_itself(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.mkdir("d").unwrap();
    w.symlink("d", "l").unwrap();
    w.symlink("nowhere", "m").unwrap();
    w.mv("l", "k").unwrap();
    w.mv("m", "k").unwrap();
    assert_eq!(w.readlink("k").unwrap(), b"nowhere");
    w.put("f", "x");
    w.mv("f", "k").unwrap();
    assert_eq!(w.read("k").unwrap(), b"x");
    assert_eq!(w.names("").unwrap(), ["d", "k"]);
}

/// A name goes round in circles a thousand times.
fn a_thousand_times(w) {
    w.mkdir("d").unwrap();
    let id = w.put("a", "x").id;
    for _ in 0..334 {
        w.mv("a", "b").unwrap();
        w.mv("b", "d/c").unwrap();
        w.mv("d/c", "a").unwrap();
    }
    assert_eq!(w.node("a").unwrap().id, id);
    assert_eq!(w.tree(), "a = \"x\" (1 links)\nd/\n");
}

/// A directory moved out of another is no longer held by it, and the other can go.
fn a_moved_directory_has_its_new_parent_alone(w) {
    w.mkdir("a").unwrap();
    w.mkdir("b").unwrap();
    let d = w.mkdir("a/d").unwrap();
    w.mv("a/d", "b/d").unwrap();
    w.rmdir("a").unwrap();
    assert_eq!(d.parent().unwrap().id, w.node("b").unwrap().id);
    refused!(w.rmdir("b"), NOTEMPTY);
    // And what was impossible before is possible now.
    w.mv("b/d", "a").unwrap();
    w.mv("b", "a/b").unwrap();
    assert_eq!(w.tree(), "a/\na/b/\n");
}
}
