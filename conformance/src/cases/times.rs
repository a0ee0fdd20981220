//! Which operation touches which timestamp of which node: what the pages of POSIX say is "marked for update".

use gangplank_vfs::{FsCaps, Metadata, OpenFlags, Rename, SetAttr, SetTime, Time};

use crate::{Node, World};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

/// What an operation did to one timestamp.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Did {
    /// Must stay.
    Keep,
    /// Must become now.
    Now,
    /// The page allows both (`relatime`, `noatime`, rename's ctime).
    Either,
}
use Did::{Either, Keep, Now};

/// Checks what `action` does to the atime, mtime and ctime of each node.
#[track_caller]
fn touches(w: &World, label: &str, nodes: &[(&Node, [Did; 3])], action: impl FnOnce()) {
    let before: Vec<Metadata> = nodes.iter().map(|(n, _)| n.stat().unwrap()).collect();
    w.tick();
    action();
    for (i, (node, did)) in nodes.iter().enumerate() {
        let (was, is) = (before[i], node.stat().unwrap());
        let times = [("atime", was.atime, is.atime), ("mtime", was.mtime, is.mtime), ("ctime", was.ctime, is.ctime)];
        for ((which, was, is), did) in times.into_iter().zip(did) {
            let moved = is != was;
            if moved {
                assert!(is > was, "{label}: {which} of node {i} goes back from {was:?} to {is:?}");
                if let Some(now) = w.now() {
                    assert_eq!(is, now, "{label}: {which} of node {i}");
                }
            }
            assert!(
                *did == Either || moved == (*did == Now),
                "{label}: {which} of node {i}: {did:?}, but {was:?} became {is:?}"
            );
        }
    }
}

const CONTENT: [Did; 3] = [Keep, Now, Now];
const STATUS: [Did; 3] = [Keep, Keep, Now];
const NOTHING: [Did; 3] = [Keep, Keep, Keep];
/// A read that transfers something.
const READ: [Did; 3] = [Either, Keep, Keep];

