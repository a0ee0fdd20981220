//! [`Tree`]: the table of all nodes.
//!
//! A [`NodeId`] is `generation << 32 | index`. An index is used again when its node is gone, with the next
//! generation; when generations run out, the index retires. So an identity never comes back.
//!
//! The directory that is changed again and again stands beside the table, where it is changed without asking of each page
//! on the way whether a fork shares it: each is a load that the next one waits for.

use triomphe::Arc;

use super::{
    node::{Attrs, Dir, FileNode, Node, Other, Owner},
    radix::Radix,
};
use crate::{Errno, NodeId, Result};

/// The root is the first node of generation 0.
pub(super) const ROOT: NodeId = NodeId::new(1).unwrap();

/// Most nodes that can exist at a time.
pub(super) const MAX_NODES: u64 = (u32::MAX - 1) as u64;

/// All nodes. A clone is one reference count.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    slots: Radix<Slot>,
    /// The directory whose place in the table says [`Content::Hot`].
    hot: Option<(NodeId, Node)>,
    /// The directory that was changed last: who changes it again makes it hot.
    last: NodeId,
    /// Head of the list of free slots, 0 if there is none.
    free: u32,
    /// Slots from here on were never used.
    fresh: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    /// Of the node, or of the next node here.
    generation: u32,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Node(Node),
    /// It is in [`Tree::hot`].
    Hot,
    /// The next free slot, 0 if this is the last.
    Free(u32),
}

impl Tree {
    /// A tree that has a root.
    pub(super) fn new(root: Attrs) -> Tree {
        let mut slots = Radix::new();
        let root = Node::Dir(Arc::new(Dir::new(root, ROOT)));
        slots.insert(ROOT.get(), Slot { generation: 0, content: Content::Node(root) });
        Tree { slots, hot: None, last: ROOT, free: 0, fresh: 2 }
    }

