//! `walk`, without the resolver: what it consumes, where it stops, and that it gives one reference.

use gangplank_vfs::{
    Components, Ctx, FileType, FsCaps, Goal, MountPoints, NewNode, NoMounts, NodeId, OpenFlags, OpenHow, Result, Walked,
};

use crate::World;

const NODE: Goal<'static> = Goal::Node { follow: true };
const STAT: Goal<'static> = Goal::Stat { follow: false };

/// Walks from the root; answers how it ended, and what it left.
fn walk<'p>(w: &World, path: &'p str, goal: Goal<'_>) -> (Result<Walked>, &'p str) {
    walk_with(w, path, goal, &NoMounts)
}

fn walk_with<'p>(w: &World, path: &'p str, goal: Goal<'_>, mounts: &dyn MountPoints) -> (Result<Walked>, &'p str) {
    let mut components = Components::new(path.as_bytes()).unwrap();
    let walked = w.fs().walk(&Ctx::ROOT, w.fs().root(), &mut components, mounts, goal);
    (walked, core::str::from_utf8(components.rest()).unwrap())
}

/// Gives back the reference that came with the result.
fn node(w: &World, walked: Result<Walked>) -> NodeId {
    match walked {
        Ok(Walked::Node(e)) => {
            w.fs().forget(e.node, 1);
            e.node
        }
        other => panic!("wanted a node, got {other:?}"),
    }
}

fn open(flags: OpenFlags) -> OpenHow<'static> {
    OpenHow { flags, create: None, exclusive: false, follow: true }
}

fn creat(flags: OpenFlags, exclusive: bool) -> OpenHow<'static> {
    OpenHow { flags, create: Some(NewNode::Regular { mode: 0o666 }), exclusive, follow: true }
}

struct Mounted(NodeId);

impl MountPoints for Mounted {
    fn is_empty(&self) -> bool {
        false
    }
    fn contains(&self, node: NodeId) -> bool {
        node == self.0
    }
}

cases! { walk, __cases_walk, "FileSystem::walk";

/// All names of the path, `.` and doubled slashes between them.
fn a_run_is_consumed_whole(w) {
    w.mkdir("a").unwrap();
    let b = w.mkdir("a/b").unwrap();
    let c = w.put("a/b/c", "");
    let (walked, rest) = walk(w, "a/.//b/./c", NODE);
    assert_eq!((node(w, walked), rest), (c.id, ""));
    let (walked, rest) = walk(w, "a/b", NODE);
    assert_eq!((node(w, walked), rest), (b.id, ""));
}

/// It never consumes `..`, and answers the node before it under every goal.
fn it_stops_before_dotdot(w) {
    let a = w.mkdir("a").unwrap();
    for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ))] {
        let (walked, rest) = walk(w, "a/../b", goal);
        assert_eq!((node(w, walked), rest), (a.id, "../b"), "{goal:?}");
        let (walked, rest) = walk(w, "../b", goal);
        assert_eq!((node(w, walked), rest), (w.fs().root(), "../b"), "{goal:?}");
    }
}

/// A missing name is no error, and is not consumed.
fn a_missing_name_is_an_answer(w) {
    w.mkdir("a").unwrap();
    for (path, left) in [("a/no", "no"), ("a/no/more", "no/more"), ("a/no/..", "no/..")] {
        for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ))] {
            let (walked, rest) = walk(w, path, goal);
            match walked {
                Ok(Walked::Missing) if matches!(goal, Goal::Stat { .. }) => assert!(path.ends_with(&rest), "{path}"),
                Ok(Walked::Missing) => assert_eq!(rest, left, "{path} {goal:?}"),
                other => panic!("{path} {goal:?}: {other:?}"),
            }
        }
    }
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>: ENOTDIR for a name below a file.
fn a_name_below_a_file_is_notdir(w) {
    w.put("f", "");
    for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ)), Goal::Open(&creat(OpenFlags::WRITE, false))] {
        refused!(walk(w, "f/x/y", goal).0, NOTDIR, "{goal:?}");
    }
    for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ)), Goal::Open(&creat(OpenFlags::WRITE, true))] {
        refused!(walk(w, "f/x", goal).0, NOTDIR, "{goal:?}");
    }
}

/// A link in the middle is consumed and handed to the resolver, never followed.
fn a_symlink_in_the_middle_stops_it(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let a = w.mkdir("a").unwrap();
    w.symlink("../t", "a/l").unwrap();
    for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ))] {
        let (walked, rest) = walk(w, "a/l/x", goal);
        match walked {
            Ok(Walked::Symlink { dir, target }) => {
                assert_eq!((dir, &target[..], rest), (a.id, &b"../t"[..], "x"), "{goal:?}");
                w.fs().forget(dir, 1);
            }
            other => panic!("{goal:?}: {other:?}"),
        }
    }
}

/// A link at the end is reported if the goal follows, else it is the answer.
fn a_symlink_at_the_end_is_as_the_goal_wants(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let link = w.symlink("t", "l").unwrap();
    let (open_it, make_it) = (open(OpenFlags::READ), creat(OpenFlags::WRITE, false));
    for goal in [NODE, Goal::Stat { follow: true }, Goal::Open(&open_it), Goal::Open(&make_it)] {
        match walk(w, "l", goal) {
            (Ok(Walked::Symlink { dir, target }), "") => {
                assert_eq!((dir, &target[..]), (w.fs().root(), &b"t"[..]));
                w.fs().forget(dir, 1);
            }
            other => panic!("{goal:?}: {other:?}"),
        }
    }
    assert_eq!(node(w, walk(w, "l", Goal::Node { follow: false }).0), link.id);
    match walk(w, "l", STAT).0 {
        Ok(Walked::Stat(m)) => assert_eq!(m.file_type, FileType::Symlink),
        other => panic!("{other:?}"),
    }
    refused!(walk(w, "l", Goal::Open(&OpenHow { follow: false, ..open(OpenFlags::READ) })).0, LOOP);
    refused!(walk(w, "l", Goal::Open(&creat(OpenFlags::WRITE, true))).0, EXIST);
}