cases! { times, __cases_times, "https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap04.html#tag_04_12";

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>, `mkdir`, `symlink`: all three of the new
/// node, mtime and ctime of its directory.
fn creation(w) {
    let d = w.mkdir("d").unwrap();
    let old = w.put("d/old", "");
    let made = |name: &str| {
        let (m, dir) = (w.stat(format!("d/{name}")).unwrap(), d.stat().unwrap());
        assert!(m.atime == m.mtime && m.mtime == m.ctime, "{name}: {m:?}");
        assert!(m.btime <= m.ctime, "{name}: born after it changed");
        if w.has(FsCaps::LOCAL) {
            assert_eq!((dir.mtime, dir.ctime), (m.mtime, m.ctime), "{name}: the directory's");
        } else {
            // Linux may look at a finer clock for the directory, if somebody has asked for its times: they follow.
            assert!(dir.mtime == dir.ctime && dir.mtime >= m.mtime, "{name}: the directory's: {dir:?} {m:?}");
        }
    };
    touches(w, "a file", &[(&d, CONTENT), (&old, NOTHING)], || drop(w.mkfile("d/f").unwrap()));
    made("f");
    touches(w, "a directory", &[(&d, CONTENT), (&old, NOTHING)], || drop(w.mkdir("d/e").unwrap()));
    made("e");
    if w.has(FsCaps::SYMLINKS) {
        touches(w, "a link", &[(&d, CONTENT), (&old, NOTHING)], || drop(w.symlink("t", "d/l").unwrap()));
        made("l");
    }
    touches(w, "nothing, for it exists", &[(&d, NOTHING), (&old, NOTHING)], || {
        refused!(w.mkfile("d/old"), EXIST);
        refused!(w.mkdir("d/e"), EXIST);
    });
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/write.html>: mtime and ctime, of the file alone.
fn writing(w) {
    let (d, a) = (w.mkdir("d").unwrap(), w.put("d/a", "hello"));
    let file = a.open(RW).unwrap();
    let nodes = [(&a, CONTENT), (&d, NOTHING)];
    touches(w, "write", &nodes, || assert_eq!(file.write(0, b"x"), Ok(1)));
    touches(w, "write beyond the end", &nodes, || assert_eq!(file.write(100, b"x"), Ok(1)));
    touches(w, "append", &nodes, || assert_eq!(file.append(b"x"), Ok((1, 102))));
    touches(w, "writing nothing", &[(&a, NOTHING), (&d, NOTHING)], || assert_eq!(file.write(0, b""), Ok(0)));
    touches(w, "flush, sync", &[(&a, NOTHING), (&d, NOTHING)], || {
        file.flush().unwrap();
        file.sync(false).unwrap();
    });
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/ftruncate.html>: mtime and ctime, if the size stays too.
fn cutting(w) {
    let a = w.put("a", "hello");
    let file = a.open(RW).unwrap();
    touches(w, "shorter", &[(&a, CONTENT)], || file.set_len(2).unwrap());
    touches(w, "longer", &[(&a, CONTENT)], || file.set_len(9).unwrap());
    touches(w, "the same", &[(&a, CONTENT)], || file.set_len(9).unwrap());
    let cut = SetAttr { size: Some(1), ..SetAttr::default() };
    touches(w, "by node", &[(&a, CONTENT)], || a.setattr(cut).unwrap());
    touches(w, "O_TRUNC", &[(&a, CONTENT)], || drop(a.open(RW | OpenFlags::TRUNC).unwrap()));
    // <https://pubs.opengroup.org/onlinepubs/9799919799/functions/open.html>: "if the file exists".
    touches(w, "O_TRUNC of an empty file", &[(&a, CONTENT)], || drop(a.open(RW | OpenFlags::TRUNC).unwrap()));
    touches(w, "too long", &[(&a, NOTHING)], || refused!(file.set_len(u64::MAX), FBIG));
    if w.has(FsCaps::ALLOCATE) {
        touches(w, "allocate", &[(&a, [Keep, Either, Now])], || file.allocate(0, 100).unwrap());
    }
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/read.html>: the atime at most; opening, looking up and
/// asking for metadata touch nothing.
fn reading(w) {
    let (d, a) = (w.mkdir("d").unwrap(), w.put("d/a", "hello"));
    let file = a.open(RW).unwrap();
    touches(w, "read", &[(&a, READ), (&d, NOTHING)], || drop(file.read(0, 3).unwrap()));
    touches(w, "readdir", &[(&d, READ), (&a, NOTHING)], || drop(w.names("d").unwrap()));
    touches(w, "open, lookup, getattr", &[(&a, NOTHING), (&d, NOTHING)], || {
        drop(w.open("d/a", RW).unwrap());
        assert_eq!(w.stat("d/a").unwrap().size, 5);
        refused!(w.node("d/b"), NOENT);
    });
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/link.html>: ctime of the file; the new directory's
/// mtime and ctime.
fn linking(w) {
    if !w.has(FsCaps::HARD_LINKS) {
        return;
    }
    let (d, e) = (w.mkdir("d").unwrap(), w.mkdir("e").unwrap());
    let a = w.put("d/a", "");
    touches(w, "link", &[(&a, STATUS), (&e, CONTENT), (&d, NOTHING)], || w.link("d/a", "e/b").unwrap());
    touches(w, "unlink", &[(&a, STATUS), (&e, CONTENT), (&d, NOTHING)], || w.unlink("e/b").unwrap());
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html>, `rmdir`: the directory's mtime and ctime,
/// and the ctime of a node that lives on.
fn removing(w) {
    let d = w.mkdir("d").unwrap();
    let a = w.put("d/a", "");
    let open = a.open(RW).unwrap();
    w.mkdir("d/e").unwrap();
    if w.has(FsCaps::UNLINKED_OPEN) {
        touches(w, "unlink", &[(&d, CONTENT), (&a, STATUS)], || w.unlink("d/a").unwrap());
    } else {
        touches(w, "unlink", &[(&d, CONTENT)], || w.unlink("d/a").unwrap());
    }
    touches(w, "rmdir", &[(&d, CONTENT)], || w.rmdir("d/e").unwrap());
    touches(w, "nothing is there", &[(&d, NOTHING)], || refused!(w.unlink("d/a"), NOENT));
    drop(open);
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html>: mtime and ctime of both directories; of
/// the node the ctime at most; what was replaced as by unlink.
fn renaming(w) {
    let (d, e) = (w.mkdir("d").unwrap(), w.mkdir("e").unwrap());
    let (a, b) = (w.put("d/a", ""), w.put("e/b", ""));
    let open = b.open(RW).unwrap();
    let moved = [Keep, Keep, Either];
    touches(w, "in one directory", &[(&d, CONTENT), (&a, moved), (&e, NOTHING)], || w.mv("d/a", "d/c").unwrap());
    let replaced = if w.has(FsCaps::UNLINKED_OPEN) { STATUS } else { [Either; 3] };
    let nodes = [(&d, CONTENT), (&e, CONTENT), (&a, moved), (&b, replaced)];
    touches(w, "over another", &nodes, || w.mv("d/c", "e/b").unwrap());
    touches(w, "onto itself", &[(&e, NOTHING), (&a, NOTHING)], || w.mv("e/b", "e/b").unwrap());
    let f = w.mkdir("d/f").unwrap();
    let nodes = [(&d, CONTENT), (&e, CONTENT), (&f, [Keep, Either, Either])];
    touches(w, "a directory", &nodes, || w.mv("d/f", "e/f").unwrap());
    if w.has(FsCaps::EXCHANGE) {
        let c = w.put("d/c", "");
        let nodes = [(&d, CONTENT), (&e, CONTENT), (&a, moved), (&c, moved)];
        touches(w, "an exchange", &nodes, || w.rename("d/c", "e/b", Rename::Exchange).unwrap());
    }
    touches(w, "a failure", &[(&d, NOTHING), (&e, NOTHING), (&a, NOTHING)], || refused!(w.mv("d/zz", "e/b"), NOENT));
    drop(open);
}

/// `chmod`, `chown`, `utimensat`: the ctime becomes now, whatever the others become.
fn changing_metadata(w) {
    let (d, a) = (w.mkdir("d").unwrap(), w.put("d/a", ""));
    let set = |attr: SetAttr| a.setattr(attr).unwrap();
    let nodes = [(&a, STATUS), (&d, NOTHING)];
    touches(w, "chmod", &nodes, || set(SetAttr { mode: Some(0o600), ..SetAttr::default() }));
    touches(w, "chmod to what it was", &nodes, || set(SetAttr { mode: Some(0o600), ..SetAttr::default() }));
    let m = a.stat().unwrap();
    touches(w, "utimens to what it was", &nodes, || {
        set(SetAttr { atime: SetTime::To(m.atime), mtime: SetTime::To(m.mtime), ..SetAttr::default() });
    });
    touches(w, "utimens now", &[(&a, [Now, Now, Now]), (&d, NOTHING)], || {
        set(SetAttr { atime: SetTime::Now, mtime: SetTime::Now, ..SetAttr::default() });
    });
    touches(w, "nothing asked for", &[(&a, NOTHING)], || set(SetAttr::default()));
    set(SetAttr { mtime: SetTime::To(Time(5)), ..SetAttr::default() });
    assert!(a.stat().unwrap().ctime > Time(1_000), "the ctime cannot be set");
}

/// The birth stays, whatever happens.
fn the_birth_stays(w) {
    let a = w.put("a", "");
    let born = a.stat().unwrap().btime;
    w.tick();
    let file = a.open(RW).unwrap();
    file.write(0, b"x").unwrap();
    a.setattr(SetAttr { mode: Some(0o600), mtime: SetTime::To(Time(5)), ..SetAttr::default() }).unwrap();
    w.mv("a", "b").unwrap();
    assert_eq!(w.stat("b").unwrap().btime, born);
}
}
