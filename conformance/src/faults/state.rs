//! What can be seen of a tree, and of the files that are open in it.

use std::fmt::Write as _;

use gangplank_vfs::{FileType, FsCaps, OpenFlags};

use crate::{
    Node, World,
    differential::{quoted, step::Env},
};

/// Names, contents and metadata, in the order of names; and what the open files know. `times`: those of directories, and
/// `ctime`, too.
pub(super) fn seen(env: &Env, times: bool) -> String {
    let mut out = String::new();
    let world = env.world();
    show(world, "", &world.root(), times, &mut out);
    for (i, file) in env.slots().iter().enumerate() {
        let Some(file) = file else { continue };
        let m = file.metadata().expect("metadata of an open file");
        let _ = write!(out, "slot {i}: {:?} at {:?}, {} links, ", file.flags(), file.tell(), m.nlink);
        if m.file_type == FileType::Regular {
            let content = file.file().read_bytes(0, m.size as usize).expect("the content of an open file");
            out += &quoted(&content);
        }
        out.push('\n');
    }
    out
}

fn show(world: &World, path: &str, node: &Node, times: bool, out: &mut String) {
    let m = node.stat().expect("metadata");
    let _ = write!(out, "{path} {:?} {:o} {}:{} {} links", m.file_type, m.mode, m.uid, m.gid, m.nlink);
    if times {
        let _ = write!(out, " {:?} {:?} {:?}", m.mtime, m.ctime, m.btime);
    } else if m.file_type != FileType::Directory {
        let _ = write!(out, " {:?} {:?}", m.mtime, m.btime);
    }
    if let Some(xattrs) = world.fs().xattrs() {
        let mut names = vec![];
        // Links and the like may have none.
        let _ = xattrs.list(node.id, &mut |name| names.push(name.to_vec()));
        names.sort();
        for name in names {
            let value = xattrs.get(node.id, &name).expect("an attribute that is listed");
            let _ = write!(out, " {}={}", name.escape_ascii(), value.escape_ascii());
        }
    }
    match m.file_type {
        FileType::Regular => {
            let file = node.open(OpenFlags::READ | OpenFlags::NOATIME).expect("open a file");
            let _ = writeln!(out, " {}", quoted(&file.read(0, m.size as usize).expect("read it")));
        }
        FileType::Symlink => {
            let target = world.fs().readlink(node.id).expect("read a link");
            let _ = writeln!(out, " -> {}", target.escape_ascii());
        }
        FileType::Directory => {
            out.push('\n');
            let dir = node.open(OpenFlags::READ | OpenFlags::NOATIME).expect("open a directory");
            let mut entries = dir.list().expect("list it");
            entries.sort_by(|a, b| a.raw.cmp(&b.raw));
            for e in entries {
                let below = world.lookup(node, &e.raw).expect("look up what is listed");
                show(world, &format!("{path}/{}", e.name), &below, times, out);
            }
        }
        _ => out.push('\n'),
    }
}

/// Numbers, and the order and cookies of listings.
pub(super) fn names(world: &World) -> String {
    let mut out = String::new();
    let mut dirs = vec![(String::new(), world.root())];
    while let Some((path, dir)) = dirs.pop() {
        let entries = dir.open(OpenFlags::READ | OpenFlags::NOATIME).and_then(|dir| dir.list()).expect("a listing");
        for e in entries {
            let below = world.lookup(&dir, &e.raw).expect("look up what is listed");
            let cookie = if world.has(FsCaps::STABLE_COOKIES) { Some(e.next) } else { None };
            let _ = writeln!(out, "{path}/{} {:?} {:?} {cookie:?}", e.name, e.node, below.id);
            if e.file_type == FileType::Directory {
                dirs.push((format!("{path}/{}", e.name), below));
            }
        }
    }
    out
}
