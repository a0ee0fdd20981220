//! Nodes without a name that somebody still holds: open files, references, removed directories.

use gangplank_vfs::{FsCaps, OpenFlags, Seek};

const RW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE);

cases! { orphan, __cases_orphan, "https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html";

/// <https://pubs.opengroup.org/onlinepubs/9799919799/functions/unlink.html>: the file goes when nobody has it open.
fn an_open_file_lives_on(w) {
    if !w.has(FsCaps::UNLINKED_OPEN) {
        return;
    }
    let file = w.put("a", "hello").open(RW).unwrap();
    w.unlink("a").unwrap();
    assert_eq!(file.getattr().unwrap().nlink, 0);
    assert_eq!(file.read(0, 9).unwrap(), b"hello");
    assert_eq!(file.write(5, b" you"), Ok(4));
    assert_eq!(file.append(b"!"), Ok((1, 10)));
    file.set_len(7).unwrap();
    assert_eq!(file.read(0, 99).unwrap(), b"hello y");
    assert_eq!(file.seek_data(0, Seek::Data), Ok(0));
    assert_eq!(file.sync(false), Ok(()));
    assert_eq!(w.names("").unwrap(), [""; 0]);
}

/// What takes its name is another file.
fn its_name_can_be_taken(w) {
    if !w.has(FsCaps::UNLINKED_OPEN) {
        return;
    }
    let old = w.put("a", "old").open(RW).unwrap();
    w.unlink("a").unwrap();
    let new = w.put("a", "new").open(RW).unwrap();
    old.write(0, b"OLD").unwrap();
    new.write(0, b"NEW").unwrap();
    assert_eq!((old.read(0, 9).unwrap(), new.read(0, 9).unwrap()), (b"OLD".to_vec(), b"NEW".to_vec()));
    assert_ne!(old.getattr().unwrap().ino, new.getattr().unwrap().ino);
}

/// A reference alone keeps the node as well as an open file does: it can still be opened. A host that cannot hold a
/// node without opening it (any but Linux) has lost it, and says so; it never answers another.
fn a_reference_keeps_the_content(w) {
    if !w.has(FsCaps::UNLINKED_OPEN) {
        return;
    }
    let a = w.put("a", "hello");
    w.unlink("a").unwrap();
    for i in 0..20 {
        w.put(&format!("other{i}"), "SECRET");
    }
    w.put("a", "SECRET");
    if !w.holds_removed() {
        refused!(a.open(OpenFlags::READ), NOENT | STALE);
        return;
    }
    assert_eq!(a.stat().unwrap().nlink, 0);
    assert_eq!(a.open(OpenFlags::READ).unwrap().read(0, 9).unwrap(), b"hello");
}

/// The file keeps the node by itself: references may all go before it is read.
fn an_open_file_needs_no_reference(w) {
    if !w.has(FsCaps::UNLINKED_OPEN) {
        return;
    }
    let file = {
        let a = w.put("a", "hello");
        a.open(RW).unwrap()
    };
    w.unlink("a").unwrap();
    for i in 0..50 {
        w.put(&format!("other{i}"), "SECRET");
    }
    assert_eq!(file.read(0, 9).unwrap(), b"hello");
    file.write(0, b"HELLO").unwrap();
    assert!((0..50).all(|i| w.read(format!("other{i}")).unwrap() == b"SECRET"));
}

/// Every description of a removed file has its own access, and the last one to close ends it.
fn many_descriptions(w) {
    if !w.has(FsCaps::UNLINKED_OPEN) {
        return;
    }
    let a = w.put("a", "hello");
    let (one, two) = (a.open(OpenFlags::READ).unwrap(), a.open(OpenFlags::WRITE).unwrap());
    drop(a);
    w.unlink("a").unwrap();
    two.write(0, b"J").unwrap();
    drop(two);
    assert_eq!(one.read(0, 9).unwrap(), b"Jello");
    refused!(one.write(0, b"x"), BADF);
}

/// A directory that is held and removed: no names, no new names, `..` still leads to its last parent.
fn a_removed_directory(w) {
    let parent = w.mkdir("p").unwrap();
    let d = w.mkdir("p/d").unwrap();
    let open = d.open(OpenFlags::READ).unwrap();
    w.rmdir("p/d").unwrap();
    assert_eq!(open.list().unwrap(), []);
    refused!(w.lookup(&d, "x"), NOENT);
    assert_eq!(d.parent().unwrap().id, parent.id);
    let m = d.stat().unwrap();
    assert_eq!((m.ino, m.file_type), (d.id, gangplank_vfs::FileType::Directory));
    if w.has(FsCaps::DIR_NLINK) {
        assert_eq!(m.nlink, 0);
    }
    // Again open: the node is still a directory.
    assert_eq!(d.open(OpenFlags::READ).unwrap().list().unwrap(), []);
}

/// A chain of removed directories, from the leaf up.
fn a_chain_of_removed_directories(w) {
    let a = w.mkdir("a").unwrap();
    let b = w.mkdir("a/b").unwrap();
    let c = w.mkdir("a/b/c").unwrap();
    w.rmdir("a/b/c").unwrap();
    w.rmdir("a/b").unwrap();
    w.rmdir("a").unwrap();
    assert_eq!(c.parent().unwrap().id, b.id);
    assert_eq!(b.parent().unwrap().id, a.id);
    assert_eq!(a.parent().unwrap().id, w.root().id);
    drop((a, b));
    assert_eq!(c.parent().unwrap().parent().unwrap().parent().unwrap().id, w.root().id);
}

/// A directory removed by a rename over it is as removed as any.
fn a_directory_replaced_by_rename(w) {
    let old = w.mkdir("a").unwrap();
    w.mkdir("b").unwrap();
    w.put("b/x", "");
    w.mv("b", "a").unwrap();
    refused!(w.lookup(&old, "x"), NOENT);
    assert_eq!(old.parent().unwrap().id, w.root().id);
}
}
