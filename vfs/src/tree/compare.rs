//! [`compare`]: what is different between two trees.

use core::{cmp::Ordering, fmt};

use super::{
    CHUNK, Result, Tree, TreeError,
    walk::{child, names},
};
use crate::{Ctx, Errno, FileType, FsCaps, Metadata, Name, OpenFlags, Place, Seek, VirtualFile};

/// One path that is not the same in two trees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// From the top.
    pub path: Vec<u8>,
    /// How it differs.
    pub difference: Difference,
}

/// How a path differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// It is only in the second tree.
    Created,
    /// It is only in the first tree.
    Deleted,
    /// It is in both, with these aspects different.
    Changed(Aspects),
}

bitflags::bitflags! {
    /// What can be different about a path that is in two trees. Times are not compared: reading and copying changes
    /// them.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Aspects: u32 {
        /// The type. What is below a directory that is one on one side only is created or deleted.
        const TYPE = 1;
        /// The bytes of a file, the target of a symbolic link, the number of a device.
        const CONTENT = 2;
        /// Permission bits; not of symbolic links, where they mean nothing.
        const MODE = 4;
        /// Owner or group.
        const OWNER = 8;
    }
}

impl fmt::Display for Change {
    /// One line, as version control shows it: `A new`, `D old`, `M file (content, mode)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = String::from_utf8_lossy(&self.path);
        let path = if path.is_empty() { "." } else { &*path };
        match self.difference {
            Difference::Created => write!(f, "A {path}"),
            Difference::Deleted => write!(f, "D {path}"),
            Difference::Changed(aspects) => {
                write!(f, "M {path} (")?;
                for (i, (name, _)) in aspects.iter_names().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, name.to_ascii_lowercase())?;
                }
                f.write_str(")")
            }
        }
    }
}

/// What is different in `b`, compared with `a`: every path that one of them lacks, or that differs in type, content,
/// permission bits or owner, each after the directory that holds it, by name. Follows no link, needs no stack, and
/// holds at most 1 MiB of each file.
///
/// A path created as a directory, or deleted as one, is followed by everything in it. Two files that are the same
/// image in memory, as after a fork, are equal without being read.
///
/// # Errors
/// [`TreeError`] for what cannot be examined or read, in either tree.
pub fn compare(a: &Tree, b: &Tree) -> Result<Vec<Change>> {
    let mut comparison = Comparison { a, b, path: Vec::new(), changes: Vec::new() };
    comparison.run().map_err(|errno| TreeError::new("compare", &comparison.path, errno))?;
    Ok(comparison.changes)
}

struct Comparison<'t> {
    a: &'t Tree,
    b: &'t Tree,
    path: Vec<u8>,
    changes: Vec<Change>,
}

/// A directory on at least one side.
struct Level {
    a: Option<Place>,
    b: Option<Place>,
    names: std::vec::IntoIter<Box<[u8]>>,
    /// How long the path of the directory is.
    path: usize,
}

