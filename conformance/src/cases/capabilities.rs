//! What is not claimed fails, with the errno that the documentation names, and changes nothing; what is claimed has
//! cases in the other files. [`COVERED`] tells for each bit of [`FsCaps`] where.

use gangplank_vfs::{Errno, FileType, FsCaps, NewNode, OpenFlags, Rename, Seek, SetAttr, SetTime, Time};

use crate::{Fixture, World};

/// For each capability a case that asks for it where it is claimed, and one that holds where it is not.
pub const COVERED: &[(FsCaps, &str, &str)] = &[
    (FsCaps::HARD_LINKS, "link::two_names_one_node", "capabilities::without_hard_links"),
    (FsCaps::SYMLINKS, "symlink::a_dangling_link_is_there", "capabilities::without_symlinks"),
    (FsCaps::EXCHANGE, "rename::every_kind_onto_every_kind", "capabilities::without_ways_to_rename"),
    (FsCaps::STABLE_COOKIES, "readdir::a_storm_of_changes", "capabilities::a_listing_is_whole"),
    (
        FsCaps::NS_TIMES,
        "capabilities::times_are_kept_as_finely_as_claimed",
        "capabilities::times_are_kept_as_finely_as_claimed",
    ),
    (FsCaps::UNLINKED_OPEN, "orphan::an_open_file_lives_on", "capabilities::without_removed_files"),
    (FsCaps::DURABLE, "meta::everything_can_be_synced", "meta::everything_can_be_synced"),
    (FsCaps::XATTR, "xattr::what_is_set_is_got", "laws::facets_are_claimed"),
    (FsCaps::SNAPSHOT, "snapshot::a_fork_is_the_same_tree", "laws::facets_are_claimed"),
    (FsCaps::LOCAL, "meta::statfs_counts", "meta::statfs_adds_up"),
    (FsCaps::FIFOS, "open::a_fifo_never_waits", "capabilities::without_fifos"),
    (FsCaps::SOCKETS, "open::a_socket_is_not_opened", "capabilities::without_sockets"),
    (FsCaps::DEVICES, "create::a_device_keeps_its_number", "capabilities::without_devices"),
    (FsCaps::ALLOCATE, "size::allocate_reserves", "size::allocate_reserves"),
    (FsCaps::SEEK_HOLE, "size::seeking_in_a_file_with_a_hole", "capabilities::without_holes"),
    (FsCaps::DIR_NLINK, "link::a_directorys_count", "capabilities::a_link_count_is_never_nothing"),
    (FsCaps::NO_REPLACE, "rename::every_kind_onto_every_kind", "capabilities::without_ways_to_rename"),
    (FsCaps::WHITEOUT, "whiteout::they_are_nodes", "capabilities::without_ways_to_rename"),
    (FsCaps::CLONE, "clone::both_go_their_own_ways", "clone::both_go_their_own_ways"),
];

/// Compares what a filesystem claims with what somebody states.
///
/// # Panics
/// If they are not the same; says what is missing and what is too much.
pub fn check_stated(fixture: &dyn Fixture, stated: FsCaps) {
    let claimed = fixture.make().fs.info().caps;
    assert!(
        claimed == stated,
        "{} does not claim what is stated.\nstated, and not claimed: {:?}\nclaimed, and not stated: {:?}",
        fixture.name(),
        stated - claimed,
        claimed - stated,
    );
}

/// Whether that is refused as it should be, and leaves the tree alone.
#[track_caller]
fn refuses<T>(w: &World, wanted: Errno, what: impl FnOnce() -> gangplank_vfs::Result<T>) {
    let before = w.tree();
    assert_eq!(what().err(), Some(wanted));
    assert_eq!(w.tree(), before, "refused, and changed something");
}

/// Whoever does not claim nodes of this type refuses to make one, after EEXIST.
#[track_caller]
fn without(w: &World, claim: FsCaps, file_type: FileType) {
    if w.has(claim) {
        return;
    }
    let new = NewNode::Special { file_type, mode: 0o600, rdev: 0 };
    w.put("a", "1");
    refuses(w, Errno::NOTSUP, || w.create("new", new).map(drop));
    refuses(w, Errno::EXIST, || w.create("a", new).map(drop));
}

