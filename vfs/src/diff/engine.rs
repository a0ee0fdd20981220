//! From two trees to [`Changes`]: what has no counterpart at its own path is looked for at the others.
//!
//! 1. Directories that correspond are compared name by name. That leaves names that are only before (*gone*), names
//!    that are only after (*new*), and names that lead to different nodes (both).
//! 2. Everything that was below what is gone is noted by its identity.
//! 3. A new name whose node is among the gone has been renamed; its directory corresponds to the old one (1. again).
//!    Else it is created, and what is in it is new.
//! 4. What is left of the names with two nodes has been replaced: the two correspond.
//! 5. What is left of the gone is deleted.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Aspects, Change, Changes, Kind, path::Path};
use crate::{
    Errno, FileType, NodeId, PATH_MAX,
    tree::{Result, TreeError},
};

/// Which of the two trees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Before,
    After,
}

/// Something at a path of one of the two.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// On its own side.
    pub(crate) path: Path,
    /// Which directory it is in; its own number at the top.
    pub(crate) dir: NodeId,
    pub(crate) node: NodeId,
    pub(crate) file_type: FileType,
}

impl Item {
    pub(crate) fn top(node: NodeId) -> Item {
        Item { path: Path::default(), dir: node, node, file_type: FileType::Directory }
    }
}

/// One entry of a directory.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: Box<[u8]>,
    pub(crate) node: NodeId,
    pub(crate) file_type: FileType,
}

/// Who a node is, if both sides agree on that.
pub(crate) type Identity = (NodeId, u64);

/// Two trees.
pub(crate) trait Sides {
    /// The entries of a directory by name; none if it is gone.
    fn list(&mut self, side: Side, dir: &Item) -> Result<Vec<Listed>>;

    /// The entries of two directories that correspond, each by name. What is the same entry in both may be left out
    /// if nothing in it or below it is to be compared here.
    fn entries(&mut self, before: &Item, after: &Item) -> Result<(Vec<Listed>, Vec<Listed>)>;

    /// Who it is; `None` if the two trees have nothing in common.
    fn identity(&self, side: Side, node: NodeId) -> Option<Identity>;

    /// Whether anything in or below `after` can be different, beside its own metadata, from what is in or below the
    /// same directory before.
    fn is_touched(&self, after: &Item) -> bool;

    /// What is different about two nodes of one type, beside the entries of directories.
    fn aspects(&mut self, before: &Item, after: &Item) -> Result<Aspects>;

    /// Bytes in a file or link, else 0.
    fn size(&mut self, side: Side, item: &Item) -> Result<u64>;
}

/// The work.
pub(crate) struct Engine<S> {
    pub(crate) sides: S,
    changes: Vec<Change>,
    /// Directories that correspond.
    pairs: Vec<(Item, Item)>,
    /// Directories first, so that it is known which of them have moved before it is asked where a file comes from.
    new_dirs: VecDeque<New>,
    new: VecDeque<New>,
    gone: Vec<Gone>,
    /// By directory and name.
    gone_at: HashMap<(NodeId, Box<[u8]>), usize>,
    gone_who: HashMap<Identity, Vec<usize>>,
    /// How many of `gone` have been noted with all that was below.
    noted: usize,
    replaced: Vec<(Item, usize)>,
    /// Nodes of the later tree that correspond to one of the earlier.
    told: HashSet<NodeId>,
}

struct New {
    item: Item,
    /// What had the name before.
    instead_of: Option<usize>,
}

struct Gone {
    item: Item,
    /// Where it would be now, with directories above that have moved.
    path_now: Path,
    /// The directory it was in, if that is gone as well.
    within: Option<usize>,
    /// Whether the directory it was in still exists somewhere, so that this entry itself is what is gone.
    top: bool,
    /// Whether it is somewhere after all, or was replaced.
    found: bool,
}

impl<S: Sides> Engine<S> {
    pub(crate) fn new(sides: S) -> Engine<S> {
        Engine {
            sides,
            changes: Vec::new(),
            pairs: Vec::new(),
            new_dirs: VecDeque::new(),
            new: VecDeque::new(),
            gone: Vec::new(),
            gone_at: HashMap::new(),
            gone_who: HashMap::new(),
            noted: 0,
            replaced: Vec::new(),
            told: HashSet::new(),
        }
    }

    /// Says that two directories correspond, and that their entries have to be compared.
    pub(crate) fn pair(&mut self, before: Item, after: Item) {
        self.pairs.push((before, after));
    }

    /// Notes what is different about two nodes that correspond, at the same place.
    pub(crate) fn changed(&mut self, before: &Item, after: &Item) -> Result<()> {
        let aspects = self.sides.aspects(before, after)?;
        if !aspects.is_empty() {
            self.tell(after, Kind::Changed(aspects), Some(before))?;
        }
        Ok(())
    }

