//! Making, linking and removing: each one section under the tree's write lock, from the first look to the last change.

use bytes::Bytes;
use triomphe::Arc;

use super::{
    data::{Data, MAX_SIZE},
    node::{Attrs, Body, Dir, FileNode, FileState, Node, Other, Site},
    shared::Shared,
    tree::Tree,
};
use crate::{Cred, Entry, Errno, FileType, Name, NewNode, NodeId, Remove, Result, Time};

/// Longest target of a symbolic link.
const TARGET_MAX: usize = 4095;

impl Shared {
    pub(super) fn create(&self, cred: &Cred, dir: NodeId, name: Name<'_>, new: &NewNode<'_>) -> Result<Entry> {
        let mut tree = self.tree.write();
        let entry = self.create_in(&mut tree, cred, dir, name, new)?;
        self.refs.add(entry.node, 1);
        Ok(entry)
    }

    /// [`create`](Self::create) with the tree locked; without a reference.
    pub(super) fn create_in(
        &self,
        tree: &mut Tree,
        cred: &Cred,
        dir: NodeId,
        name: Name<'_>,
        new: &NewNode<'_>,
    ) -> Result<Entry> {
        self.add(tree, dir, name, |now| self.new_node(cred, dir, new, now))
    }

    /// A regular file with content.
    pub(super) fn create_file(
        &self,
        cred: &Cred,
        dir: NodeId,
        name: Name<'_>,
        mode: u16,
        content: Bytes,
    ) -> Result<NodeId> {
        let mut tree = self.tree.write();
        let made = self.add(&mut tree, dir, name, |now| {
            if content.len() as u64 > MAX_SIZE {
                return Err(Errno::FBIG);
            }
            let attrs = Attrs::new(cred, mode, now);
            Ok(self.new_file(FileState { attrs, data: Data::image(content) }))
        })?;
        Ok(made.node)
    }

    fn add(
        &self,
        tree: &mut Tree,
        dir: NodeId,
        name: Name<'_>,
        make: impl FnOnce(Time) -> Result<Node>,
    ) -> Result<Entry> {
        let hash = self.hash(name);
        let parent = tree.dir(dir)?;
        if parent.entries.find(hash, name).is_some() {
            return Err(Errno::EXIST);
        }
        if parent.removed {
            return Err(Errno::NOENT);
        }
        let now = self.now();
        let mut node = make(now)?;
        node.settle(Site { dir, seq: parent.entries.end(), born: self.epoch() });
        let file_type = node.file_type();
        // A new file is empty, or an image: neither is charged, and its lock need not be taken to know it.
        let charge = if file_type == FileType::Regular { 0 } else { node.charged() };
        self.quota.reserve_nodes(1)?;
        let added = self
            .quota
            .reserve_bytes(charge)
            .and_then(|()| tree.add(node).inspect_err(|_| self.quota.refund_bytes(charge)));
        let node = added.inspect_err(|_| self.quota.refund_nodes(1))?;
        let parent = tree.dir_mut(dir)?;
        parent.entries.insert(hash, name, node, file_type);
        parent.subdirs += u64::from(file_type == FileType::Directory);
        parent.attrs.modified(now);
        Ok(Entry { node, file_type })
    }

    fn new_node(&self, cred: &Cred, dir: NodeId, new: &NewNode<'_>, now: Time) -> Result<Node> {
        let attrs = |mode: u16| Attrs::new(cred, mode & !cred.umask, now);
        Ok(match *new {
            NewNode::Regular { mode } => self.new_file(FileState { attrs: attrs(mode), data: Data::new() }),
            NewNode::Directory { mode } => Node::Dir(Arc::new(Dir::new(attrs(mode), dir))),
            NewNode::Symlink { target } => {
                if target.is_empty() || target.contains(&0) {
                    return Err(Errno::INVAL);
                }
                if target.len() > TARGET_MAX {
                    return Err(Errno::NAMETOOLONG);
                }
                let body = Body::Symlink(Bytes::copy_from_slice(target));
                Node::Other(Arc::new(Other { attrs: Attrs::new(cred, 0o777, now), nlink: 1, body }))
            }
            NewNode::Special { file_type, mode, rdev } => {
                let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
                if !is_device && !matches!(file_type, FileType::Fifo | FileType::Socket) {
                    return Err(Errno::NOTSUP);
                }
                let body = Body::Special { file_type, rdev: if is_device { rdev } else { 0 } };
                Node::Other(Arc::new(Other { attrs: attrs(mode), nlink: 1, body }))
            }
        })
    }

