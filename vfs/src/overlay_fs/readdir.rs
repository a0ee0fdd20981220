//! [`OverlayDir`]: an open directory.
//!
//! What the upper layer alone has comes first, in its order and under its cookies; then what the layers below have, in
//! an order that never changes, as they do not. A name that both have is listed in the second part, wherever it leads
//! now, so that a copy-up in the middle of a listing moves nothing. So the cookies are as stable as the upper layer's,
//! for other descriptions of the directory and for forks too.

use core::{
    hash::{BuildHasher, Hasher},
    ops::ControlFlow,
    sync::atomic::Ordering,
};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet, HashTable};

use super::{
    layer::{INTERNAL, LIST, NodeRef, Said},
    node::{Key, Node},
    shared::Shared,
    tree::{Child, Slot, Tree},
};
use crate::{
    Cookie, Ctx, DirEntry, FileType, Metadata, Name, NodeId, OpenFlags, Result, SetAttr, VirtualFile, sync::Mutex,
};

/// Cookies of the second part have this bit, and an index.
const BELOW: u64 = 1 << 63;

/// How many entries of the upper layer are taken at once.
const BATCH: usize = 128;

/// The names that layers below have in one directory.
#[derive(Debug, Default)]
pub(super) struct LowerNames {
    pub(super) entries: Vec<LowerEntry>,
    names: Vec<u8>,
    by_name: HashTable<u32>,
    /// Seeded at random: the names may be chosen by whoever wrote the layers, a guest for example.
    hash: RandomState,
}

/// One of them.
#[derive(Debug)]
pub(super) struct LowerEntry {
    name: core::ops::Range<usize>,
    key: Key,
    file_type: FileType,
}

impl LowerNames {
    pub(super) fn name(&self, entry: &LowerEntry) -> Name<'_> {
        Name::from_checked(&self.names[entry.name.clone()])
    }

    fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.hash.build_hasher();
        hasher.write(name);
        hasher.finish()
    }

    fn contains(&self, name: &[u8]) -> bool {
        let same = |&at: &u32| self.names[self.entries[at as usize].name.clone()] == *name;
        !self.entries.is_empty() && self.by_name.find(self.hash(name), same).is_some()
    }

    fn push(&mut self, name: &[u8], key: Key, file_type: FileType) {
        let (start, at) = (self.names.len(), self.entries.len() as u32);
        self.names.extend_from_slice(name);
        self.entries.push(LowerEntry { name: start..self.names.len(), key, file_type });
        let (names, entries, state) = (&self.names, &self.entries, &self.hash);
        let rehash = |&at: &u32| {
            let mut hasher = state.build_hasher();
            hasher.write(&names[entries[at as usize].name.clone()]);
            hasher.finish()
        };
        let hash = rehash(&at);
        self.by_name.insert_unique(hash, at, rehash);
    }
}

/// An entry of an upper directory, as one batch brought it.
#[derive(Debug)]
struct Raw {
    name: Vec<u8>,
    node: NodeId,
    /// `None` for a whiteout.
    file_type: Option<FileType>,
    next: Cookie,
}

/// Takes a name of an upper directory, the number of its node there, and its type unless it is a whiteout.
type UpperSink<'a> = &'a mut dyn FnMut(&[u8], NodeId, Option<FileType>) -> ControlFlow<()>;

impl Shared {
    /// What the layers below have in a directory. Kept as long as somebody lists it.
    pub(super) fn lower_names(&self, dir: &Node) -> Result<Arc<LowerNames>> {
        let mut kept = dir.listing.lock();
        if let Some(names) = kept.upgrade() {
            return Ok(names);
        }
        let mut all = LowerNames::default();
        let mut hidden: HashSet<Vec<u8>, RandomState> = HashSet::default();
        for (i, lower) in dir.lowers.iter().enumerate() {
            let last = i + 1 == dir.lowers.len();
            let mut raw = Vec::new();
            let open = lower.node.fs.open(&INTERNAL, lower.node.id, LIST)?;
            list(&*open, Cookie::START, usize::MAX, &mut raw)?;
            for mut entry in raw {
                self.tell_whiteout(&lower.node, lower.marked, &mut entry)?;
                if all.contains(&entry.name) || hidden.contains(&entry.name) {
                    continue;
                }
                match entry.file_type {
                    None if last => {}
                    None => drop(hidden.insert(entry.name)),
                    Some(file_type) => {
                        let key = Key { layer: lower.layer, ino: entry.node.get() };
                        all.push(&entry.name, key, file_type);
                    }
                }
            }
        }
        let all = Arc::new(all);
        *kept = Arc::downgrade(&all);
        Ok(all)
    }

