//! [`Builder`]: makes an [`Index`] of entries as an archive lists them.
//!
//! Names never lead anywhere but down from the root: `..` is refused, a leading `/` means the root, and a symbolic link
//! is never followed. So nothing in an archive can be told apart from, or put into, anything outside of it.

use bytes::Bytes;
use hashbrown::{HashSet, HashTable};

use super::{
    backing::Backing,
    error::Problem,
    index::{Body, Entry, Extra, Index, NONE, Node, Piece, ROOT, Sparse, Stamp, hash},
    options::ImageLimits,
    packed::Packed,
};
use crate::{Errno, FileType, NAME_MAX, Time};

/// The longest target of a symbolic link.
const TARGET_MAX: usize = 4095;

/// An index in the making. Later entries replace earlier ones of the same name, but for directories, which keep what is
/// in them.
#[derive(Debug)]
pub(super) struct Builder {
    limits: ImageLimits,
    nodes: Vec<Node>,
    entries: Vec<Made>,
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    texts: Vec<u8>,
    extras: Vec<Extra>,
    sparse: Vec<Sparse>,
    packed: Vec<Packed>,
    backings: Vec<Backing>,
    /// Bytes that count against `ImageLimits::names`.
    names: u64,
    layer: u32,
    /// Directories in which this layer has hidden what is below: once is enough.
    hidden: HashSet<u32, foldhash::fast::RandomState>,
}

/// A name. It stays when what it names goes, so that it can come back.
#[derive(Clone, Copy, Debug)]
struct Made {
    dir: u32,
    /// `NONE` if it names nothing now.
    node: u32,
    name: u32,
    len: u8,
    /// The next name in the same directory.
    next: u32,
    /// The last layer that had it, or something below it.
    layer: u32,
}

/// What an entry says of a node, but for its content.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: Time,
    pub(super) extra: Option<Extra>,
}

/// What an entry is.
#[derive(Debug)]
pub(super) enum What<'a> {
    Directory,
    /// A range of the present backing.
    File {
        at: u64,
        len: u64,
    },
    Sparse {
        size: u64,
        pieces: Vec<Piece>,
    },
    Packed(Packed),
    Symlink {
        target: &'a [u8],
    },
    Special {
        file_type: FileType,
        rdev: u64,
    },
}

impl Builder {
    pub(super) fn new(limits: ImageLimits) -> Builder {
        let root = Node {
            body: Body::Dir { first: NONE, count: 0, parent: ROOT },
            mtime: Stamp::default(),
            uid: 0,
            gid: 0,
            nlink: 0,
            extra: NONE,
            mode: 0o755,
        };
        Builder {
            limits,
            nodes: vec![root],
            entries: Vec::new(),
            table: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            texts: Vec::new(),
            extras: Vec::new(),
            sparse: Vec::new(),
            packed: Vec::new(),
            backings: Vec::new(),
            names: 0,
            layer: 0,
            hidden: HashSet::default(),
        }
    }

    pub(super) fn limits(&self) -> &ImageLimits {
        &self.limits
    }

    /// What is added from now on has its content there, and is one layer above what was added before.
    pub(super) fn layer(&mut self, backing: Backing) -> Result<(), Problem> {
        let limit = u64::from(u16::MAX);
        if self.backings.len() as u64 >= limit {
            return Err(Problem::Limit { what: "layers", limit });
        }
        self.backings.push(backing);
        self.layer = self.backings.len() as u32;
        self.hidden.clear();
        Ok(())
    }

    /// The number of the present backing.
    pub(super) fn backing(&self) -> u16 {
        self.backings.len().saturating_sub(1) as u16
    }

