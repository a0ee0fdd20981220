//! `tar` and `zip`: archives of nobody in his right mind.
//!
//! An archive is refused, with words; or everything in it can be reached, listed and read, in bounded time and memory,
//! and all that is said of it agrees: the numbers of links with the names there are, the parts of a listing with the
//! whole, the maps of holes with the content. Packed and mounted again, it is the same.

use core::ops::ControlFlow;
use std::{collections::BTreeMap, io::IoSliceMut, sync::Arc};

use gangplank_vfs::{
    Cookie, Ctx, Errno, FileSystem, FileType, Metadata, NodeId, OpenFlags, Seek, Tree, VirtualFile,
    image_fs::{ImageFs, ImageLimits, ImageOptions, PackError, PackOptions, pack},
};

/// What an archive may cost here.
pub(super) const LIMITS: ImageLimits =
    ImageLimits { nodes: 10_000, names: 1 << 20, unpacked: 4 << 20, ratio: 1000, cache: 1 << 16 };

/// How much memory is in order: what the limits allow, twice as much while a vector grows, and copies of the archive.
pub(super) fn heap(len: usize) -> usize {
    (32 << 20) + 64 * len
}

/// How much of one file is read, and the most content that is packed again.
const READ: usize = 1 << 20;

/// As [`ImageOptions`] of a stranger's archive.
pub(super) fn options<'p>() -> ImageOptions<'p> {
    ImageOptions::new().limits(LIMITS).unterminated(true)
}

/// Bytes as a tar archive: as they are, and with the checksums that its headers should have.
pub fn tar(bytes: &[u8]) {
    archive(bytes);
    let mut sealed = bytes.to_vec();
    if seal(&mut sealed) {
        archive(&sealed);
    }
}

/// Bytes as a zip archive.
pub fn zip(bytes: &[u8]) {
    archive(bytes);
}

fn archive(bytes: &[u8]) {
    match ImageFs::open(bytes.to_vec(), options()) {
        Ok(image) => used(image),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    // As layers they are another reader's turn.
    if let Ok(image) = ImageFs::layers([bytes.to_vec(), bytes.to_vec()], options()) {
        used(image);
    }
}

/// Puts the checksums of tar headers right. Answers whether any was wrong.
pub(super) fn seal(archive: &mut [u8]) -> bool {
    let mut changed = false;
    for block in archive.chunks_exact_mut(512) {
        if block[257..262] != *b"ustar" {
            continue;
        }
        let before: [u8; 8] = block[148..156].try_into().expect("eight bytes");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&b| u32::from(b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        changed |= block[148..156] != before;
    }
    changed
}

/// Everything that can be done with an image.
pub(super) fn used(image: ImageFs) {
    let bearable = image.content() <= READ as u64;
    let fs: Arc<dyn FileSystem> = Arc::new(image);
    let tree = Tree::new(fs.clone());
    let (mut facts, damaged) = facts(&*fs);
    if !bearable {
        return;
    }
    let mut archive = Vec::new();
    let outcome = pack(&tree, &mut archive, PackOptions::new());
    if damaged {
        assert!(matches!(outcome, Err(PackError::Tree(_))), "packed, though it cannot be read: {outcome:?}");
        return;
    }
    outcome.expect("pack what can be read");
    let again: Arc<dyn FileSystem> =
        Arc::new(ImageFs::open(archive, ImageOptions::new()).expect("mount what was packed"));
    let (mut packed, damaged) = self::facts(&*again);
    assert!(!damaged, "read what was packed");
    // Which of several names comes first is no fact.
    let sorted = |facts: &mut Vec<Fact>| facts.sort_by(|a, b| a.path.cmp(&b.path));
    sorted(&mut facts);
    sorted(&mut packed);
    for (one, other) in facts.iter().zip(&packed) {
        assert_eq!(one, other, "packed, it is another");
    }
    assert_eq!(facts.len(), packed.len(), "packed, there is more or less of it");
    let changes = Tree::new(again).changes_since(&tree).expect("compare what could be read");
    assert!(changes.is_empty(), "packed, it is another: {changes:?}");
}

/// What is known of one node.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Fact {
    pub(super) path: String,
    pub(super) metadata: Metadata,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The target of a link, or the beginning of a file.
    pub(super) content: Vec<u8>,
}

/// Looks at all of a filesystem; and whether a file was damaged inside.
pub(super) fn facts(fs: &dyn FileSystem) -> (Vec<Fact>, bool) {
    let (mut facts, mut damaged) = (vec![], false);
    let mut names: BTreeMap<NodeId, u64> = BTreeMap::new();
    let mut rest = vec![(String::new(), fs.root())];
    while let Some((path, node)) = rest.pop() {
        let metadata = fs.getattr(node).expect("metadata of what was looked up");
        assert_eq!(metadata.ino, node, "{path}");
        let content = match metadata.file_type {
            FileType::Symlink => link(fs, &metadata),
            FileType::Regular => read(fs, &metadata).unwrap_or_else(|e| {
                assert_eq!(e, Errno::IO, "{path}: what is damaged cannot be read");
                damaged = true;
                vec![]
            }),
            FileType::Directory => {
                let below = list(fs, node).into_iter();
                rest.extend(below.map(|(name, node)| (format!("{path}/{}", name.escape_ascii()), node)));
                vec![]
            }
            _ => vec![],
        };
        if metadata.file_type != FileType::Directory {
            *names.entry(node).or_default() += 1;
        }
        facts.push(Fact { path, metadata: told(metadata), xattrs: xattrs(fs, node), content });
    }
    for (node, count) in names {
        let links = fs.getattr(node).expect("it was there").nlink;
        assert_eq!(links, count, "as many links as names");
    }
    (facts, damaged)
}

/// What an archive tells of a node: of its times one, and nothing of where it is.
fn told(metadata: Metadata) -> Metadata {
    let mtime = metadata.mtime;
    let size = if metadata.file_type == FileType::Directory { 0 } else { metadata.size };
    let ino = NodeId::new(1).expect("a number");
    Metadata { dev: 0, ino, atime: mtime, ctime: mtime, btime: mtime, blocks: 0, size, ..metadata }
}

fn xattrs(fs: &dyn FileSystem, node: NodeId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = fs.xattrs().expect("images have attributes");
    let mut names = vec![];
    of.list(node, &mut |name| names.push(name.to_vec())).expect("list attributes");
    names.sort();
    let value = |name: &Vec<u8>| of.get(node, name).expect("an attribute that is listed").to_vec();
    names.iter().map(|name| (name.clone(), value(name))).collect()
}

fn link(fs: &dyn FileSystem, metadata: &Metadata) -> Vec<u8> {
    let target = fs.readlink(metadata.ino).expect("read a link");
    assert!(!target.is_empty() && !target.contains(&0), "a target that no link can have");
    assert_eq!(target.len() as u64, metadata.size);
    target.to_vec()
}

/// Lists a directory, and again from some places in it on.
fn list(fs: &dyn FileSystem, node: NodeId) -> Vec<(Vec<u8>, NodeId)> {
    let dir = fs.open(&Ctx::ROOT, node, OpenFlags::READ).expect("open a directory");
    let mut entries: Vec<(Vec<u8>, NodeId, Cookie)> = vec![];
    dir.readdir(Cookie::START, &mut |e| {
        entries.push((e.name.as_bytes().to_vec(), e.node, e.next));
        let found = fs.lookup(&Ctx::ROOT, node, e.name).expect("look up what is listed");
        assert_eq!((found.node, found.file_type), (e.node, e.file_type));
        if e.file_type == FileType::Directory {
            assert_eq!(fs.parent(e.node), Ok(node));
        }
        ControlFlow::Continue(())
    })
    .expect("list a directory");
    for at in [0, entries.len() / 2, entries.len().saturating_sub(1)] {
        let Some((_, _, from)) = entries.get(at) else { continue };
        let mut rest = entries[at + 1..].iter();
        dir.readdir(*from, &mut |e| {
            let expected = rest.next().map(|(name, _, next)| (&**name, *next));
            assert_eq!(expected, Some((e.name.as_bytes(), e.next)), "the rest of a listing");
            ControlFlow::Continue(())
        })
        .expect("list the rest of a directory");
        assert_eq!(rest.next(), None, "all the rest of a listing");
    }
    let names: std::collections::BTreeSet<_> = entries.iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), entries.len(), "a name is there once");
    entries.into_iter().map(|(name, node, _)| (name, node)).collect()
}

