//! [`World`]: the hands of a case. It takes short paths of plain names apart with `lookup`, so that a case can say
//! `w.rename("a/b", "c")` and still reach the traits, and nothing but the traits.

mod file;
mod node;

use core::fmt;
use std::{any::Any, collections::HashMap, sync::Arc, time::Duration};

use gangplank_vfs::{
    Ctx, Entry, FileSystem, FileType, FsCaps, ManualClock, Metadata, Name, NewNode, NodeId, OpenFlags, Remove, Rename,
    Result, SetAttr, Time,
};

pub use self::{
    file::{File, Listed},
    node::Node,
};
use crate::{
    Made,
    asked::{Asked, Lack, Notes},
    differential::quoted,
    fixture::Seal,
};

/// A filesystem under test.
pub struct World {
    fs: Arc<dyn FileSystem>,
    clock: Option<Arc<ManualClock>>,
    holds_removed: bool,
    small: Option<Box<World>>,
    seal: Option<Seal>,
    filled: bool,
    notes: Notes,
    _keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fs.fmt(f)
    }
}

impl World {
    /// Around a new filesystem.
    pub fn new(made: Made) -> World {
        let Made { fs, clock, holds_removed, keep, seal, filled } = made;
        World { fs, clock, holds_removed, small: None, seal, filled, notes: Notes::default(), _keep: keep }
    }