    pub(super) fn add(&mut self, path: &[u8], what: What<'_>, attributes: Attributes) -> Result<(), Problem> {
        let Some((dir, name)) = self.parent(path, attributes.mtime)? else {
            return match what {
                What::Directory => self.describe(ROOT, attributes),
                _ => Err(Problem::Name("stands for the root, which is a directory")),
            };
        };
        let slot = self.slot(dir, name)?;
        let before = self.entries[slot as usize].node;
        if matches!(what, What::Directory)
            && before != NONE
            && self.nodes[before as usize].body.file_type() == FileType::Directory
        {
            return self.describe(before, attributes);
        }
        let body = self.body(what, dir)?;
        let node = self.node(body)?;
        self.entries[slot as usize].node = node;
        self.describe(node, attributes)
    }

    /// A further name for something that is there.
    pub(super) fn link(&mut self, path: &[u8], target: &[u8], mtime: Time) -> Result<(), Problem> {
        let node = self.find(target).ok_or_else(|| Problem::NoTarget { target: target.to_vec() })?;
        if self.nodes[node as usize].body.file_type() == FileType::Directory {
            return Err(Problem::LinkToDirectory { target: target.to_vec() });
        }
        let (dir, name) =
            self.parent(path, mtime)?.ok_or(Problem::Name("stands for the root, which is a directory"))?;
        let slot = self.slot(dir, name)?;
        self.entries[slot as usize].node = node;
        Ok(())
    }

