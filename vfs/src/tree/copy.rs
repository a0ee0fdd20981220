//! [`copy_tree`]: copies a directory of one filesystem into a directory of another.

use std::{collections::HashMap, io::IoSlice, sync::Arc};

use super::{TreeError, walk::names};
use crate::{
    At, Cred, Ctx, Entry, Errno, FileSystem, FileType, FsCaps, Metadata, Name, NewNode, NodeId, OpenFlags, Place, Seek,
    SetAttr, SetTime, SetXattr, VirtualFile,
};

/// What was copied.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// Regular files; one with several names counts once.
    pub files: u64,
    /// Directories, the top one not counted.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of content, holes not counted.
    pub bytes: u64,
    /// FIFOs, sockets and devices.
    pub special: u64,
    /// Paths, from the top, of what was left out: FIFOs, sockets and devices that cannot be made there.
    pub skipped: Vec<Vec<u8>>,
}

/// On behalf of nobody: bits and owners are set from the original.
pub(super) const CX: Ctx<'static> = Ctx { cred: &Cred { uid: 0, gid: 0, umask: 0 } };

/// Bytes moved at a time.
pub(super) const CHUNK: usize = 1 << 20;

/// Copies everything below `from` into `to`: regular files with their holes, directories, symbolic links as they are,
/// FIFOs, sockets and devices where `to` can have them, several names of one file as such; permission bits,
/// times, owners where `to` lets us give things away (else set-user-id and set-group-id bits are left out too, as by
/// `tar(1)`), and extended attributes where both have them. Needs no more memory than the longest listing
/// of a directory and no stack, however deep the tree. Never follows a link, never leaves `from`.
///
/// A tree that changes meanwhile is copied as it is met; each file up to the size that it has when it is opened.
///
/// # Errors
/// [`TreeError`], with what has been copied until then left in place. `ROFS` if `to` is read-only; `NOSPC` or
/// `DQUOT` if it is too small.
pub fn copy_tree(from: &Place, to: &Place) -> Result<Copied, TreeError> {
    copy_tree_with(from, to, &mut |_| {})
}

/// As [`copy_tree`], and tells after each entry, and within large files, what has been copied until then.
///
/// # Errors
/// As `copy_tree`.
pub fn copy_tree_with(from: &Place, to: &Place, progress: &mut dyn FnMut(&Copied)) -> Result<Copied, TreeError> {
    let (copied, linked) = (Copied::default(), HashMap::new());
    let mut copy = Copy { from: from.fs(), to: to.fs(), copied, linked, progress };
    let mut path = Vec::new();
    if to.mount().read_only() {
        return Err(TreeError { path, what: "write to", errno: Errno::ROFS });
    }
    copy.run(from.node(), to.node(), &mut path).map_err(|(what, errno)| TreeError { path, what, errno })?;
    Ok(copy.copied)
}

type Failed = (&'static str, Errno);

struct Copy<'a> {
    from: &'a Arc<dyn FileSystem>,
    to: &'a Arc<dyn FileSystem>,
    copied: Copied,
    /// Copies of what has further names, by their original. Both are held, so that no identity is reused.
    linked: HashMap<NodeId, (Held<'a>, Held<'a>)>,
    progress: &'a mut dyn FnMut(&Copied),
}

/// A directory being copied.
struct Level<'a> {
    from: Held<'a>,
    to: Held<'a>,
    metadata: Metadata,
    names: std::vec::IntoIter<Box<[u8]>>,
    /// How long the path of the directory is.
    path: usize,
}

/// A node with a reference that goes with it.
struct Held<'a> {
    fs: &'a Arc<dyn FileSystem>,
    node: NodeId,
}