cases! { capabilities, __cases_capabilities, "FsCaps; each method's documentation names its errno";

/// ENOTSUP, after EEXIST and EPERM.
fn without_hard_links(w) {
    if w.has(FsCaps::HARD_LINKS) {
        return;
    }
    w.put("a", "1");
    w.mkdir("d").unwrap();
    refuses(w, Errno::NOTSUP, || w.link("a", "b"));
    refuses(w, Errno::EXIST, || w.link("a", "d"));
    refuses(w, Errno::PERM, || w.link("d", "e"));
    assert_eq!(w.stat("a").unwrap().nlink, 1);
}

/// ENOTSUP, after EEXIST.
fn without_symlinks(w) {
    if w.has(FsCaps::SYMLINKS) {
        return;
    }
    w.put("a", "1");
    refuses(w, Errno::NOTSUP, || w.symlink("a", "b").map(drop));
    refuses(w, Errno::EXIST, || w.symlink("a", "a").map(drop));
}

/// EINVAL, as renameat2(2) says, if the names are right.
fn without_ways_to_rename(w) {
    w.put("a", "1");
    w.put("b", "2");
    for (cap, how, to) in [
        (FsCaps::NO_REPLACE, Rename::NoReplace, "c"),
        (FsCaps::EXCHANGE, Rename::Exchange, "b"),
        (FsCaps::WHITEOUT, Rename::Whiteout, "c"),
    ] {
        if !w.has(cap) {
            refuses(w, Errno::INVAL, || w.rename("a", to, how));
        }
    }
}

/// Even where cookies are not stable, a directory that nobody changes is listed whole, in steps too.
fn a_listing_is_whole(w) {
    for i in 0..50 {
        w.put(&format!("{i}"), "");
    }
    let dir = w.root().open(OpenFlags::READ).unwrap();
    for step in [1, 3, 50, 51] {
        let mut names: Vec<String> = dir.list_in_steps(step, |_| {}).unwrap().into_iter().map(|e| e.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 50, "in steps of {step}");
    }
}

/// utimensat(2): to the nanosecond where that is claimed, else what the medium can hold, which is not later, and not two
/// seconds off.
fn times_are_kept_as_finely_as_claimed(w) {
    let a = w.put("a", "");
    let asked = Time::from_parts(1_234_567_890, 123_456_789);
    a.setattr(SetAttr { mtime: SetTime::To(asked), ..SetAttr::default() }).unwrap();
    let kept = a.stat().unwrap().mtime;
    if w.has(FsCaps::NS_TIMES) {
        assert_eq!(kept, asked);
    } else {
        assert!(kept <= asked && asked.0 - kept.0 < 2_000_000_000, "{asked:?} became {kept:?}");
    }
}

/// What is open may fail when its last name has gone; it never becomes something else.
fn without_removed_files(w) {
    let file = w.put("a", "mine").open(OpenFlags::READ).unwrap();
    w.unlink("a").unwrap();
    w.put("a", "other");
    match file.read(0, 9) {
        Ok(text) => assert_eq!(text, b"mine"),
        Err(e) => assert!(!w.has(FsCaps::UNLINKED_OPEN), "{e:?}"),
    }
}

/// ENOTSUP, after EEXIST.
fn without_fifos(w) {
    without(w, FsCaps::FIFOS, FileType::Fifo);
}

/// ENOTSUP, after EEXIST.
fn without_sockets(w) {
    without(w, FsCaps::SOCKETS, FileType::Socket);
}

/// ENOTSUP, after EEXIST; but for whiteouts, which have a capability of their own.
fn without_devices(w) {
    if w.has(FsCaps::DEVICES) {
        return;
    }
    w.put("a", "1");
    for (file_type, rdev) in [(FileType::CharDevice, 0), (FileType::CharDevice, 0x103), (FileType::BlockDevice, 0)] {
        let new = NewNode::Special { file_type, mode: 0o600, rdev };
        if !w.has(FsCaps::WHITEOUT) || (file_type, rdev) != (FileType::CharDevice, 0) {
            refuses(w, Errno::NOTSUP, || w.create("d", new).map(drop));
        }
        refuses(w, Errno::EXIST, || w.create("a", new).map(drop));
    }
}

/// A file is all data, and its end is the only hole; ENXIO from there on.
fn without_holes(w) {
    if w.has(FsCaps::SEEK_HOLE) {
        return;
    }
    let file = w.put("a", "x").open(OpenFlags::READ | OpenFlags::WRITE).unwrap();
    file.set_len(100_000).unwrap();
    for at in [0, 1, 50_000, 99_999] {
        assert_eq!(file.seek_data(at, Seek::Data), Ok(at));
        assert_eq!(file.seek_data(at, Seek::Hole), Ok(100_000));
    }
    refused!(file.seek_data(100_000, Seek::Data), NXIO);
    refused!(file.seek_data(100_000, Seek::Hole), NXIO);
}

/// What has a name has at least one link, counted or not.
fn a_link_count_is_never_nothing(w) {
    w.mkdir("d").unwrap();
    w.mkdir("d/e").unwrap();
    w.put("d/f", "");
    for path in ["", "d", "d/e", "d/f"] {
        assert!(w.stat(path).unwrap().nlink >= 1, "{path:?}");
    }
}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::FILES;

    /// A capability that is new needs cases, and a case that is renamed keeps its entry.
    #[test]
    fn every_bit_has_cases_that_exist() {
        let all = COVERED.iter().fold(FsCaps::empty(), |all, (cap, ..)| all | *cap);
        assert_eq!(all, FsCaps::all());
        let known = |name: &str| FILES.iter().flat_map(|file| file.iter()).any(|case| case.name == name);
        let names = COVERED.iter().flat_map(|(_, with, without)| [with, without]);
        assert_eq!(names.filter(|name| !known(name)).collect::<Vec<_>>(), [&""; 0]);
    }
}
