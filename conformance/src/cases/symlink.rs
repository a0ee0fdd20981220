//! `readlink`, and symbolic links as nodes: <https://pubs.opengroup.org/onlinepubs/9799919799/functions/readlink.html>.

use gangplank_vfs::{FsCaps, NodeId, OpenFlags, SetAttr, SetTime, Time};

cases! { symlink, __cases_symlink, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/readlink.html";

/// EINVAL of what is no link.
fn reading_what_is_no_link_is_inval(w) {
    w.put("a", "");
    w.mkdir("d").unwrap();
    refused!(w.readlink("a"), INVAL);
    refused!(w.readlink("d"), INVAL);
    refused!(w.readlink(""), INVAL);
}

/// A link is never followed by `setattr`: its own times change, its target's do not.
fn its_times_are_its_own(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    let target = w.put("t", "");
    let before = target.stat().unwrap();
    w.symlink("t", "l").unwrap();
    let then = SetTime::To(Time::from_parts(1_000_000_000, 0));
    w.setattr("l", SetAttr { atime: then, mtime: then, ..SetAttr::default() }).unwrap();
    assert_eq!(w.stat("l").unwrap().mtime, Time::from_parts(1_000_000_000, 0));
    assert_eq!(target.stat().unwrap().mtime, before.mtime);
}

/// NOTSUP for permission bits, where a link has none to change; else they are its own.
fn its_mode_is_its_own(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.put("t", "");
    w.symlink("t", "l").unwrap();
    match w.setattr("l", SetAttr { mode: Some(0o600), ..SetAttr::default() }) {
        Ok(()) => assert_eq!(w.stat("l").unwrap().mode, 0o600),
        Err(e) => assert_eq!(e.name(), "NOTSUP"),
    }
    assert_eq!(w.stat("t").unwrap().mode, 0o644);
}

/// A link that is held and removed can still be read.
fn a_removed_link_can_be_read_by_who_holds_it(w) {
    if !w.has(FsCaps::SYMLINKS | FsCaps::UNLINKED_OPEN) {
        return;
    }
    let link = w.symlink("target", "l").unwrap();
    w.unlink("l").unwrap();
    if !w.holds_removed() {
        refused!(w.fs().readlink(link.id), NOENT | STALE);
        return;
    }
    assert_eq!(w.fs().readlink(link.id).unwrap(), "target");
    assert_eq!(link.stat().unwrap().nlink, 0);
}

/// A link to nothing is there.
fn a_dangling_link_is_there(w) {
    if !w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.symlink("nowhere", "l").unwrap();
    assert_eq!(w.names("").unwrap(), ["l"]);
    refused!(w.mkfile("l"), EXIST);
    refused!(w.mkdir("l"), EXIST);
    refused!(w.open("l", OpenFlags::READ), LOOP);
    let _: NodeId = w.node("l").unwrap().id;
    w.unlink("l").unwrap();
}
}