    /// Calls `f` with every name of an upper directory.
    pub(super) fn each_upper(&self, dir: &NodeRef, marked: bool, f: UpperSink<'_>) -> Result<()> {
        let open = dir.fs.open(&INTERNAL, dir.id, LIST)?;
        let (mut batch, mut from) = (Vec::new(), Cookie::START);
        loop {
            batch.clear();
            list(&*open, from, BATCH, &mut batch)?;
            let Some(last) = batch.last() else { return Ok(()) };
            from = last.next;
            for entry in &mut batch {
                self.tell_whiteout(dir, marked, entry)?;
                if f(&entry.name, entry.node, entry.file_type).is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn tell_whiteout(&self, dir: &NodeRef, marked: bool, entry: &mut Raw) -> Result<()> {
        let suspect = match entry.file_type {
            Some(FileType::CharDevice | FileType::Unknown) => true,
            Some(FileType::Regular) => marked,
            _ => false,
        };
        if suspect {
            match self.layers.ask(dir, marked, Name::from_checked(&entry.name))? {
                Said::Whiteout => entry.file_type = None,
                Said::Node(_, file_type) => entry.file_type = Some(file_type),
                // It has gone meanwhile.
                Said::Nothing => entry.file_type = None,
            }
        }
        Ok(())
    }

    /// The number that is shown of an entry of an upper directory.
    fn number(&self, tree: &Tree, slot: Option<Slot>, dir: &Node, name: &[u8], node: NodeId) -> Result<NodeId> {
        let name = Name::from_checked(name);
        if let Some(slot) = slot
            && let Some(Child::Node { slot, .. }) = tree.child_of(slot, name)?
        {
            return Ok(tree.node(slot)?.id);
        }
        if let Some(key) = tree.origins.get(&node.get()) {
            return Ok(key.id());
        }
        let own = Key { layer: 0, ino: node.get() };
        if self.layers.lowers.is_empty() || (dir.lowers.is_empty() && !dir.impure.load(Ordering::Relaxed)) {
            return Ok(own.id());
        }
        let Some((found, _)) = dir.real()?.lookup(name)? else { return Ok(own.id()) };
        let origin = self.origin_of(&found)?.map(|origin| Key { layer: origin.layer, ino: origin.ino });
        Ok(origin.unwrap_or(own).id())
    }
}

/// Takes at most `limit` entries of a directory of a layer.
fn list(dir: &dyn VirtualFile, from: Cookie, limit: usize, out: &mut Vec<Raw>) -> Result<()> {
    dir.readdir(from, &mut |entry| {
        if out.len() == limit {
            return ControlFlow::Break(());
        }
        out.push(Raw {
            name: entry.name.as_bytes().to_vec(),
            node: entry.node,
            file_type: Some(entry.file_type),
            next: entry.next,
        });
        ControlFlow::Continue(())
    })
}

/// An open directory. It holds a reference to its node.
#[derive(Debug)]
pub(super) struct OverlayDir {
    shared: Arc<Shared>,
    node: Arc<Node>,
    flags: OpenFlags,
    stream: Mutex<Stream>,
}

/// What one listing needs.
#[derive(Debug, Default)]
struct Stream {
    begun: bool,
    upper: Option<Arc<dyn VirtualFile>>,
    below: Arc<LowerNames>,
    /// What the upper layer says of names that are below: `None` for a whiteout.
    over: HashMap<Vec<u8>, Option<(NodeId, FileType)>, RandomState>,
    batch: Vec<Raw>,
}

impl OverlayDir {
    /// To be called with the tree locked.
    pub(super) fn new(shared: Arc<Shared>, node: Arc<Node>, flags: OpenFlags) -> OverlayDir {
        node.retain(1);
        OverlayDir { shared, node, flags, stream: Mutex::default() }
    }

    fn needs(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(crate::Errno::BADF) }
    }

    fn begin(&self, stream: &mut Stream) -> Result<()> {
        let shared = &self.shared;
        *stream = Stream { begun: true, batch: core::mem::take(&mut stream.batch), ..Stream::default() };
        if !self.node.lowers.is_empty() {
            stream.below = shared.lower_names(&self.node)?;
        }
        let Some(upper) = self.node.upper.get() else { return Ok(()) };
        let flags = OpenFlags::READ | OpenFlags::DIRECTORY | (self.flags & OpenFlags::NOATIME);
        stream.upper = Some(upper.fs.open(&INTERNAL, upper.id, flags)?);
        if stream.below.entries.is_empty() {
            return Ok(());
        }
        let marked = self.node.marked.load(Ordering::Relaxed);
        let (below, over) = (&stream.below, &mut stream.over);
        shared.each_upper(upper, marked, &mut |name, node, file_type| {
            if below.contains(name) {
                over.insert(name.to_vec(), file_type.map(|file_type| (node, file_type)));
            }
            ControlFlow::Continue(())
        })
    }

    /// The first part.
    fn list_upper(
        &self,
        tree: &Tree,
        stream: &mut Stream,
        mut from: Cookie,
        sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let (Some(open), Some(upper)) = (stream.upper.clone(), self.node.upper.get()) else {
            return Ok(ControlFlow::Continue(()));
        };
        let marked = self.node.marked.load(Ordering::Relaxed);
        let slot = tree.slot_of(self.node.id).ok();
        let mut batch = core::mem::take(&mut stream.batch);
        let end = loop {
            batch.clear();
            list(&*open, from, BATCH, &mut batch)?;
            let Some(last) = batch.last() else { break ControlFlow::Continue(()) };
            from = last.next;
            batch.retain(|entry| !stream.below.contains(&entry.name));
            for entry in &mut batch {
                self.shared.tell_whiteout(upper, marked, entry)?;
            }
            for entry in batch.iter_mut().filter(|entry| entry.file_type.is_some()) {
                entry.node = self.shared.number(tree, slot, &self.node, &entry.name, entry.node)?;
            }
            let end = batch.iter().try_for_each(|entry| match entry.file_type {
                Some(file_type) => {
                    let name = Name::from_checked(&entry.name);
                    sink(DirEntry { name, node: entry.node, file_type, next: entry.next })
                }
                None => ControlFlow::Continue(()),
            });
            if end.is_break() {
                break end;
            }
        };
        stream.batch = batch;
        Ok(end)
    }

    /// The second part.
    fn list_below(
        &self,
        tree: &Tree,
        stream: &Stream,
        from: usize,
        sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let slot = tree.slot_of(self.node.id).ok();
        for (i, entry) in stream.below.entries.iter().enumerate().skip(from) {
            let name = stream.below.name(entry);
            let known = slot.and_then(|slot| tree.child_of(slot, name).ok().flatten());
            let (node, file_type) = match (known, stream.over.get(name.as_bytes())) {
                // As it is now, not as it was when the listing began.
                (Some(Child::Nothing { .. }), _) => continue,
                (Some(Child::Node { slot, .. }), _) => {
                    let node = tree.node(slot)?;
                    (node.id, node.file_type)
                }
                (None, None) => (entry.key.id(), entry.file_type),
                (None, Some(None)) => continue,
                (None, Some(&Some((node, file_type)))) => {
                    (self.shared.number(tree, slot, &self.node, name.as_bytes(), node)?, file_type)
                }
            };
            if sink(DirEntry { name, node, file_type, next: Cookie(BELOW | (i as u64 + 1)) }).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Drop for OverlayDir {
    fn drop(&mut self) {
        self.shared.forget(self.node.id, 1);
    }
}

impl VirtualFile for OverlayDir {
    crate::directory_shape!(needs);

    fn node(&self) -> Option<NodeId> {
        Some(self.node.id)
    }

    fn getattr(&self) -> Result<Metadata> {
        self.node.metadata(self.shared.info.dev)
    }

    fn setattr(&self, cx: &Ctx<'_>, attr: &SetAttr) -> Result<()> {
        if attr.size.is_some() {
            return self.needs(OpenFlags::WRITE).and(Err(crate::Errno::ISDIR));
        }
        self.shared.setattr(cx, self.node.id, attr)
    }

    fn readdir(&self, from: Cookie, sink: &mut dyn FnMut(DirEntry<'_>) -> ControlFlow<()>) -> Result<()> {
        self.needs(OpenFlags::READ)?;
        if self.node.gone.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut stream = self.stream.lock();
        // No name changes while this is held: what one call lists was there at one moment.
        let tree = self.shared.read();
        if from == Cookie::START || !stream.begun {
            self.begin(&mut stream)?;
        }
        if from.0 & BELOW != 0 {
            return self.list_below(&tree, &stream, usize::try_from(from.0 & !BELOW).unwrap_or(usize::MAX), sink);
        }
        match self.list_upper(&tree, &mut stream, from, sink)? {
            ControlFlow::Continue(()) => self.list_below(&tree, &stream, 0, sink),
            ControlFlow::Break(()) => Ok(()),
        }
    }

    fn sync(&self, data_only: bool) -> Result<()> {
        let Some(upper) = self.node.upper.get() else { return Ok(()) };
        upper.fs.open(&INTERNAL, upper.id, OpenFlags::READ | OpenFlags::DIRECTORY)?.sync(data_only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody can choose names that all fall into one place, because nobody knows where they fall.
    #[test]
    fn names_are_hashed_with_a_seed_of_their_own() {
        let (one, other) = (LowerNames::default(), LowerNames::default());
        let same = (0..64u8).filter(|n| one.hash(&[*n]) == other.hash(&[*n])).count();
        assert!(same < 8, "{same} of 64 names have the same hash in two directories");
    }
}