    /// Hides what the layers below have at `path`.
    pub(super) fn whiteout(&mut self, path: &[u8]) {
        let name = path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1);
        if let Some(dir) = self.find(&path[..name])
            && let Some(entry) = self.entry(dir, &path[name..])
        {
            self.hide(vec![entry]);
        }
    }

    /// Hides what the layers below have in the directory `path`.
    pub(super) fn opaque(&mut self, path: &[u8]) {
        if let Some(dir) = self.find(path)
            && self.hidden.insert(dir)
        {
            self.hide(self.names_in(dir));
        }
    }

    /// Takes away what this layer does not have, and of what it has what it does not have below.
    fn hide(&mut self, mut entries: Vec<u32>) {
        while let Some(at) = entries.pop() {
            let entry = self.entries[at as usize];
            if entry.layer < self.layer {
                self.entries[at as usize].node = NONE;
            } else if entry.node != NONE && self.hidden.insert(entry.node) {
                entries.extend(self.names_in(entry.node));
            }
        }
    }

    fn names_in(&self, dir: u32) -> Vec<u32> {
        let Body::Dir { first, .. } = self.nodes[dir as usize].body else { return Vec::new() };
        let mut names = Vec::new();
        let mut at = first;
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.node != NONE {
                names.push(at);
            }
            at = entry.next;
        }
        names
    }

    /// The directory that holds the last name of `path`, made if need be, and that name; `None` for the root.
    fn parent<'p>(&mut self, path: &'p [u8], mtime: Time) -> Result<Option<(u32, &'p [u8])>, Problem> {
        let mut names = components(path);
        let Some(mut name) = names.next() else { return Ok(None) };
        let mut dir = ROOT;
        loop {
            let name_now = check(name)?;
            let Some(next) = names.next() else { return Ok(Some((dir, name_now))) };
            let slot = self.slot(dir, name_now)?;
            let node = self.entries[slot as usize].node;
            dir = if node == NONE {
                let body = self.body(What::Directory, dir)?;
                let made = self.node(body)?;
                self.entries[slot as usize].node = made;
                self.describe(made, Attributes { mode: 0o755, mtime, ..Attributes::default() })?;
                made
            } else {
                let above = || {
                    let used = name_now.as_ptr() as usize - path.as_ptr() as usize + name_now.len();
                    path[..used].to_vec()
                };
                match self.nodes[node as usize].body {
                    Body::Dir { .. } => node,
                    Body::Symlink { .. } => return Err(Problem::BelowSymlink { above: above() }),
                    _ => return Err(Problem::BelowFile { above: above() }),
                }
            };
            name = next;
        }
    }

    /// What is at `path` now.
    fn find(&self, path: &[u8]) -> Option<u32> {
        components(path).try_fold(ROOT, |dir, name| {
            let entry = self.entry(dir, name)?;
            Some(self.entries[entry as usize].node).filter(|&node| node != NONE)
        })
    }

    fn entry(&self, dir: u32, name: &[u8]) -> Option<u32> {
        self.table.find(hash(&self.hasher, dir, name), |&at| self.is(at, dir, name)).copied()
    }

    fn is(&self, at: u32, dir: u32, name: &[u8]) -> bool {
        let entry = &self.entries[at as usize];
        entry.dir == dir && self.name(entry) == name
    }

    fn name(&self, entry: &Made) -> &[u8] {
        let at = entry.name as usize;
        &self.texts[at..at + usize::from(entry.len)]
    }

    /// The place of a name, made if need be, and marked as being in this layer.
    fn slot(&mut self, dir: u32, name: &[u8]) -> Result<u32, Problem> {
        if let Some(at) = self.entry(dir, name) {
            self.entries[at as usize].layer = self.layer;
            return Ok(at);
        }
        let limit = self.limits.nodes.min(u64::from(NONE - 1));
        if self.entries.len() as u64 >= limit {
            return Err(Problem::Limit { what: "nodes", limit });
        }
        let text = self.text(name)?;
        let at = self.entries.len() as u32;
        let Body::Dir { first, .. } = &mut self.nodes[dir as usize].body else { return Err(Errno::NOTDIR.into()) };
        let next = core::mem::replace(first, at);
        self.entries.push(Made { dir, node: NONE, name: text, len: name.len() as u8, next, layer: self.layer });
        let Builder { table, entries, texts, hasher, .. } = self;
        table.insert_unique(hash(hasher, dir, name), at, |&at| {
            let entry = &entries[at as usize];
            let from = entry.name as usize;
            hash(hasher, entry.dir, &texts[from..from + usize::from(entry.len)])
        });
        Ok(at)
    }

    fn node(&mut self, body: Body) -> Result<u32, Problem> {
        let limit = self.limits.nodes.min(u64::from(NONE - 1));
        if self.nodes.len() as u64 >= limit {
            return Err(Problem::Limit { what: "nodes", limit });
        }
        let node = Node { body, mtime: Stamp::default(), uid: 0, gid: 0, nlink: 0, extra: NONE, mode: 0 };
        self.nodes.push(node);
        Ok(self.nodes.len() as u32 - 1)
    }

    fn body(&mut self, what: What<'_>, parent: u32) -> Result<Body, Problem> {
        let backing = self.backing();
        Ok(match what {
            What::Directory => Body::Dir { first: NONE, count: 0, parent },
            What::File { at, len } => Body::File { at, len, backing },
            What::Sparse { size, pieces } => {
                self.charge((pieces.len() * size_of::<Piece>()) as u64)?;
                self.sparse.push(Sparse { size, pieces: pieces.into(), backing });
                Body::Sparse(self.sparse.len() as u32 - 1)
            }
            What::Packed(packed) => {
                self.packed.push(packed);
                Body::Packed(self.packed.len() as u32 - 1)
            }
            What::Symlink { target: b"" } => return Err(Problem::Damaged("a symbolic link without a target".into())),
            What::Symlink { target } if target.len() > TARGET_MAX || target.contains(&0) => {
                return Err(Problem::Damaged("the target of a symbolic link is too long, or has a NUL in it".into()));
            }
            What::Symlink { target } => Body::Symlink { at: self.text(target)?, len: target.len() as u32 },
            What::Special { file_type, rdev } => Body::Special { file_type, rdev },
        })
    }

    fn describe(&mut self, node: u32, attributes: Attributes) -> Result<(), Problem> {
        let extra = match attributes.extra {
            None => NONE,
            Some(extra) => {
                let bytes = extra.xattrs.iter().map(|(name, value)| (name.len() + value.len() + 64) as u64).sum();
                self.charge(bytes)?;
                self.extras.push(extra);
                self.extras.len() as u32 - 1
            }
        };
        let node = &mut self.nodes[node as usize];
        (node.mode, node.uid, node.gid) = (attributes.mode & 0o7777, attributes.uid, attributes.gid);
        (node.mtime, node.extra) = (attributes.mtime.into(), extra);
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Result<u32, Problem> {
        self.charge(text.len() as u64)?;
        let at = u32::try_from(self.texts.len()).ok().filter(|at| at.checked_add(text.len() as u32).is_some());
        self.texts.extend_from_slice(text);
        at.ok_or(Problem::Limit { what: "names", limit: u32::MAX.into() })
    }

    fn charge(&mut self, bytes: u64) -> Result<(), Problem> {
        self.names = self.names.saturating_add(bytes);
        let limit = self.limits.names;
        if self.names > limit { Err(Problem::Limit { what: "names", limit }) } else { Ok(()) }
    }

    /// The index of what can be reached from the root.
    pub(super) fn finish(self) -> Index {
        let mut numbers = vec![NONE; self.nodes.len()];
        numbers[ROOT as usize] = ROOT;
        // By new number: the old one.
        let mut order = vec![ROOT];
        let mut nodes = vec![self.nodes[ROOT as usize].clone()];
        let mut entries: Vec<Entry> = Vec::new();
        let mut at = 0;
        while let Some(&old) = order.get(at) {
            let dir = at as u32;
            at += 1;
            if self.nodes[old as usize].body.file_type() != FileType::Directory {
                continue;
            }
            let mut names = self.names_in(old);
            names.sort_unstable_by(|&a, &b| {
                self.name(&self.entries[a as usize]).cmp(self.name(&self.entries[b as usize]))
            });
            let (first, mut subdirectories) = (entries.len() as u32, 0);
            for made in names.iter().map(|&name| self.entries[name as usize]) {
                let number = &mut numbers[made.node as usize];
                let node = &self.nodes[made.node as usize];
                let file_type = node.body.file_type();
                if *number == NONE {
                    *number = nodes.len() as u32;
                    order.push(made.node);
                    let mut node = node.clone();
                    if let Body::Dir { parent, .. } = &mut node.body {
                        *parent = dir;
                        subdirectories += 1;
                    }
                    nodes.push(node);
                }
                nodes[*number as usize].nlink += 1;
                entries.push(Entry { dir, node: *number, name: made.name, len: made.len, file_type });
            }
            let node = &mut nodes[dir as usize];
            node.nlink = 2 + subdirectories;
            if let Body::Dir { first: start, count, .. } = &mut node.body {
                (*start, *count) = (first, entries.len() as u32 - first);
            }
        }
        let (texts, hasher) = (Bytes::from(self.texts), self.hasher);
        let hash_of = |entry: &Entry| {
            let at = entry.name as usize;
            hash(&hasher, entry.dir, &texts[at..at + usize::from(entry.len)])
        };
        let mut table = HashTable::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            table.insert_unique(hash_of(entry), at as u32, |&at: &u32| hash_of(&entries[at as usize]));
        }
        let Builder { extras, sparse, packed, backings, .. } = self;
        let mut index = Index { nodes, entries, table, hasher, texts, extras, sparse, packed, backings, content: 0 };
        index.content = index.nodes.iter().fold(0, |sum: u64, node| sum.saturating_add(index.size(node.body).0));
        index
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/').filter(|name| !matches!(*name, b"" | b"."))
}

/// What `Name` will take. (A name is none if it is empty or `.`, which `components` has left out.)
fn check(name: &[u8]) -> Result<&[u8], Problem> {
    match name {
        b".." => Err(Problem::Name("leads out of the directory it is in (`..`)")),
        _ if name.contains(&0) => Err(Problem::Name("has a NUL in it")),
        _ if name.len() > NAME_MAX => Err(Problem::Name("has a part that is longer than 255 bytes")),
        _ => Ok(name),
    }
}