    /// The filesystem.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        self.notes.touch();
        &self.fs
    }

    /// Whether it claims all of `caps`.
    pub fn has(&self, caps: FsCaps) -> bool {
        let missing = caps - self.fs.info().caps;
        self.notes.claims(caps, missing);
        missing.is_empty()
    }

    /// What the case that has it in its hands has made of it so far.
    pub fn asked(&self) -> Asked {
        let mut asked = self.notes.asked();
        if let Some(small) = &self.small {
            let of_small = small.asked();
            asked.touched |= of_small.touched;
            asked.without.extend(of_small.without);
            asked.without.dedup();
        }
        asked
    }

    /// Whether a node that is referenced, but has neither a name nor an open file, can still be used.
    pub fn holds_removed(&self) -> bool {
        if !self.has(FsCaps::UNLINKED_OPEN) {
            return false;
        }
        if !self.holds_removed {
            self.notes.lacks(Lack::Held);
        }
        self.holds_removed
    }

    /// Whether it came with a tree of its own and cannot be changed.
    pub fn is_filled(&self) -> bool {
        self.filled
    }

    /// Another filesystem of the same kind, small enough to be filled, if there is such a thing.
    pub fn small(&self) -> Option<&World> {
        if self.small.is_none() {
            self.notes.lacks(Lack::Small);
        }
        self.small.as_deref()
    }

    pub(crate) fn set_small(&mut self, small: Option<World>) {
        self.small = small.map(Box::new);
    }

    /// What is looked at once it has been filled: the same filesystem, or what its fixture makes of it.
    pub fn sealed(&self) -> World {
        let fs = self.seal.map_or_else(|| self.fs.clone(), |seal| seal(&self.fs));
        World {
            fs,
            clock: self.clock.clone(),
            holds_removed: self.holds_removed,
            small: None,
            seal: None,
            filled: self.filled,
            notes: Notes::default(),
            _keep: Box::new(()),
        }
    }

    /// Lets enough time pass that a timestamp taken now differs from all before.
    pub fn tick(&self) {
        match &self.clock {
            Some(clock) => clock.advance(1_000_000_007),
            // Twice the coarse clock's step at 100 Hz.
            None => {
                let step = u64::from(self.fs.info().time_granularity_ns);
                std::thread::sleep(Duration::from_nanos((2 * step).max(20_000_000)));
            }
        }
    }

    /// The root directory.
    pub fn root(&self) -> Node {
        self.notes.touch();
        self.fs.retain(self.fs.root());
        Node { fs: self.fs.clone(), id: self.fs.root(), file_type: FileType::Directory }
    }

    fn own(&self, entry: Entry) -> Node {
        Node { fs: self.fs.clone(), id: entry.node, file_type: entry.file_type }
    }

    /// The directory that holds the last name of `path`, and that name.
    ///
    /// # Errors
    /// As `lookup`, and as `Name::new`.
    pub fn split<'p>(&self, path: &'p (impl AsRef<[u8]> + ?Sized)) -> Result<(Node, Name<'p>)> {
        let path = path.as_ref();
        let (dir, name) = match path.iter().rposition(|&b| b == b'/') {
            Some(at) => (self.node(&path[..at])?, &path[at + 1..]),
            None => (self.root(), path),
        };
        Ok((dir, Name::new(name)?))
    }

    /// The node at `path`, `""` being the root; no symbolic link is followed.
    ///
    /// # Errors
    /// As `lookup`.
    pub fn node(&self, path: impl AsRef<[u8]>) -> Result<Node> {
        let path = path.as_ref();
        let mut at = self.root();
        for name in path.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            at = self.lookup(&at, name)?;
        }
        Ok(at)
    }

    /// `lookup`.
    ///
    /// # Errors
    /// As `lookup`, and as `Name::new`.
    pub fn lookup(&self, dir: &Node, name: impl AsRef<[u8]>) -> Result<Node> {
        Ok(self.own(self.fs.lookup(&Ctx::ROOT, dir.id, Name::new(name.as_ref())?)?))
    }

    /// `create` in a directory that is known.
    ///
    /// # Errors
    /// As `create`.
    pub fn create_in(&self, dir: &Node, name: impl AsRef<[u8]>, new: NewNode<'_>) -> Result<Node> {
        Ok(self.own(self.fs.create(&Ctx::ROOT, dir.id, Name::new(name.as_ref())?, &new)?))
    }

    /// `create`.
    ///
    /// # Errors
    /// As `create`, and as `lookup` on the way.
    pub fn create(&self, path: &(impl AsRef<[u8]> + ?Sized), new: NewNode<'_>) -> Result<Node> {
        let (dir, name) = self.split(path)?;
        self.create_in(&dir, name.as_bytes(), new)
    }

    /// Makes a directory, 0755.
    ///
    /// # Errors
    /// As `create`.
    pub fn mkdir(&self, path: &(impl AsRef<[u8]> + ?Sized)) -> Result<Node> {
        self.create(path, NewNode::Directory { mode: 0o755 })
    }

    /// Makes an empty file, 0644.
    ///
    /// # Errors
    /// As `create`.
    pub fn mkfile(&self, path: &(impl AsRef<[u8]> + ?Sized)) -> Result<Node> {
        self.create(path, NewNode::Regular { mode: 0o644 })
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As `create`.
    pub fn symlink(&self, target: impl AsRef<[u8]>, path: &(impl AsRef<[u8]> + ?Sized)) -> Result<Node> {
        self.create(path, NewNode::Symlink { target: target.as_ref() })
    }

    /// Makes a file with this content.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn put(&self, path: &(impl AsRef<[u8]> + ?Sized), content: impl AsRef<[u8]>) -> Node {
        let node = self.mkfile(path).expect("make a file");
        let file = node.open(OpenFlags::WRITE).expect("open the new file");
        assert_eq!(file.write(0, content.as_ref()), Ok(content.as_ref().len()), "fill the new file");
        node
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// As `open` and `read_at`.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        let file = self.open(path, OpenFlags::READ)?;
        let len = file.getattr()?.size as usize;
        file.read(0, len)
    }

    /// `open`.
    ///
    /// # Errors
    /// As `open`.
    pub fn open(&self, path: impl AsRef<[u8]>, flags: OpenFlags) -> Result<File> {
        self.node(path)?.open(flags)
    }

    /// `link`.
    ///
    /// # Errors
    /// As `link`.
    pub fn link(&self, from: impl AsRef<[u8]>, to: &(impl AsRef<[u8]> + ?Sized)) -> Result<()> {
        let node = self.node(from)?;
        let (dir, name) = self.split(to)?;
        self.fs.link(&Ctx::ROOT, node.id, dir.id, name)
    }

    /// `remove`, as `unlink`.
    ///
    /// # Errors
    /// As `remove`.
    pub fn unlink(&self, path: &(impl AsRef<[u8]> + ?Sized)) -> Result<()> {
        let (dir, name) = self.split(path)?;
        self.fs.remove(&Ctx::ROOT, dir.id, name, Remove::NonDirectory)
    }

    /// `remove`, as `rmdir`.
    ///
    /// # Errors
    /// As `remove`.
    pub fn rmdir(&self, path: &(impl AsRef<[u8]> + ?Sized)) -> Result<()> {
        let (dir, name) = self.split(path)?;
        self.fs.remove(&Ctx::ROOT, dir.id, name, Remove::Directory)
    }

    /// `rename`.
    ///
    /// # Errors
    /// As `rename`.
    pub fn rename(
        &self,
        from: &(impl AsRef<[u8]> + ?Sized),
        to: &(impl AsRef<[u8]> + ?Sized),
        how: Rename,
    ) -> Result<()> {
        let (from_dir, from_name) = self.split(from)?;
        let (to_dir, to_name) = self.split(to)?;
        self.fs.rename(&Ctx::ROOT, (from_dir.id, from_name), (to_dir.id, to_name), how)
    }

    /// `rename` that replaces.
    ///
    /// # Errors
    /// As `rename`.
    pub fn mv(&self, from: &(impl AsRef<[u8]> + ?Sized), to: &(impl AsRef<[u8]> + ?Sized)) -> Result<()> {
        self.rename(from, to, Rename::Replace)
    }

    /// `getattr`.
    ///
    /// # Errors
    /// As `lookup` and `getattr`.
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Metadata> {
        self.node(path)?.stat()
    }

    /// `setattr`.
    ///
    /// # Errors
    /// As `setattr`.
    pub fn setattr(&self, path: impl AsRef<[u8]>, attr: SetAttr) -> Result<()> {
        self.node(path)?.setattr(attr)
    }

    /// `readlink`.
    ///
    /// # Errors
    /// As `readlink`.
    pub fn readlink(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>> {
        self.fs.readlink(self.node(path)?.id).map(Vec::from)
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As `open` and `readdir`.
    pub fn names(&self, path: impl AsRef<[u8]>) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.open(path, OpenFlags::READ)?.list()?.into_iter().map(|e| e.name).collect();
        names.sort();
        Ok(names)
    }

    /// The paths of everything that is there.
    ///
    /// # Panics
    /// If the filesystem fails.
    pub fn paths(&self) -> Vec<String> {
        let (mut paths, mut dirs) = (vec![], vec![(String::new(), self.root())]);
        while let Some((prefix, dir)) = dirs.pop() {
            for e in dir.open(OpenFlags::READ).expect("open a directory").list().expect("list it") {
                let path = format!("{prefix}{}", e.name);
                if e.file_type == FileType::Directory {
                    let below = self.lookup(&dir, &e.raw).expect("look up what is listed");
                    dirs.push((format!("{path}/"), below));
                }
                paths.push(path);
            }
        }
        paths.sort();
        paths
    }

    /// The whole tree as text: path, type, number of links, content; equal text, equal trees. Directories' link
    /// counts and sizes are left out, because not every filesystem counts them.
    ///
    /// # Panics
    /// If the filesystem fails, or contradicts itself.
    pub fn tree(&self) -> String {
        let mut out = String::new();
        self.tree_of(&self.root(), "", None, &mut HashMap::new(), &mut out);
        out
    }

    /// The same, where `mounted` is seen instead of what is at `point`.
    pub(crate) fn tree_with(&self, point: &str, mounted: &World) -> String {
        let (mut out, point) = (String::new(), self.node(point).expect("what is mounted on"));
        self.tree_of(&self.root(), "", Some((point.id, mounted)), &mut HashMap::new(), &mut out);
        out
    }

    fn tree_of(
        &self,
        dir: &Node,
        prefix: &str,
        mounted: Option<(NodeId, &World)>,
        seen: &mut HashMap<NodeId, String>,
        out: &mut String,
    ) {
        use fmt::Write as _;
        let mut entries = dir.open(OpenFlags::READ).expect("open a directory").list().expect("list it");
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        for e in entries {
            let path = format!("{prefix}{}", e.name);
            let node = self.lookup(dir, &e.raw).unwrap_or_else(|err| panic!("{path} is listed, but lookup: {err}"));
            let m = node.stat().expect("stat what was looked up");
            assert_eq!((m.ino, m.ino), (e.node, node.id), "{path}: three ways to its number");
            match m.file_type {
                FileType::Directory => {
                    writeln!(out, "{path}/").unwrap();
                    let below = format!("{path}/");
                    match mounted {
                        Some((point, other)) if point == node.id => {
                            other.tree_of(&other.root(), &below, None, &mut HashMap::new(), out);
                        }
                        _ => self.tree_of(&node, &below, mounted, seen, out),
                    }
                }
                FileType::Symlink => {
                    let target = self.fs.readlink(node.id).expect("read a link");
                    writeln!(out, "{path} -> {} ({} links)", target.escape_ascii(), m.nlink).unwrap();
                }
                FileType::Regular => {
                    let first = seen.entry(m.ino).or_insert_with(|| path.clone());
                    if *first == path {
                        let text = node.open(OpenFlags::READ).and_then(|f| f.read(0, m.size as usize));
                        let text = text.expect("read a file");
                        writeln!(out, "{path} = {} ({} links)", quoted(&text), m.nlink).unwrap();
                    } else {
                        writeln!(out, "{path} == {first}").unwrap();
                    }
                }
                other => writeln!(out, "{path} {other:?} ({} links)", m.nlink).unwrap(),
            }
        }
    }

    /// The clock's time, if it is ours.
    pub fn now(&self) -> Option<Time> {
        use gangplank_vfs::Clock as _;
        self.clock.as_ref().map(|c| c.now())
    }
}
