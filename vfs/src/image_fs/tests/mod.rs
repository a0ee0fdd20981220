//! Archives of our own making, of other programs', and of nobody's in his right mind.

mod bad;
#[cfg(all(feature = "host", unix))]
mod hosts;
mod mutate;
mod oci;
mod trees;

use std::sync::Arc;

use super::{ImageError, ImageFs, ImageOptions, PackOptions, pack};
use crate::{Ctx, Metadata, Tree};

/// A tree as an archive.
fn packed(tree: &Tree) -> Vec<u8> {
    let mut archive = Vec::new();
    pack(tree, &mut archive, PackOptions::new()).unwrap();
    archive
}

fn image(archive: impl Into<super::Backing>) -> Result<Tree, ImageError> {
    Ok(Tree::new(Arc::new(ImageFs::open(archive, ImageOptions::new())?)))
}

fn paths(tree: &Tree) -> Vec<String> {
    tree.walk("").unwrap().map(|entry| entry.unwrap().display().to_string()).collect()
}

/// Everything that a tree says of a node, but for what no archive holds.
type Facts = (String, Metadata, Vec<(Vec<u8>, Vec<u8>)>);

/// What there is, with times and attributes, which `compare` does not look at.
fn facts(tree: &Tree) -> Vec<Facts> {
    let mut walk = tree.walk("").unwrap();
    let mut facts = Vec::new();
    while let Some(met) = walk.next_place() {
        let (entry, place) = met.unwrap();
        let mut xattrs = Vec::new();
        if let Some(of) = place.fs().xattrs() {
            let mut names = Vec::new();
            // Not every host lets every kind of node have them.
            let _ = of.list(place.node(), &mut |name| names.push(name.to_vec()));
            names.sort();
            xattrs.extend(names.into_iter().map(|name| {
                let value = of.get(place.node(), &name).unwrap().to_vec();
                (name, value)
            }));
        }
        let mtime = entry.metadata.mtime;
        let seen = Metadata {
            dev: 0,
            ino: crate::NodeId::new(1).unwrap(),
            atime: mtime,
            ctime: mtime,
            btime: mtime,
            blocks: 0,
            size: if entry.metadata.file_type == crate::FileType::Directory { 0 } else { entry.metadata.size },
            ..entry.metadata
        };
        facts.push((entry.display().to_string(), seen, xattrs));
    }
    facts
}

#[track_caller]
fn assert_same(a: &Tree, b: &Tree) {
    assert_eq!(a.changes_since(b).unwrap(), []);
    let (a, b) = (facts(a), facts(b));
    a.iter().zip(&b).for_each(|(a, b)| assert_eq!(a, b));
    assert_eq!(a.len(), b.len());
}

/// A tree with some of everything.
fn some_of_everything() -> Tree {
    use crate::{FileType, NewNode, OpenFlags, SetAttr, SetTime, SetXattr, Time};

    let long = "a-name-of-which-there-is-more-than-fits-into-a-header/".repeat(5);
    let tree = crate::dir! {
        "file" mode 0o640: "hello",
        "empty": "",
        "exactly-one-block": vec![b'b'; 512],
        "large": vec![b'l'; 100_000],
        "link" => "dir/below",
        "dangling" => "/no/where",
        "dir" mode 0o1777: { "below" mode 0o4755: "below", "deeper": { "still": {} } },
        "\u{fc}mlaut": "\u{fc}",
    }
    .tree()
    .unwrap();
    tree.create_dir_all(&long).unwrap();
    tree.write([&long, "file"].concat(), "far down").unwrap();
    tree.symlink([&long, "file"].concat(), "long-link").unwrap();
    let (fs, root) = (tree.fs().clone(), tree.fs().root());
    let node = |path: &str| {
        let mut at = root;
        for name in path.split('/') {
            at = fs.lookup(&Ctx::ROOT, at, crate::Name::new(name.as_bytes()).unwrap()).unwrap().node;
        }
        at
    };
    let cx = Ctx::ROOT;
    fs.link(&cx, node("file"), node("dir"), crate::Name::new(b"a-hard-link").unwrap()).unwrap();
    fs.link(&cx, node("link"), root, crate::Name::new(b"zz-linked-link").unwrap()).unwrap();
    for (name, file_type, rdev) in [
        (&b"fifo"[..], FileType::Fifo, 0),
        (b"null", FileType::CharDevice, 0x103),
        (b"disk", FileType::BlockDevice, 0x12_3456_0789),
    ] {
        // Where the filesystem makes them.
        let _ =
            fs.create(&cx, root, crate::Name::new(name).unwrap(), &NewNode::Special { file_type, mode: 0o600, rdev });
    }
    let sparse = fs.create(&cx, root, crate::Name::new(b"sparse").unwrap(), &NewNode::Regular { mode: 0o600 }).unwrap();
    let file = fs.open(&cx, sparse.node, OpenFlags::WRITE).unwrap();
    for at in [0, 5 << 20, (1 << 30) + 7] {
        file.write_at(&[std::io::IoSlice::new(b"data")], crate::At::Offset(at)).unwrap();
    }
    file.set_len(3 << 30).unwrap();
    let xattrs = fs.xattrs().unwrap();
    for (path, name, value) in [
        ("file", &b"user.mime_type"[..], &b"text/plain"[..]),
        ("file", b"user.binary", b"\0\n=\xff\n"),
        ("dir", b"user.empty", b""),
    ] {
        xattrs.set(node(path), name, value, SetXattr::Any).unwrap();
    }
    for (path, time) in [
        ("file", Time(1_700_000_000_123_456_789)),
        ("dir/deeper/still", Time(-1_500_000_000)),
        ("link", Time(1)),
        ("dir", Time::from_parts(1 << 34, 5)),
    ] {
        let attr =
            SetAttr { mtime: SetTime::To(time), uid: Some(1000), gid: Some(4_000_000_000), ..SetAttr::default() };
        fs.setattr(&cx, node(path), &attr).unwrap();
    }
    tree
}