impl<'a> Held<'a> {
    fn adopt(fs: &'a Arc<dyn FileSystem>, entry: Entry) -> Held<'a> {
        Held { fs, node: entry.node }
    }

    fn retain(fs: &'a Arc<dyn FileSystem>, node: NodeId) -> Held<'a> {
        fs.retain(node);
        Held { fs, node }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.fs.forget(self.node, 1);
    }
}

impl<'a> Copy<'a> {
    fn run(&mut self, from: NodeId, to: NodeId, path: &mut Vec<u8>) -> Result<(), Failed> {
        let top = self.enter(Held::retain(self.from, from), Held::retain(self.to, to), path)?;
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            path.truncate(level.path);
            let Some(name) = level.names.next() else {
                // Last, because every entry made in it has changed its times.
                self.settle(level.to.node, &attributes(&level.metadata))?;
                levels.pop();
                continue;
            };
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            if let Some(below) = self.entry(level, &name, path)? {
                levels.push(below);
            }
            (self.progress)(&self.copied);
        }
        Ok(())
    }

    fn enter(&self, from: Held<'a>, to: Held<'a>, path: &[u8]) -> Result<Level<'a>, Failed> {
        let metadata = self.from.getattr(from.node).map_err(|e| ("examine", e))?;
        let names = names(&**self.from, from.node).map_err(|e| ("list", e))?.into_iter();
        Ok(Level { from, to, metadata, names, path: path.len() })
    }

    /// Copies one entry; answers a directory's level.
    fn entry(&mut self, level: &Level<'a>, name: &[u8], path: &[u8]) -> Result<Option<Level<'a>>, Failed> {
        let name = Name::new(name).map_err(|e| ("copy", e))?;
        let original = match self.from.lookup(&CX, level.from.node, name) {
            Ok(entry) => Held::adopt(self.from, entry),
            // Removed since the listing.
            Err(Errno::NOENT) => return Ok(None),
            Err(e) => return Err(("find", e)),
        };
        let metadata = self.from.getattr(original.node).map_err(|e| ("examine", e))?;
        let directory = metadata.file_type == FileType::Directory;
        let links = !directory && metadata.nlink > 1 && self.to.info().caps.contains(FsCaps::HARD_LINKS);
        if links && let Some((_, copy)) = self.linked.get(&original.node) {
            self.to.link(&CX, copy.node, level.to.node, name).map_err(|e| ("link", e))?;
            return Ok(None);
        }
        let made = match metadata.file_type {
            FileType::Directory => {
                let made = self.make(level, name, &NewNode::Directory { mode: metadata.mode | 0o700 })?;
                self.attributes(original.node, made.node)?;
                self.copied.directories += 1;
                return self.enter(original, made, path).map(Some);
            }
            FileType::Symlink => {
                let target = self.from.readlink(original.node).map_err(|e| ("read the link", e))?;
                let made = self.make(level, name, &NewNode::Symlink { target: &target })?;
                self.copied.symlinks += 1;
                // Not every filesystem keeps the bits of a link.
                let attributes = SetAttr { mode: None, ..attributes(&metadata) };
                self.settle(made.node, &attributes)?;
                made
            }
            FileType::Regular => self.file(level, name, &original, &metadata)?,
            file_type => {
                let new = NewNode::Special { file_type, mode: metadata.mode, rdev: metadata.rdev };
                match self.to.create(&CX, level.to.node, name, &new) {
                    Ok(made) => {
                        let made = Held::adopt(self.to, made);
                        self.settle(made.node, &attributes(&metadata))?;
                        self.copied.special += 1;
                        made
                    }
                    // It has none of that kind, or does not let us.
                    Err(Errno::NOTSUP | Errno::PERM | Errno::INVAL) => {
                        self.copied.skipped.push(path.to_vec());
                        return Ok(None);
                    }
                    Err(e) => return Err(("create", e)),
                }
            }
        };
        if links {
            self.linked.insert(original.node, (original, made));
        }
        Ok(None)
    }

    fn make(&self, level: &Level<'a>, name: Name<'_>, new: &NewNode<'_>) -> Result<Held<'a>, Failed> {
        let entry = self.to.create(&CX, level.to.node, name, new).map_err(|e| ("create", e))?;
        Ok(Held::adopt(self.to, entry))
    }

    fn file(
        &mut self,
        level: &Level<'a>,
        name: Name<'_>,
        original: &Held<'a>,
        metadata: &Metadata,
    ) -> Result<Held<'a>, Failed> {
        let reading = self.from.open(&CX, original.node, OpenFlags::READ).map_err(|e| ("open", e))?;
        let size = reading.getattr().map_err(|e| ("examine", e))?.size;
        // Its own bits come last: a user other than root must be able to fill it.
        let made = self.make(level, name, &NewNode::Regular { mode: metadata.mode & 0o777 | 0o600 })?;
        if size > 0 {
            let writing = self.to.open(&CX, made.node, OpenFlags::WRITE).map_err(|e| ("open the copy of", e))?;
            self.content(&*reading, &*writing, size)?;
        }
        self.copied.files += 1;
        self.attributes(original.node, made.node)?;
        self.settle(made.node, &attributes(metadata))?;
        Ok(made)
    }

    fn content(&mut self, from: &dyn VirtualFile, to: &dyn VirtualFile, size: u64) -> Result<(), Failed> {
        let holes = self.from.info().caps.contains(FsCaps::SEEK_HOLE);
        let mut at = 0;
        while at < size {
            let end = match holes {
                false => size,
                true => match from.seek_data(at, Seek::Data) {
                    Ok(data) => {
                        at = data;
                        from.seek_data(at, Seek::Hole).map_err(|e| ("read", e))?.min(size)
                    }
                    // Nothing but a hole up to the end.
                    Err(Errno::NXIO) => break,
                    Err(e) => return Err(("read", e)),
                },
            };
            let before = at;
            while at < end {
                let want = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                let bytes = from.read_bytes(at, want).map_err(|e| ("read", e))?;
                if bytes.is_empty() {
                    break;
                }
                write_all(to, &bytes, at).map_err(|e| ("write the copy of", e))?;
                at += bytes.len() as u64;
                self.copied.bytes += bytes.len() as u64;
                (self.progress)(&self.copied);
            }
            if at == before {
                // It has become shorter.
                break;
            }
        }
        let copied = to.getattr().map_err(|e| ("examine the copy of", e))?.size;
        if copied < size {
            to.set_len(size).map_err(|e| ("write the copy of", e))?;
        }
        Ok(())
    }
}

impl Copy<'_> {
    /// Sets bits, owner and times; the owner only if we may give things away.
    fn settle(&self, node: NodeId, attr: &SetAttr) -> Result<(), Failed> {
        let done = match self.to.setattr(&CX, node, attr) {
            // `INVAL` is what a user namespace says of owners that it does not have.
            Err(Errno::PERM | Errno::ACCES | Errno::INVAL) if attr.uid.is_some() => {
                let mode = attr.mode.map(|mode| mode & !0o6000);
                self.to.setattr(&CX, node, &SetAttr { mode, uid: None, gid: None, ..*attr })
            }
            done => done,
        };
        done.map_err(|e| ("set times of", e))
    }

