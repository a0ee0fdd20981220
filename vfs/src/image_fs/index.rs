//! [`Index`]: the tree of an image. Made once, never changed, so nobody needs a lock to look at it.

use core::{hash::BuildHasher, num::NonZeroU64};

use bytes::Bytes;
use hashbrown::HashTable;

use super::{backing::Backing, packed::Packed};
use crate::{Errno, FileType, Metadata, Name, NodeId, Result, Time};

pub(super) const NONE: u32 = u32::MAX;
pub(super) const ROOT: u32 = 0;

/// Directories, names, metadata. The number of a node is its index and 1: nodes are numbered by level, and in a
/// directory by name, so that the same tree has the same numbers whenever it is mounted.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) nodes: Vec<Node>,
    /// By directory, and in it by name.
    pub(super) entries: Vec<Entry>,
    /// Finds an entry by its directory and name.
    pub(super) table: HashTable<u32>,
    pub(super) hasher: foldhash::fast::RandomState,
    /// Names and targets of symbolic links.
    pub(super) texts: Bytes,
    /// What few nodes have.
    pub(super) extras: Vec<Extra>,
    pub(super) sparse: Vec<Sparse>,
    pub(super) packed: Vec<Packed>,
    pub(super) backings: Vec<Backing>,
    /// Bytes of content.
    pub(super) content: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) mtime: Stamp,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) nlink: u32,
    /// In `Index::extras`, or `NONE`.
    pub(super) extra: u32,
    pub(super) mode: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    /// Its entries; while the index is being built `first` leads to the latest of them.
    Dir {
        first: u32,
        count: u32,
        parent: u32,
    },
    /// A range of a backing.
    File {
        at: u64,
        len: u64,
        backing: u16,
    },
    /// In `Index::sparse`.
    Sparse(u32),
    /// In `Index::packed`.
    Packed(u32),
    /// In `Index::texts`.
    Symlink {
        at: u32,
        len: u32,
    },
    Special {
        file_type: FileType,
        rdev: u64,
    },
}

/// A time in 12 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C, packed(4))]
pub(super) struct Stamp {
    seconds: i64,
    nanos: u32,
}

impl From<Time> for Stamp {
    fn from(time: Time) -> Stamp {
        let (seconds, nanos) = time.to_parts();
        Stamp { seconds, nanos }
    }
}

impl From<Stamp> for Time {
    fn from(stamp: Stamp) -> Time {
        Time::from_parts(stamp.seconds, stamp.nanos)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub(super) atime: Option<Time>,
    pub(super) ctime: Option<Time>,
    /// By name.
    pub(super) xattrs: Vec<(Box<[u8]>, Bytes)>,
}

/// A file with holes.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) size: u64,
    /// In ascending order, none of them empty, none overlapping another.
    pub(super) pieces: Box<[Piece]>,
    pub(super) backing: u16,
}

/// A part of a file that is no hole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    /// Where in the file.
    pub(super) offset: u64,
    pub(super) len: u64,
    /// Where in the backing.
    pub(super) at: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) dir: u32,
    pub(super) node: u32,
    pub(super) name: u32,
    pub(super) len: u8,
    pub(super) file_type: FileType,
}

impl Body {
    pub(super) fn file_type(self) -> FileType {
        match self {
            Body::Dir { .. } => FileType::Directory,
            Body::File { .. } | Body::Sparse(_) | Body::Packed(_) => FileType::Regular,
            Body::Symlink { .. } => FileType::Symlink,
            Body::Special { file_type, .. } => file_type,
        }
    }
}

pub(super) fn id(node: u32) -> NodeId {
    NodeId(NonZeroU64::MIN.saturating_add(u64::from(node)))
}

pub(super) fn hash(hasher: &foldhash::fast::RandomState, dir: u32, name: &[u8]) -> u64 {
    hasher.hash_one((dir, name))
}

impl Index {
    /// The node with this number.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Result<(u32, &Node)> {
        let at = u32::try_from(id.get() - 1).map_err(|_| Errno::NOENT)?;
        Ok((at, self.nodes.get(at as usize).ok_or(Errno::NOENT)?))
    }

    #[inline]
    pub(super) fn dir(&self, id: NodeId) -> Result<u32> {
        match self.node(id)? {
            (at, Node { body: Body::Dir { .. }, .. }) => Ok(at),
            _ => Err(Errno::NOTDIR),
        }
    }

    #[inline]
    pub(super) fn find(&self, dir: u32, name: Name<'_>) -> Option<&Entry> {
        let name = name.as_bytes();
        let hash = hash(&self.hasher, dir, name);
        let same = |&at: &u32| {
            let entry = &self.entries[at as usize];
            entry.dir == dir && self.name(entry) == name
        };
        self.table.find(hash, same).map(|&at| &self.entries[at as usize])
    }

    #[inline]
    pub(super) fn name(&self, entry: &Entry) -> &[u8] {
        let at = entry.name as usize;
        &self.texts[at..at + usize::from(entry.len)]
    }

    pub(super) fn entries(&self, dir: u32) -> &[Entry] {
        match self.nodes.get(dir as usize) {
            Some(&Node { body: Body::Dir { first, count, .. }, .. }) => {
                &self.entries[first as usize..first as usize + count as usize]
            }
            _ => &[],
        }
    }

    pub(super) fn target(&self, at: u32, len: u32) -> Bytes {
        self.texts.slice(at as usize..at as usize + len as usize)
    }

    pub(super) fn extra(&self, node: &Node) -> Option<&Extra> {
        self.extras.get(node.extra as usize)
    }

    /// Bytes of content, and how many of them are not in holes.
    pub(super) fn size(&self, body: Body) -> (u64, u64) {
        match body {
            Body::File { len, .. } => (len, len),
            Body::Sparse(at) => {
                let sparse = &self.sparse[at as usize];
                (sparse.size, sparse.pieces.iter().map(|piece| piece.len).sum())
            }
            Body::Packed(at) => (self.packed[at as usize].size, self.packed[at as usize].size),
            Body::Symlink { len, .. } => (len.into(), 0),
            Body::Dir { .. } | Body::Special { .. } => (0, 0),
        }
    }

    #[inline]
    pub(super) fn metadata(&self, dev: u64, at: u32, node: &Node) -> Metadata {
        let (size, held) = self.size(node.body);
        let mtime = Time::from(node.mtime);
        let extra = self.extra(node);
        let ctime = extra.and_then(|extra| extra.ctime).unwrap_or(mtime);
        Metadata {
            dev,
            ino: id(at),
            file_type: node.body.file_type(),
            mode: node.mode,
            nlink: node.nlink.into(),
            uid: node.uid,
            gid: node.gid,
            size,
            blocks: held.div_ceil(512),
            rdev: if let Body::Special { rdev, .. } = node.body { rdev } else { 0 },
            atime: extra.and_then(|extra| extra.atime).unwrap_or(mtime),
            mtime,
            ctime,
            btime: ctime,
        }
    }
}

const _: () = assert!(size_of::<Node>() <= 56);