    fn new_file(&self, state: FileState) -> Node {
        Node::File(Arc::new(FileNode::new(self.owner(), state)))
    }

    pub(super) fn link(&self, node: NodeId, dir: NodeId, name: Name<'_>) -> Result<()> {
        let hash = self.hash(name);
        let mut tree = self.tree.write();
        let parent = tree.dir(dir)?;
        if parent.entries.find(hash, name).is_some() {
            return Err(Errno::EXIST);
        }
        if parent.removed {
            return Err(Errno::NOENT);
        }
        let target = tree.get(node).ok_or(Errno::NOENT)?;
        let file_type = target.file_type();
        if names(target) == 0 {
            return Err(Errno::NOENT);
        }
        if file_type == FileType::Directory {
            return Err(Errno::PERM);
        }
        self.quota.reserve_nodes(1)?;
        let now = self.now();
        tree.change(node, self.owner(), |attrs, nlink| {
            attrs.ctime = now;
            if let Some(nlink) = nlink {
                *nlink += 1;
            }
        })?;
        let parent = tree.dir_mut(dir)?;
        parent.entries.insert(hash, name, node, file_type);
        parent.attrs.modified(now);
        Ok(())
    }

    pub(super) fn remove(&self, dir: NodeId, name: Name<'_>, what: Remove) -> Result<()> {
        let hash = self.hash(name);
        let mut tree = self.tree.write();
        let found = tree.dir(dir)?.entries.find(hash, name).ok_or(Errno::NOENT)?;
        let (node, is_dir) = (found.node, found.file_type == FileType::Directory);
        match what {
            Remove::NonDirectory if is_dir => return Err(Errno::ISDIR),
            Remove::Directory if !is_dir => return Err(Errno::NOTDIR),
            Remove::Directory if !tree.dir(node)?.entries.is_empty() => return Err(Errno::NOTEMPTY),
            _ => (),
        }
        let now = self.now();
        let parent = tree.dir_mut(dir)?;
        parent.entries.remove(hash, name);
        parent.subdirs -= u64::from(is_dir);
        parent.attrs.modified(now);
        let gone = self.unname(&mut tree, node, now);
        // Content can be large: freed when nobody waits for it.
        drop(tree);
        drop(gone);
        Ok(())
    }

    /// A name of `node` has been taken away: frees it if that was the last one and nobody refers to it. A directory
    /// must be empty.
    pub(super) fn unname(&self, tree: &mut Tree, node: NodeId, now: Time) -> Option<Node> {
        let (is_dir, last, open) = match tree.get(node)? {
            Node::Dir(_) => (true, true, false),
            Node::File(file) => {
                let open = file.opens(self.info.dev).is_some_and(|opens| opens.count() > 0);
                (false, file.nlink() == 1, open)
            }
            Node::Other(other) => (false, other.nlink == 1, false),
        };
        if last && !((open || self.refs.holds(node)) && self.orphan(tree, node)) {
            return self.free(tree, node);
        }
        if is_dir {
            let dir = tree.dir_mut(node).ok()?;
            dir.removed = true;
            dir.attrs.ctime = now;
            // `parent` works for removed directories too.
            self.refs.add(dir.parent, 1);
            return None;
        }
        let _ = tree.change(node, self.owner(), |attrs, nlink| {
            attrs.ctime = now;
            if let Some(nlink) = nlink {
                *nlink -= 1;
            }
        });
        if !last {
            self.quota.refund_nodes(1);
        }
        None
    }
}

impl Shared {
    /// Whether references keep a node whose last name is gone.
    fn orphan(&self, tree: &mut Tree, node: NodeId) -> bool {
        // What is noted in a file is noted in the one that stays.
        let opens = match tree.file_of(node, self.owner()) {
            Ok(file) => file.opens(self.info.dev),
            Err(_) => None,
        };
        self.refs.orphan(node, opens)
    }
}

/// How many names a node has.
fn names(node: &Node) -> u64 {
    match node {
        Node::Dir(dir) => u64::from(!dir.removed),
        Node::File(file) => file.nlink(),
        Node::Other(other) => other.nlink,
    }
}