impl Comparison<'_> {
    fn run(&mut self) -> crate::Result<()> {
        let (a, b) = (self.a.place.clone(), self.b.place.clone());
        let aspects = self.aspects(&a, &a.metadata()?, &b, &b.metadata()?)?;
        self.changed(aspects);
        let mut levels = vec![self.level(Some(a), Some(b))?];
        while let Some(level) = levels.last_mut() {
            self.path.truncate(level.path);
            let Some(name) = level.names.next() else {
                levels.pop();
                continue;
            };
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            let name = Name::new(&name)?;
            let below = (look(self.a, level.a.as_ref(), name)?, look(self.b, level.b.as_ref(), name)?);
            match &below {
                (None, None) => {}
                (None, Some(_)) => self.push(Difference::Created),
                (Some(_), None) => self.push(Difference::Deleted),
                (Some((a, of_a)), Some((b, of_b))) => {
                    let aspects = self.aspects(a, of_a, b, of_b)?;
                    self.changed(aspects);
                }
            }
            let (a, b) = (directory(below.0), directory(below.1));
            if a.is_some() || b.is_some() {
                levels.push(self.level(a, b)?);
            }
        }
        Ok(())
    }

    /// The names of both sides, merged.
    fn level(&self, a: Option<Place>, b: Option<Place>) -> crate::Result<Level> {
        let list = |place: &Option<Place>| match place {
            Some(place) => names(&**place.fs(), place.node()),
            None => Ok(Vec::new()),
        };
        let (of_a, of_b) = (list(&a)?, list(&b)?);
        let mut names = Vec::new();
        if of_b.is_empty() {
            names = of_a;
        } else {
            let (mut left, mut right) = (of_a.into_iter().peekable(), of_b.into_iter().peekable());
            loop {
                let order = match (left.peek(), right.peek()) {
                    (Some(l), Some(r)) => l.cmp(r),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => break,
                };
                if order == Ordering::Equal {
                    right.next();
                }
                names.extend(if order == Ordering::Greater { right.next() } else { left.next() });
            }
        }
        Ok(Level { a, b, names: names.into_iter(), path: self.path.len() })
    }

    fn push(&mut self, difference: Difference) {
        self.changes.push(Change { path: self.path.clone(), difference });
    }

    fn changed(&mut self, aspects: Aspects) {
        if !aspects.is_empty() {
            self.push(Difference::Changed(aspects));
        }
    }

    fn aspects(&self, a: &Place, of_a: &Metadata, b: &Place, of_b: &Metadata) -> crate::Result<Aspects> {
        let mut aspects = Aspects::empty();
        aspects.set(Aspects::TYPE, of_a.file_type != of_b.file_type);
        aspects.set(Aspects::OWNER, (of_a.uid, of_a.gid) != (of_b.uid, of_b.gid));
        if aspects.contains(Aspects::TYPE) {
            return Ok(aspects);
        }
        aspects.set(Aspects::MODE, of_a.file_type != FileType::Symlink && of_a.mode != of_b.mode);
        let same = match of_a.file_type {
            FileType::Regular => of_a.size == of_b.size && same_bytes(a, b, of_a.size)?,
            FileType::Symlink => a.fs().readlink(a.node())? == b.fs().readlink(b.node())?,
            FileType::CharDevice | FileType::BlockDevice => of_a.rdev == of_b.rdev,
            _ => true,
        };
        aspects.set(Aspects::CONTENT, !same);
        Ok(aspects)
    }
}

fn look(tree: &Tree, dir: Option<&Place>, name: Name<'_>) -> crate::Result<Option<(Place, Metadata)>> {
    let Some(dir) = dir else { return Ok(None) };
    match child(tree, dir, name) {
        Ok(place) => {
            let metadata = place.metadata()?;
            Ok(Some((place, metadata)))
        }
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e),
    }
}

fn directory(found: Option<(Place, Metadata)>) -> Option<Place> {
    found.filter(|(_, metadata)| metadata.file_type == FileType::Directory).map(|(place, _)| place)
}

/// Whether two files of this size hold the same, where both have a hole without reading it.
fn same_bytes(a: &Place, b: &Place, size: u64) -> crate::Result<bool> {
    let open = |place: &Place| place.fs().open(&Ctx::ROOT, place.node(), OpenFlags::READ);
    let (file_a, file_b) = (open(a)?, open(b)?);
    let mut at = 0;
    while at < size {
        at = data(&*file_a, a, at, size)?.min(data(&*file_b, b, at, size)?);
        if at >= size {
            break;
        }
        let want = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let (left, right) = (file_a.read_bytes(at, want)?, file_b.read_bytes(at, want)?);
        let same_memory = left.len() == right.len() && left.as_ptr() == right.as_ptr();
        if !same_memory && left != right {
            return Ok(false);
        }
        if left.is_empty() {
            // Both have become shorter.
            break;
        }
        at += left.len() as u64;
    }
    Ok(true)
}

/// Where the next data is, at or after `at`.
fn data(file: &dyn VirtualFile, place: &Place, at: u64, size: u64) -> crate::Result<u64> {
    if !place.fs().info().caps.contains(FsCaps::SEEK_HOLE) {
        return Ok(at);
    }
    match file.seek_data(at, Seek::Data) {
        Err(Errno::NXIO) => Ok(size),
        found => found,
    }
}