    /// Copies extended attributes. Those that the other filesystem has no place for stay behind.
    fn attributes(&self, from: NodeId, to: NodeId) -> Result<(), Failed> {
        let (Some(of), Some(into)) = (self.from.xattrs(), self.to.xattrs()) else { return Ok(()) };
        let mut names: Vec<Vec<u8>> = Vec::new();
        match of.list(from, &mut |name| names.push(name.to_vec())) {
            Ok(()) | Err(Errno::NOTSUP) => {}
            Err(e) => return Err(("read the attributes of", e)),
        }
        for name in names {
            let value = match of.get(from, &name) {
                Ok(value) => value,
                // Removed since the listing, or not for us to see.
                Err(Errno::NODATA | Errno::NOTSUP) => continue,
                Err(e) => return Err(("read the attributes of", e)),
            };
            match into.set(to, &name, &value, SetXattr::Any) {
                Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
                Err(e) => return Err(("set the attributes of", e)),
            }
        }
        Ok(())
    }
}

pub(super) fn write_all(to: &dyn VirtualFile, mut bytes: &[u8], mut at: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let (written, _) = to.write_at(&[IoSlice::new(bytes)], At::Offset(at))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

fn attributes(metadata: &Metadata) -> SetAttr {
    SetAttr {
        mode: Some(metadata.mode),
        uid: Some(metadata.uid),
        gid: Some(metadata.gid),
        size: None,
        atime: SetTime::To(metadata.atime),
        mtime: SetTime::To(metadata.mtime),
    }
}