/// A node on which something is mounted is consumed and handed to the resolver.
fn a_mount_point_stops_it(w) {
    let a = w.mkdir("a").unwrap();
    w.mkdir("a/b").unwrap();
    for (path, left) in [("a/b", "b"), ("a", "")] {
        for goal in [NODE, STAT, Goal::Open(&open(OpenFlags::READ))] {
            match walk_with(w, path, goal, &Mounted(a.id)) {
                (Ok(Walked::MountPoint(node)), rest) => {
                    assert_eq!((node, rest), (a.id, left), "{path} {goal:?}");
                    w.fs().forget(node, 1);
                }
                other => panic!("{path} {goal:?}: {other:?}"),
            }
        }
    }
}

/// A name over 255 bytes is NAMETOOLONG where it is reached, not before.
fn a_long_name_fails_where_it_is_reached(w) {
    w.mkdir("a").unwrap();
    let long = "x".repeat(256);
    for goal in [NODE, STAT, Goal::Open(&creat(OpenFlags::WRITE, false))] {
        refused!(walk(w, &format!("a/{long}"), goal).0, NAMETOOLONG, "{goal:?}");
        refused!(walk(w, &format!("a/{long}/b"), goal).0, NAMETOOLONG, "{goal:?}");
    }
    match walk(w, &format!("no/{long}"), NODE).0 {
        Ok(Walked::Missing) => {}
        other => panic!("{other:?}"),
    }
}

/// Under `Stat` it answers what `getattr` does.
fn stat_is_getattr(w) {
    w.mkdir("a").unwrap();
    let b = w.put("a/b", "hello");
    match walk(w, "a/b", STAT).0 {
        Ok(Walked::Stat(m)) => assert_eq!(m, b.stat().unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Under `Open` it opens, and says what.
fn open_opens(w) {
    w.mkdir("a").unwrap();
    let b = w.put("a/b", "hello");
    match walk(w, "a/b", Goal::Open(&open(OpenFlags::READ))).0 {
        Ok(Walked::Opened(o)) => {
            assert_eq!((o.node, o.file_type), (b.id, FileType::Regular));
            assert_eq!(o.file.read_bytes(0, 9).unwrap(), "hello");
        }
        other => panic!("{other:?}"),
    }
    match walk(w, "a/c", Goal::Open(&creat(OpenFlags::READ | OpenFlags::WRITE, true))).0 {
        Ok(Walked::Opened(o)) => {
            assert_eq!(o.node, w.node("a/c").unwrap().id);
            assert_eq!(w.stat("a/c").unwrap().mode, 0o644);
        }
        other => panic!("{other:?}"),
    }
}

/// A directory that was opened comes with a reference: names can be looked up in it.
fn an_opened_directory_is_held(w) {
    w.mkdir("a").unwrap();
    w.put("a/b", "");
    match walk(w, "a", Goal::Open(&open(OpenFlags::READ | OpenFlags::DIRECTORY))).0 {
        Ok(Walked::Opened(o)) => {
            assert_eq!(o.file_type, FileType::Directory);
            let name = gangplank_vfs::Name::new(b"b").unwrap();
            let b = w.fs().lookup(&Ctx::ROOT, o.node, name).unwrap();
            w.fs().forget(b.node, 1);
            w.fs().forget(o.node, 1);
        }
        other => panic!("{other:?}"),
    }
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>: O_EXCL, and O_CREAT on a directory.
fn creating_over_what_exists(w) {
    w.mkdir("a").unwrap();
    w.put("f", "keep");
    refused!(walk(w, "f", Goal::Open(&creat(OpenFlags::WRITE | OpenFlags::TRUNC, true))).0, EXIST);
    refused!(walk(w, "a", Goal::Open(&creat(OpenFlags::READ, true))).0, EXIST);
    refused!(walk(w, "a", Goal::Open(&creat(OpenFlags::READ, false))).0, ISDIR);
    assert_eq!(w.read("f").unwrap(), b"keep");
    match walk(w, "f", Goal::Open(&creat(OpenFlags::WRITE | OpenFlags::TRUNC, false))).0 {
        Ok(Walked::Opened(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(w.read("f").unwrap(), b"");
}

/// Only the last name is created.
fn only_the_last_name_is_created(w) {
    match walk(w, "no/f", Goal::Open(&creat(OpenFlags::WRITE, false))) {
        (Ok(Walked::Missing), "no/f") => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// In a removed directory every name is missing, and none can be made.
fn a_removed_directory_is_empty(w) {
    let dir = w.mkdir("d").unwrap();
    w.rmdir("d").unwrap();
    let mut path = Components::new(b"x").unwrap();
    match w.fs().walk(&Ctx::ROOT, dir.id, &mut path, &NoMounts, NODE) {
        Ok(Walked::Missing) | Err(gangplank_vfs::Errno::NOENT) => {}
        other => panic!("{other:?}"),
    }
    let mut path = Components::new(b"x").unwrap();
    let how = creat(OpenFlags::WRITE, false);
    match w.fs().walk(&Ctx::ROOT, dir.id, &mut path, &NoMounts, Goal::Open(&how)) {
        Ok(Walked::Missing) | Err(gangplank_vfs::Errno::NOENT) => {}
        other => panic!("{other:?}"),
    }
}
}