    #[inline]
    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        let (index, generation) = split(id);
        match self.slots.get(index)? {
            Slot { generation: g, content: Content::Node(node) } if *g == generation => Some(node),
            Slot { generation: g, content: Content::Hot } if *g == generation => self.hot.as_ref().map(|hot| &hot.1),
            _ => None,
        }
    }

    /// As [`get`](Self::get), where the index in the table is known by other means, perhaps before `id` is: the table
    /// need not be waited for until then.
    #[inline]
    pub(super) fn get_in(&self, slot: u32, id: NodeId) -> Option<&Node> {
        match self.slots.get(slot.into()) {
            Some(Slot { generation, content: Content::Node(node) }) if join(slot, *generation) == id => Some(node),
            _ => self.get(id),
        }
    }

    fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        if let Some((hot, node)) = &mut self.hot
            && *hot == id
        {
            return Some(node);
        }
        let (index, generation) = split(id);
        match self.slots.get_mut(index)? {
            Slot { generation: g, content: Content::Node(node) } if *g == generation => Some(node),
            _ => None,
        }
    }

    /// Sets a directory beside the table, and what stood there back into it.
    fn heat(&mut self, id: NodeId) {
        let (index, _) = split(id);
        let Some(Slot { content, .. }) = self.slots.get_mut(index) else { return };
        let Content::Node(node) = core::mem::replace(content, Content::Hot) else { return };
        if let Some((cold, node)) = self.hot.replace((id, node))
            && let Some(slot) = self.slots.get_mut(split(cold).0)
        {
            slot.content = Content::Node(node);
        }
    }

    /// # Errors
    /// `STALE` for a node that is gone, which is a mistake of the caller's: it holds no reference.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Result<&Node> {
        self.get(id).ok_or(Errno::STALE)
    }

    /// # Errors
    /// `NOTDIR`; `NOENT` for a node that is gone.
    #[inline]
    pub(super) fn dir(&self, id: NodeId) -> Result<&Arc<Dir>> {
        match self.get(id) {
            Some(Node::Dir(dir)) => Ok(dir),
            Some(_) => Err(Errno::NOTDIR),
            None => Err(Errno::NOENT),
        }
    }

    /// The directory, to be changed: a copy of its own if a fork still sees this one.
    ///
    /// # Errors
    /// As [`dir`](Self::dir).
    pub(super) fn dir_mut(&mut self, id: NodeId) -> Result<&mut Dir> {
        if self.last == id {
            if !matches!(self.hot, Some((hot, _)) if hot == id) && matches!(self.get(id), Some(Node::Dir(_))) {
                self.heat(id);
            }
        } else {
            self.last = id;
        }
        match self.get_mut(id) {
            Some(Node::Dir(dir)) => Ok(Arc::make_mut(dir)),
            Some(_) => Err(Errno::NOTDIR),
            None => Err(Errno::NOENT),
        }
    }

    /// # Errors
    /// `STALE`; `INVAL` if it is something else.
    pub(super) fn file(&self, id: NodeId) -> Result<&Arc<FileNode>> {
        match self.node(id)? {
            Node::File(file) => Ok(file),
            _ => Err(Errno::INVAL),
        }
    }

    /// The file, to be changed: superseded by a copy of its own if it is older than the owner's epoch.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub(super) fn file_of(&mut self, id: NodeId, owner: Owner<'_>) -> Result<&Arc<FileNode>> {
        match self.get_mut(id) {
            Some(Node::File(file)) => {
                if file.epoch != owner.epoch {
                    *file = Arc::new(file.supersede(id, owner));
                }
                Ok(file)
            }
            Some(_) => Err(Errno::INVAL),
            None => Err(Errno::STALE),
        }
    }

    /// Calls `f` with the attributes, and for anything but a directory the link count, of a node that is to be
    /// changed.
    ///
    /// # Errors
    /// `STALE`.
    pub(super) fn change<R>(
        &mut self,
        id: NodeId,
        owner: Owner<'_>,
        f: impl FnOnce(&mut Attrs, Option<&mut u64>) -> R,
    ) -> Result<R> {
        if let Node::File(file) = self.node(id)? {
            // A file of this epoch is changed under its own lock: no page has to be anybody's own.
            let file = if file.epoch == owner.epoch { file } else { self.file_of(id, owner)? };
            return Ok(file.change(f));
        }
        match self.get_mut(id) {
            Some(Node::Dir(dir)) => Ok(f(&mut Arc::make_mut(dir).attrs, None)),
            Some(Node::Other(other)) => {
                let Other { attrs, nlink, .. } = Arc::make_mut(other);
                Ok(f(attrs, Some(nlink)))
            }
            _ => Err(Errno::STALE),
        }
    }

    /// Calls `f` with every node that is in both trees, forks of one, and not shared by them, and counts the pages that
    /// it has looked at.
    pub(super) fn differing(&self, other: &Tree, visited: &mut u64, f: &mut dyn FnMut(NodeId, &Node, &Node)) {
        // What is hot in either is not in the pages.
        let mut hot: Vec<NodeId> =
            [self, other].iter().filter_map(|tree| tree.hot.as_ref().map(|(id, _)| *id)).collect();
        hot.dedup();
        let mut look = |id| {
            if let (Some(was), Some(is)) = (self.get(id), other.get(id))
                && !was.is_shared(is)
            {
                f(id, was, is);
            }
        };
        hot.iter().for_each(|&id| look(id));
        self.slots.differing(&other.slots, visited, &mut |index, was, is| {
            if let (Some(was), Some(is)) = (was, is)
                && was.generation == is.generation
            {
                let id = join(index as u32, was.generation);
                if !hot.contains(&id) {
                    look(id);
                }
            }
        });
    }

    /// Adds a node.
    ///
    /// # Errors
    /// `NOSPC` if there are as many as there can be.
    pub(super) fn add(&mut self, node: Node) -> Result<NodeId> {
        let content = Content::Node(node);
        if let Some(slot) = self.slots.get_mut(self.free.into()) {
            let id = join(self.free, slot.generation);
            if let Content::Free(next) = slot.content {
                self.free = next;
            }
            slot.content = content;
            return Ok(id);
        }
        if self.fresh == u32::MAX {
            return Err(Errno::NOSPC);
        }
        let index = self.fresh;
        self.fresh += 1;
        self.slots.insert(index.into(), Slot { generation: 0, content });
        Ok(join(index, 0))
    }

    /// Takes a node away.
    pub(super) fn free(&mut self, id: NodeId) -> Option<Node> {
        let (index, generation) = split(id);
        self.get(id)?;
        let content = match generation.checked_add(1) {
            Some(next) => {
                let slot = self.slots.get_mut(index)?;
                slot.generation = next;
                let content = core::mem::replace(&mut slot.content, Content::Free(self.free));
                self.free = index as u32;
                content
            }
            None => self.slots.remove(index)?.content,
        };
        match content {
            Content::Node(node) => Some(node),
            Content::Hot => self.hot.take().map(|hot| hot.1),
            Content::Free(_) => None,
        }
    }
}

/// Where in the table a node is.
#[inline]
pub(super) fn slot_of(id: NodeId) -> u32 {
    split(id).0 as u32
}

#[inline]
fn split(id: NodeId) -> (u64, u32) {
    (id.get() & u64::from(u32::MAX), (id.get() >> 32) as u32)
}

fn join(index: u32, generation: u32) -> NodeId {
    // The index is never 0.
    NodeId::new(u64::from(generation) << 32 | u64::from(index)).unwrap_or(ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cred, Time, mem_fs::node::Body};

    fn node() -> Node {
        let attrs = Attrs::new(&Cred::ROOT, 0o777, Time::EPOCH);
        Node::Other(Arc::new(Other { attrs, nlink: 1, body: Body::Symlink("x".into()) }))
    }

    #[test]
    fn identities_never_come_back_and_slots_retire() {
        let mut tree = Tree::new(Attrs::new(&Cred::ROOT, 0o755, Time::EPOCH));
        let first = tree.add(node()).unwrap();
        assert_eq!(first.get(), 2);
        tree.free(first).unwrap();
        let second = tree.add(node()).unwrap();
        assert_eq!(second.get(), 1 << 32 | 2);
        assert!(tree.get(first).is_none() && tree.get(second).is_some());
        assert!(tree.free(first).is_none(), "freeing twice does nothing");
        tree.free(second).unwrap();
        // The last generation of the slot.
        tree.slots.get_mut(2).unwrap().generation = u32::MAX;
        let last = tree.add(node()).unwrap();
        assert_eq!(last.get() >> 32, u64::from(u32::MAX));
        tree.free(last).unwrap();
        assert_eq!(tree.add(node()).unwrap().get(), 3, "the slot has retired");
    }
}