/// Reads the beginning of a file, from one piece of data to the next.
fn read(fs: &dyn FileSystem, metadata: &Metadata) -> Result<Vec<u8>, Errno> {
    let file = fs.open(&Ctx::ROOT, metadata.ino, OpenFlags::READ).expect("open a file");
    let size = metadata.size;
    // Before anything is compared: a file may be damaged wherever it is read.
    file.read_bytes(0, 1)?;
    assert_eq!(file.read_bytes(size, 10)?.len(), 0, "nothing is after the end");
    let (mut at, mut content) = (0, vec![]);
    while at < size && content.len() < READ {
        let data = match file.seek_data(at, Seek::Data) {
            Ok(data) => data,
            Err(Errno::NXIO) => size,
            Err(e) => return Err(e),
        };
        assert!((at..=size).contains(&data), "data at {data}, looked for at {at} of {size}");
        if data > at {
            hole(&*file, at, data)?;
        }
        at = data;
        content.resize(READ.min(at as usize), 0);
        if at == size {
            break;
        }
        let end = file.seek_data(at, Seek::Hole)?;
        assert!(end > at && end <= size, "a hole at {end}, looked for in data at {at} of {size}");
        while at < end && content.len() < READ {
            let mut copy = vec![0; (end - at).min(64 << 10) as usize];
            let n = file.read_at(&mut [IoSliceMut::new(&mut copy)], at)?;
            assert_eq!(n, copy.len(), "data to the end");
            let bytes = file.read_bytes(at, n)?;
            assert!(!bytes.is_empty() && copy.starts_with(&bytes), "two ways to read");
            content.extend_from_slice(&copy);
            at += n as u64;
        }
    }
    content.truncate(READ);
    Ok(content)
}

/// A hole reads as zeros.
fn hole(file: &dyn VirtualFile, from: u64, to: u64) -> Result<(), Errno> {
    for at in [from, to.saturating_sub(100).max(from)] {
        let mut bytes = [1; 100];
        let n = file.read_at(&mut [IoSliceMut::new(&mut bytes)], at)?;
        let inside = ((to - at).min(100) as usize).min(n);
        assert!(inside > 0 && bytes[..inside].iter().all(|&b| b == 0), "a hole that is none");
    }
    Ok(())
}