    /// Whether what has become of this node has been told.
    pub(crate) fn has_told(&self, node: NodeId) -> bool {
        self.told.contains(&node)
    }

    /// The paths that there is an entry for.
    pub(super) fn paths(&self) -> HashSet<Vec<u8>> {
        self.changes.iter().map(|change| change.path.clone()).collect()
    }

    /// The result.
    pub(crate) fn finish(self) -> Changes {
        Changes::new(self.changes)
    }

    /// Does all of it.
    pub(crate) fn run(&mut self) -> Result<()> {
        self.compare_pairs()?;
        self.note_gone()?;
        loop {
            while let Some(new) = self.new_dirs.pop_front().or_else(|| self.new.pop_front()) {
                self.place(new)?;
                self.compare_pairs()?;
                self.note_gone()?;
            }
            let Some((after, at)) = self.replaced.pop() else { break };
            self.replace(after, at)?;
            self.compare_pairs()?;
            self.note_gone()?;
        }
        self.delete()
    }

    fn compare_pairs(&mut self) -> Result<()> {
        while let Some((before, after)) = self.pairs.pop() {
            self.compare_dirs(&before, &after)?;
        }
        Ok(())
    }

    /// 1.
    fn compare_dirs(&mut self, before: &Item, after: &Item) -> Result<()> {
        let (was, is) = self.sides.entries(before, after)?;
        let (mut was, mut is) = (was.into_iter().peekable(), is.into_iter().peekable());
        loop {
            let order = match (was.peek(), is.peek()) {
                (Some(a), Some(b)) => a.name.cmp(&b.name),
                (Some(_), None) => core::cmp::Ordering::Less,
                (None, Some(_)) => core::cmp::Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let a = if order.is_le() { was.next() } else { None };
            let b = if order.is_ge() { is.next() } else { None };
            match (a, b) {
                (Some(a), Some(b)) => {
                    let who = (self.sides.identity(Side::Before, a.node), self.sides.identity(Side::After, b.node));
                    if who.0 == who.1 {
                        self.keep(before.node, &a.name);
                        self.correspond(item(before, &a), item(after, &b))?;
                    } else {
                        let at = self.lose(before, &a, &after.path);
                        self.find(New { item: item(after, &b), instead_of: Some(at) });
                    }
                }
                (Some(a), None) => drop(self.lose(before, &a, &after.path)),
                (None, Some(b)) => self.find(New { item: item(after, &b), instead_of: None }),
                (None, None) => {}
            }
        }
    }

    fn find(&mut self, new: New) {
        let directory = new.item.file_type == FileType::Directory;
        if directory { self.new_dirs.push_back(new) } else { self.new.push_back(new) }
    }

    /// Two nodes that correspond, both at this path.
    fn correspond(&mut self, before: Item, after: Item) -> Result<()> {
        if before.file_type != after.file_type {
            self.tell(&after, Kind::TypeChanged { from: before.file_type }, Some(&before))?;
            self.children_are_gone(&before)?;
            return self.children_are_new(&after);
        }
        let who = self.sides.identity(Side::After, after.node);
        let same = who.is_some() && who == self.sides.identity(Side::Before, before.node);
        if same && !self.sides.is_touched(&after) {
            return Ok(());
        }
        self.told.insert(after.node);
        self.changed(&before, &after)?;
        if after.file_type == FileType::Directory {
            self.pairs.push((before, after));
        }
        Ok(())
    }

    /// Notes that an entry is not where it was, though its directory still exists, at `dir_now`.
    fn lose(&mut self, dir: &Item, entry: &Listed, dir_now: &Path) -> usize {
        let path_now = dir_now.join(&entry.name);
        if let Some(&at) = self.gone_at.get(&(dir.node, entry.name.clone())) {
            (self.gone[at].top, self.gone[at].path_now) = (true, path_now);
            return at;
        }
        let item = item(dir, entry);
        self.add_gone(&entry.name, Gone { item, path_now, within: None, top: true, found: false })
    }

    /// Notes that something is where it was, in a directory that may have moved.
    fn keep(&mut self, dir: NodeId, name: &[u8]) {
        if !self.gone.is_empty()
            && let Some(&at) = self.gone_at.get(&(dir, Box::from(name)))
        {
            self.gone[at].found = true;
        }
    }

    fn add_gone(&mut self, name: &[u8], gone: Gone) -> usize {
        let at = self.gone.len();
        self.gone_at.insert((gone.item.dir, name.into()), at);
        if let Some(who) = self.sides.identity(Side::Before, gone.item.node) {
            self.gone_who.entry(who).or_default().push(at);
        }
        self.gone.push(gone);
        at
    }

    /// 2.
    fn note_gone(&mut self) -> Result<()> {
        while self.noted < self.gone.len() {
            let at = self.noted;
            self.noted += 1;
            let dir = self.gone[at].item.clone();
            if dir.file_type != FileType::Directory {
                continue;
            }
            for entry in self.sides.list(Side::Before, &dir)? {
                match self.gone_at.get(&(dir.node, entry.name.clone())) {
                    Some(&known) => self.gone[known].within = Some(at),
                    None => {
                        let item = item(&dir, &entry);
                        let path_now = item.path.clone();
                        let below = Gone { item, path_now, within: Some(at), top: false, found: false };
                        self.add_gone(&entry.name, below);
                    }
                }
            }
        }
        Ok(())
    }

    /// 3.
    fn place(&mut self, New { item: after, instead_of }: New) -> Result<()> {
        let who = self.sides.identity(Side::After, after.node);
        let known = who.and_then(|who| self.gone_who.get(&who)).map_or(&[][..], Vec::as_slice);
        let from = known.iter().copied().find(|&at| self.is_gone(at));
        if let Some(at) = from {
            self.gone[at].found = true;
            let before = self.gone[at].item.clone();
            let aspects = self.sides.aspects(&before, &after)?;
            self.told.insert(after.node);
            self.tell(&after, Kind::Renamed { from: before.path.to_vec(), aspects }, Some(&before))?;
            if after.file_type == FileType::Directory && self.sides.is_touched(&after) {
                self.pairs.push((before, after));
            }
            return Ok(());
        }
        match instead_of {
            Some(at) => self.replaced.push((after, at)),
            None => self.create(&after)?,
        }
        Ok(())
    }

    fn create(&mut self, after: &Item) -> Result<()> {
        self.tell(after, Kind::Created, None)?;
        self.children_are_new(after)
    }

    fn children_are_new(&mut self, after: &Item) -> Result<()> {
        if after.file_type == FileType::Directory {
            for entry in self.sides.list(Side::After, after)? {
                self.find(New { item: item(after, &entry), instead_of: None });
            }
        }
        Ok(())
    }

    fn children_are_gone(&mut self, before: &Item) -> Result<()> {
        if before.file_type == FileType::Directory {
            for entry in self.sides.list(Side::Before, before)? {
                self.lose(before, &entry, &before.path);
            }
        }
        Ok(())
    }

    /// 4.
    fn replace(&mut self, after: Item, at: usize) -> Result<()> {
        if self.gone[at].found {
            return self.create(&after);
        }
        self.gone[at].found = true;
        self.correspond(self.gone[at].item.clone(), after)
    }

    /// Whether it is not known to be anywhere. What was below something that has been found is there still, unless it
    /// has been missed there.
    fn is_gone(&self, mut at: usize) -> bool {
        loop {
            let gone = &self.gone[at];
            match gone.within {
                _ if gone.found => return false,
                _ if gone.top => return true,
                Some(above) => at = above,
                None => return false,
            }
        }
    }

    /// 5.
    fn delete(&mut self) -> Result<()> {
        let mut below: HashMap<usize, u64> = HashMap::new();
        // What something is within comes before it, unless it is a top itself.
        let mut tops: Vec<Option<usize>> = Vec::with_capacity(self.gone.len());
        for (at, gone) in self.gone.iter().enumerate() {
            let top = match gone.within {
                _ if gone.found => None,
                _ if gone.top => Some(at),
                Some(above) => tops.get(above).copied().flatten(),
                None => None,
            };
            if let Some(top) = top.filter(|&top| top != at) {
                *below.entry(top).or_default() += 1;
            }
            tops.push(top);
        }
        for at in 0..self.gone.len() {
            if self.gone[at].found || !self.gone[at].top {
                continue;
            }
            let (before, path) = (self.gone[at].item.clone(), self.gone[at].path_now.to_vec());
            let size_before = self.sides.size(Side::Before, &before)?;
            let below = below.get(&at).copied().unwrap_or(0);
            let kind = Kind::Deleted { below };
            self.changes.push(Change { path, kind, file_type: before.file_type, size: 0, size_before });
        }
        Ok(())
    }

    /// Adds an entry.
    pub(crate) fn tell(&mut self, after: &Item, kind: Kind, before: Option<&Item>) -> Result<()> {
        let size = self.sides.size(Side::After, after)?;
        let size_before = before.map_or(Ok(0), |before| self.sides.size(Side::Before, before))?;
        if after.path.len() > PATH_MAX {
            // As many long paths as a tree is deep could fill the memory, and none of them could be used.
            return Err(TreeError::new("tell the path of", &after.path.to_vec(), Errno::NAMETOOLONG));
        }
        self.changes.push(Change { path: after.path.to_vec(), kind, file_type: after.file_type, size, size_before });
        Ok(())
    }
}

/// A path, longer by one name.
pub(super) fn join_path(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

pub(super) fn item(dir: &Item, entry: &Listed) -> Item {
    Item { path: dir.path.join(&entry.name), dir: dir.node, node: entry.node, file_type: entry.file_type }
}
